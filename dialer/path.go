package dialer

import (
	"context"
	"errors"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// The path of one contact. Each step takes the value that the step before it
// made, and there is no other way to come by one:
//
//	Slot      the pacer grants capacity to a recipient
//	Permit    the rules allow it, and the intent is on disk
//	Attempt   the gate saw no objection since, and marked the contact in flight
//	Receipt   what the carrier answered to the one try
//
// What follows comes back from the carrier: a status callback, the outcome.

// Slot is capacity for one message to one recipient, with the text that the
// recipient gets and the sender that it comes from, granted by the pacer.
type Slot struct {
	campaign  *campaign
	recipient recipientKey
	text      *wording
	sender    *Sender
}

// Permit says that a recipient may be contacted now: the full decision was
// allow, in the very transaction that made the intent durable.
type Permit struct {
	slot     Slot
	contact  contact.ID
	person   contact.PersonID
	sequence uint64
	notAfter time.Time
	// known is how far ahead the rules have looked: by then the message must
	// have been sent.
	known time.Time
}

// Attempt is one try that has passed the gate: its request is in flight.
type Attempt struct {
	permit  Permit
	request Request
	flight  *flight
}

// Receipt is what one try brought.
type Receipt struct {
	attempt Attempt
	answer  Answer
}

// travel takes one recipient from slot to receipt. It returns what the
// dispatcher must know: whether the recipient was dealt with, must wait with
// all of its zone group, or can be asked about again.
func (d *Dialer) travel(ctx context.Context, slot Slot) (arrival, error) {
	if !d.ready() {
		return arrival{undecided: true}, nil
	}
	slot.campaign = d.underway(slot.campaign)
	permit, decided, err := d.permit(ctx, slot)
	if err != nil {
		return arrival{}, err
	}
	if !permit.granted() {
		return decided, d.obey(ctx, slot.campaign, decided)
	}
	request, err := d.request(permit)
	if errors.Is(err, ErrUnknownContact) {
		return arrival{}, d.abandon(ctx, permit, consent.Erased.String())
	}
	if err != nil {
		return arrival{}, err
	}
	if !d.ready() { // since the decision a halt or a gap has come, or the clock has moved
		return arrival{undecided: true}, d.turnBack(ctx, permit, refusedLate)
	}
	attempt, refused := d.pass(permit, request)
	if refused != passed {
		return arrival{}, d.turnBack(ctx, permit, refused)
	}
	d.backlog.enter(permit.sequence, handedOver{
		sender: slot.sender.ID, segments: slot.text.size.Segments, begun: d.clock.Now(), call: request.IsCall(),
	})
	receipt := d.place(ctx, attempt)
	return d.settle(ctx, receipt)
}

// pass takes a permit through the gate, unless an order has stopped its campaign
// since the decision. That is asked last: once the order is answered nobody passes.
func (d *Dialer) pass(permit Permit, request Request) (Attempt, refusal) {
	attempt, refused := d.gate.pass(permit, request, d.clock.Now())
	if refused == passed && d.halted(permit.slot.campaign) {
		d.gate.land(attempt)
		return Attempt{}, refusedLate
	}
	return attempt, refused
}

// place makes the one try. The request outlives a shutdown's patience only as
// far as the carrier's own time-out.
func (d *Dialer) place(ctx context.Context, attempt Attempt) Receipt {
	defer d.gate.land(attempt)
	return Receipt{attempt: attempt, answer: d.carrier.Place(ctx, attempt.request)}
}
