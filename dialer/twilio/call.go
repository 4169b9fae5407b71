package twilio

import (
	"context"
	"net/http"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/dialer"
)

var _ dialer.CallControl = (*Client)(nil)

// callEvents are what Twilio shall report of a call: all that moves it on.
var callEvents = []string{"initiated", "ringing", "answered", "completed"}

// placeCall makes one try to have Twilio call a number.
func (c *Client) placeCall(ctx context.Context, request dialer.Request) dialer.Answer {
	reference := c.references.reference(request.Attempt)
	document, err := callDocument(request.Call.Script, c.public.digitURL(reference))
	switch {
	case err != nil:
		return dialer.Answer{Kind: dialer.Refused, Effect: dialer.EffectHold, Detail: "not sent: what the call says cannot be written"}
	case len([]rune(document)) > documentLimit:
		return dialer.Answer{Kind: dialer.Refused, Effect: dialer.EffectHold, Detail: "not sent: what the call says is too long for Twilio"}
	case !opensWith(document, request.Call.Script.Opening):
		return dialer.Answer{Kind: dialer.Refused, Effect: dialer.EffectHold, Detail: "not sent: the call would not say first who calls and how to object"}
	}
	e := c.newExchange(ctx, "call", answerLimit)
	defer e.release()
	_, _ = e.service().CreateCall(c.callParams(request, document, reference)) // As in Place.
	return e.answer(validCallSID)
}

func (c *Client) callParams(request dialer.Request, document, reference string) *api.CreateCallParams {
	params, terms := new(api.CreateCallParams), request.Call
	params.SetTo(request.To.E164())
	params.SetFrom(request.From)
	params.SetTwiml(document)
	params.SetStatusCallback(c.public.statusURL(reference))
	params.SetStatusCallbackEvent(callEvents)
	params.SetTimeout(int(terms.Ring / time.Second))
	params.SetTimeLimit(int(terms.Talk / time.Second))
	if terms.Machine == dialer.MachineAnswer {
		return params
	}
	// Asynchronous: whoever answers hears at once who is calling. Waiting for the
	// verdict first would leave people in silence for seconds.
	params.SetMachineDetection("Enable")
	if terms.Machine == dialer.MachineVoicemail {
		params.SetMachineDetection("DetectMessageEnd")
	}
	params.SetAsyncAmd("true")
	params.SetAsyncAmdStatusCallback(c.public.machineURL(reference))
	return params
}

// HangUp ends a call, whatever it is at; see dialer.CallControl.
func (c *Client) HangUp(ctx context.Context, sid string) error {
	return c.updateCall(ctx, "hang up", sid, new(api.UpdateCallParams).SetStatus("completed"))
}

// Leave has a call say what is left on a machine, and end; see dialer.CallControl.
func (c *Client) Leave(ctx context.Context, sid string, script *dialer.Script) error {
	document, err := voicemailDocument(script)
	if err != nil {
		return err
	}
	return c.updateCall(ctx, "leave a voicemail", sid, new(api.UpdateCallParams).SetTwiml(document))
}

// updateCall changes a call that is under way. That it is over is not an error.
func (c *Client) updateCall(ctx context.Context, operation, sid string, params *api.UpdateCallParams) error {
	if !validCallSID(sid) {
		return &Error{Operation: operation, fault: "the sid is no call's"}
	}
	e := c.newExchange(ctx, "update call", answerLimit)
	defer e.release()
	_, _ = e.service().UpdateCall(sid, params) // As in Place.
	return e.unlessLate(operation)
}

// validCallSID tells whether sid can be the name of a call.
func validCallSID(sid string) bool {
	return len(sid) == sidSize && strings.HasPrefix(sid, "CA") && isHex(sid[2:])
}

// unlessLate is what an update failed by, nil where it only came too late.
func (e *exchange) unlessLate(operation string) error {
	err := e.fail(operation)
	if failure, refused := err.(*Error); refused && failure.tooLate() { //nolint:errorlint // fail wraps nothing
		return nil
	}
	return err
}

// deleteCopy asks Twilio to delete its copy of a message or a call.
func (e *exchange) deleteCopy(sid string) {
	if validCallSID(sid) {
		_ = e.service().DeleteCall(sid, new(api.DeleteCallParams)) // As in Place.
		return
	}
	_ = e.service().DeleteMessage(sid, new(api.DeleteMessageParams))
}

// gone tells whether a deletion was made.
func (e *exchange) gone() bool { return e.err == nil && e.status == http.StatusNoContent }
