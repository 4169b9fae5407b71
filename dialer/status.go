package dialer

import "fmt"

// CarrierStatus is how far a message is, in the carrier's words. The order of
// the constants is the lattice over which callbacks merge: a status never goes
// back, since callbacks come late, twice and out of order.
type CarrierStatus uint8

// The statuses, in the order in which they can follow each other. The last
// four are final; the first final one stays.
const (
	StatusUnknown CarrierStatus = iota
	StatusQueued
	StatusSending
	StatusSent
	StatusDelivered
	StatusUndelivered
	StatusFailed
	StatusCanceled
)

var statusNames = [...]string{
	StatusUnknown: "unknown", StatusQueued: "queued", StatusSending: "sending", StatusSent: "sent",
	StatusDelivered: "delivered", StatusUndelivered: "undelivered", StatusFailed: "failed", StatusCanceled: "canceled",
}

// String returns the status's name.
func (s CarrierStatus) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Final tells whether no other status can follow.
func (s CarrierStatus) Final() bool { return s >= StatusDelivered }

// Merge returns what is known after both s, known so far, and news.
func (s CarrierStatus) Merge(news CarrierStatus) CarrierStatus {
	if s.Final() || news <= s {
		return s
	}
	return news
}

// Outcome returns what a final status means for the recipient; it may only be
// asked of a final one.
func (s CarrierStatus) Outcome() Outcome {
	switch s {
	case StatusDelivered:
		return OutcomeDelivered
	case StatusUndelivered:
		return OutcomeUndelivered
	case StatusFailed, StatusCanceled:
		return OutcomeFailed
	case StatusUnknown, StatusQueued, StatusSending, StatusSent:
		return OutcomeUnknown
	default:
		return OutcomeUnknown
	}
}

// StatusUpdate is the carrier's word on one attempt, from a callback whose
// signature and MAC were found good, or from the carrier's list.
type StatusUpdate struct {
	Attempt uint64
	SID     string
	Status  CarrierStatus
	// Code is the carrier's error code, 0 where there was none, and Effect what
	// it asks of us.
	Code   int
	Effect Effect
}

// Outcome is how a recipient's last attempt ended.
type Outcome uint8

// The outcomes. Those of calls stand here so that books and reports need not
// change when calls come.
const (
	NoOutcome Outcome = iota
	OutcomeDelivered
	OutcomeUndelivered
	OutcomeFailed
	OutcomeAnsweredHuman
	OutcomeAnsweredMachine
	OutcomeNoAnswer
	OutcomeBusy
	OutcomeUnknown
	outcomeCount
)

var outcomeNames = [...]string{
	NoOutcome: "none", OutcomeDelivered: "delivered", OutcomeUndelivered: "undelivered", OutcomeFailed: "failed",
	OutcomeAnsweredHuman: "answered_human", OutcomeAnsweredMachine: "answered_machine",
	OutcomeNoAnswer: "no_answer", OutcomeBusy: "busy", OutcomeUnknown: "unknown",
}

// String returns the outcome's name as books and reports write it.
func (o Outcome) String() string {
	if o < outcomeCount {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// ParseOutcome reads an outcome's name.
func ParseOutcome(name string) (Outcome, error) {
	for o, n := range outcomeNames {
		if n == name && Outcome(o) != NoOutcome {
			return Outcome(o), nil
		}
	}
	return NoOutcome, fmt.Errorf("outcome %q is not known", name)
}

// Reached tells whether the message came to a person or their voicemail.
func (o Outcome) Reached() bool {
	return o == OutcomeDelivered || o == OutcomeAnsweredHuman || o == OutcomeAnsweredMachine
}
