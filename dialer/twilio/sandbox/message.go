package sandbox

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// resource is a message as the API shows it.
type resource struct {
	sid, to, from, service, body string

	inbound  bool
	status   string
	code     int
	segments int
	created  time.Time // all three are sandbox time; zero where not yet the case
	updated  time.Time
	sent     time.Time // when a call was answered

	ended      time.Time // of a call
	answeredBy string    // of a call, by Twilio's detection
}

// message is a message and what the sandbox needs to play its life. The store's
// mutex guards what changes, but for the last two fields.
type message struct {
	resource
	index    int // place in the store
	callback string
	validity int       // seconds
	base     time.Time // when its life begins: on creation, or at the instant it is scheduled for
	initial  string    // first status
	deleted  bool
	shown    bool     // an inbound text that has stood in a list
	previous *message // the one before it to the same number
	arrival  arrival  // of its create request, or of the inbound text among its like
	key      string   // its place in the story, from which its faults are drawn

	call     *CallOrder    // where the message is a call
	changed  chan struct{} // told where somebody changes the call
	document string        // what the call has to say next

	outbox []delivery // guarded by the dispatcher's mutex
	busy   bool       // guarded by the dispatcher's mutex
}

// person returns the number of the person at the other end.
func (playing *message) person() string {
	if playing.inbound {
		return playing.from
	}
	return playing.to
}

// redirect has a call say something else, or look whether it is over. It needs the
// store's lock.
func (playing *message) redirect(document string) {
	playing.document = document
	select {
	case playing.changed <- struct{}{}:
	default: // told already
	}
}

// store holds all messages and calls in the order of their creation.
type store struct {
	mutex   sync.Mutex
	all     []*message
	bySid   map[string]*message
	byTo    map[string]*message    // the newest to each number
	blocked map[[2]string]struct{} // number and sender, after an opt-out that the carrier has kept
}

func newStore() *store {
	return &store{bySid: map[string]*message{}, byTo: map[string]*message{}, blocked: map[[2]string]struct{}{}}
}

// insert needs the lock.
func (messages *store) insert(added *message) {
	added.index = len(messages.all)
	added.previous = messages.byTo[added.to]
	messages.all = append(messages.all, added)
	messages.bySid[added.sid] = added
	messages.byTo[added.to] = added
}

// remove needs the lock. The place in the order stays taken.
func (messages *store) remove(removed *message) {
	removed.deleted = true
	removed.body = ""
	delete(messages.bySid, removed.sid)
}

// isBlocked says whether the carrier keeps an opt-out of the number.
func (messages *store) isBlocked(number, sender string) bool {
	messages.mutex.Lock()
	defer messages.mutex.Unlock()
	_, blocked := messages.blocked[[2]string{number, sender}]
	return blocked
}

// newMessage makes the message that a created or inbound record tells of, at its
// place in the story.
func newMessage(record *Record, count arrival) *message {
	made := &message{
		resource: resource{
			sid: record.Sid, to: record.To, from: record.From, service: record.Service, body: record.Body,
			status: record.Status, segments: record.Segments, created: record.At, updated: record.At,
		},
		callback: record.StatusCallback, validity: record.Validity, base: record.At, initial: record.Status, arrival: count,
	}
	if made.call = record.Call; made.call != nil {
		made.changed = make(chan struct{}, 1)
	}
	if !record.SendAt.IsZero() {
		made.base = record.SendAt
	}
	if record.Kind == KindInbound || record.Kind == KindRungBack {
		made.inbound = true
		made.sent = record.At
	}
	made.key = placeOf(count, made.person())
	if made.inbound {
		made.key += "<"
	}
	return made
}

// apply makes the change that a status record tells of. It needs the lock.
func (changed *message) apply(record *Record) {
	changed.status = record.Status
	changed.code = record.Code
	changed.updated = record.At
	if changed.call != nil {
		changed.applyToCall(record)
		return
	}
	if record.Status == statusSent || changed.sent.IsZero() && final(record.Status) && record.Status != statusCanceled {
		changed.sent = record.At
	}
}

// applyToCall notes when a call was answered, and when it was over.
func (changed *message) applyToCall(record *Record) {
	switch {
	case record.Status == statusInProgress:
		changed.sent = record.At
	case final(record.Status):
		changed.ended = record.At
		// Whoever answers us slowly makes no call longer.
		if limit := changed.sent.Add(time.Duration(changed.call.Talk) * time.Second); !changed.sent.IsZero() && limit.Before(record.At) {
			changed.ended = limit
		}
	}
}

// redact removes the text, as a redacted record tells. It needs the lock.
func (changed *message) redact(record *Record) {
	changed.body = ""
	changed.updated = record.At
}

// pricePerSegment is in hundred-thousandths of the currency: less than the embedded
// tariff says is the most.
const pricePerSegment = 6500

// encode appends the message, or the call, as Twilio's resource.
func (shown *resource) encode(answer []byte, account string) []byte {
	if strings.HasPrefix(shown.sid, callPrefix) {
		return shown.appendCallTo(answer, account)
	}
	return shown.appendTo(answer, account)
}

// appendTo encodes the message as Twilio's resource.
func (shown *resource) appendTo(answer []byte, account string) []byte {
	path := func(answer []byte, end string) []byte {
		answer = append(answer, `"/2010-04-01/Accounts/`...)
		answer = append(answer, account...)
		answer = append(answer, "/Messages/"...)
		answer = append(answer, shown.sid...)
		answer = append(answer, end...)
		return append(answer, '"')
	}
	answer = append(answer, `{"account_sid":`...)
	answer = appendQuoted(answer, account)
	answer = append(answer, `,"api_version":"2010-04-01","body":`...)
	answer = appendQuoted(answer, shown.body)
	answer = appendDate(append(answer, `,"date_created":`...), shown.created)
	answer = appendDate(append(answer, `,"date_sent":`...), shown.sent)
	answer = appendDate(append(answer, `,"date_updated":`...), shown.updated)
	answer = appendText(answer, `,"direction":`, shown.direction())
	answer = shown.appendError(answer)
	answer = append(answer, `,"from":`...)
	answer = appendQuoted(answer, shown.from)
	answer = append(answer, `,"messaging_service_sid":`...)
	if shown.service == "" {
		answer = append(answer, "null"...)
	} else {
		answer = appendQuoted(answer, shown.service)
	}
	answer = append(answer, `,"num_media":"0","num_segments":"`...)
	answer = strconv.AppendInt(answer, int64(shown.segments), 10)
	answer = append(answer, `","price":`...)
	answer = shown.appendPrice(answer)
	answer = append(answer, `,"price_unit":"EUR","sid":`...)
	answer = appendQuoted(answer, shown.sid)
	answer = append(answer, `,"status":`...)
	answer = appendQuoted(answer, shown.status)
	answer = path(append(answer, `,"subresource_uris":{"media":`...), "/Media.json")
	answer = append(answer, `},"to":`...)
	answer = appendQuoted(answer, shown.to)
	answer = path(append(answer, `,"uri":`...), ".json")
	return append(answer, '}')
}

// direction is Twilio's word for who has begun it.
func (shown *resource) direction() string {
	if shown.inbound {
		return "inbound"
	}
	return "outbound-api"
}

func (shown *resource) appendError(answer []byte) []byte {
	if shown.code == 0 {
		return append(answer, `,"error_code":null,"error_message":null`...)
	}
	answer = append(answer, `,"error_code":`...)
	answer = strconv.AppendInt(answer, int64(shown.code), 10)
	answer = append(answer, `,"error_message":`...)
	return appendQuoted(answer, failures[shown.code])
}

// appendPrice writes null until the message has been charged for.
func (shown *resource) appendPrice(answer []byte) []byte {
	if shown.inbound || shown.status != statusDelivered && shown.status != statusUndelivered {
		return append(answer, "null"...)
	}
	return appendCost(answer, shown.segments*pricePerSegment)
}

// appendCost writes hundred-thousandths of the currency that were charged for.
func appendCost(answer []byte, cost int) []byte {
	answer = append(answer, `"-`...)
	answer = strconv.AppendInt(answer, int64(cost/100_000), 10)
	answer = append(answer, '.')
	fraction := strconv.Itoa(100_000 + cost%100_000)
	answer = append(answer, fraction[1:]...)
	return append(answer, '"')
}

// rfc2822 is Twilio's way to write an instant.
const rfc2822 = "Mon, 02 Jan 2006 15:04:05 +0000"

func appendDate(answer []byte, instant time.Time) []byte {
	if instant.IsZero() {
		return append(answer, "null"...)
	}
	answer = append(answer, '"')
	answer = instant.UTC().AppendFormat(answer, rfc2822)
	return append(answer, '"')
}
