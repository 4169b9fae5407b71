package twilio

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
)

// callStub remembers what it is told of calls, and fails where asked.
type callStub struct {
	keys     []dialer.Keypress
	verdicts []dialer.Detection
	callers  []dialer.Caller
	err      error
}

func (c *callStub) Pressed(_ context.Context, key dialer.Keypress) (dialer.Spoken, error) {
	c.keys = append(c.keys, key)
	return dialer.Spoken{Language: "fr-FR", Text: "C'est noté & dit."}, c.err
}

func (c *callStub) Detected(_ context.Context, detection dialer.Detection) error {
	c.verdicts = append(c.verdicts, detection)
	return c.err
}

func (c *callStub) RungBack(_ context.Context, caller dialer.Caller) (dialer.Spoken, error) {
	c.callers = append(c.callers, caller)
	return dialer.Spoken{Language: "fr-FR", Text: "Vous avez été appelé.", Asks: true}, c.err
}

func (c *callStub) heard() int { return len(c.keys) + len(c.verdicts) + len(c.callers) }

const testCall = "CA0123456789abcdef0123456789abcdef"

// callForm is a request of Twilio's about a call.
func callForm(more ...string) url.Values {
	form := url.Values{"CallSid": {testCall}, "From": {testNumber}, "To": {testSender}, "AccountSid": {testAccount}, "CallStatus": {"in-progress"}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func withCalls(calls CallInbox) func(*CallbackOptions) {
	return func(options *CallbackOptions) { options.Calls = calls }
}

// Ensure that what happens in calls comes to whom it concerns, and that the answers are
// documents, escaped.
func TestCallbacks_Calls(t *testing.T) {
	t.Parallel()
	calls := new(callStub)
	callbacks := mustCallbacks(t, new(inboxStub), withCalls(calls))
	for path, want := range map[string]struct {
		form  url.Values
		code  int
		words string
	}{
		digitPath + testReference(7):   {callForm("Digits", "9"), 200, "C&apos;est noté &amp; dit."},
		machinePath + testReference(8): {callForm("AnsweredBy", "machine_end_beep"), 204, ""},
		rungBackPath:                   {callForm("Digits", "9"), 200, "<Say"},
		voicePath:                      {callForm(), 200, "<Gather"},
	} {
		answer := serve(callbacks, signedRequest(path, want.form))
		if answer.Code != want.code || !strings.Contains(answer.Body.String(), want.words) {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
	if len(calls.keys) != 2 || len(calls.verdicts) != 1 || len(calls.callers) != 1 {
		t.Fatalf("heard %+v", calls)
	}
	for _, key := range calls.keys {
		if key.Digits != "9" || key.SID != testCall || (key.Attempt == 7) == !key.From.IsZero() {
			t.Errorf("pressed %+v", key)
		}
	}
	if v := calls.verdicts[0]; v.Attempt != 8 || !v.Machine || !v.Ready {
		t.Errorf("detected %+v", v)
	}
	if counts := callbacks.Counts(); counts.Digits != 2 || counts.Verdicts != 1 || counts.RungBack != 1 {
		t.Errorf("counted %+v", counts)
	}
}

// Ensure that nobody can press a digit for somebody else, nor have a machine seen, who
// does not hold both the token and an address that we gave out.
func TestCallbacks_Calls_Forged(t *testing.T) {
	t.Parallel()
	calls := new(callStub)
	callbacks := mustCallbacks(t, new(inboxStub), withCalls(calls))
	for _, path := range []string{digitPath + testReference(7), machinePath + testReference(7), rungBackPath, voicePath} {
		forged := signedRequest(path, callForm("Digits", "9"))
		forged.Header.Set("X-Twilio-Signature", sign("another token", testPublic+path, callForm("Digits", "9")))
		if answer := serve(callbacks, forged); answer.Code != http.StatusForbidden {
			t.Errorf("%s, signed by somebody else: %d", path, answer.Code)
		}
		unsigned := signedRequest(path, callForm("Digits", "9"))
		unsigned.Header.Del("X-Twilio-Signature")
		if answer := serve(callbacks, unsigned); answer.Code != http.StatusForbidden {
			t.Errorf("%s, unsigned: %d", path, answer.Code)
		}
	}
	for _, path := range []string{digitPath + strings.Repeat("0", 48), machinePath + "7", digitPath} {
		if answer := serve(callbacks, signedRequest(path, callForm("Digits", "9"))); answer.Code != http.StatusForbidden {
			t.Errorf("%s, an address that nobody was given: %d", path, answer.Code)
		}
	}
	if calls.heard() != 0 {
		t.Errorf("believed %+v", calls)
	}
}

// Ensure that what could not be kept must come again, that a digit of nobody's ends the
// call, and that without calls there are no such addresses.
func TestCallbacks_Calls_Refuses(t *testing.T) {
	t.Parallel()
	calls := &callStub{err: errors.New("the disk is full")}
	callbacks := mustCallbacks(t, new(inboxStub), withCalls(calls))
	for _, path := range []string{digitPath + testReference(7), machinePath + testReference(7), rungBackPath, voicePath} {
		if answer := serve(callbacks, signedRequest(path, callForm("Digits", "9"))); answer.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	before := calls.heard()
	answer := serve(callbacks, signedRequest(rungBackPath, callForm("Digits", "9", "From", "anonymous")))
	if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "<Hangup/>") || calls.heard() != before {
		t.Errorf("a digit of nobody's: %d %s", answer.Code, answer.Body)
	}
	if answer := serve(mustCallbacks(t, new(inboxStub)), signedRequest(voicePath, callForm())); answer.Code != http.StatusNotFound {
		t.Errorf("without calls: %d", answer.Code)
	}
}

// Ensure that a call's statuses come to the inbox as ours.
func TestCallbacks_CallStatus(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		word, by string
		want     dialer.CarrierStatus
	}{
		{"queued", "", dialer.StatusQueued},
		{"initiated", "", dialer.StatusSending},
		{"ringing", "", dialer.StatusRinging},
		{"in-progress", "", dialer.StatusAnswered},
		{"in-progress", "human", dialer.StatusAnswered},
		{"in-progress", "machine_start", dialer.StatusAnsweredMachine},
		{"completed", "", dialer.StatusCompleted},
		{"completed", "unknown", dialer.StatusCompleted},
		{"completed", "machine_end_silence", dialer.StatusCompletedMachine},
		{"completed", "fax", dialer.StatusCompletedMachine},
		{"busy", "", dialer.StatusBusy},
		{"no-answer", "", dialer.StatusNoAnswer},
		{"failed", "", dialer.StatusFailed},
		{"canceled", "", dialer.StatusCanceled},
	} {
		inbox := new(inboxStub)
		form := callForm("CallStatus", test.word, "SequenceNumber", "2", "CallbackSource", "call-progress-events")
		if test.by != "" {
			form.Set("AnsweredBy", test.by)
		}
		answer := serve(mustCallbacks(t, inbox), signedRequest(statusPath+testReference(7), form))
		if answer.Code != http.StatusNoContent || len(inbox.statuses) != 1 || inbox.statuses[0].Status != test.want || inbox.statuses[0].Attempt != 7 {
			t.Errorf("%s by %q: %d %+v", test.word, test.by, answer.Code, inbox.statuses)
		}
	}
}
