package dialer

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// carrierRefused is the reason for a recipient whose message the carrier would
// not create, and provably did not.
const carrierRefused = "CARRIER_REFUSED"

// resendAfter is how soon, in real time, a withdrawn recipient gets its next
// slot where the carrier has named no other time.
const resendAfter = time.Second

// abandon excludes a recipient whose attempt never left the house.
func (d *Dialer) abandon(ctx context.Context, permit Permit, reason string) error {
	return d.ledger.Commit(ctx, &answerMove{sequence: permit.sequence, kind: Refused, reason: reason, at: d.clock.Now()})
}

// turnBack undoes an intent that the gate did not let pass.
func (d *Dialer) turnBack(ctx context.Context, permit Permit, refused refusal) error {
	if refused == refusedObjection {
		return d.abandon(ctx, permit, consent.OptedOut.String())
	}
	return d.ledger.Commit(ctx, &answerMove{
		sequence: permit.sequence, kind: Withdrawn, at: d.clock.Now(), until: d.resendAt(d.clock.Span(resendAfter)),
	})
}

// resendAt is when a withdrawn recipient may be asked about again. While the
// clock is in doubt no instant is named, since it might be years away: such a
// recipient is simply planned, and its feed comes by it again.
func (d *Dialer) resendAt(after time.Duration) time.Time {
	if !d.clockIsSure() {
		return time.Time{}
	}
	return d.clock.Now().Add(after)
}

// settle makes the carrier's answer durable, and tells the dispatcher how the
// line is.
func (d *Dialer) settle(ctx context.Context, receipt Receipt) (arrival, error) {
	answer, permit, now := receipt.answer, receipt.attempt.permit, d.clock.Now()
	back := arrival{answered: true, fault: answer.Kind == Unclear || (answer.Kind == Withdrawn && answer.HTTPStatus == 0)}
	move := &answerMove{sequence: permit.sequence, kind: answer.Kind, sid: answer.SID, code: answer.Code, at: now}
	if answer.Kind == Refused && (answer.Effect == EffectHold || answer.Effect == EffectThrottle) {
		// The fault is ours, not the contact's: nothing was created, and the
		// recipient gets another slot.
		move.kind = Withdrawn
	}
	back.denied, back.concurrent = answer.Kind == Withdrawn && answer.HTTPStatus == http.StatusTooManyRequests, answer.Concurrent
	if move.kind == Withdrawn || move.kind == Refused {
		d.backlog.leave(permit.sequence)
	}
	switch {
	case back.denied: // the account's doing, and not the sender's
		back.rest = answer.RetryAfter
		move.until = d.resendAt(max(back.rest, d.clock.Span(resendAfter)))
	case move.kind == Withdrawn:
		back.rest = max(answer.RetryAfter, d.clock.Span(resendAfter))
		move.until = d.resendAt(back.rest)
	case answer.Effect == EffectObjection:
		move.reason = consent.OptedOut.String()
	case move.kind == Refused:
		move.reason = carrierRefused
	}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return back, fmt.Errorf("write the carrier's answer: %w", err)
	}
	if answer.Kind != Accepted {
		d.log.Warn().Str(FieldEvent, EventAnswer).Str(FieldCampaign, permit.slot.campaign.job.ID).
			Uint64(FieldAttempt, permit.sequence).Stringer(FieldAnswer, answer.Kind).Int(FieldStatus, answer.HTTPStatus).
			Int(FieldCode, answer.Code).Str(FieldDetail, answer.Detail).Send()
	}
	return back, d.follow(ctx, answer.Effect, answer.Code, permit.contact, permit.slot.campaign)
}

// follow does what a carrier's error code asks of us beyond the attempt itself,
// whether it came with the answer or with a status.
func (d *Dialer) follow(ctx context.Context, effect Effect, code int, id contact.ID, c *campaign) error {
	switch effect {
	case EffectObjection:
		_, err := d.Object(ctx, ObjectionFrom(id, "carrier", d.clock.Now()))
		return err
	case EffectHold:
		if c != nil {
			return d.hold(ctx, c, HoldRefused, fmt.Sprintf("the carrier refuses the campaign or its sender: code %d", code))
		}
	case NoEffect, EffectUnreachable, EffectThrottle, EffectFiltered:
	}
	return nil
}

// answerMove enters what one try brought.
type answerMove struct {
	sequence uint64
	kind     AnswerKind
	sid      string
	code     int
	reason   string
	at       time.Time
	// until is when a withdrawn recipient may be asked about again.
	until time.Time
}

// Apply enters the answer. A callback may have been faster: then it has
// settled more than the answer can, and nothing is left to enter.
func (m *answerMove) Apply(tx Tx) {
	b := books{tx}
	a := b.attempt(m.sequence)
	if a == nil {
		b.Fail(fmt.Errorf("attempt %d: an answer came, but there was no intent", m.sequence))
		return
	}
	if a.state != attemptIntended && (a.state != attemptInDoubt || m.kind != Accepted) {
		return
	}
	a.answered, a.code = m.at, m.code
	balance := b.balance(a.recipient.campaign())
	old, _ := b.recipient(a.recipient)
	var next recipient
	var err error
	switch m.kind {
	case Accepted:
		a.state, a.sid = attemptPlaced, m.sid
		next, err = old.place()
	case Refused:
		a.state = attemptStopped
		b.undo(m.sequence, a, &balance)
		next, err = old.exclude(m.reason)
	case Withdrawn:
		a.state = attemptWithdrawn
		b.undo(m.sequence, a, &balance)
		balance.Withdrawn++
		balance.Trial.untry()
		next, err = old.withdraw(m.until)
	case Unclear:
		a.state = attemptInDoubt
		next, err = old.doubt()
	default:
		err = fmt.Errorf("attempt %d: an answer of kind %d", m.sequence, m.kind)
	}
	b.change(a.recipient, &balance, old, next, err)
	b.putAttempt(m.sequence, a)
	b.putBalance(a.recipient.campaign(), &balance)
}

// undo takes an attempt that provably was never created out of what the caps
// and the budget count.
func (b books) undo(sequence uint64, a *attemptRecord, balance *balance) {
	history := b.history(a.contact)
	history.undo(sequence)
	b.putHistory(a.contact, &history)
	balance.Reserved -= a.reserved
	b.unspend(a)
	balance.Segments -= uint64(a.segments)
	balance.Attempts--
}

// Status enters the carrier's word on an attempt. It returns once that is
// durable, and only then may the carrier be told that it was heard.
func (d *Dialer) Status(ctx context.Context, update StatusUpdate) error {
	move := &statusMove{update: update, at: d.clock.Now()}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("write a status: %w", err)
	}
	if update.Status.leaves() {
		d.backlog.leave(update.Attempt)
	}
	if move.strange != "" {
		d.log.Warn().Str(FieldEvent, EventStatusStrange).Uint64(FieldAttempt, update.Attempt).
			Stringer(FieldStatus, update.Status).Str(FieldDetail, move.strange).Send()
		return nil
	}
	c := d.campaignOf(move.campaign)
	if move.ended {
		d.noteHealth(update, move.sender, c)
	}
	return d.follow(ctx, update.Effect, update.Code, move.contact, c)
}

// statusMove merges a status into its attempt.
type statusMove struct {
	update StatusUpdate
	at     time.Time
	// strange says what was odd about it; then it changed nothing.
	strange string
	// contact, campaign and sender are the attempt's; the sender is as its row has it.
	contact  contact.ID
	campaign uint32
	sender   string
	// ended tells that the attempt has ended by it.
	ended bool
}

// Apply merges the status.
func (m *statusMove) Apply(tx Tx) { m.strange = m.merge(books{tx}, m.update) }

func (m *statusMove) merge(b books, update StatusUpdate) string {
	a := b.attempt(update.Attempt)
	switch {
	case a == nil:
		return "there is no such attempt"
	case a.sid != "" && a.sid != update.SID:
		return "the attempt has another name at the carrier"
	case a.state == attemptWithdrawn || a.state == attemptStopped:
		return "the attempt was provably never created"
	}
	campaign := a.recipient.campaign()
	m.contact, m.campaign, m.sender = a.contact, campaign, a.sender
	balance := b.balance(campaign)
	if balance.State == CampaignClosed {
		balance.AfterClosing++
		b.putBalance(campaign, &balance)
		return ""
	}
	a.last = a.last || update.Effect.final()
	merged := a.status.Merge(update.Status)
	if merged == a.status && a.state != attemptIntended && a.state != attemptInDoubt {
		return "" // told twice, or late
	}
	if a.code == 0 {
		a.code = update.Code
	}
	if a.status == StatusAnswered && merged.Outcome() == OutcomeFailed && merged.Final() {
		balance.Abandoned++
	}
	a.status, a.sid = merged, update.SID
	if a.state == attemptPlaced && !merged.Final() {
		b.rewriteAttempt(update.Attempt, a) // it is on its way: nothing else has changed
		return ""
	}
	if merged.Final() && update.Effect == EffectFiltered {
		balance.Filtered++
	}
	old, _ := b.recipient(a.recipient)
	if a.state == attemptIntended || a.state == attemptInDoubt {
		a.state, a.answered = attemptPlaced, m.at
		next, err := old.place()
		b.change(a.recipient, &balance, old, next, err)
		old = next
	}
	if merged.Final() && a.state == attemptPlaced {
		b.finish(a, &balance, old, merged.Outcome(), m.at)
		m.ended = true
	}
	b.putAttempt(update.Attempt, a)
	b.putBalance(campaign, &balance)
	return ""
}

// finish ends an attempt with its outcome, and its recipient too unless the job
// wants a next step.
func (b books) finish(a *attemptRecord, balance *balance, old recipient, outcome Outcome, at time.Time) {
	a.state, a.outcome, a.final = attemptFinal, outcome, at
	next, err := old.finish(outcome)
	if until, again := b.nextStep(a, balance.State, outcome, at); err == nil && again {
		next, err = next.again(until)
	}
	b.change(a.recipient, balance, old, next, err)
}
