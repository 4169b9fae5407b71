package twilio

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
)

// Ensure that no answer, however made, proves more than it may: a message is
// created only by 201 with a valid name, and provably not created only by
// Twilio's own error with a 4xx that says so.
func FuzzClassify(f *testing.F) {
	f.Add(uint16(201), []byte(testCreated))
	f.Add(uint16(201), []byte(`{"sid":"CA0123456789abcdef0123456789abcdef"}`))
	f.Add(uint16(200), []byte(testCreated))
	f.Add(uint16(400), []byte(refusalBody(400, 21610)))
	f.Add(uint16(429), []byte(refusalBody(429, 20429)))
	f.Add(uint16(408), []byte(refusalBody(408, 20408)))
	f.Add(uint16(500), []byte(refusalBody(500, 20500)))
	f.Add(uint16(403), []byte(proxyPage))
	f.Add(uint16(400), []byte(`{"code":33639980001,"message":"x","status":400}`))
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		answer := classify(int(status), body, validMessageSID)
		if answer.HTTPStatus != int(status) || answer.Detail == "" {
			t.Errorf("got %+v for status %d", answer, status)
		}
		var object map[string]any
		isObject := json.Unmarshal(body, &object) == nil && object != nil
		switch answer.Kind {
		case dialer.Accepted:
			if status != http.StatusCreated || !validMessageSID(answer.SID) || !isObject {
				t.Errorf("accepted %d %q", status, body)
			}
		case dialer.Refused, dialer.Withdrawn:
			if status < 400 || status > 499 || status == http.StatusRequestTimeout || !isObject || !validCode(answer.Code) {
				t.Errorf("not created, by %d %q", status, body)
			}
			if (answer.Kind == dialer.Withdrawn) != (status == http.StatusTooManyRequests) {
				t.Errorf("got %+v for %d", answer, status)
			}
		case dialer.Unclear:
			if answer.SID != "" || answer.Effect != dialer.NoEffect {
				t.Errorf("unclear, but got %+v", answer)
			}
		}
	})
}

// Ensure that the whole table is read, and that what the rules ask for stands
// in it.
func TestEffectOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code int
		want dialer.Effect
	}{
		{21610, dialer.EffectObjection},
		{21211, dialer.EffectUnreachable},
		{21614, dialer.EffectUnreachable},
		{30004, dialer.EffectUnreachable},
		{30005, dialer.EffectUnreachable},
		{30006, dialer.EffectUnreachable},
		{20003, dialer.EffectHold},
		{21408, dialer.EffectHold},
		{21606, dialer.EffectHold},
		{30034, dialer.EffectHold},
		{30500, dialer.EffectHold},
		{30599, dialer.EffectHold},
		{30899, dialer.EffectHold},
		{20429, dialer.EffectThrottle},
		{21611, dialer.EffectThrottle},
		{30001, dialer.EffectThrottle},
		{30003, dialer.NoEffect},
		{30007, dialer.EffectFiltered},
		{30008, dialer.NoEffect},
		{30610, dialer.NoEffect},
		{30600, dialer.NoEffect},
		{29999, dialer.NoEffect},
		{0, dialer.NoEffect},
	}
	for _, test := range tests {
		if got := EffectOf(test.code); got != test.want {
			t.Errorf("%d: got %d, want %d", test.code, got, test.want)
		}
	}
	if got, want := MeaningOf(21610), "the recipient has sent STOP to this sender"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := MeaningOf(1), "not in the error table"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Ensure that a fault in the table is found with its place.
func TestParseErrors_Faults(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, table, want string }{
		{"Fields", "# head\n21610\tobjection\tSTOP\n", "errors.tsv:2: want 4 fields"},
		{"Code", "STOP\tobjection\tx\tx\n", "errors.tsv:1: code"},
		{"Short", "404\tnone\tx\tx\n", "want five digits"},
		{"Order", "30599-30500\tnone\tx\tx\n", "the lower end of a range first"},
		{"Effect", "21610\tstop\tx\tx\n", `effect "stop" is not known`},
		{"Meaning", "21610\tnone\t\tx\n", "meaning or source is empty"},
		{"Twice", "30500-30599\thold\tx\tx\n30510\tnone\tx\tx\n", "errors.tsv:2: 30510 stands there twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parseErrors(test.table); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// Ensure that options which could not work, or would be unsafe, are refused
// without a word of the secrets.
func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"Account", func(o *Options) { o.AccountSID = "AC1" }, "account sid"},
		{"Token", func(o *Options) { o.AuthToken = Secret{} }, "auth token: is empty"},
		{"ReferenceKey", func(o *Options) { o.ReferenceKey = NewSecret([]byte(testToken[:15])) }, "reference key: want 16 bytes or more, got 15"},
		{"Connections", func(o *Options) { o.MaxConnections = -1 }, "negative"},
		{"Timeout", func(o *Options) { o.Timeout = -1 }, "negative"},
		{"PlainBase", func(o *Options) { o.APIBaseURL = "http://api.example.org" }, "want https"},
		{"BasePath", func(o *Options) { o.APIBaseURL = "https://api.example.org/x" }, "must not hold a path"},
		{"BaseUser", func(o *Options) { o.APIBaseURL = "https://u:" + testToken + "@api.example.org" }, "user or password"},
		{"BaseNoURL", func(o *Options) { o.APIBaseURL = "https://" + testToken + "\x7f" }, "is not a URL"},
		{"NoPublic", func(o *Options) { o.PublicURL = "" }, "public url: want a URL"},
		{"PlainPublic", func(o *Options) { o.PublicURL = "http://calls.example.org" }, "want https"},
		{"PublicQuery", func(o *Options) { o.PublicURL = "https://calls.example.org/?x=1" }, "query or fragment"},
		{"PublicNoHost", func(o *Options) { o.PublicURL = "https:///x" }, "has no host"},
		{"Underscore", func(o *Options) { o.PublicURL = "https://my_calls.example.org" }, "underscore"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options := Options{
				AccountSID: testAccount, AuthToken: NewSecret([]byte(testToken)), ReferenceKey: testReferenceKey, PublicURL: testPublic,
			}
			if _, err := New(options); err != nil {
				t.Fatalf("without the fault: %v", err)
			}
			test.change(&options)
			_, err := New(options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), testToken[:15]) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}
