package dialer

import (
	"cmp"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// survey is what planning finds in the directory for one campaign: how many
// match, why some cannot be reached, and who is drawn.
type survey struct {
	campaign *campaign
	at       time.Time
	facts    *facts
	mac      hash.Hash

	// reservations is the version of the reservations that it goes by.
	reservations uint64

	strangers  strangers
	considered uint64
	excluded   map[string]uint64
	eligible   uint64
	// already counts those whom this very text has reached: see foreign.go.
	already uint64
	zones   []string
	drawn   draw
	// firstAt is the earliest instant at which one of them may be reached.
	firstAt time.Time
}

// surveyChunk is how many contacts are looked at in one view of the ledger.
const surveyChunk = 2048

// survey goes through the directory for a campaign, as things stand at an
// instant. Its decisions only estimate and exclude: what counts is decided
// again, in full, before each attempt.
func (d *Dialer) survey(ctx context.Context, c *campaign, at time.Time) (*survey, error) {
	s := &survey{
		campaign: c, at: at, facts: &facts{names: map[string]string{}}, mac: hmac.New(sha256.New, c.key),
		strangers: strangers{kinds: map[strangerKind]*strangerCount{}},
		excluded:  map[string]uint64{}, drawn: draw{size: min(c.job.Size, c.affordable())},
	}
	failed := d.ledger.View(func(tx Tx) error {
		s.reservations = c.reserved.inForce(books{tx}).version
		return nil
	})
	chunk, values := make([]Contact, 0, surveyChunk), make([]uint16, 0, surveyChunk*len(d.registry.Attributes))
	err := d.matching(c.matcher, func(row *Contact) bool {
		if d.own.has(row.ID) {
			return true
		}
		begin := len(values)
		values = append(values, row.Values...) // the callee's only during the call
		chunk = append(chunk, *row)
		chunk[len(chunk)-1].Values = values[begin:len(values):len(values)]
		if len(chunk) == surveyChunk {
			failed = d.ledger.View(s.considering(chunk))
			chunk, values = chunk[:0], values[:0]
		}
		return failed == nil && ctx.Err() == nil
	})
	if err == nil && failed == nil {
		failed = d.ledger.View(s.considering(chunk))
	}
	if err := errors.Join(ctx.Err(), err, failed); err != nil {
		return nil, fmt.Errorf("go through the directory for campaign %s: %w", c.job.ID, err)
	}
	s.tellStrangers()
	// Those reached already are part of what was ordered.
	price := c.dearest().price
	already := Money(s.already) * price
	s.drawn.shrink(max(0, min(c.job.Size-int(s.already), int(max(0, c.job.Budget-already)/price))))
	return s, nil
}

func (s *survey) considering(chunk []Contact) func(Tx) error {
	return func(tx Tx) error {
		b := books{&ascending{Tx: tx}}
		s.strangers.known = false // another view
		mayMeet := s.mayMeet(b)
		for i := range chunk {
			if s.facts.contact = chunk[i]; mayMeet && s.meets(b) {
				s.considered++
				continue
			}
			s.consider(b)
		}
		return nil
	}
}

// consider asks the rules about one contact that matches the segment.
func (s *survey) consider(b books) {
	s.considered++
	c := s.campaign
	if _, already := b.alreadyContacted(c, s.facts.contact.ID, s.at); already {
		s.excluded[consent.AlreadyContacted.String()]++
		s.already++
		return
	}
	person := s.facts.gather(b, c, s.at)
	terms := s.facts.termsOf(c)
	if excluded := c.pack.Excludes(terms, person, s.at); !excluded.Allowed() {
		s.excluded[excluded.Reason.String()]++
		return
	}
	if len(person.Locks) > 0 {
		// Whoever is drawn is claimed, and so would be kept from those who have
		// bought the segment.
		s.excluded[consent.Exclusivity.String()]++
		return
	}
	if !s.firstAt.Equal(s.at) {
		s.noteFirst(c.pack.Decide(terms, person, s.at))
	}
	s.eligible++
	s.drawn.offer(drawn{
		rank: s.rank(s.facts.contact.ID), id: s.facts.contact.ID, person: s.facts.contact.Person, zone: s.zoneGroup(person.Zones),
		counted: b.countedSince(c.job.Party, s.facts.contact.ID, s.at.AddDate(-1, 0, 0)) < countedCampaigns,
	})
}

// outdated tells whether reservations have changed since the survey.
func (s *survey) outdated(b books) bool { return b.number(sequenceReservation) != s.reservations }

// noteFirst keeps the earliest instant at which somebody may be reached.
func (s *survey) noteFirst(decision consent.Decision) {
	switch {
	case decision.Allowed():
		s.firstAt = s.at
	case s.firstAt.IsZero() || decision.Until.Before(s.firstAt):
		s.firstAt = decision.Until
	}
}

// rank is where the contact stands in the campaign's own random order.
func (s *survey) rank(id contact.ID) uint64 {
	s.mac.Reset()
	s.mac.Write(id[:])
	var sum [sha256.Size]byte
	return binary.BigEndian.Uint64(s.mac.Sum(sum[:0]))
}

// maxZoneGroups is how many groups of zones a campaign can tell apart; the last
// one takes in all further ones, which only costs it some asking.
const maxZoneGroups = 255

// zoneGroup returns the number of the group of recipients who may be in just
// these zones.
func (s *survey) zoneGroup(zones []*time.Location) uint8 {
	names := make([]string, len(zones))
	for i, zone := range zones {
		names[i] = zone.String()
	}
	group := zoneNames(names)
	at := slices.Index(s.zones, group)
	if at < 0 && len(s.zones) < maxZoneGroups {
		s.zones = append(s.zones, group)
		at = len(s.zones) - 1
	}
	if at < 0 {
		at = maxZoneGroups - 1
	}
	return uint8(at)
}

// drawn is one contact in the random order.
type drawn struct {
	rank    uint64
	id      contact.ID
	person  contact.PersonID
	zone    uint8
	counted bool
}

// draw keeps the contacts of the lowest ranks: those under the threshold that
// lets just size of them through. It is a heap with the highest rank on top.
type draw struct {
	size int
	kept []drawn
}

func (d *draw) offer(one drawn) {
	switch {
	case d.size == 0:
	case len(d.kept) < d.size:
		heap.Push(d, one)
	case one.rank < d.kept[0].rank:
		d.kept[0] = one
		heap.Fix(d, 0)
	}
}

// shrink lets go of the highest ranks until size are left.
func (d *draw) shrink(size int) {
	for len(d.kept) > size {
		heap.Pop(d)
	}
}

// Len, Less, Swap, Push and Pop make the draw a heap.
func (d *draw) Len() int           { return len(d.kept) }
func (d *draw) Less(i, j int) bool { return d.kept[i].rank > d.kept[j].rank }
func (d *draw) Swap(i, j int)      { d.kept[i], d.kept[j] = d.kept[j], d.kept[i] }
func (d *draw) Push(x any)         { d.kept = append(d.kept, x.(drawn)) }
func (d *draw) Pop() any {
	last := d.kept[len(d.kept)-1]
	d.kept = d.kept[:len(d.kept)-1]
	return last
}

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
	for reason, n := range s.excluded {
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
