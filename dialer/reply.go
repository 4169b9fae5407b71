package dialer

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// What a contact is told in answer to a text. An opt-out is confirmed once at
// most, in time, and only where the pack allows it; a call for help gets the
// pack's words. Nobody is told anything who has never heard from us: an answer
// names the party that the contact last heard from. An answer that fails is left
// out: what the text said is in force already.

// help returns the answer to a call for help, empty for none.
func (d *Dialer) help(id contact.ID, text InboundText) string {
	c := d.lastReached(id, isText)
	if c == nil {
		return ""
	}
	return c.pack.Help(d.replyNames(c, text))
}

// confirm returns the confirmation of an opt-out that is in effect, empty where
// there must be none. That it was given is on record before it is.
func (d *Dialer) confirm(ctx context.Context, id contact.ID, text InboundText) string {
	c := d.lastReached(id, isText)
	if c == nil {
		return ""
	}
	now := d.clock.Now()
	words := c.pack.Confirmation(d.replyNames(c, text), now)
	if words == "" {
		return ""
	}
	move := &confirmMove{campaign: c, sender: c.addressed(text.To), contact: id, facts: &facts{names: map[string]string{}}, optedOut: text.ReceivedAt, at: now}
	known, err := d.directory.Contact(id, &move.facts.contact)
	if move.facts.contact.ID = id; !known || err != nil {
		return ""
	}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return ""
	}
	d.log.Info().Str(FieldEvent, EventConfirmation).Stringer(FieldContact, id).Stringer(FieldReason, move.decision.Reason).
		Str(FieldRule, move.decision.Rule).Send()
	if !move.decision.Allowed() {
		return ""
	}
	return words
}

func isText(channel contact.Channel) bool { return channel == contact.SMS }

// lastReached returns the campaign that last reached out to the contact on such a
// channel, nil for none.
func (d *Dialer) lastReached(id contact.ID, on func(contact.Channel) bool) *campaign {
	var record *campaignRecord
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for _, past := range b.history(id).past {
			if !on(past.channel) {
				continue
			}
			if a := b.attempt(past.sequence); a != nil {
				record, _ = b.campaign(a.recipient.campaign())
			}
		}
		return nil
	})
	if record == nil || err != nil {
		return nil
	}
	// A campaign that no longer fits the registry speaks for nobody.
	c, faults := d.compile(record)
	if len(faults) > 0 {
		return nil
	}
	return c
}

func (d *Dialer) replyNames(c *campaign, text InboundText) consent.ReplyNames {
	party, _ := d.registry.Party(c.job.Party)
	return consent.ReplyNames{Sender: text.To, Party: party.Name}
}

// confirmMove decides whether an opt-out may be confirmed and, if so, notes that
// it was.
type confirmMove struct {
	campaign *campaign
	sender   *Sender
	contact  contact.ID
	facts    *facts
	optedOut time.Time
	at       time.Time

	decision consent.Decision
}

// Apply asks the rules, as before any other message. What is in flight does not
// matter: the contact has asked, and the answer is no attempt.
func (m *confirmMove) Apply(tx Tx) {
	b := books{tx}
	person := m.facts.gather(b, m.campaign, m.at)
	person.InFlight = false
	person.OptOutAt = m.optedOut
	if row := b.Get(BucketConfirmation, m.contact[:]); row != nil {
		given := instant(int64(binary.BigEndian.Uint64(row)))
		person.ConfirmationsSent = 1
		for i := range person.Grants {
			if person.Grants[i].GivenAt.After(given) {
				person.ConfirmationsSent = 0 // another opt-out than the one that was confirmed
			}
		}
	}
	terms := m.campaign.terms
	m.sender.speak(&terms)
	terms.Message.Kind, terms.Margin = consent.OptOutConfirmation, 0
	if m.decision = m.campaign.pack.Decide(&terms, person, m.at); m.decision.Allowed() {
		b.Put(BucketConfirmation, append([]byte(nil), m.contact[:]...), binary.BigEndian.AppendUint64(nil, uint64(nanoseconds(m.at))))
	}
}
