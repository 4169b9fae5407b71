package twilio_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

const (
	account = "AC00000000000000000000000000000001"
	token   = "0123456789abcdef0123456789abcdef"
	sender  = "+15005550006"
	person  = "+33639980001"
	caller  = "+33162000001"
)

// patience bounds every wait for something that has to come.
const patience = 10 * time.Second

// exchange is a sandbox, a client of it, and the callbacks between them.
type exchange struct {
	carrier   *sandbox.Server
	client    *twilio.Client
	callbacks *twilio.Callbacks
	statuses  chan dialer.StatusUpdate
	texts     chan dialer.InboundText
	forged    chan sandbox.Record
	keys      chan dialer.Keypress
	verdicts  chan dialer.Detection
	callers   chan dialer.Caller
}

func (x *exchange) Status(_ context.Context, update dialer.StatusUpdate) error {
	x.statuses <- update
	return nil
}

func (x *exchange) Inbound(_ context.Context, text dialer.InboundText) (string, error) {
	x.texts <- text
	return "Noté", nil
}

func (x *exchange) Pressed(_ context.Context, key dialer.Keypress) (dialer.Spoken, error) {
	x.keys <- key
	return dialer.Spoken{Language: "fr-FR", Text: "Dit après " + key.Digits, Asks: key.Digits != dialer.ObjectDigit}, nil
}

func (x *exchange) Detected(_ context.Context, detection dialer.Detection) error {
	x.verdicts <- detection
	return nil
}

func (x *exchange) RungBack(_ context.Context, caller dialer.Caller) (dialer.Spoken, error) {
	x.callers <- caller
	return dialer.Spoken{Language: "fr-FR", Text: "Vous avez été appelé", Asks: true}, nil
}

func (x *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) { x.callbacks.ServeHTTP(w, r) }

func mustExchange(t *testing.T, faults sandbox.Faults, timeout time.Duration) *exchange {
	t.Helper()
	return mustExchangeOf(t, faults, timeout, sandbox.CallShares{})
}

func mustExchangeOf(t *testing.T, faults sandbox.Faults, timeout time.Duration, shares sandbox.CallShares) *exchange {
	t.Helper()
	x := &exchange{
		statuses: make(chan dialer.StatusUpdate, 1000), texts: make(chan dialer.InboundText, 1000), forged: make(chan sandbox.Record, 1000),
		keys: make(chan dialer.Keypress, 1000), verdicts: make(chan dialer.Detection, 1000), callers: make(chan dialer.Caller, 1000),
	}
	public := httptest.NewServer(x)
	t.Cleanup(public.Close)
	key, secret := twilio.NewSecret([]byte("reference key of the tests, 32 b")), twilio.NewSecret([]byte(token))
	inboundURL, err := twilio.InboundURL(public.URL)
	if err != nil {
		t.Fatal(err)
	}
	voiceURL, err := twilio.VoiceURL(public.URL)
	if err != nil {
		t.Fatal(err)
	}
	x.callbacks, err = twilio.NewCallbacks(twilio.CallbackOptions{AuthToken: secret, ReferenceKey: key, PublicURL: public.URL, Calls: x}, x)
	if err != nil {
		t.Fatal(err)
	}
	x.carrier, err = sandbox.New(sandbox.Options{
		Log: filepath.Join(t.TempDir(), "sandbox.log"), Seed: 7, AccountSID: account, AuthToken: token, InboundURL: inboundURL,
		Speed: 10_000, Undelivered: -1, Failed: -1, Silent: -1, StopFraction: -1, Faults: faults, Calls: shares, VoiceURL: voiceURL,
		Observe: func(record sandbox.Record) {
			if record.Kind == sandbox.KindForged {
				x.forged <- record
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.carrier.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := x.carrier.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	x.client, err = twilio.New(twilio.Options{
		AccountSID: account, AuthToken: secret, ReferenceKey: key, APIBaseURL: x.carrier.URL(), PublicURL: public.URL,
		Timeout: timeout, Receivers: []string{sender}, Callers: []string{caller},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.client.Close)
	return x
}

func request(t *testing.T, attempt uint64, to string) dialer.Request {
	t.Helper()
	number, err := contact.ParseE164(to)
	if err != nil {
		t.Fatal(err)
	}
	return dialer.Request{Attempt: attempt, To: number, From: sender, Body: "Réunion publique à 20 h", ValidFor: time.Hour}
}

func receive[T any](t *testing.T, news <-chan T) T {
	t.Helper()
	select {
	case one := <-news:
		return one
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// untilFinal receives what the carrier reports of an attempt, and of nothing else, and
// returns how it ended.
func (x *exchange) untilFinal(t *testing.T, attempt uint64, sid string) dialer.CarrierStatus {
	t.Helper()
	known := dialer.StatusUnknown
	for !known.Final() {
		update := receive(t, x.statuses)
		if update.Attempt != attempt || update.SID != sid {
			t.Fatalf("got %+v for %s", update, sid)
		}
		known = known.Merge(update.Status)
	}
	return known
}

// Ensure that a message's whole life comes back from the sandbox: placed,
// delivered by a signed callback to its attempt, found in the list, answered.
func TestSandbox_Life(t *testing.T) {
	t.Parallel()
	x := mustExchange(t, sandbox.Faults{}, patience)
	start := x.carrier.Clock().Now()
	asked := request(t, 1234, person)
	answer := x.client.Place(t.Context(), asked)
	if answer.Kind != dialer.Accepted {
		t.Fatalf("got %+v", answer)
	}
	if known := x.untilFinal(t, 1234, answer.SID); known != dialer.StatusDelivered {
		t.Errorf("ended %v", known)
	}
	records, err := x.client.Find(t.Context(), contact.SMS, asked.To, start)
	if err != nil || len(records) != 1 || records[0].SID != answer.SID || records[0].Body != asked.Body || records[0].Status != dialer.StatusDelivered {
		t.Errorf("found %+v, %v", records, err)
	}
	if err := x.client.Cancel(t.Context(), answer.SID); err != nil {
		t.Errorf("too late, but got %v", err)
	}
	sid, err := x.carrier.Reply(person, sender, "STOP")
	if err != nil {
		t.Fatal(err)
	}
	if text := receive(t, x.texts); text.SID != sid || text.From != asked.To || text.To != sender || text.Body != "STOP" {
		t.Errorf("heard %+v, want %s", text, sid)
	}
	texts, err := x.client.Inbound(t.Context(), start)
	if err != nil || len(texts) != 1 || texts[0].SID != sid || texts[0].Body != "STOP" {
		t.Errorf("listed %+v, %v", texts, err)
	}
	if said := x.client.CarrierDate().Date; said.Before(start.Truncate(time.Second)) {
		t.Errorf("the carrier's clock says %v, it began at %v", said, start)
	}
	if counts := x.callbacks.Counts(); counts.BadSignature+counts.BadReference+counts.Unusable != 0 {
		t.Errorf("counted %+v", counts)
	}
}

// Ensure that each of the sandbox's faults leaves the answer that is true of
// it, that a list settles what was in doubt, and that no fault makes a second
// request.
func TestSandbox_Faults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault  sandbox.Fault
		want   dialer.AnswerKind
		exists bool
	}{
		{sandbox.FaultHang, dialer.Unclear, true},
		{sandbox.FaultReset, dialer.Unclear, true},
		{sandbox.FaultError, dialer.Unclear, true},
		{sandbox.FaultTruncate, dialer.Unclear, true},
		{sandbox.FaultPage, dialer.Unclear, true},
		{sandbox.FaultNoSid, dialer.Unclear, true},
		{sandbox.FaultSlow, dialer.Accepted, true},
		{sandbox.FaultThrottle, dialer.Withdrawn, false},
		{sandbox.FaultRefuse, dialer.Unclear, false},
		{sandbox.FaultDrop, dialer.Unclear, false},
		{sandbox.FaultForbid, dialer.Unclear, false},
	}
	for _, test := range tests {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			timeout := patience
			if test.fault == sandbox.FaultHang {
				timeout = time.Second
			}
			x := mustExchange(t, sandbox.Faults{
				Script:   func(int, string) sandbox.Fault { return test.fault },
				HangTime: 2 * time.Second, SlowTime: 10 * time.Millisecond,
			}, timeout)
			start, asked := x.carrier.Clock().Now(), request(t, 1, person)
			if got := x.client.Place(t.Context(), asked); got.Kind != test.want {
				t.Errorf("got %+v, want kind %d", got, test.want)
			}
			records, err := x.client.Find(t.Context(), contact.SMS, asked.To, start)
			if err != nil || (len(records) == 1) != test.exists {
				t.Errorf("found %+v, %v", records, err)
			}
			if test.exists {
				if update := receive(t, x.statuses); update.Attempt != 1 {
					t.Errorf("got %+v", update)
				}
			}
			verdict, err := x.carrier.Verdict(sandbox.JudgeOptions{})
			if err != nil || verdict.Requests != 1 {
				t.Errorf("the carrier's log has %d requests, %v; want 1", verdict.Requests, err)
			}
		})
	}
}

// Ensure that none of the sandbox's forgeries is believed, that each is counted for
// what it is, and that the truth beside them is heard.
func TestSandbox_Forgeries(t *testing.T) {
	t.Parallel()
	var rules []sandbox.Rule
	kinds := []sandbox.Fault{
		sandbox.ForgedUnsigned, sandbox.ForgedGarbled, sandbox.ForgedForeign, sandbox.ForgedAltered, sandbox.ForgedReference,
	}
	for _, kind := range kinds {
		rules = append(rules, sandbox.Rule{Fault: kind})
	}
	x := mustExchange(t, sandbox.Faults{Rules: rules}, patience)
	const messages = 8
	for attempt := range uint64(messages) {
		if got := x.client.Place(t.Context(), request(t, attempt+1, fmt.Sprintf("+3363998%04d", attempt))); got.Kind != dialer.Accepted {
			t.Fatalf("got %+v", got)
		}
	}
	if _, err := x.carrier.Reply(person, sender, "merci"); err != nil {
		t.Fatal(err)
	}
	heard := map[uint64]dialer.CarrierStatus{}
	for range 3 * messages {
		update := receive(t, x.statuses)
		heard[update.Attempt] = heard[update.Attempt].Merge(update.Status)
	}
	for attempt := range uint64(messages) {
		if heard[attempt+1] != dialer.StatusDelivered {
			t.Errorf("attempt %d ended %v", attempt+1, heard[attempt+1])
		}
	}
	if text := receive(t, x.texts); text.Body != "merci" {
		t.Errorf("heard %+v", text)
	}
	for range (3*messages+1)*len(kinds) - 1 { // a text has no reference
		receive(t, x.forged)
	}
	verdict, err := x.carrier.Verdict(sandbox.JudgeOptions{})
	if err != nil || verdict.Err() != nil || verdict.Forged[sandbox.ForgedReference] != 3*messages {
		t.Errorf("forged %v: %v", verdict.Forged, verdict.Err())
	}
	counts := x.callbacks.Counts()
	if counts.BadReference != 3*messages || counts.BadSignature != (3*messages+1)*4 || counts.Unusable != 0 ||
		len(x.statuses)+len(x.texts) != 0 {
		t.Errorf("counted %+v, %d statuses and %d texts too many", counts, len(x.statuses), len(x.texts))
	}
}

// Ensure that Twilio's magic test numbers bring the effects that the rules ask
// for.
func TestSandbox_MagicNumbers(t *testing.T) {
	t.Parallel()
	x := mustExchange(t, sandbox.Faults{}, patience)
	tests := []struct {
		to     string
		code   int
		effect dialer.Effect
	}{
		{"+15005550001", 21211, dialer.EffectUnreachable},
		{"+15005550002", 21612, dialer.EffectHold},
		{"+15005550003", 21408, dialer.EffectHold},
		{"+15005550004", 21610, dialer.EffectObjection},
		{"+15005550009", 21614, dialer.EffectUnreachable},
	}
	for _, test := range tests {
		got := x.client.Place(t.Context(), request(t, 1, test.to))
		if got.Kind != dialer.Refused || got.Code != test.code || got.Effect != test.effect {
			t.Errorf("%s: got %+v", test.to, got)
		}
	}
	asked := request(t, 1, person)
	asked.From = "+15005550008"
	if got := x.client.Place(t.Context(), asked); got.Kind != dialer.Withdrawn || got.Effect != dialer.EffectThrottle {
		t.Errorf("full queue: got %+v", got)
	}
}
