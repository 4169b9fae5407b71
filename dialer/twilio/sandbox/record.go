package sandbox

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Kind says what a record of the log tells.
type Kind string

// The kinds of records.
const (
	KindClock           Kind = "clock"            // the clock as it is from now on; the first record after every start has the status "started"
	KindRequestBegun    Kind = "request_begun"    // a create request has arrived; nothing else has been done with it
	KindFault           Kind = "fault"            // trouble is about to be injected
	KindRefused         Kind = "refused"          // a create request made no message
	KindRequestEnded    Kind = "request_ended"    // a create request is about to be answered, or its connection has ended or is about to
	KindCreated         Kind = "created"          // a message exists
	KindStatus          Kind = "status"           // a message's status has changed
	KindCallback        Kind = "callback"         // a status callback is over: answered, or lost
	KindInbound         Kind = "inbound"          // a person has sent a text
	KindInboundAnswered Kind = "inbound_answered" // the callback of an inbound text is over: answered, or lost
	KindShown           Kind = "shown"            // an inbound text stands in the answer to a list request for the first time
	KindInboundURL      Kind = "inbound_url"      // where inbound texts are posted from now on
	KindRedacted        Kind = "redacted"         // a message's body was removed
	KindDeleted         Kind = "deleted"          // a message was removed from the list
	KindForged          Kind = "forged"           // a callback that Twilio would never have sent is over: answered, or lost
	KindRungBack        Kind = "rung_back"        // a person has called one of our numbers
	KindSaid            Kind = "said"             // a call begins to say a text, or to play what is at an address
	KindDigit           Kind = "digit"            // a person has pressed a digit
	KindDigitAnswered   Kind = "digit_answered"   // the request for what a call says next is over: answered, or lost
	KindVoiceURL        Kind = "voice_url"        // where people who call us are answered from now on
	KindFaultsSet       Kind = "faults_set"       // what goes wrong from now on, in Body
	KindOutage          Kind = "outage"           // the carrier fails as a whole from now on, in the way of Status, or no longer
)

// clockStarted marks the clock record with which a process begins to write. What
// comes after it tells of every create request how it ended.
const clockStarted = "started"

// outageOver ends an outage.
const outageOver = "over"

// Record is one line of the log. Seq has no gaps. At is sandbox time, Real is
// real time; neither goes back along Seq, except Real where the machine's own
// clock was set back. Fields that do not belong to a kind are empty.
type Record struct {
	Seq            uint64      `json:"seq"`
	At             time.Time   `json:"at"`
	Real           int64       `json:"real"` // nanoseconds since 1970
	Kind           Kind        `json:"kind"`
	Request        uint64      `json:"request,omitempty"` // Seq of the request_begun that this belongs to
	Sid            string      `json:"sid,omitempty"`
	To             string      `json:"to,omitempty"`
	From           string      `json:"from,omitempty"`
	Service        string      `json:"service,omitempty"` // MessagingServiceSid
	Body           string      `json:"body,omitempty"`
	StatusCallback string      `json:"status_callback,omitempty"`
	Status         string      `json:"status,omitempty"` // Twilio's word
	Code           int         `json:"code,omitempty"`   // Twilio's error code
	HTTP           int         `json:"http,omitempty"`   // status of an answer: ours for refused and request_ended, theirs for callbacks
	Segments       int         `json:"segments,omitempty"`
	Validity       int         `json:"validity,omitempty"` // seconds
	SendAt         time.Time   `json:"send_at,omitzero"`
	ReplyTo        string      `json:"reply_to,omitempty"` // sid of the message that an inbound text answers
	OptOut         bool        `json:"opt_out,omitempty"`  // the text asks to be left alone
	Blocked        bool        `json:"blocked,omitempty"`  // the carrier has kept the opt-out
	Tries          int         `json:"tries,omitempty"`
	Fault          Fault       `json:"fault,omitempty"`
	URL            string      `json:"url,omitempty"`
	Error          string      `json:"error,omitempty"`
	Digits         string      `json:"digits,omitempty"` // pressed
	Call           *CallOrder  `json:"call,omitempty"`   // what a call was asked for with; its Body is what it says
	Clock          *ClockState `json:"clock,omitempty"`
}

// appendTo encodes the record as one line. It is written by hand because it
// stands twice in the path of every create request.
func (record *Record) appendTo(line []byte) []byte {
	line = append(line, `{"seq":`...)
	line = strconv.AppendUint(line, record.Seq, 10)
	line = appendInstant(append(line, `,"at":`...), record.At)
	line = append(line, `,"real":`...)
	line = strconv.AppendInt(line, record.Real, 10)
	line = appendText(line, `,"kind":`, string(record.Kind))
	line = appendNumber(line, `,"request":`, int64(record.Request))
	line = appendText(line, `,"sid":`, record.Sid)
	line = appendText(line, `,"to":`, record.To)
	line = appendText(line, `,"from":`, record.From)
	line = appendText(line, `,"service":`, record.Service)
	line = appendText(line, `,"body":`, record.Body)
	line = appendText(line, `,"status_callback":`, record.StatusCallback)
	line = appendText(line, `,"status":`, record.Status)
	line = appendNumber(line, `,"code":`, int64(record.Code))
	line = appendNumber(line, `,"http":`, int64(record.HTTP))
	line = appendNumber(line, `,"segments":`, int64(record.Segments))
	line = appendNumber(line, `,"validity":`, int64(record.Validity))
	if !record.SendAt.IsZero() {
		line = appendInstant(append(line, `,"send_at":`...), record.SendAt)
	}
	line = appendText(line, `,"reply_to":`, record.ReplyTo)
	line = appendTruth(line, `,"opt_out":true`, record.OptOut)
	line = appendTruth(line, `,"blocked":true`, record.Blocked)
	line = appendNumber(line, `,"tries":`, int64(record.Tries))
	line = appendText(line, `,"fault":`, string(record.Fault))
	line = appendText(line, `,"url":`, record.URL)
	line = appendText(line, `,"error":`, record.Error)
	line = appendText(line, `,"digits":`, record.Digits)
	if record.Call != nil {
		line = appendCall(append(line, `,"call":`...), record.Call)
	}
	if record.Clock != nil {
		line = appendInstant(append(line, `,"clock":{"start":`...), record.Clock.Start)
		line = appendInstant(append(line, `,"anchor":`...), record.Clock.Anchor)
		line = append(line, `,"speed":`...)
		line = strconv.AppendFloat(line, record.Clock.Speed, 'g', -1, 64)
		line = append(line, '}')
	}
	return append(line, "}\n"...)
}

// appendCall is in nobody's way: calls are few.
func appendCall(line []byte, call *CallOrder) []byte {
	text, err := json.Marshal(call)
	if err != nil {
		panic(err) // texts and numbers
	}
	return append(line, text...)
}

func appendText(line []byte, key, value string) []byte {
	if value == "" {
		return line
	}
	return appendQuoted(append(line, key...), value)
}

func appendNumber(line []byte, key string, value int64) []byte {
	if value == 0 {
		return line
	}
	return strconv.AppendInt(append(line, key...), value, 10)
}

func appendTruth(line []byte, text string, value bool) []byte {
	if !value {
		return line
	}
	return append(line, text...)
}

func appendInstant(line []byte, instant time.Time) []byte {
	line = append(line, '"')
	line = instant.AppendFormat(line, time.RFC3339Nano)
	return append(line, '"')
}

// appendQuoted encodes a JSON string. Bytes that are not UTF-8 become the
// replacement character, as in encoding/json.
func appendQuoted(line []byte, text string) []byte {
	const digits = "0123456789abcdef"
	line = append(line, '"')
	plain := 0 // start of the run that needs no escape
	for at := 0; at < len(text); {
		char := text[at]
		if char < utf8.RuneSelf {
			if char >= ' ' && char != '"' && char != '\\' {
				at++
				continue
			}
			line = append(line, text[plain:at]...)
			if char == '"' || char == '\\' {
				line = append(line, '\\', char)
			} else {
				line = append(line, '\\', 'u', '0', '0', digits[char>>4], digits[char&15])
			}
			at++
			plain = at
			continue
		}
		value, size := utf8.DecodeRuneInString(text[at:])
		if value == utf8.RuneError && size == 1 {
			line = append(line, text[plain:at]...)
			line = append(line, `\ufffd`...)
			plain = at + 1
		}
		at += size
	}
	line = append(line, text[plain:]...)
	return append(line, '"')
}
