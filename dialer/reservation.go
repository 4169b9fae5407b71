package dialer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Reservation is a segment that was sold, for one round, to some parties and to
// nobody else: campaigns of other parties leave it alone while it lasts.
type Reservation struct {
	// ID names the reservation, unique for ever: lower-case letters, digits and
	// dashes.
	ID      string   `json:"id"`
	Round   string   `json:"round"`
	Parties []string `json:"parties"`
	// Segment is who is reserved. None means everybody.
	Segment Segment `json:"segment,omitempty"`
	// Until is when the reservation is over; at the latest, and where none is
	// given, when the polling day is over everywhere.
	Until    time.Time `json:"until"`
	Added    time.Time `json:"added"`
	Operator string    `json:"operator,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	// Contacts is how many the segment held when it was reserved, and Claimed
	// how many of them were bound to other parties by then: those serve nobody
	// while the reservation lasts.
	Contacts uint64 `json:"contacts"`
	Claimed  uint64 `json:"claimed"`
}

// ErrNoReservation is returned for an order that names no reservation.
var ErrNoReservation = errors.New("there is no such reservation")

// roundOver is when a polling day is over in the last place on earth.
func roundOver(round Round) time.Time { return round.PollingDay.AddDate(0, 0, 1).Add(12 * time.Hour) }

// validate checks the reservation against the registry, and fills in its end.
func (r *Reservation) validate(registry *Registry, now time.Time) []Fault {
	var faults []Fault
	say := func(field, hint, format string, values ...any) {
		faults = append(faults, Fault{Field: field, Reason: fmt.Sprintf(format, values...), Hint: hint})
	}
	if !jobID.MatchString(r.ID) {
		say("id", "lower-case letters, digits and dashes, at most 63", "%q cannot name a reservation", r.ID)
	}
	round, _, found := registry.Round(r.Round)
	switch {
	case !found:
		say("round", "rounds stand in the registry, under elections", "%q is not a registered round", r.Round)
	case r.Until.IsZero():
		r.Until = roundOver(round)
		fallthrough
	default:
		if r.Until.After(roundOver(round)) {
			say("until", "leave it out to reserve up to the end of the round", "%s is after the round", r.Until.Format(time.RFC3339))
		}
		if !r.Until.After(now) {
			say("until", "", "the reservation would be over before it begins")
		}
	}
	if len(r.Parties) == 0 {
		say("parties", "name those who may reach the segment", "nobody has bought it")
	}
	slices.Sort(r.Parties)
	r.Parties = slices.Compact(r.Parties)
	for _, party := range r.Parties {
		if _, known := registry.Party(party); !known {
			say("parties", "parties stand in the registry", "%q is not a registered party", party)
		}
	}
	_, wrong := r.Segment.compile(registry.Attributes)
	return append(faults, wrong...)
}

// overlaps tells whether one contact could be in both segments.
func (s Segment) overlaps(other Segment) bool {
	for name, values := range s {
		wanted, named := other[name]
		if named && !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(wanted, v) }) {
			return false
		}
	}
	return true
}

// Reserve keeps a segment for its parties from now on. What is wrong with the
// order comes back as faults, and nothing is reserved then. A segment some of
// whose contacts are bound to other parties already is one of the faults, unless
// despiteClaims says that what is left of it was sold.
func (d *Dialer) Reserve(ctx context.Context, r Reservation, despiteClaims bool) (Reservation, []Fault, error) {
	r.Added = d.clock.Now()
	if faults := r.validate(d.registry, r.Added); len(faults) > 0 {
		return r, faults, nil
	}
	if err := d.countReserved(ctx, &r); err != nil {
		return r, nil, err
	}
	if r.Claimed > 0 && !despiteClaims {
		return r, []Fault{{
			Field:  "segment",
			Reason: fmt.Sprintf("%d of its %d contacts are bound to other parties in this round, and would serve nobody", r.Claimed, r.Contacts),
			Hint:   "reserve what is left with --despite-claims, or another segment",
		}}, nil
	}
	move := &reserveMove{reservation: r}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return r, nil, fmt.Errorf("reserve %s: %w", r.ID, err)
	}
	if move.conflict != nil {
		return r, []Fault{*move.conflict}, nil
	}
	return r, nil, nil
}

// countReserved counts the contacts of the segment, and those of them who are
// bound to other parties.
func (d *Dialer) countReserved(ctx context.Context, r *Reservation) error {
	matcher, _ := r.Segment.compile(d.registry.Attributes)
	ids := make([]Contact, 0, surveyChunk)
	count := func(tx Tx) error {
		for i := range ids {
			holds := func(id contact.ID) bool {
				party := books{tx}.claimedBy(r.Round, id)
				return party != nil && !slices.Contains(r.Parties, string(party))
			}
			if holds(ids[i].ID) || !ids[i].Person.IsZero() && holds(ids[i].Person.ID()) {
				r.Claimed++
			}
		}
		r.Contacts += uint64(len(ids))
		ids = ids[:0]
		return nil
	}
	var failed error
	err := d.matching(matcher, func(row *Contact) bool {
		if ids = append(ids, Contact{ID: row.ID, Person: row.Person}); len(ids) == surveyChunk {
			failed = d.ledger.View(count)
		}
		return failed == nil && ctx.Err() == nil
	})
	if err == nil && failed == nil {
		failed = d.ledger.View(count)
	}
	if err := errors.Join(ctx.Err(), err, failed); err != nil {
		return fmt.Errorf("count the contacts of reservation %s: %w", r.ID, err)
	}
	return nil
}

// Reservations returns all reservations, those that are over included, by round
// and ID.
func (d *Dialer) Reservations() ([]Reservation, error) {
	list := []Reservation{}
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for r := range b.reservations {
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the reservations: %w", err)
	}
	return list, nil
}

// Unreserve ends a reservation: other parties' campaigns may reach its segment
// again. The order is audited.
func (d *Dialer) Unreserve(ctx context.Context, id, operator, reason string) error {
	move := &unreserveMove{id: id, at: d.clock.Now(), detail: said("removed", operator, reason)}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("remove reservation %s: %w", id, err)
	}
	if !move.found {
		return fmt.Errorf("reservation %q: %w", id, ErrNoReservation)
	}
	d.wake()
	return nil
}

// reserveMove enters a reservation, if none stands against it.
type reserveMove struct {
	reservation Reservation
	conflict    *Fault
}

// Apply enters it.
func (m *reserveMove) Apply(tx Tx) {
	b := books{tx}
	r := &m.reservation
	for other := range b.reservations {
		switch {
		case other.ID == r.ID:
			m.conflict = &Fault{Field: "id", Reason: fmt.Sprintf("reservation %q exists already", r.ID), Hint: "choose another id"}
		case other.Round == r.Round && other.Until.After(r.Added) && !slices.Equal(other.Parties, r.Parties) && other.Segment.overlaps(r.Segment):
			m.conflict = &Fault{
				Field: "segment", Reason: fmt.Sprintf("reservation %q has sold some of it to %s", other.ID, strings.Join(other.Parties, ", ")),
				Hint: "dialctl reservation list shows them all",
			}
		default:
			continue
		}
		return
	}
	row, err := json.Marshal(r)
	if err != nil {
		b.Fail(fmt.Errorf("write reservation %s: %w", r.ID, err))
		return
	}
	b.Put(BucketReservation, reservationKey(r.Round, r.ID), row)
	b.next(sequenceReservation)
	b.audit(auditControl, fmt.Appendf(nil, "%s reservation %s", r.Added.UTC().Format(time.RFC3339Nano), row))
}

type unreserveMove struct {
	id, detail string
	at         time.Time
	found      bool
}

// Apply removes it.
func (m *unreserveMove) Apply(tx Tx) {
	b := books{tx}
	for r := range b.reservations {
		if r.ID != m.id {
			continue
		}
		m.found = true
		b.Delete(BucketReservation, reservationKey(r.Round, r.ID))
		b.next(sequenceReservation)
		b.audit(auditControl, fmt.Appendf(nil, "%s reservation %s %s", m.at.UTC().Format(time.RFC3339Nano), m.id, m.detail))
		return
	}
}

func reservationKey(round, id string) []byte { return append(append([]byte(round), 0), id...) }

// reservations yields all that are in the ledger.
func (b books) reservations(yield func(Reservation) bool) {
	for key, row := range b.Rows(BucketReservation, nil) {
		var r Reservation
		if err := json.Unmarshal(row, &r); err != nil {
			b.Fail(fmt.Errorf("reservation %q: read its row: %w", key, err))
			return
		}
		if !yield(r) {
			return
		}
	}
}

// reserved are the reservations as decisions need them, worked out once for each
// change of the ledger's.
type reserved struct {
	attributes []Attribute
	current    atomic.Pointer[reservedSet]
}

type reservedSet struct {
	version uint64
	rounds  map[string][]reservedSegment
}

type reservedSegment struct {
	matcher matcher
	parties []string
	until   time.Time
}

// inForce returns the reservations that the transaction sees.
func (r *reserved) inForce(b books) *reservedSet {
	version := b.number(sequenceReservation)
	if set := r.current.Load(); set != nil && set.version == version {
		return set
	}
	set := &reservedSet{version: version, rounds: map[string][]reservedSegment{}}
	for one := range b.reservations {
		// An attribute that is no longer declared cannot tell anybody apart: then
		// everybody is reserved whom the others select, rather than nobody.
		matcher, _ := one.Segment.compile(r.attributes)
		set.rounds[one.Round] = append(set.rounds[one.Round], reservedSegment{matcher, one.Parties, one.Until})
	}
	r.current.Store(set)
	return set
}

// locks appends the reservations that keep the contact from the party.
func (s *reservedSet) locks(list []consent.Lock, c *Contact, round, party string, at time.Time) []consent.Lock {
	for i := range s.rounds[round] {
		one := &s.rounds[round][i]
		if at.Before(one.until) && !slices.Contains(one.parties, party) && one.matcher.matches(c) {
			list = append(list, consent.Lock{Party: one.parties[0], Until: one.until})
		}
	}
	return list
}
