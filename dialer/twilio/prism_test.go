package twilio_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// TestPrism puts Prism between the client and the sandbox. Prism holds every
// request and every answer against Twilio's own API description and was not
// written here, so it judges both. See .ci/prism.
func TestPrism(t *testing.T) {
	prism, description := os.Getenv("HUSTINGS_PRISM"), os.Getenv("HUSTINGS_TWILIO_OPENAPI")
	if prism == "" || description == "" {
		t.Skip("HUSTINGS_PRISM and HUSTINGS_TWILIO_OPENAPI are not both set: run .ci/prism")
	}
	const secret = "0123456789abcdef0123456789abcdef"
	carrier, err := sandbox.New(sandbox.Options{
		Log: filepath.Join(t.TempDir(), "sandbox.log"), Seed: 7, AccountSID: account, AuthToken: secret, StopFraction: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = carrier.Close() })
	if err := carrier.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	client, err := twilio.New(twilio.Options{
		AccountSID: account, AuthToken: twilio.NewSecret([]byte(secret)), ReferenceKey: twilio.NewSecret(make([]byte, 32)),
		APIBaseURL: startPrism(t, prism, description, carrier.URL()), PublicURL: "http://127.0.0.1:9", Receivers: []string{sender},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)

	number, _ := contact.ParseE164(person)
	began := time.Now()
	placed := client.Place(t.Context(), dialer.Request{Attempt: 1, To: number, From: sender, Body: "Bonjour", ValidFor: 4 * time.Minute})
	if placed.Kind != dialer.Accepted {
		t.Fatalf("a message was not accepted: %+v", placed)
	}
	records, err := client.Find(t.Context(), contact.SMS, number, began.Add(-time.Minute))
	if err != nil || len(records) != 1 || records[0].SID != placed.SID {
		t.Errorf("it was not found again: %+v %v", records, err)
	}
	if _, err := carrier.Reply(person, sender, "STOP"); err != nil {
		t.Fatal(err)
	}
	texts, err := client.Inbound(t.Context(), began.Add(-time.Minute))
	if err != nil || len(texts) != 1 {
		t.Errorf("the answer was not listed: %d texts, %v", len(texts), err)
	}
	if err := client.Cancel(t.Context(), placed.SID); err != nil {
		t.Errorf("cancel: %v", err)
	}
	prismCalls(t, client, number)
	invalid, _ := contact.ParseE164("+15005550001")
	if refused := client.Place(t.Context(), dialer.Request{Attempt: 2, To: invalid, From: sender, Body: "Bonjour", ValidFor: time.Minute}); refused.Kind != dialer.Refused || refused.Code != 21211 {
		t.Errorf("an invalid number: %+v", refused)
	}
}

// Ensure that a server which speaks Twilio's API, and was made from Twilio's own
// description alone, takes our calls, and lets them be cancelled and ended.
func TestPrism_Calls(t *testing.T) {
	prism, description := os.Getenv("HUSTINGS_PRISM"), os.Getenv("HUSTINGS_TWILIO_OPENAPI")
	if prism == "" || description == "" {
		t.Skip("HUSTINGS_PRISM and HUSTINGS_TWILIO_OPENAPI are not both set: run .ci/prism")
	}
	client, err := twilio.New(twilio.Options{
		AccountSID: account, AuthToken: twilio.NewSecret([]byte(token)), ReferenceKey: twilio.NewSecret(make([]byte, 32)),
		APIBaseURL: startPrism(t, prism, description, ""), PublicURL: "http://127.0.0.1:9", Callers: []string{caller},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	number, _ := contact.ParseE164(person)
	for _, policy := range []dialer.MachinePolicy{dialer.MachineHangUp, dialer.MachineVoicemail, dialer.MachineAnswer} {
		request := dialer.Request{Attempt: 3, To: number, From: caller, Body: "Bonjour", ValidFor: 4 * time.Minute, Call: callTerms()}
		request.Call.Machine = policy
		placed := client.Place(t.Context(), request)
		if placed.Kind != dialer.Accepted || !strings.HasPrefix(placed.SID, "CA") {
			t.Fatalf("%s: %+v", policy, placed)
		}
		for what, err := range map[string]error{
			"cancel": client.Cancel(t.Context(), placed.SID), "hang up": client.HangUp(t.Context(), placed.SID),
			"leave a text": client.Leave(t.Context(), placed.SID, request.Call.Script), "delete": client.Forget(t.Context(), placed.SID),
		} {
			if err != nil {
				t.Errorf("%s, %s: %v", policy, what, err)
			}
		}
	}
	// Its lists are examples, whose next page is another account's; the proxy judges ours.
}

// prismCalls places a call, finds it again and ends it.
func prismCalls(t *testing.T, client *twilio.Client, number contact.Number) {
	t.Helper()
	began := time.Now()
	request := dialer.Request{Attempt: 3, To: number, From: caller, Body: "Bonjour", ValidFor: 4 * time.Minute, Call: callTerms()}
	placed := client.Place(t.Context(), request)
	if placed.Kind != dialer.Accepted || !strings.HasPrefix(placed.SID, "CA") {
		t.Fatalf("a call was not accepted: %+v", placed)
	}
	records, err := client.Find(t.Context(), contact.Robocall, number, began.Add(-time.Minute))
	if err != nil || len(records) != 1 || records[0].SID != placed.SID || !records[0].Call {
		t.Errorf("it was not found again: %+v %v", records, err)
	}
	for what, err := range map[string]error{
		"cancel": client.Cancel(t.Context(), placed.SID), "hang up": client.HangUp(t.Context(), placed.SID),
		"leave a text": client.Leave(t.Context(), placed.SID, request.Call.Script),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// startPrism starts the proxy, or a server of its own where nothing is upstream, node itself rather than npx, whose child would
// outlive it, and returns its address.
func startPrism(t *testing.T, prism, description, upstream string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	arguments := []string{prism, "mock", "--errors", "-h", "127.0.0.1", "-p", fmt.Sprint(port), description}
	if upstream != "" {
		arguments[1] = "proxy"
		arguments = append(arguments, upstream)
	}
	command := exec.Command("node", arguments...)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "listening on") {
			go func() { _, _ = io.Copy(io.Discard, output) }() // it shows addresses with numbers in them
			return fmt.Sprintf("http://127.0.0.1:%d", port)
		}
	}
	t.Fatal("Prism did not start")
	return ""
}
