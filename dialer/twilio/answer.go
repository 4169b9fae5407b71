package twilio

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/tidwall/gjson"

	"github.com/hustings/hustings/dialer"
)

// Twilio's codes have five digits; room is left for a sixth. A proxy's JSON
// error may look like Twilio's but for its code, which is the HTTP status. And
// what is longer than a code could be a phone number, which no log may show.
const (
	leastErrorCode    = 10_000
	greatestErrorCode = 999_999
)

// answer tells what the exchange proves about a create request.
func (e *exchange) answer(valid func(sid string) bool) dialer.Answer {
	var answer dialer.Answer
	switch {
	case e.err == nil:
		answer = classify(e.status, e.body.Bytes(), valid)
	case !e.connected.Load():
		answer = dialer.Answer{Kind: dialer.Withdrawn, Detail: "no connection: " + describe(e.err)}
	case e.status == 0:
		answer = dialer.Answer{Detail: "no answer: " + describe(e.err)}
	default:
		answer = dialer.Answer{HTTPStatus: e.status, Detail: fmt.Sprintf("%d, but half an answer: %s", e.status, describe(e.err))}
	}
	answer.RetryAfter, answer.Concurrent = e.retryAfter, e.concurrent
	if e.requestID != "" {
		answer.Detail += ", request " + e.requestID
	}
	return answer
}

// classify tells what a whole answer to a create request proves: Accepted only
// with 201 and a valid name, Refused or Withdrawn only with Twilio's own error
// object, and Unclear otherwise.
func classify(status int, body []byte, valid func(sid string) bool) dialer.Answer {
	answer := dialer.Answer{Kind: dialer.Unclear, HTTPStatus: status}
	if status == http.StatusCreated {
		sid := createdSID(body)
		if !valid(sid) {
			answer.Detail = "201 without a valid sid"
			return answer
		}
		answer.Kind, answer.SID, answer.Detail = dialer.Accepted, sid, "created"
		return answer
	}
	code, isTwilio := parseErrorCode(status, body)
	if !isTwilio {
		answer.Detail = fmt.Sprintf("%d without Twilio's error object", status)
		return answer
	}
	answer.Code = code
	answer.Detail = fmt.Sprintf("%d, code %d: %s", status, code, MeaningOf(code))
	if status < 400 || status > 499 || status == http.StatusRequestTimeout {
		return answer
	}
	answer.Kind, answer.Effect = dialer.Refused, EffectOf(code)
	if status == http.StatusTooManyRequests {
		answer.Kind = dialer.Withdrawn
	}
	return answer
}

// createdSID returns the name of a message that was created, empty where the body
// is not whole or gives none. It is read of every answer, so that nothing else is.
func createdSID(body []byte) string {
	if !gjson.ValidBytes(body) {
		return ""
	}
	if sid := gjson.GetBytes(body, "sid"); sid.Type == gjson.String {
		return sid.Str
	}
	return ""
}

// parseErrorCode reads Twilio's error object. It must be whole, have a code of
// Twilio's and a message, and name the response's own status; else somebody
// else may have answered. The message is not returned: it repeats numbers.
func parseErrorCode(status int, body []byte) (code int, isTwilio bool) {
	var refusal struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  int    `json:"status"`
	}
	if err := json.Unmarshal(body, &refusal); err != nil {
		return 0, false
	}
	if !validCode(refusal.Code) || refusal.Message == "" || refusal.Status != status {
		return 0, false
	}
	return refusal.Code, true
}

func validCode(code int) bool { return leastErrorCode <= code && code <= greatestErrorCode }

// sidSize is the length of Twilio's names: two letters, 32 hexadecimal digits.
const sidSize = 34

// validMessageSID tells whether sid can be the name of a message.
func validMessageSID(sid string) bool {
	return len(sid) == sidSize && (sid[:2] == "SM" || sid[:2] == "MM") && isHex(sid[2:])
}

func isHex(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// describe tells a transport fault in words from a closed list. The error's
// own text may repeat what the network sent, and so a number.
func describe(err error) string {
	var (
		timeout     net.Error
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
	)
	switch {
	case errors.Is(err, errNotSent), errors.Is(err, errTooLong), errors.Is(err, errNotFinal):
		return err.Error()
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case errors.As(err, &name):
		return "the host's name was not resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "connection closed early"
	case errors.As(err, &certificate):
		return "the server's certificate was refused"
	case errors.As(err, &record), errors.As(err, &alert):
		return "TLS failed"
	default:
		return "transport fault"
	}
}

// Error is why Twilio did not do what was asked. Its text holds no number.
type Error struct {
	// Operation is what was being done, such as "list messages".
	Operation string
	// HTTPStatus is 0 where no whole response came.
	HTTPStatus int
	// Code is Twilio's error code, 0 where there was none.
	Code  int
	fault string
	cause error
}

// Error tells operation and fault.
func (e *Error) Error() string { return e.Operation + ": " + e.fault }

// Is tells whether the cause is target. There is no Unwrap: the text of a
// cause may repeat what the network sent.
func (e *Error) Is(target error) bool { return e.cause != nil && errors.Is(e.cause, target) }

// fail returns what the exchange failed by, nil where it brought status 200.
func (e *exchange) fail(operation string) error {
	switch {
	case e.err != nil:
		return &Error{Operation: operation, fault: describe(e.err), cause: e.err}
	case e.status == http.StatusOK:
		return nil
	}
	failure := &Error{Operation: operation, HTTPStatus: e.status}
	code, isTwilio := parseErrorCode(e.status, e.body.Bytes())
	if !isTwilio {
		failure.fault = fmt.Sprintf("%d without Twilio's error object", e.status)
		return failure
	}
	failure.Code = code
	failure.fault = fmt.Sprintf("%d, code %d: %s", e.status, code, MeaningOf(code))
	return failure
}
