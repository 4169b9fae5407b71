package dialer

import (
	"context"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// What the carrier remembers must be accounted for: every message that our
// senders have sent is some attempt's, or was entered by a reconcile. A message
// that is neither was sent by a later state of this ledger, so that the ledger
// is a restored one, even where the whole machine was put back and its mark with
// it. It is also how a text is noticed that somebody sent past the dialer.

// Trusted tells whether the ledger is known to hold all that was sent: the
// carrier has been asked since the start, and no reconcile is due. Until then
// nobody is dialled, and no campaign is planned, ended or reported.
func (d *Dialer) Trusted() bool { return d.trusted.Load() }

// account compares the carrier's memory with the ledger, once, before the first
// dial: from the last attempt on, since all before it was there when the ledger
// was copied, whenever that was.
func (d *Dialer) account(ctx context.Context) error {
	if d.trusted.Load() {
		return nil
	}
	c := accountant{used: map[uint64]string{}}
	restored := false
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		c.since, restored = b.lastKnown(), b.restoration() != nil
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what was attempted last: %w", err)
	}
	if restored {
		return nil
	}
	for page, err := range d.records.Outbound(ctx, c.since) {
		if err == nil {
			err = d.ledger.View(func(tx Tx) error { c.compare(d, books{tx}, page); return nil })
		}
		if err != nil {
			return fmt.Errorf("compare the carrier's messages with the ledger: %w", err)
		}
		if c.strange > 0 {
			return d.unaccounted(ctx, c.strange)
		}
	}
	d.trusted.Store(true)
	d.wake()
	return nil
}

// unaccounted notes that the ledger was restored.
func (d *Dialer) unaccounted(ctx context.Context, messages int) error {
	move := &restoreLedgerMove{Restoration{
		At: d.clock.Now(), Why: fmt.Sprintf("the carrier has %d messages or more that no attempt stands for", messages),
	}}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("note that the ledger was restored: %w", err)
	}
	d.distrust(&move.restored)
	return nil
}

type restoreLedgerMove struct{ restored Restoration }

// Apply notes it.
func (m *restoreLedgerMove) Apply(tx Tx) { books{tx}.restore(&m.restored) }

// accountant goes through the carrier's messages.
type accountant struct {
	since   time.Time
	strange int
	// used are the attempts without a name that stand for a message already.
	used map[uint64]string
}

func (c *accountant) compare(d *Dialer, b books, page []Record) {
	for i := range page {
		r := &page[i]
		if _, ours := d.registry.Sender(r.From); !ours || r.CreatedAt.Before(c.since.Truncate(time.Second)) {
			continue
		}
		id := d.identify(r.To)
		sequence, a := b.standsFor(id, r, c.used)
		switch {
		case a == nil && b.Get(BucketForeign, foreignKey(id, r.SID)) == nil:
			c.strange++
		case a != nil && a.sid == "":
			c.used[sequence] = r.SID
		}
	}
}

// standsFor returns the contact's attempt that the message is: the one with its
// name, else one without a name for the same text of the same sender, unless it
// was used for another message. There is none, nil, where the ledger cannot
// account for the message.
func (b books) standsFor(id contact.ID, r *Record, used map[uint64]string) (uint64, *attemptRecord) {
	history := b.history(id)
	var sequence uint64
	var nameless *attemptRecord
	for _, past := range history.past {
		switch a := b.attempt(past.sequence); {
		case a == nil:
		case a.sid == r.SID:
			return past.sequence, a
		case a.sid != "" || nameless != nil || used[past.sequence] != "" && used[past.sequence] != r.SID:
		case b.couldBe(a, r):
			sequence, nameless = past.sequence, a
		}
	}
	return sequence, nameless
}

// couldBe tells whether the message may be the attempt's: the same sender and
// text, created since the intent.
func (b books) couldBe(a *attemptRecord, r *Record) bool {
	record, found := b.campaign(a.recipient.campaign())
	return found && a.state != attemptWithdrawn && a.state != attemptStopped && sameText(a, &record.Job, r)
}
