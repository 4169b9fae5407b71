package dialer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Correction is what is true of a contact, whatever lists say (GDPR art. 16). A
// directory file never changes in place, and the next list would bring the old
// value back: so a correction lies in the ledger, over the directory, and is
// written into every file that is built. It stays until another one takes its
// place or the contact is erased.
//
// Each part is nil where it corrects nothing.
type Correction struct {
	// Territory and Zone are empty where nobody knows them, BirthYear 0.
	Territory *string `json:"territory,omitempty"`
	Zone      *string `json:"zone,omitempty"`
	BirthYear *int    `json:"birth_year,omitempty"`
	// Values are those of declared attributes; empty for none.
	Values map[string]string `json:"values,omitempty"`
	At     time.Time         `json:"at"`
}

// Names returns what is corrected, in order.
func (c *Correction) Names() []string {
	names := slices.Collect(maps.Keys(c.Values))
	for name, corrected := range map[string]bool{"territory": c.Territory != nil, "zone": c.Zone != nil, "birth_year": c.BirthYear != nil} {
		if corrected && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// merge takes over what the newer correction says.
func (c *Correction) merge(newer *Correction) {
	if newer.Territory != nil {
		c.Territory = newer.Territory
	}
	if newer.Zone != nil {
		c.Zone = newer.Zone
	}
	if newer.BirthYear != nil {
		c.BirthYear = newer.BirthYear
	}
	values := maps.Clone(c.Values)
	if values == nil {
		values = map[string]string{}
	}
	maps.Copy(values, newer.Values)
	c.Values, c.At = values, newer.At
}

// apply corrects the row. A value that is no longer declared counts as none: what
// a contact has said to be wrong does not come back. A place or zone that this
// program does not know leaves nobody knowing where the contact is, and they are
// not reached.
func (c *Correction) apply(row *Contact, attributes []Attribute) {
	if c.Territory != nil {
		row.Territory, _ = contact.FindTerritory(*c.Territory)
	}
	if c.Zone != nil {
		row.Zone = nil
		if zone, err := time.LoadLocation(*c.Zone); err == nil && *c.Zone != "" {
			row.Zone = zone
		}
	}
	if c.BirthYear != nil {
		row.BirthYear = *c.BirthYear
	}
	for i, attribute := range attributes {
		if value, corrected := c.Values[attribute.Name]; corrected && i < len(row.Values) {
			row.Values[i] = uint16(1 + slices.Index(attribute.Values, value))
		}
	}
}

// corrections are all there are, in memory: few, and asked about for every
// contact that is read.
type corrections struct {
	attributes []Attribute
	current    atomic.Pointer[map[contact.ID]Correction]
	changing   sync.Mutex
}

// load reads them from the ledger.
func (c *corrections) load(ledger Ledger) error {
	all := map[contact.ID]Correction{}
	err := ledger.View(func(tx Tx) error {
		for key, row := range tx.Rows(BucketCorrection, nil) {
			var one Correction
			if err := json.Unmarshal(row, &one); err != nil {
				return fmt.Errorf("contact %x: %w", key, err)
			}
			all[contact.ID(key)] = one
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the corrections: %w", err)
	}
	c.current.Store(&all)
	return nil
}

// of returns the contact's correction, nil for none.
func (c *corrections) of(id contact.ID) *Correction {
	all := c.current.Load()
	if all == nil || len(*all) == 0 {
		return nil
	}
	if one, found := (*all)[id]; found {
		return &one
	}
	return nil
}

// contacts yields who has a correction, in ascending order.
func (c *corrections) contacts() iter.Seq[contact.ID] {
	all := c.current.Load()
	if all == nil {
		return func(func(contact.ID) bool) {}
	}
	ids := slices.SortedFunc(maps.Keys(*all), func(a, b contact.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Values(ids)
}

// set keeps a correction, or lets go of it.
func (c *corrections) set(id contact.ID, one *Correction) {
	c.changing.Lock()
	defer c.changing.Unlock()
	all := map[contact.ID]Correction{}
	if current := c.current.Load(); current != nil {
		all = maps.Clone(*current)
	}
	if delete(all, id); one != nil {
		all[id] = *one
	}
	c.current.Store(&all)
}

// correctedDirectory is the directory as it should be.
type correctedDirectory struct {
	Directory
	corrections *corrections
}

// Contact fills row with what is true of the contact.
func (d *correctedDirectory) Contact(id contact.ID, row *Contact) (bool, error) {
	found, err := d.Directory.Contact(id, row)
	if one := d.corrections.of(id); found && one != nil {
		one.apply(row, d.corrections.attributes)
	}
	return found, err
}

// Contacts calls each with what is true of every contact.
func (d *correctedDirectory) Contacts(each func(*Contact) bool) error {
	return d.Directory.Contacts(func(row *Contact) bool {
		if one := d.corrections.of(row.ID); one != nil {
			one.apply(row, d.corrections.attributes)
		}
		return each(row)
	})
}

// Corrected returns what corrects the contact's row in a directory that is being
// built, nil where nothing does.
func (d *Dialer) Corrected(id contact.ID) func(*Contact) {
	one := d.corrections.of(id)
	if one == nil {
		return nil
	}
	return func(row *Contact) { one.apply(row, d.corrections.attributes) }
}

// Rectify corrects what is kept of one contact, from the next decision on. The
// error wraps ErrUnknownContact where the directory has no such contact.
func (d *Dialer) Rectify(ctx context.Context, number contact.Number, correction Correction, look Look) (contact.ID, error) {
	id := d.identify(number)
	var row Contact
	known, err := d.directory.Contact(id, &row)
	if err != nil {
		return id, fmt.Errorf("look a contact up: %w", err)
	}
	if !known {
		return id, fmt.Errorf("rectify contact %s: %w", id, ErrUnknownContact)
	}
	correction.At = d.clock.Now()
	move := &rectifyMove{id: id, correction: correction, body: fmt.Appendf(nil, "%s %s of %s: %s",
		correction.At.UTC().Format(time.RFC3339Nano), said("contact rectify", look.Operator, look.Reason), id, strings.Join(correction.Names(), ", "))}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return id, fmt.Errorf("rectify contact %s: %w", id, err)
	}
	if move.erased {
		return id, fmt.Errorf("rectify contact %s, who is erased: %w", id, ErrUnknownContact)
	}
	d.corrections.set(id, &move.correction)
	return id, nil
}

// rectifyMove keeps a correction.
type rectifyMove struct {
	id         contact.ID
	correction Correction
	body       []byte
	erased     bool
}

// Apply keeps it, over the one that was there.
func (m *rectifyMove) Apply(tx Tx) {
	b := books{tx}
	if m.erased = b.Get(BucketErased, m.id[:]) != nil; m.erased {
		return
	}
	merged := Correction{}
	if row := b.Get(BucketCorrection, m.id[:]); row != nil {
		if err := json.Unmarshal(row, &merged); err != nil {
			b.Fail(fmt.Errorf("contact %s: read its correction: %w", m.id, err))
			return
		}
	}
	merged.merge(&m.correction)
	m.correction = merged
	row, err := json.Marshal(merged)
	if err != nil {
		b.Fail(fmt.Errorf("contact %s: write its correction: %w", m.id, err))
		return
	}
	b.Put(BucketCorrection, m.id[:], row)
	b.audit(auditControl, m.body)
}

// rectified is the reason for a recipient who was drawn by what has turned out
// to be wrong.
const rectified = "RECTIFIED"

// misdrawn tells whether a recipient was drawn by what a correction has changed:
// the segment does not hold the contact, or not in these zones. Zones matter
// since those of one group wait for their window together.
func (c *campaign) misdrawn(key recipientKey, row *Contact) bool {
	if c.isTest() || c.corrections.of(row.ID) == nil { // nobody has drawn the broker's own phones
		return false
	}
	if !c.matcher.matches(row) {
		return true
	}
	names := []string{}
	for _, zone := range row.Zones() {
		names = append(names, zone.String())
	}
	group := int(key[4])
	return group < len(c.zones) && group < maxZoneGroups-1 && c.zones[group] != zoneNames(names)
}
