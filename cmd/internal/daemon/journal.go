package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

// objectionJournal lets the dialer write to the store's journal. Failed is told
// when it takes no more: the daemon must not dial on deaf.
type objectionJournal struct {
	journal *store.Journal
	failed  chan error
}

// Append returns once the objections are on disk.
func (j objectionJournal) Append(objections ...dialer.Objection) error {
	entries := make([]store.JournalEntry, len(objections))
	for i, o := range objections {
		entries[i] = store.JournalEntry{ID: o.Contact, Channel: o.Channel, Party: o.Party, At: o.At, Way: journalWay(o), Reason: o.Reason}
	}
	err := j.journal.Append(entries...)
	if errors.Is(err, store.ErrJournalStopped) {
		select {
		case j.failed <- err:
		default: // it was told before
		}
	}
	return err
}

// wayErased is the way by which the journal knows an erasure.
const wayErased = "erased"

// journalWay writes how an objection came. Ways are typed by people: no word of
// theirs may be read as an erasure.
func journalWay(o dialer.Objection) string {
	switch {
	case o.Erasure:
		return wayErased
	case o.Way == wayErased:
		return wayErased + " (said)"
	default:
		return o.Way
	}
}

// restoreChunk is how many objections are entered in one transaction.
const restoreChunk = 2000

// restoreObjections enters the journal's objections that the ledger may not
// know.
func restoreObjections(ctx context.Context, journal *store.Journal, d *dialer.Dialer) error {
	known, err := d.JournalKnown()
	if err != nil {
		return err
	}
	var count uint64
	var chunk []dialer.Objection
	enter := func() error {
		err := d.Restore(ctx, count, chunk...)
		chunk = chunk[:0]
		return err
	}
	err = journal.Replay(func(e store.JournalEntry) error {
		if count++; count <= known {
			return nil
		}
		chunk = append(chunk, dialer.Objection{
			Contact: e.ID, Channel: e.Channel, Party: e.Party, At: e.At, Way: e.Way, Reason: e.Reason, Erasure: e.Way == wayErased,
		})
		if len(chunk) == restoreChunk {
			return enter()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the objection journal again: %w", err)
	}
	if count < known {
		return fmt.Errorf("the objection journal has %d entries, but the ledger has seen %d: objections are lost (restore the journal)", count, known)
	}
	if len(chunk) == 0 {
		return nil
	}
	return enter()
}
