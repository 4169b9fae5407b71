package twilio_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
)

// Ensure that digits arrive as Twilio's own library signs them, those of a call and
// those of somebody who rings back, and that one with another digit is refused.
func TestNode_Digits(t *testing.T) {
	modules := os.Getenv("HUSTINGS_TWILIO_NODE")
	if modules == "" {
		t.Skip("HUSTINGS_TWILIO_NODE is not set: run .ci/prism")
	}
	x := &exchange{keys: make(chan dialer.Keypress, 10), callers: make(chan dialer.Caller, 10)}
	public := httptest.NewServer(x)
	t.Cleanup(public.Close)
	key := twilio.NewSecret([]byte("reference key of the tests, 32 b"))
	var err error
	x.callbacks, err = twilio.NewCallbacks(twilio.CallbackOptions{
		AuthToken: twilio.NewSecret([]byte(token)), ReferenceKey: key, PublicURL: public.URL, Calls: x,
	}, x)
	if err != nil {
		t.Fatal(err)
	}
	press := func(secret, path string, pairs ...string) (status, body string) {
		t.Helper()
		arguments := append([]string{"../../.ci/digits.mjs", modules, secret, public.URL + path, "CallSid=CA" + strings.Repeat("0", 32), "To=" + caller}, pairs...)
		output, err := exec.CommandContext(t.Context(), "node", arguments...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		status, body, _ = strings.Cut(string(output), "\n")
		return status, body
	}
	if status, body := press(token, "/twilio/rungback", "From="+person, "Digits=9", "Name=Élodie & Cie"); status != "200" || !strings.Contains(body, "Dit après 9") {
		t.Errorf("%s: %s", status, body)
	}
	if pressed := receive(t, x.keys); pressed.From.E164() != person || pressed.Digits != "9" {
		t.Errorf("heard %+v", pressed)
	}
	if status, body := press(token, "/twilio/voice", "From="+person); status != "200" || !strings.Contains(body, "<Gather") {
		t.Errorf("%s: %s", status, body)
	}
	for what, path := range map[string]string{"signed by somebody else": "/twilio/rungback", "an address that nobody was given": "/twilio/digit/" + strings.Repeat("0", 48)} {
		secret := token
		if path == "/twilio/rungback" {
			secret = "another token"
		}
		if status, _ := press(secret, path, "From="+person, "Digits=9"); status != fmt.Sprint(403) {
			t.Errorf("%s: %s", what, status)
		}
	}
	if len(x.keys) != 0 {
		t.Error("a forged digit was heard")
	}
}
