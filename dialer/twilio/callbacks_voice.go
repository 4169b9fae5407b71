package twilio

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// CallInbox takes what happens in calls. An error means that nobody knows, and that
// Twilio must tell us again.
type CallInbox interface {
	// Pressed takes a digit, and returns what is said then.
	Pressed(ctx context.Context, key dialer.Keypress) (dialer.Spoken, error)
	// Detected takes who has answered a call.
	Detected(ctx context.Context, detection dialer.Detection) error
	// RungBack returns what is said to somebody who calls one of our numbers.
	RungBack(ctx context.Context, from dialer.Caller) (dialer.Spoken, error)
}

// callbackPath is what a callback's path says it is about.
type callbackPath struct {
	kind, reference string
}

// splitPath reads the path of a callback, and tells whether it is one of ours.
func splitPath(path string) (callbackPath, bool) {
	for _, kind := range []string{statusPath, digitPath, machinePath} {
		if reference, found := strings.CutPrefix(path, kind); found {
			return callbackPath{kind, reference}, true
		}
	}
	return callbackPath{kind: path}, path == inboundPath || path == voicePath || path == rungBackPath
}

// takeDigit takes a digit that was pressed: in a call of ours, or after ringing back.
func (c *Callbacks) takeDigit(ctx context.Context, w http.ResponseWriter, at callbackPath, form fields, heard time.Time) {
	key := dialer.Keypress{SID: form.get("CallSid"), Digits: form.get("Digits"), HeardAt: heard}
	action, valid := c.public.rungBackURL(), validCallSID(key.SID)
	if at.kind == digitPath {
		attempt, ours := c.attempt(ctx, w, at.reference)
		if !ours {
			return
		}
		key.Attempt, action = attempt, c.public.digitURL(at.reference)
	} else {
		from, isNumber := parseNumber(form.get("From"))
		key.From, valid = from, valid && isNumber
	}
	if !valid {
		c.drop("digit", "", key.Attempt)
		writeDocument(w, "", nil)
		return
	}
	// The objection of somebody who has hung up is still one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), inboundTimeout)
	defer cancel()
	spoken, err := c.calls.Pressed(ctx, key)
	if err != nil {
		c.deferNews(w, "digit", err)
		return
	}
	c.digits.Add(1)
	document, err := answerDocument(spoken, action)
	writeDocument(w, document, err)
}

// takeVerdict takes who has answered a call.
func (c *Callbacks) takeVerdict(ctx context.Context, w http.ResponseWriter, reference string, form fields) {
	attempt, ours := c.attempt(ctx, w, reference)
	if !ours {
		return
	}
	by, sid := form.get("AnsweredBy"), form.get("CallSid")
	if !validCallSID(sid) {
		c.drop("verdict", by, attempt)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	detection := dialer.Detection{Attempt: attempt, SID: sid, Machine: isMachine(by), Ready: strings.HasPrefix(by, "machine_end_")}
	if err := c.calls.Detected(ctx, detection); err != nil {
		c.deferNews(w, "verdict", err)
		return
	}
	c.verdicts.Add(1)
	w.WriteHeader(http.StatusNoContent)
}

// takeCall answers somebody who rings one of our numbers.
func (c *Callbacks) takeCall(ctx context.Context, w http.ResponseWriter, form fields) {
	from, _ := parseNumber(form.get("From"))
	if withheld[form.get("From")] {
		from = contact.Number{}
	}
	spoken, err := c.calls.RungBack(ctx, dialer.Caller{From: from, To: form.get("To")})
	if err != nil {
		c.deferNews(w, "call", err)
		return
	}
	c.rungBack.Add(1)
	document, err := answerDocument(spoken, c.public.rungBackURL())
	writeDocument(w, document, err)
}

// withheld are what Twilio puts in the place of a number that is not shown: words, as
// they are spelled on a phone's keys ("restricted", "anonymous", "unknown", "blocked",
// "unavailable"; Twilio, "Why am I receiving calls from these strange numbers?").
var withheld = map[string]bool{
	"+7378742833": true, "+266696687": true, "+8656696": true, "+2562533": true, "+86282452253": true,
}

// writeDocument answers with what is to be said. Where that cannot be written the
// call ends.
func writeDocument(w http.ResponseWriter, document string, fault error) {
	if fault != nil || document == "" {
		document = `<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>`
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = io.WriteString(w, document)
}
