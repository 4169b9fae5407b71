package dialer

import (
	"context"
	"fmt"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// What models do by hand: each is one move of the steward's, of a worker's or of
// the start, made when the model says so.

// StartNow plans an accepted campaign and makes it run.
func (d *Dialer) StartNow(ctx context.Context, name string) error {
	c, err := d.campaignNamed(name)
	if err != nil {
		return err
	}
	if err := d.plan(ctx, c); err != nil {
		return err
	}
	d.forget(c.number) // its zone groups are known now
	return d.turn(ctx, name, &stateMove{number: c.number, from: []CampaignState{CampaignPlanned}, to: CampaignRunning})
}

// campaignNamed works a campaign out as it stands in the ledger, once.
func (d *Dialer) campaignNamed(name string) (*campaign, error) {
	var record *campaignRecord
	var known *campaign
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		number := b.named(name)
		if known = d.campaignOf(number); known == nil {
			record, _ = b.campaign(number)
		}
		return nil
	})
	if known != nil {
		return known, nil
	}
	if err != nil || record == nil {
		return nil, fmt.Errorf("no campaign %q, %w", name, err)
	}
	c, faults := d.compile(record)
	if len(faults) > 0 {
		return nil, fmt.Errorf("campaign %q: %s", name, faults[0])
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.compiled[c.number] = c
	return c, nil
}

// DecisionOn is what the rules say of a contact at this instant. Nothing is
// written.
func (d *Dialer) DecisionOn(name string, id contact.ID) (consent.Decision, error) {
	c, err := d.campaignNamed(name)
	if err != nil {
		return consent.Decision{}, err
	}
	f := &facts{names: map[string]string{}}
	if _, err := d.directory.Contact(id, &f.contact); err != nil {
		return consent.Decision{}, err
	}
	var decision consent.Decision
	err = d.ledger.View(func(tx Tx) error {
		_, decision = c.pack.Permit(&c.terms, f.gather(books{tx}, c, d.clock.Now()), d.clock.Now())
		return nil
	})
	return decision, err
}

// Asked is what became of one slot.
type Asked struct {
	permit Permit
	// OverBudget tells that the money is spent, Undecided that nothing was asked.
	OverBudget, Undecided bool
}

// Granted tells whether there is a permit.
func (a Asked) Granted() bool { return a.permit.granted() }

// Attempt is the permit's attempt, 0 for none.
func (a Asked) Attempt() uint64 { return a.permit.sequence }

// Ask hands out a slot to a recipient of the campaign.
func (d *Dialer) Ask(ctx context.Context, name string, id contact.ID) (Asked, error) {
	c, err := d.campaignNamed(name)
	if err != nil {
		return Asked{}, err
	}
	var slot Slot
	err = d.ledger.View(func(tx Tx) error {
		for key := range (books{tx}).prefixed(BucketRecipient, campaignKey(c.number)) {
			if key := recipientKey(key); key.id(c.mask) == id {
				slot = c.slot(key, c.senderFor(id, nil))
			}
		}
		return nil
	})
	if err != nil || slot.campaign == nil {
		return Asked{}, fmt.Errorf("campaign %q has no such recipient, %w", name, err)
	}
	permit, arrived, err := d.permit(ctx, slot)
	return Asked{permit, arrived.overBudget, arrived.undecided}, err
}

// Answered enters what the carrier answered to the permit's request.
func (d *Dialer) Answered(ctx context.Context, a Asked, answer Answer) error {
	_, err := d.settle(ctx, Receipt{attempt: Attempt{permit: a.permit}, answer: answer})
	return err
}

// StoppedAtTheGate undoes the permit, since the contact has objected or it has
// lapsed.
func (d *Dialer) StoppedAtTheGate(ctx context.Context, a Asked, objected bool) error {
	if objected {
		return d.turnBack(ctx, a.permit, refusedObjection)
	}
	return d.turnBack(ctx, a.permit, refusedLate)
}

// LookUpNow looks up what is due for it, and DoubtNow does what every start does
// first.
func (d *Dialer) LookUpNow(ctx context.Context) error { return d.lookUp(ctx) }

// DoubtNow marks open intents as in doubt.
func (d *Dialer) DoubtNow(ctx context.Context) error { return d.doubtOpenIntents(ctx) }

// SweepNow excludes what a closing campaign will not dial any more.
func (d *Dialer) SweepNow(ctx context.Context, name string) error {
	c, err := d.campaignNamed(name)
	if err != nil {
		return err
	}
	return d.sweep(ctx, c.number, name, "CANCELLED")
}
