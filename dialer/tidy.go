package dialer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The carrier keeps a copy of every message: number, text and instant, in clear.
// Once nothing more can be asked of a copy, and a retention has passed, it is
// deleted. The price is that no reconcile can look further back than that.
//
// Copies of attempts are gone through in the order of attempts, as far as they
// are settled; those of inbound and foreign messages, and those that the carrier
// would not delete yet, have rows of their own. Nothing of this is urgent: one
// copy at a time, and none while anything is dialled.

const (
	// tidyEvery is how often, in real time, a copy is deleted at most.
	tidyEvery = 100 * time.Millisecond
	// tidyAgain is how long, in real time, the carrier is left alone where there
	// is nothing to delete, or it did not answer.
	tidyAgain = 10 * time.Second
	// tidyRows is how many attempts are gone through at once.
	tidyRows = 2000
	// tidyNote is after how many copies the place is noted in the ledger. A crash
	// has some deleted again, which the carrier takes for done.
	tidyNote = 100
	// keptTries is how often the carrier is asked to delete a copy that it wants
	// to keep, once a day of the campaigns' time.
	keptTries = 7
)

// cursorTidy is up to which attempt the carrier's copies are deleted.
const cursorTidy = "cursor.tidy"

// tidier deletes the carrier's copies.
type tidier struct {
	dialer *Dialer
	// again is when to look next, in the campaigns' time.
	again time.Time
	// cursor is the last attempt that is done with, noted the one in the ledger.
	cursor, noted uint64
	started       bool
	failing       bool
}

// tidy deletes the carrier's copies until the context ends.
func (d *Dialer) tidy(ctx context.Context) error {
	if d.keep <= 0 {
		return nil
	}
	t := &tidier{dialer: d}
	return d.every(ctx, tidyEvery, func(ctx context.Context) error {
		now := d.clock.Now()
		if now.Before(t.again) || !d.Trusted() || !d.gate.quiet() {
			return nil
		}
		err := t.next(ctx, now)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the daemon is stopping
		}
		return err
	})
}

// copied is a copy that may be deleted: an attempt's, or one with a row of its
// own.
type copied struct {
	// key is its row in BucketCopy, nil for an attempt's.
	key      []byte
	tries    byte
	sequence uint64
	sids     []string
	attempt  *attemptRecord
	job      *Job
}

// next deletes one copy.
func (t *tidier) next(ctx context.Context, now time.Time) error {
	var c copied
	var due bool
	err := t.dialer.ledger.View(func(tx Tx) error {
		c, due = t.due(books{tx}, now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for copies to delete: %w", err)
	}
	if !due || t.cursor >= t.noted+tidyNote {
		if err := t.note(ctx); err != nil {
			return err
		}
	}
	if !due {
		t.again = now.Add(t.dialer.clock.Span(tidyAgain))
		return nil
	}
	kept, err := t.forget(ctx, &c)
	if err != nil {
		t.complain(err)
		t.again = now.Add(t.dialer.clock.Span(tidyAgain))
		return nil
	}
	t.failing = false
	if c.key == nil {
		t.cursor = c.sequence
	}
	if c.key == nil && len(kept) == 0 {
		return nil
	}
	// The carrier is asked again a day later.
	move := &copyMove{done: c.key, kept: kept, tries: c.tries + 1, at: now.Add(24*time.Hour - t.dialer.keep)}
	if err := t.dialer.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("note which copies are deleted: %w", err)
	}
	return nil
}

// due returns the copy to be deleted next, and whether there is one.
func (t *tidier) due(b books, now time.Time) (copied, bool) {
	if !t.started {
		t.started, t.noted = true, b.number(cursorTidy)
		t.cursor = t.noted
	}
	before := now.Add(-t.dialer.keep)
	for key, row := range b.Rows(BucketCopy, nil) {
		if at := instant(int64(binary.BigEndian.Uint64(key))); at.After(before) {
			break
		}
		return copied{key: append([]byte(nil), key...), tries: row[0], sids: []string{string(key[8:])}}, true
	}
	rows := 0
	for key := range b.Rows(BucketAttempt, attemptKey(t.cursor+1)) {
		sequence := binary.BigEndian.Uint64(key)
		a := b.attempt(sequence)
		switch {
		case a == nil || a.state.open() || a.state == attemptFinal && a.final.After(before):
			return copied{}, false
		case a.state == attemptFinal:
			return t.copyOf(b, sequence, a)
		}
		t.cursor = sequence // provably never created
		if rows++; rows == tidyRows {
			break
		}
	}
	return copied{}, false
}

func (t *tidier) copyOf(b books, sequence uint64, a *attemptRecord) (copied, bool) {
	record, found := b.campaign(a.recipient.campaign())
	if !found {
		return copied{}, false
	}
	c := copied{sequence: sequence, attempt: a, job: &record.Job}
	if a.sid != "" {
		c.sids = []string{a.sid}
	}
	return c, true
}

// forget asks the carrier to delete the copy, and returns what it wants to keep.
// An attempt that has no name may have a message all the same.
func (t *tidier) forget(ctx context.Context, c *copied) (kept []string, err error) {
	if len(c.sids) == 0 {
		if c.sids, err = t.dialer.nameless(ctx, look{c.sequence, c.attempt, c.job}); err != nil {
			return nil, err
		}
	}
	for _, sid := range c.sids {
		switch err := t.dialer.carrier.Forget(ctx, sid); {
		case errors.Is(err, ErrNotForgotten):
			kept = append(kept, sid)
		case err != nil:
			return nil, fmt.Errorf("delete the carrier's copy of %s: %w", sid, err)
		}
	}
	return kept, nil
}

// nameless finds the messages that may be those of an attempt which counts as
// unknown.
func (d *Dialer) nameless(ctx context.Context, l look) ([]string, error) {
	number, err := d.directory.Number(l.attempt.contact)
	if errors.Is(err, ErrUnknownContact) {
		return nil, nil // erased: nobody can ask for the number
	}
	if err != nil {
		return nil, fmt.Errorf("open a contact's number: %w", err)
	}
	records, err := d.records.Find(ctx, l.job.Channel, number, l.attempt.intended.Add(-clockSlack))
	if err != nil {
		return nil, fmt.Errorf("look for copies without a name: %w", err)
	}
	var sids []string
	err = d.ledger.View(func(tx Tx) error {
		for _, r := range matching(records, l) {
			if !(books{tx}).known(l.attempt, l.sequence, r.SID) {
				sids = append(sids, r.SID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look whose copies these are: %w", err)
	}
	return sids, nil
}

// complain tells once that copies cannot be deleted at present.
func (t *tidier) complain(err error) {
	if !t.failing {
		t.dialer.log.Warn().Str(FieldEvent, EventCopyKept).Err(err).Send()
	}
	t.failing = true
}

// note keeps the place among the attempts.
func (t *tidier) note(ctx context.Context) error {
	if t.cursor == t.noted {
		return nil
	}
	if err := t.dialer.ledger.Commit(ctx, cursorMove{t.cursor}); err != nil {
		return fmt.Errorf("note which copies are deleted: %w", err)
	}
	t.noted = t.cursor
	return nil
}

// cursorMove notes up to which attempt copies are deleted.
type cursorMove struct{ cursor uint64 }

// Apply notes it.
func (m cursorMove) Apply(tx Tx) { books{tx}.setNumber(cursorTidy, m.cursor) }

// copyMove drops the row of a copy, and keeps rows for those to be asked for
// again.
type copyMove struct {
	done  []byte
	kept  []string
	tries byte
	at    time.Time
}

// Apply drops and keeps them.
func (m *copyMove) Apply(tx Tx) {
	if m.done != nil {
		tx.Delete(BucketCopy, m.done)
	}
	if m.tries > keptTries {
		return // it never was, or never will be, over: the carrier has its reasons
	}
	for _, sid := range m.kept {
		tx.Put(BucketCopy, copyKey(m.at, sid), []byte{m.tries})
	}
}

// copyKey finds a copy of the carrier's that belongs to no attempt, by its age.
func copyKey(at time.Time, sid string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())), sid...)
}

// heard notes that an inbound text was seen, and that the carrier has a copy.
func (b books) heard(sid string, at time.Time) {
	b.Put(BucketInbound, []byte(sid), nothing)
	b.Put(BucketCopy, copyKey(at, sid), nothing)
}
