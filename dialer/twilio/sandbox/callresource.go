package sandbox

import (
	"net/http"
	"strconv"
	"time"
)

// pricePerMinute is in hundred-thousandths of the currency, for each begun minute:
// less than the embedded tariff says is the most.
const pricePerMinute = 6500

// appendCallTo encodes the message that is a call as Twilio's resource.
func (shown *resource) appendCallTo(answer []byte, account string) []byte {
	answer = append(answer, `{"account_sid":`...)
	answer = appendQuoted(answer, account)
	answer = appendText(answer, `,"answered_by":`, shown.answeredBy)
	if shown.answeredBy == "" {
		answer = append(answer, `,"answered_by":null`...)
	}
	answer = append(answer, `,"api_version":"2010-04-01","caller_name":null`...)
	answer = appendDate(append(answer, `,"date_created":`...), shown.created)
	answer = appendDate(append(answer, `,"date_updated":`...), shown.updated)
	answer = appendText(answer, `,"direction":`, shown.direction())
	answer = append(answer, `,"duration":`...)
	seconds := shown.talked()
	if final(shown.status) {
		answer = append(answer, '"')
		answer = strconv.AppendInt(answer, int64(seconds/time.Second), 10)
		answer = append(answer, '"')
	} else {
		answer = append(answer, "null"...)
	}
	answer = appendDate(append(answer, `,"end_time":`...), shown.ended)
	answer = append(answer, `,"forwarded_from":null,"from":`...)
	answer = appendQuoted(answer, shown.from)
	answer = append(answer, `,"from_formatted":`...)
	answer = appendQuoted(answer, shown.from)
	answer = append(answer, `,"group_sid":null,"parent_call_sid":null,"phone_number_sid":null,"price":`...)
	answer = shown.appendCallPrice(answer)
	answer = append(answer, `,"price_unit":"EUR","queue_time":"0","sid":`...)
	answer = appendQuoted(answer, shown.sid)
	answer = appendDate(append(answer, `,"start_time":`...), shown.sent)
	answer = append(answer, `,"status":`...)
	answer = appendQuoted(answer, shown.wordOfResource())
	answer = append(answer, `,"subresource_uris":{},"to":`...)
	answer = appendQuoted(answer, shown.to)
	answer = append(answer, `,"to_formatted":`...)
	answer = appendQuoted(answer, shown.to)
	answer = append(answer, `,"trunk_sid":null,"uri":"/2010-04-01/Accounts/`...)
	answer = append(answer, account...)
	answer = append(answer, "/Calls/"...)
	answer = append(answer, shown.sid...)
	return append(answer, `.json"}`...)
}

// wordOfResource is the status as the resource has it, which does not know the word
// initiated.
func (shown *resource) wordOfResource() string {
	if shown.status == statusInitiated {
		return statusQueued
	}
	return shown.status
}

// talked is how long a call lasted from its answer on.
func (shown *resource) talked() time.Duration {
	if shown.sent.IsZero() || shown.ended.IsZero() {
		return 0
	}
	return shown.ended.Sub(shown.sent)
}

func (shown *resource) appendCallPrice(answer []byte) []byte {
	if shown.inbound || shown.status != statusCompleted {
		return append(answer, "null"...)
	}
	minutes := max(1, int((shown.talked()+time.Minute-1)/time.Minute))
	return appendCost(answer, minutes*pricePerMinute)
}

// callChange is what an update of a call asks for.
type callChange struct{ status, twiml string }

// readCallChange reads the form of an update.
func readCallChange(request *http.Request) (callChange, *refusal) {
	var change callChange
	refused := readPairs(request, func(key, value string) {
		switch key {
		case "Status":
			change.status = value
		case "Twiml":
			change.twiml = value
		}
	})
	wrong := change.status != "" && change.status != statusCanceled && change.status != statusCompleted
	if refused == nil && (wrong || change == (callChange{})) {
		refused = refusalParameter
	}
	return change, refused
}

// updateCall ends a call, or has it say something else. Cancelling does nothing to a
// call that was answered. It needs the store's lock.
func (server *Server) updateCall(found *message, change callChange) *refusal {
	switch {
	case final(found.status):
		return refusalCallOver
	case change.twiml != "":
		if found.status != statusInProgress {
			return refusalCallOver
		}
		found.redirect(change.twiml)
		return nil
	case change.status == statusCanceled && found.status == statusInProgress:
		return refusalCallOver
	}
	status := statusCanceled
	if found.status == statusInProgress {
		status = statusCompleted
	}
	record := Record{Kind: KindStatus, Sid: found.sid, To: found.to, Status: status}
	if server.log.append(&record) != nil {
		return refusalServerError
	}
	found.apply(&record)
	found.redirect("")
	server.tell(found, delivery{status: status, at: record.At})
	return nil
}
