package dialer

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/hustings/hustings/consent/contact"
)

// consenters are those who have consented to something, to whomever, with their places
// in one edition of the directory: looked for once, for all campaigns that are planned
// until a list of grants or of contacts comes in.
type consenters struct {
	edition Edition
	grants  uint64 // the sequence of grants that it goes by
	ids     []contact.ID
	places  []place
	// next is where a walk in ascending order stands.
	next int
}

// mostConsenters bounds how many are kept, in the order of their IDs: 100 MB. The
// others are looked up one by one.
const mostConsenters = 4 << 20

// place is where the directory has a contact.
type place struct {
	row  uint32
	kind int32 // in a tally, -1 for none
}

// find returns the contact's place. Contacts must be asked for in ascending order.
func (c *consenters) find(id contact.ID) (place, bool) {
	for c.next < len(c.ids) {
		switch bytes.Compare(c.ids[c.next][:], id[:]) {
		case 0:
			return c.places[c.next], true
		case 1:
			return place{}, false
		}
		c.next++
	}
	return place{}, false
}

// lastConsenters are those that were looked for last.
type lastConsenters struct {
	mu   sync.Mutex
	last *consenters
}

// of returns the consenters of an edition, for one walk.
func (l *lastConsenters) of(ctx context.Context, ledger Ledger, edition Edition) (*consenters, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var grants uint64
	if err := ledger.View(func(tx Tx) error { grants = books{tx}.number(sequenceGrant); return nil }); err != nil {
		return nil, fmt.Errorf("look how many grants there are: %w", err)
	}
	if l.last == nil || l.last.edition != edition || l.last.grants != grants {
		found := &consenters{edition: edition, grants: grants}
		if err := found.look(ctx, ledger); err != nil {
			return nil, fmt.Errorf("look for those who have consented: %w", err)
		}
		l.last = found
	}
	walk := *l.last
	return &walk, nil
}

// look fills in who has consented, and where they are.
func (c *consenters) look(ctx context.Context, ledger Ledger) error {
	w := &ledgerWalk{ctx: ctx, ledger: ledger}
	var id contact.ID
	contacts := func(yield func(contact.ID) bool) {
		for next := range w.contacts(BucketGrant, nil, func() bool { return true }) {
			if next == id {
				continue // one more grant
			}
			if id = next; len(c.ids) == mostConsenters || !yield(id) {
				return
			}
		}
	}
	err := c.edition.Locate(contacts, func(row uint64, kind int) {
		c.ids, c.places = append(c.ids, id), append(c.places, place{uint32(row), int32(kind)})
	})
	if w.err != nil {
		return w.err
	}
	return err
}
