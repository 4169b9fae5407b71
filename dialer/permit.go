package dialer

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent"
)

// permitLife is how long a permit is good for, in real time. What has not begun
// by then is withdrawn and decided anew: the world may have changed.
const permitLife = 2 * time.Second

// granted tells whether the permit is one: the zero Permit permits nothing.
func (p Permit) granted() bool { return p.sequence != 0 }

// permit asks for the decision and, if it is allow, has the intent written in
// the same transaction.
func (d *Dialer) permit(ctx context.Context, slot Slot) (Permit, arrival, error) {
	f := factsPool.Get().(*facts)
	defer factsPool.Put(f)
	id := slot.recipient.id(slot.campaign.mask)
	known, err := d.directory.Contact(id, &f.contact)
	if err != nil {
		return Permit{}, arrival{}, fmt.Errorf("look a contact up: %w", err)
	}
	now := d.clock.Now()
	// The rules have looked no further ahead than the margin (I4).
	life := min(d.clock.Span(permitLife), handoverMargin)
	move := &intend{slot: slot, facts: f, known: known, at: now, notAfter: now.Add(life)}
	move.facts.contact.ID = id
	_, _ = rand.Read(move.salt[:]) // never fails (crypto/rand)
	if err := d.ledger.Commit(ctx, move); err != nil {
		return Permit{}, arrival{}, fmt.Errorf("decide and write the intent: %w", err)
	}
	if move.decision.Verdict != 0 {
		d.tallies.decided(move.decision.Reason)
	}
	if move.decision.Verdict == consent.Deny || move.decision.Verdict == consent.Defer {
		d.log.Debug().Str(FieldEvent, EventDecision).Str(FieldCampaign, slot.campaign.job.ID).Stringer(FieldContact, id).
			Stringer(FieldReason, move.decision.Reason).Str(FieldRule, move.decision.Rule).Send()
	}
	return move.permit, move.arrival, nil
}

// obey ends or holds the campaign where the decision asks for it.
func (d *Dialer) obey(ctx context.Context, c *campaign, decided arrival) error {
	if decided.overBudget {
		return d.turn(ctx, c.job.ID, &stateMove{
			number: c.number, from: diallingStates, to: CampaignClosing, ending: EndingBudget,
		})
	}
	if decided.held != "" {
		return d.hold(ctx, c, HoldContent, "a rule halts the campaign: "+decided.held)
	}
	return nil
}

// intend is the decision and the intent as one move of the ledger.
type intend struct {
	slot     Slot
	facts    *facts
	known    bool
	at       time.Time
	notAfter time.Time
	salt     [16]byte

	permit   Permit
	arrival  arrival
	decision consent.Decision
	// basis names what the decision rests on.
	basis consent.Permit
	// ownHours tells that the contact has agreed to hours of their own: they may be
	// called at other times than their neighbours.
	ownHours bool
}

// Apply decides, and writes what was decided.
func (m *intend) Apply(tx Tx) {
	b := books{tx}
	c := m.slot.campaign
	balance := b.balance(c.number)
	if !balance.dials() || !m.at.Before(c.job.Schedule.End) {
		m.arrival.undecided = true // the steward may be busy: the end holds all the same
		return
	}
	old, found := b.recipient(m.slot.recipient)
	if !found || (old.state != RecipientPlanned && old.state != RecipientWaiting) || old.until.After(m.at) {
		return // dealt with meanwhile
	}
	if m.known && c.misdrawn(m.slot.recipient, &m.facts.contact) {
		next, err := old.exclude(rectified)
		b.change(m.slot.recipient, &balance, old, next, err)
		b.putBalance(c.number, &balance)
		return
	}
	m.decide(b)
	if m.decision.Allowed() && c.spent+balance.Reserved+m.slot.text.price > c.job.Budget {
		// I7: not a cent more. What is intended may still be withdrawn and give
		// its money back: only after that is it spent.
		m.arrival.overBudget = balance.Recipients[RecipientIntended] == 0
		m.arrival.undecided = !m.arrival.overBudget
		return
	}
	if again, over := c.overDay(b, m.slot.text.price, m.at); m.decision.Allowed() && over {
		m.wait(b, &balance, old, again, dayCapReason, true)
		b.putBalance(c.number, &balance)
		return
	}
	switch m.decision.Verdict {
	case consent.Allow:
		m.allow(b, &balance, old)
	case consent.Defer:
		m.deferred(b, &balance, old)
	case consent.Deny:
		next, err := old.exclude(m.decision.Reason.String())
		b.change(m.slot.recipient, &balance, old, next, err)
	case consent.Halt:
		if m.decision.Reason == consent.PackExpired {
			m.arrival.undecided = true // all dialling is halted, and goes on by itself under new rules
			return
		}
		m.arrival.held = m.decision.Reason.String()
	default:
		b.Fail(fmt.Errorf("campaign %d: a decision without a verdict", c.number))
	}
	b.putBalance(c.number, &balance)
}

// decide asks the rules, over everything that is known at this instant.
func (m *intend) decide(b books) {
	c := m.slot.campaign
	if !m.known {
		m.decision = consent.Decision{Verdict: consent.Deny, Reason: consent.Erased, Rule: "I15"}
		return
	}
	if denied, already := b.alreadyContacted(c, m.facts.contact.ID, m.at); already && !c.mayRepeat() {
		m.decision = denied
		return
	}
	person := m.facts.gather(b, c, m.at)
	m.ownHours = slices.ContainsFunc(person.Grants, func(g consent.Grant) bool { return !g.Slot.IsZero() })
	m.facts.terms = c.terms
	m.slot.sender.speak(&m.facts.terms)
	if m.basis, m.decision = c.pack.Permit(&m.facts.terms, person, m.at); !m.decision.Allowed() {
		return
	}
	if later, deferred := c.job.Schedule.defers(person.Zones, m.at); deferred {
		m.decision = later
	}
}

// allow writes the intent: from here on the attempt counts, whatever happens.
func (m *intend) allow(b books, balance *balance, old recipient) {
	c := m.slot.campaign
	grant, _ := m.basis.Grant()
	a := &attemptRecord{
		recipient: m.slot.recipient, contact: m.facts.contact.ID, step: old.step + 1,
		grant: grant, pack: b.packIndex(c.pack.Version()), text: m.slot.text.hash, salt: m.salt,
		intended: m.at, notAfter: m.notAfter, segments: uint8(m.slot.text.units), reserved: m.slot.text.price,
		state: attemptIntended,
	}
	a.sentBy(m.slot.sender.ID, c.job)
	sequence := b.begin(auditIntent, a, c.job, balance, old)
	m.permit = Permit{
		slot: m.slot, contact: a.contact, person: m.facts.contact.Person, sequence: sequence,
		notAfter: m.notAfter, known: m.at.Add(handoverMargin),
	}
}

// begin books an attempt in state intended, with its leaf in the audit log, and
// returns its sequence number.
func (b books) begin(kind auditKind, a *attemptRecord, job *Job, balance *balance, old recipient) uint64 {
	sequence := b.next(sequenceAttempt)
	b.putAttempt(sequence, a)
	b.audit(kind, append(a.appendIntent(make([]byte, 0, intentPart+len(a.sender))), a.sender...))
	history := b.history(a.contact)
	history.begin(pastAttempt{sequence, a.intended, job.Channel, job.Party})
	b.putHistory(a.contact, &history)
	balance.Attempts++
	balance.Segments += uint64(a.segments)
	balance.Reserved += a.reserved
	b.bill(a, job.Party, a.reserved)
	balance.Trial.try()
	next, err := old.intend(sequence)
	b.change(a.recipient, balance, old, next, err)
	return sequence
}

// deferred leaves the recipient planned where the whole zone group must wait,
// and otherwise makes it wait for an instant of its own. One that has waited for
// its own instant before waits so again: it is not in its group's line.
func (m *intend) deferred(b books, balance *balance, old recipient) {
	until := m.decision.Until
	if !until.After(m.at) {
		until = m.at.Add(m.slot.campaign.askAgain())
	}
	if m.decision.Reason == consent.Exclusivity && until.After(m.at.Add(reservedAgain)) {
		until = m.at.Add(reservedAgain)
	}
	m.wait(b, balance, old, until, m.decision.Reason.String(), wholeGroup[m.decision.Reason] && !m.ownHours)
}

func (m *intend) wait(b books, balance *balance, old recipient, until time.Time, reason string, whole bool) {
	if whole && old.until.IsZero() && until.After(m.at) {
		m.arrival.parkUntil, m.arrival.parkReason = until, reason
		return
	}
	next, err := old.wait(until, reason)
	b.change(m.slot.recipient, balance, old, next, err)
}

// wholeGroup are the reasons to wait that hold for everybody who may be in the
// same time zones. Election silence is not among them: it goes by where a
// contact is registered, and one voter overseas must not keep a country silent.
var wholeGroup = map[consent.Reason]bool{consent.CallingWindow: true, consent.CallingHoliday: true}

// askAgain is how long a recipient waits where nobody knows when the answer
// will change: until an attempt in flight is over, or a list is fresh again.
const askAgain = 15 * time.Minute

// reservedAgain is how long a recipient in a reserved segment waits at most: an
// operator may end the reservation before its time.
const reservedAgain = time.Hour

// request opens the one sealed number, for the carrier request alone.
func (d *Dialer) request(permit Permit) (Request, error) {
	number, err := d.directory.Number(permit.contact)
	if err != nil {
		return Request{}, fmt.Errorf("open a contact's number: %w", err)
	}
	c, now := permit.slot.campaign, d.clock.Now()
	request := Request{
		Attempt: permit.sequence, To: number, From: permit.slot.sender.ID, Body: permit.slot.text.body,
		ValidFor: min(validFor, permit.known.Sub(now), c.job.Schedule.End.Sub(now)),
	}
	if c.job.isCall() {
		request.Call = c.job.callTerms(c.job.script(d.registry, c.pack, request.Body))
	}
	return request, nil
}

// validFor is how long the carrier may keep a message in its queue. A permit's
// life, the longest that an answer may take (45 s) and this together are shorter
// than the margin by which requests end before a window closes.
const validFor = 4 * time.Minute

// handoverMargin is how long before a window or a silence closes the last
// request begins: what the carrier may queue is still sent in time.
const handoverMargin = 5 * time.Minute
