package twilio

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// resource is what Twilio tells of a message and of a call alike.
type resource struct {
	SID         string `json:"sid"`
	From        string `json:"from"`
	To          string `json:"to"`
	Direction   string `json:"direction"`
	Status      string `json:"status"`
	DateCreated string `json:"date_created"`
	// Price is negative where Twilio has charged for it.
	Price     string `json:"price"`
	PriceUnit string `json:"price_unit"`
}

const (
	directionInbound = "inbound"
	// directionAPI is what was asked for over the API: Twilio's own answers to
	// STOP and HELP come from our senders, too.
	directionAPI = "outbound-api"
)

// common returns what a message and a call have in common.
func (r *resource) common() *resource { return r }

// recordTo reads what is alike in the records of a message and of a call to the
// number.
func (r *resource) recordTo(to contact.Number) (dialer.Record, error) {
	created, err := parseDate(r.DateCreated)
	if err != nil {
		return dialer.Record{}, err
	}
	record := dialer.Record{SID: r.SID, To: to, From: r.From, CreatedAt: created}
	if cost, charged := strings.CutPrefix(r.Price, "-"); charged && record.Price.UnmarshalText([]byte(cost)) == nil {
		record.Currency = r.PriceUnit
	}
	return record, nil
}

// message is what is read of Twilio's message resource. An error code may be
// null, a number or, with some versions, a text.
type message struct {
	resource

	Service   string      `json:"messaging_service_sid"`
	Body      string      `json:"body"`
	ErrorCode json.Number `json:"error_code"`
}

// sender is what the request has named as its sender: the service that chose the
// number, where there was one.
func (m *message) sender() string {
	if m.Service != "" {
		return m.Service
	}
	return m.From
}

// record reads the message as one of ours to the number.
func (m *message) record(to contact.Number) (dialer.Record, error) {
	record, err := m.recordTo(to)
	if err != nil {
		return dialer.Record{}, err
	}
	if !validMessageSID(m.SID) {
		return dialer.Record{}, errors.New("a message has no valid sid")
	}
	record.From, record.Body = m.sender(), m.Body
	record.Status, _ = parseStatus(m.Status)
	record.Code = parseCode(m.ErrorCode.String())
	record.Effect = EffectOf(record.Code)
	return record, nil
}

// call is what is read of Twilio's call resource. It tells nothing of what was said.
type call struct {
	resource

	AnsweredBy string `json:"answered_by"`
}

// record reads the call as one of ours to the number.
func (c *call) record(to contact.Number) (dialer.Record, error) {
	record, err := c.recordTo(to)
	if err != nil {
		return dialer.Record{}, err
	}
	if !validCallSID(c.SID) {
		return dialer.Record{}, errors.New("a call has no valid sid")
	}
	record.Call = true
	record.Status, _ = parseCallStatus(c.Status, c.AnsweredBy)
	return record, nil
}

// parseDate reads Twilio's dates (RFC 2822, in whole seconds).
func parseDate(text string) (time.Time, error) {
	date, err := time.Parse(time.RFC1123Z, text)
	if err != nil {
		return time.Time{}, errors.New("a message has no readable date")
	}
	return date.UTC(), nil
}

// parseNumber reads a number, in front of which a channel may stand such as
// "rcs:": STOP is STOP by whatever channel it comes.
func parseNumber(text string) (contact.Number, bool) {
	number, err := contact.ParseE164(text[strings.LastIndexByte(text, ':')+1:])
	return number, err == nil
}

// parseCode reads an error code, 0 where there is none.
func parseCode(text string) int {
	code, err := strconv.Atoi(text)
	if err != nil || !validCode(code) {
		return 0
	}
	return code
}

// parseStatus reads Twilio's word for how far a message is, and tells whether
// it is known.
func parseStatus(word string) (dialer.CarrierStatus, bool) {
	switch word {
	case "accepted", "scheduled", "queued":
		return dialer.StatusQueued, true
	case "sending":
		return dialer.StatusSending, true
	case "sent":
		return dialer.StatusSent, true
	case "delivered", "read", "partially_delivered":
		return dialer.StatusDelivered, true
	case "undelivered":
		return dialer.StatusUndelivered, true
	case "failed":
		return dialer.StatusFailed, true
	case "canceled":
		return dialer.StatusCanceled, true
	default:
		return dialer.StatusUnknown, false
	}
}

// parseCallStatus reads Twilio's words for how far a call is and who has answered it,
// and tells whether they are known.
func parseCallStatus(word, answeredBy string) (dialer.CarrierStatus, bool) {
	machine := isMachine(answeredBy)
	switch word {
	case "queued":
		return dialer.StatusQueued, true
	case "initiated":
		return dialer.StatusSending, true
	case "ringing":
		return dialer.StatusRinging, true
	case "in-progress", "answered":
		if machine {
			return dialer.StatusAnsweredMachine, true
		}
		return dialer.StatusAnswered, true
	case "completed":
		if machine {
			return dialer.StatusCompletedMachine, true
		}
		return dialer.StatusCompleted, true
	case "busy":
		return dialer.StatusBusy, true
	case "no-answer":
		return dialer.StatusNoAnswer, true
	case "failed":
		return dialer.StatusFailed, true
	case "canceled":
		return dialer.StatusCanceled, true
	default:
		return dialer.StatusUnknown, false
	}
}

// isMachine tells whether Twilio's verdict is that nobody was there.
func isMachine(answeredBy string) bool {
	return strings.HasPrefix(answeredBy, "machine_") || answeredBy == "fax"
}
