package dialer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
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

	considered uint64
	excluded   map[consent.Reason]uint64
	eligible   uint64
	// already counts those whom this very text has reached: see foreign.go.
	already uint64
	zones   []string
	drawn   draw
	// firstAt is the earliest instant at which one of them may be reached.
	firstAt time.Time

	// strangers are those of whom nothing is known, and special those who are not
	// what the directory says.
	strangers strangers
	special   map[contact.ID]*Correction
}

// surveyChunk is how many contacts are looked at in one view of the ledger.
const surveyChunk = 2048

// survey goes through the directory for a campaign, as things stand at an
// instant. Its decisions only estimate and exclude: what counts is decided
// again, in full, before each attempt.
func (d *Dialer) survey(ctx context.Context, c *campaign, at time.Time) (*survey, error) {
	for {
		edition := d.edition()
		s := &survey{
			campaign: c, at: at, facts: &facts{names: map[string]string{}}, mac: hmac.New(sha256.New, c.key),
			excluded: map[consent.Reason]uint64{}, drawn: draw{size: min(c.job.Size, c.affordable())},
			strangers: strangers{passed: map[Kind]consent.Reason{}, answers: map[likeness]consent.Reason{}}, special: d.special(),
		}
		err := d.goThrough(ctx, s, edition)
		if err == nil {
			s.allowForReached()
			return s, nil
		}
		if ctx.Err() != nil || d.edition() == edition {
			return nil, fmt.Errorf("go through the directory for campaign %s: %w", c.job.ID, err)
		}
	}
}

// goThrough surveys one edition, which is nil where the directory cannot count.
func (d *Dialer) goThrough(ctx context.Context, s *survey, edition Edition) error {
	err := d.ledger.View(func(tx Tx) error {
		s.reservations = s.campaign.reserved.inForce(books{tx}).version
		return nil
	})
	if err != nil {
		return err
	}
	rows, passed, err := d.passBy(s, edition)
	if err != nil {
		return err
	}
	if !passed {
		return d.considerEach(ctx, s, func(each func(*Contact) bool) error { return d.matching(s.campaign.matcher, each) })
	}
	if rows.Count() > 0 { // otherwise it would be a walk through the whole country
		err = d.considerEach(ctx, s, func(each func(*Contact) bool) error {
			return edition.Rows(rows, func(row *Contact) bool {
				_, special := s.special[row.ID]
				return special || each(row)
			})
		})
	}
	if err != nil {
		return err
	}
	return d.meet(ctx, s, edition)
}

// considerEach asks the rules about all contacts, one by one.
func (d *Dialer) considerEach(ctx context.Context, s *survey, contacts func(each func(*Contact) bool) error) error {
	var failed error
	chunk, values := make([]Contact, 0, surveyChunk), make([]uint16, 0, surveyChunk*len(d.registry.Attributes))
	err := contacts(func(row *Contact) bool {
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
	return errors.Join(ctx.Err(), err, failed)
}

func (s *survey) considering(chunk []Contact) func(Tx) error {
	return func(tx Tx) error {
		b := books{&ascending{Tx: tx}}
		for i := range chunk {
			s.facts.contact = chunk[i]
			s.consider(b)
		}
		return nil
	}
}

// consider asks the rules about the contact in the facts, who matches the segment.
func (s *survey) consider(b books) {
	s.considered++
	c := s.campaign
	if _, already := b.alreadyContacted(c, s.facts.contact.ID, s.at); already {
		s.excluded[consent.AlreadyContacted]++
		s.already++
		return
	}
	person := s.facts.gather(b, c, s.at)
	if reason := s.excludes(person); reason != consent.OK {
		s.excluded[reason]++
		return
	}
	if len(person.Locks) > 0 {
		// Whoever is drawn is claimed, and so would be kept from those who have
		// bought the segment.
		s.excluded[consent.Exclusivity]++
		return
	}
	if !s.firstAt.Equal(s.at) {
		s.noteFirst(c.pack.Decide(s.facts.termsOf(c), person, s.at))
	}
	s.eligible++
	s.drawn.offer(drawn{
		rank: s.rank(s.facts.contact.ID), id: s.facts.contact.ID, person: s.facts.contact.Person, zone: s.zoneGroup(person.Zones),
		counted: b.countedSince(c.job.Party, s.facts.contact.ID, s.at.AddDate(-1, 0, 0)) < countedCampaigns,
	})
}

// allowForReached makes those whom the text has reached already part of what was
// ordered.
func (s *survey) allowForReached() {
	price := s.campaign.dearest().price
	already := Money(s.already) * price
	s.drawn.shrink(max(0, min(s.campaign.job.Size-int(s.already), int(max(0, s.campaign.job.Budget-already)/price))))
}

// exclusions are how many were excluded, by reason.
func (s *survey) exclusions() map[string]uint64 {
	named := map[string]uint64{}
	for reason, n := range s.excluded {
		if n > 0 {
			named[reason.String()] = n
		}
	}
	return named
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
