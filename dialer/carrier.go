package dialer

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Carrier places what the gate lets through. It never retries, never follows a
// redirect and never decides: it says what it knows and no more.
type Carrier interface {
	// Place makes one try. It returns an Answer in every case: what it cannot
	// prove is Unclear.
	Place(ctx context.Context, request Request) Answer
	// Cancel asks the carrier not to send what it still queues. That it came
	// too late is not an error.
	Cancel(ctx context.Context, sid string) error
	// Forget deletes the carrier's copy of a message that is over, sent or
	// received. That there is none is not an error; that it may not be deleted
	// wraps ErrNotForgotten.
	Forget(ctx context.Context, sid string) error
}

// ErrNotForgotten is wrapped where the carrier keeps a copy although it was
// asked in due form: to ask again at once is of no use.
var ErrNotForgotten = errors.New("the carrier keeps its copy")

// CarrierRecords is what the carrier remembers for us.
type CarrierRecords interface {
	// Find lists the messages to a number, or for a channel of voice the calls, that
	// were created at or after since.
	Find(ctx context.Context, channel contact.Channel, to contact.Number, since time.Time) ([]Record, error)
	// Outbound lists the messages and calls of our senders that were created at or
	// after since, the newest first of each kind, a page at a time. A list that cannot be read to
	// its end yields an error last: a part must not pass for the whole.
	Outbound(ctx context.Context, since time.Time) iter.Seq2[[]Record, error]
	// Inbound lists the texts received at or after since, oldest first.
	Inbound(ctx context.Context, since time.Time) ([]InboundText, error)
}

// Request is one message to one number: the only value, beside the sealed
// directory row, that can show a number's digits.
type Request struct {
	// Attempt is the attempt's sequence number. The carrier's status
	// callbacks bring it back, with a MAC.
	Attempt uint64
	To      contact.Number
	From    string
	Body    string
	// ValidFor is how long the carrier may keep the message in its queue.
	ValidFor time.Duration
	// Call is set where the number is to be rung; Body is said in it.
	Call *CallTerms
}

// AnswerKind says what is known after the one try.
type AnswerKind uint8

// The kinds of answer. There is no fourth.
const (
	// Unclear is everything that proves neither: the attempt is in doubt.
	Unclear AnswerKind = iota
	// Accepted means the carrier created the message and named it.
	Accepted
	// Refused means the carrier provably created nothing and never will.
	Refused
	// Withdrawn means that provably nothing was created and a later slot may
	// try again: the rate limit was hit or no connection was made.
	Withdrawn
)

// Answer is what one try brought.
type Answer struct {
	Kind AnswerKind
	// SID is the carrier's name for the message, where Kind is Accepted.
	SID string
	// HTTPStatus is 0 where no response was read.
	HTTPStatus int
	// Code is the carrier's own error code, 0 where there was none.
	Code int
	// Effect is what a refusal with that code asks of us.
	Effect Effect
	// RetryAfter is how long the carrier asked us to wait, if it did.
	RetryAfter time.Duration
	// Concurrent is how many requests of the account the carrier was dealing with,
	// 0 where it did not say.
	Concurrent int
	// Detail says what happened, for the log. It holds no number.
	Detail string
}

// Effect is what a carrier's error code asks of us beyond the attempt itself.
type Effect uint8

// The effects, from the carrier's error table.
const (
	// NoEffect concerns this attempt alone.
	NoEffect Effect = iota
	// EffectObjection means the contact has told the carrier STOP.
	EffectObjection
	// EffectUnreachable means the number cannot be reached on this channel.
	EffectUnreachable
	// EffectHold means the campaign itself or its sender is at fault.
	EffectHold
	// EffectThrottle means we were too fast.
	EffectThrottle
	// EffectFiltered means a carrier has dropped the message as unwanted: one is
	// nothing, a share of them holds the campaign.
	EffectFiltered
)

// final tells whether another try to the contact is of no use.
func (e Effect) final() bool {
	return e == EffectFiltered || e == EffectUnreachable || e == EffectObjection || e == EffectHold
}

// Record is a message or a call as the carrier remembers it.
type Record struct {
	SID string
	To  contact.Number
	// Call tells that it is one: then nobody remembers what was said, and Body is
	// empty.
	Call bool
	// From is the sender that was named in the request.
	From      string
	Body      string
	CreatedAt time.Time
	// Price is what the message has cost, in the currency; none is named before
	// the carrier has charged for it.
	Price    Money
	Currency string
	Status   CarrierStatus
	Code     int
	Effect   Effect
}

// InboundText is a text that a contact sent to one of our senders.
type InboundText struct {
	SID        string
	From       contact.Number
	To         string
	Body       string
	ReceivedAt time.Time
	// HeardAt is the real instant at which a callback brought the text; zero
	// where a list did.
	HeardAt time.Time
	// CarrierStopped tells that the carrier has taken the text for an opt-out
	// and answered it itself.
	CarrierStopped bool
	// NoReply tells that no answer can be given: the carrier has answered itself,
	// or nobody waits for one.
	NoReply bool
}
