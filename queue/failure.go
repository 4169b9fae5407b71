package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hustings/hustings/dialer"
)

// Code says what kind of failure it was, for programs: exit codes and retries
// hang on it.
type Code string

// The codes.
const (
	// CodeInvalid: the request is wrong and stays wrong; see its faults.
	CodeInvalid Code = "invalid"
	// CodeNotFound: what was asked for does not exist.
	CodeNotFound Code = "not_found"
	// CodeConflict: the request is well-formed, but the state forbids it.
	CodeConflict Code = "conflict"
	// CodeRefused: it may not be done at all here, or not by this user.
	CodeRefused Code = "refused"
	// CodeBusy: the daemon has too much in hand or is about to stop; the same
	// request may succeed later.
	CodeBusy Code = "busy"
	// CodeTimeout: no answer came in time. Whether the request had its effect
	// is not known.
	CodeTimeout Code = "timeout"
	// CodeUnreachable: nothing that could have had an effect was reached.
	CodeUnreachable Code = "unreachable"
	// CodeInternal: the daemon failed; its log tells more.
	CodeInternal Code = "internal"
)

// ControlError is a failure as it travels from the daemon to whoever asked,
// and what this package returns where it has a hint to give. It holds no
// number in clear.
type ControlError struct {
	Code Code `json:"code"`
	// Message says what went wrong, Hint what to do about it (it may be empty).
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"`
	// Faults are the single things that are wrong with what was sent.
	Faults []dialer.Fault `json:"faults,omitempty"`

	cause error
}

// Error returns the message and the faults on one line. The hint stays apart,
// so that a command line can set it off.
func (e *ControlError) Error() string {
	if len(e.Faults) == 0 {
		return e.Message
	}
	faults := make([]string, len(e.Faults))
	for i, fault := range e.Faults {
		faults[i] = fault.String()
	}
	return e.Message + ": " + strings.Join(faults, "; ")
}

// Unwrap returns the cause; it does not travel.
func (e *ControlError) Unwrap() error { return e.cause }

// CodeOf returns the error's code: CodeInternal where it has none, and no code
// for no error.
func CodeOf(err error) Code {
	var control *ControlError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &control):
		return control.Code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return CodeTimeout
	default:
		return CodeInternal
	}
}

// HintOf returns the error's hint, empty where it has none.
func HintOf(err error) string {
	if control, ok := errors.AsType[*ControlError](err); ok {
		return control.Hint
	}
	return ""
}

// asControlError gives every error of a handler the form that travels.
func asControlError(err error) *ControlError {
	control, ok := errors.AsType[*ControlError](err)
	if !ok {
		return &ControlError{Code: CodeOf(err), Message: err.Error()}
	}
	wrapped := *control // what was added around it goes with it
	wrapped.Message = strings.ReplaceAll(err.Error(), control.Error(), control.Message)
	return &wrapped
}

// decodeFailure reads a failure off the wire. A body that is none, from a
// stranger on the subject, must not look like success.
func decodeFailure(code, description string, body []byte) *ControlError {
	failure := new(ControlError)
	if err := json.Unmarshal(body, failure); err != nil || failure.Message == "" {
		return &ControlError{Code: Code(code), Message: fmt.Sprintf("the daemon failed: %s", description)}
	}
	return failure
}
