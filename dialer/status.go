package dialer

import "fmt"

// CarrierStatus is how far a message or a call is, in the carrier's words.
// Callbacks come late, twice and out of order; a status never goes back over the
// ranks below.
type CarrierStatus uint8

// The statuses. Their order is that of the ledger's rows, not that in which they
// follow each other: see rank.
const (
	StatusUnknown CarrierStatus = iota
	StatusQueued
	StatusSending
	StatusSent
	StatusDelivered
	StatusUndelivered
	StatusFailed
	StatusCanceled
	// StatusRinging and those after it are a call's alone.
	StatusRinging
	StatusAnswered
	StatusAnsweredMachine
	StatusCompleted
	StatusCompletedMachine
	StatusBusy
	StatusNoAnswer
	carrierStatusCount
)

var statusNames = [...]string{
	StatusUnknown: "unknown", StatusQueued: "queued", StatusSending: "sending", StatusSent: "sent",
	StatusDelivered: "delivered", StatusUndelivered: "undelivered", StatusFailed: "failed", StatusCanceled: "canceled",
	StatusRinging: "ringing", StatusAnswered: "answered", StatusAnsweredMachine: "answered_machine",
	StatusCompleted: "completed", StatusCompletedMachine: "completed_machine", StatusBusy: "busy", StatusNoAnswer: "no_answer",
}

// rank is how far a status is along its way. A call's events are numbered by the
// carrier in this same order; the numbers say nothing more, and its lists do not
// have them.
var rank = [carrierStatusCount]uint8{
	StatusUnknown: 0, StatusQueued: 1, StatusSending: 2, StatusRinging: 3,
	StatusSent: 4, StatusAnswered: 4, StatusAnsweredMachine: 5,
	StatusDelivered: rankFinal, StatusUndelivered: rankFinal, StatusFailed: rankFinal, StatusCanceled: rankFinal,
	StatusCompleted: rankFinal, StatusCompletedMachine: rankFinal, StatusBusy: rankFinal, StatusNoAnswer: rankFinal,
}

// rankOut is from where on a message has left the carrier, or a call was answered;
// rankFinal from where on nothing follows.
const rankOut, rankFinal = 4, 6

func (s CarrierStatus) rank() uint8 {
	if s < carrierStatusCount {
		return rank[s]
	}
	return 0
}

// String returns the status's name.
func (s CarrierStatus) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Final tells whether no other status can follow.
func (s CarrierStatus) Final() bool { return s.rank() >= rankFinal }

// out tells that the carrier cannot call it back any more: the message has left, or
// the call was answered.
func (s CarrierStatus) out() bool { return s.rank() >= rankOut }

// leaves tells that the carrier is done with it: a text has left its queue, or a
// call is over.
func (s CarrierStatus) leaves() bool { return s == StatusSent || s.Final() }

// Merge returns what is known after both s, known so far, and news. The first final
// status stays.
func (s CarrierStatus) Merge(news CarrierStatus) CarrierStatus {
	switch {
	case s == StatusAnsweredMachine && news == StatusCompleted:
		return StatusCompletedMachine
	case s.Final() || news.rank() <= s.rank():
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
	case StatusCompleted:
		return OutcomeAnsweredHuman
	case StatusCompletedMachine:
		return OutcomeAnsweredMachine
	case StatusBusy:
		return OutcomeBusy
	case StatusNoAnswer:
		return OutcomeNoAnswer
	case StatusUnknown, StatusQueued, StatusSending, StatusSent, StatusRinging, StatusAnswered, StatusAnsweredMachine, carrierStatusCount:
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

// The outcomes, of texts and of calls.
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
