package dialer

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/hustings/hustings/consent/contact"
)

// Seeds are phones of the broker's own that are dialled within every campaign: the
// first as it begins, the others one after the other as it goes on, so that the
// broker sees at any time what electors get, and how long it takes. Each is a
// campaign of its own, as a test is, and so in no audience, figure, report, claim,
// share or bill. None is dialled while its campaign is not.

// seedsDue are the seeds whose turn has come and who have not had it. Of n seeds
// each has its turn after another n-th of the audience.
func (d *Dialer) seedsDue(t tended) []contact.ID {
	seeds, b := d.own.of(true), &t.balance
	if len(seeds) == 0 || b.Audience == 0 || isTest(t.record.Number) {
		return nil
	}
	turn := 1 + (b.Audience-b.undialled())*uint64(len(seeds))/b.Audience
	due := int(min(turn, uint64(len(seeds))))
	return seeds[min(t.record.Seeded, due):due]
}

// seed gives seeds their turn.
func (d *Dialer) seed(ctx context.Context, t tended, due []contact.ID) error {
	phones, err := d.ownPhones(due)
	if err != nil {
		return err
	}
	move := &seedMove{ownPhones: phones, number: t.record.Number, from: t.record.Seeded}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("dial the seeds of campaign %s: %w", t.record.Job.ID, err)
	}
	d.wake()
	return nil
}

// seedMove writes a campaign for each of some seeds.
type seedMove struct {
	*ownPhones
	number uint32
	// from counts those that have had their turn.
	from int
}

// Apply writes them, if their campaign still dials and they have not had their turn.
// Of several texts each gets the next.
func (m *seedMove) Apply(tx Tx) {
	b := books{tx}
	record, found := b.campaign(m.number)
	if !found || record.Seeded != m.from || !slices.Contains(diallingStates, b.balance(m.number).State) {
		return
	}
	texts := record.Job.Message.texts()
	for i, one := range m.drawn {
		phone := *m.ownPhones
		phone.drawn = []drawn{one}
		phone.write(b, &record.Job, texts[(m.from+i)%len(texts)], testNote{Campaign: record.Job.ID, Seed: true})
	}
	record.Seeded += len(m.drawn)
	b.putCampaign(record)
}

// seedsWithin yields the campaigns to seeds within a campaign, and where they stand.
func (b books) seedsWithin(number uint32) iter.Seq2[uint32, CampaignState] {
	return func(yield func(uint32, CampaignState) bool) {
		record, found := b.campaign(number)
		if !found || record.Seeded == 0 {
			return
		}
		for seed := range b.testsOf(record.Job.ID, true) {
			if !yield(seed.Number, b.balance(seed.Number).State) {
				return
			}
		}
	}
}

// withdrawSeeds ends what goes to seeds within a campaign that stops dialling. Those
// whose turn is still to come get it if it goes on.
func (b books) withdrawSeeds(number uint32) {
	for seed, state := range b.seedsWithin(number) {
		if state.ends() {
			continue
		}
		balance := b.balance(seed)
		b.endEarly(seed, &balance)
	}
}

// mayRepeat tells whether a contact may get a text that has reached it by a message
// of which the ledger does not know: a test is ordered again and again.
func (c *campaign) mayRepeat() bool { return c.isTest() && !c.seed }
