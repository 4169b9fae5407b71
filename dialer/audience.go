package dialer

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// planChunk is how many recipients are written in one transaction, so that no
// permit waits long for the committer.
const planChunk = 2000

// plan draws an accepted campaign's audience and writes its recipients and
// their claims. Campaigns are planned one after the other, in the order of
// acceptance, so that the first to come is the first to claim. A plan cut short
// by a crash is wiped and made again: nobody has been dialled for it.
func (d *Dialer) plan(ctx context.Context, c *campaign) error {
	if err := d.wipe(ctx, c); err != nil {
		return err
	}
	at := d.clock.Now()
	if start := c.start(); start.After(at) {
		at = start
	}
	s, err := d.survey(ctx, c, at)
	if err != nil {
		return err
	}
	slices.SortFunc(s.drawn.kept, func(a, b drawn) int {
		x, y := newRecipientKey(c.number, a.zone, c.mask, a.id), newRecipientKey(c.number, b.zone, c.mask, b.id)
		return cmp.Compare(string(x[:]), string(y[:]))
	})
	for part := range slices.Chunk(s.drawn.kept, planChunk) {
		move := &recipientsMove{survey: s, part: part, at: at}
		if err := d.ledger.Commit(ctx, move); err != nil {
			return fmt.Errorf("write recipients of campaign %s: %w", c.job.ID, err)
		}
		if move.outdated {
			return d.plan(ctx, c) // a segment was reserved meanwhile: draw again
		}
	}
	planned := &plannedMove{survey: s}
	if err := d.ledger.Commit(ctx, planned); err != nil {
		return fmt.Errorf("finish the plan of campaign %s: %w", c.job.ID, err)
	}
	switch {
	case planned.outdated:
		return d.plan(ctx, c)
	case !planned.done:
		return nil // it was cancelled meanwhile
	}
	d.log.Info().Str(FieldEvent, EventPlanned).Str(FieldCampaign, c.job.ID).Int(FieldCount, len(s.drawn.kept)).Send()
	return nil
}

// recipientsMove writes a part of the audience, with the claims.
type recipientsMove struct {
	survey *survey
	part   []drawn
	at     time.Time
	// outdated tells that reservations have changed since the survey.
	outdated bool
}

// Apply writes the recipients. They count only once the plan is finished.
func (m *recipientsMove) Apply(tx Tx) {
	b := books{tx}
	c := m.survey.campaign
	job := c.job
	if m.outdated = m.survey.outdated(b); m.outdated || b.balance(c.number).State != CampaignAccepted {
		return // in the latter case it was cancelled meanwhile
	}
	for _, one := range m.part {
		key := newRecipientKey(c.number, one.zone, c.mask, one.id)
		b.Put(BucketRecipient, key[:], recipient{state: RecipientPlanned, counted: one.counted}.append(nil))
		b.claim(job.Round, one.id, job.Party, c.number)
		if !one.person.IsZero() {
			b.claim(job.Round, one.person.ID(), job.Party, c.number)
		}
		if one.counted {
			b.Put(BucketCounted, countedKey(job.Party, one.id, c.number), binary.BigEndian.AppendUint64(nil, uint64(m.at.UnixNano())))
		}
	}
}

// plannedMove finishes a plan: from here on the books of the campaign balance.
type plannedMove struct {
	survey *survey
	// outdated tells that reservations have changed since the survey, done that the
	// campaign is planned.
	outdated, done bool
}

// Apply enters the totals.
func (m *plannedMove) Apply(tx Tx) {
	b := books{tx}
	s := m.survey
	balance := b.balance(s.campaign.number)
	if balance.State != CampaignAccepted {
		return
	}
	if m.outdated = s.outdated(b); m.outdated {
		return
	}
	m.done = true
	audience := uint64(len(s.drawn.kept))
	balance.State = CampaignPlanned
	balance.Considered, balance.Audience, balance.NotDrawn = s.considered, audience, s.eligible-audience
	balance.Recipients[RecipientPlanned] = audience
	for reason, n := range s.exclusions() {
		balance.ExcludedAtPlanning += n
		b.countExclusion(s.campaign.number, excludedAtPlanning, reason, n)
	}
	b.putBalance(s.campaign.number, &balance)
	if record, ok := b.campaign(s.campaign.number); ok {
		record.Zones, record.Already = s.zones, s.already
		record.Groups = make([]uint64, len(s.zones))
		for _, one := range s.drawn.kept {
			record.Groups[one.zone]++
		}
		b.putCampaign(record)
	}
}

// wipe removes what an unfinished plan has left.
func (d *Dialer) wipe(ctx context.Context, c *campaign) error {
	for {
		move, err := d.unfinished(c)
		if err != nil || len(move.keys) == 0 {
			return err
		}
		if err := d.ledger.Commit(ctx, move); err != nil {
			return fmt.Errorf("wipe an unfinished plan of campaign %s: %w", c.job.ID, err)
		}
		if !move.wiped {
			return nil
		}
	}
}

// unfinished returns a part of what an unfinished plan has left, with the persons
// whom it has claimed, which only the directory can tell.
func (d *Dialer) unfinished(c *campaign) (*wipeMove, error) {
	move := &wipeMove{campaign: c}
	err := d.ledger.View(func(tx Tx) error {
		for key := range (books{tx}).prefixed(BucketRecipient, campaignKey(c.number)) {
			if move.keys = append(move.keys, recipientKey(key)); len(move.keys) == planChunk {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for an unfinished plan of campaign %s: %w", c.job.ID, err)
	}
	for _, key := range move.keys {
		person, err := d.person(key.id(c.mask))
		if err != nil {
			return nil, err
		}
		if !person.IsZero() {
			move.persons = append(move.persons, person)
		}
	}
	return move, nil
}

type wipeMove struct {
	campaign *campaign
	keys     []recipientKey
	persons  []contact.PersonID
	// wiped tells that the plan was unfinished indeed.
	wiped bool
}

// Apply removes a part of an unfinished plan.
func (m *wipeMove) Apply(tx Tx) {
	b := books{tx}
	c := m.campaign
	balance := b.balance(c.number)
	if m.wiped = balance.unplanned(); !m.wiped {
		return
	}
	others := b.siblings(c.number, c.job)
	for _, key := range m.keys {
		id := key.id(c.mask)
		b.Delete(BucketRecipient, key[:])
		b.Delete(BucketCounted, countedKey(c.job.Party, id, c.number))
		b.giveUp(id, c.number, c.job, others)
	}
	if len(others) > 0 {
		return // they may rely on the persons' claims, for whichever numbers
	}
	for _, person := range m.persons {
		b.unclaim(c.job.Round, person.ID(), c.number)
	}
}
