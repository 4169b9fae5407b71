package sandbox

import (
	"net/http"
	"strconv"
)

// refusal is one of Twilio's errors.
type refusal struct {
	status  int
	code    int
	message string
}

// The refusals, with Twilio's codes. The texts follow Twilio's, without the
// number that Twilio repeats in some of them.
var (
	refusalAuthenticate   = &refusal{http.StatusUnauthorized, 20003, "Authenticate"}
	refusalSuspended      = &refusal{http.StatusForbidden, 20005, "Account not active"}
	refusalMethod         = &refusal{http.StatusMethodNotAllowed, 20004, "Method not allowed"}
	refusalParameter      = &refusal{http.StatusBadRequest, 20001, "Invalid parameter"}
	refusalNotFound       = &refusal{http.StatusNotFound, 20404, "The requested resource was not found"}
	refusalThrottled      = &refusal{http.StatusTooManyRequests, 20429, "Too Many Requests"}
	refusalServerError    = &refusal{http.StatusInternalServerError, 20500, "Internal Server Error"}
	refusalIncomplete     = &refusal{http.StatusConflict, 20009, "Cannot change this resource before it is complete"}
	refusalNotCancelable  = &refusal{http.StatusBadRequest, 30409, "Message is not in a cancelable state"}
	refusalNoBody         = &refusal{http.StatusBadRequest, 21602, "Message body is required."}
	refusalNoFrom         = &refusal{http.StatusBadRequest, 21603, "A 'From' phone number is required."}
	refusalNoTo           = &refusal{http.StatusBadRequest, 21604, "A 'To' phone number is required."}
	refusalTo             = &refusal{http.StatusBadRequest, 21211, "Invalid 'To' Phone Number"}
	refusalFrom           = &refusal{http.StatusBadRequest, 21212, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."}
	refusalRegion         = &refusal{http.StatusBadRequest, 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number."}
	refusalNotOwned       = &refusal{http.StatusBadRequest, 21606, "The 'From' phone number is not a valid, SMS-capable inbound phone number or short code for your account."}
	refusalCallback       = &refusal{http.StatusBadRequest, 21609, "The 'StatusCallback' URL is not a valid URL."}
	refusalUnsubscribed   = &refusal{http.StatusBadRequest, 21610, "Attempt to send to unsubscribed recipient"}
	refusalQueueFull      = &refusal{http.StatusTooManyRequests, 21611, "This 'From' number has exceeded the maximum number of queued messages"}
	refusalNotRoutable    = &refusal{http.StatusBadRequest, 21612, "The 'To' phone number is not currently reachable via SMS"}
	refusalNotMobile      = &refusal{http.StatusBadRequest, 21614, "'To' number is not a valid mobile number"}
	refusalBodyLength     = &refusal{http.StatusBadRequest, 21617, "The concatenated message body exceeds the 1600 character limit"}
	refusalValidity       = &refusal{http.StatusBadRequest, 90014, "Validity period should be a positive integer"}
	refusalValidityRange  = &refusal{http.StatusBadRequest, 90007, "Invalid validity period value"}
	refusalSchedule       = &refusal{http.StatusBadRequest, 35114, "SendAt is invalid, or the message cannot be scheduled"}
	refusalNoService      = &refusal{http.StatusBadRequest, 35118, "MessagingServiceSid is required to schedule a message"}
	refusalServiceInvalid = &refusal{http.StatusBadRequest, 21705, "The Messaging Service Sid is invalid"}
)

// Twilio's magic test numbers, so that a smoke test against the sandbox and one
// against Twilio's test credentials agree.
var (
	magicTo = map[string]*refusal{
		"+15005550001": refusalTo,
		"+15005550002": refusalNotRoutable,
		"+15005550003": refusalRegion,
		"+15005550004": refusalUnsubscribed,
		"+15005550009": refusalNotMobile,
	}
	magicFrom = map[string]*refusal{
		"+15005550001": refusalFrom,
		"+15005550007": refusalNotOwned,
		"+15005550008": refusalQueueFull,
	}
)

// failures are the texts to the codes with which a message can end.
var failures = map[int]string{
	codeUnreachable:     "Unreachable destination handset",
	codeUnknownHandset:  "Unknown destination handset",
	codeLandline:        "Landline or unreachable carrier",
	codeFiltered:        "Message filtered",
	codeUnknownError:    "Unknown error",
	codeValidityExpired: "Validity Period Expired",
}

// Codes with which a message can end.
const (
	codeUnreachable     = 30003
	codeUnknownHandset  = 30005
	codeLandline        = 30006
	codeFiltered        = 30007
	codeUnknownError    = 30008
	codeValidityExpired = 30036
)

// appendTo encodes the refusal as Twilio's error.
func (refused *refusal) appendTo(answer []byte) []byte {
	answer = append(answer, `{"code":`...)
	answer = strconv.AppendInt(answer, int64(refused.code), 10)
	answer = append(answer, `,"message":`...)
	answer = appendQuoted(answer, refused.message)
	answer = append(answer, `,"more_info":"https://www.twilio.com/docs/errors/`...)
	answer = strconv.AppendInt(answer, int64(refused.code), 10)
	answer = append(answer, `","status":`...)
	answer = strconv.AppendInt(answer, int64(refused.status), 10)
	return append(answer, '}')
}
