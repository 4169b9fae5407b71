package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

const (
	// eraserLooks is how often, in real time, the eraser looks for contacts whom
	// the directory must let go of; an erasure makes it look at once.
	eraserLooks = 30 * time.Second
	// eraserRest is how many times as long as a rebuild took the directory is
	// left alone after it: one rebuild serves all erasures meanwhile.
	eraserRest = 10
)

// keepErased rebuilds the directory without those who asked for erasure, as soon
// as nothing is open with them any more. An import under way goes first: its own
// build leaves them out.
func (d *Daemon) keepErased(ctx context.Context) error {
	var rest time.Time
	ticker := time.NewTicker(eraserLooks)
	defer ticker.Stop()
	for {
		if time.Now().After(rest) {
			began := time.Now()
			removed, err := d.removeErased(ctx)
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				// Nobody is dialled who is erased, whatever the directory holds.
				d.log.Warn().Str(dialer.FieldEvent, eventErasureDelayed).Err(err).Send()
			case removed > 0:
				rest = time.Now().Add(eraserRest * time.Since(began))
				d.log.Info().Str(dialer.FieldEvent, eventErased).Uint64(dialer.FieldCount, removed).Send()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-d.erasures:
		}
	}
}

// removeErased rebuilds the directory if it holds anybody whom it must not, or was put
// back from before a rotation of the seal key, and returns how many it let go of.
func (d *Daemon) removeErased(ctx context.Context) (uint64, error) {
	erased, err := d.erasedContacts()
	if err != nil {
		return 0, err
	}
	gone := func(id contact.ID) bool { return erased[id] }
	if d.directories.Outdated() {
		removed, err := d.intake.rebuild(ctx, gone)
		if err == nil {
			d.log.Info().Str(dialer.FieldEvent, eventKeyResealed).Send()
		}
		return removed, err
	}
	var row dialer.Contact
	for id := range erased {
		found, err := d.directories.Contact(id, &row)
		if err != nil {
			return 0, fmt.Errorf("look for an erased contact: %w", err)
		}
		if found {
			return d.intake.rebuild(ctx, gone)
		}
	}
	return 0, nil
}

// erasedContacts returns whom the directory must not hold.
func (d *Daemon) erasedContacts() (map[contact.ID]bool, error) {
	var erased map[contact.ID]bool
	err := d.ledger.View(func(tx dialer.Tx) error {
		erased, _ = dialer.ErasedContacts(tx)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read who is erased: %w", err)
	}
	return erased, nil
}

var errImporting = errors.New("contacts are being imported: their build comes first")

// alone runs what builds the directory anew. It is refused while contacts are
// imported, and they are refused meanwhile.
func (d *intakeDesk) alone(build func() error) error {
	d.mu.Lock()
	importing := d.closed || d.rebuilding
	for _, s := range d.sessions {
		importing = importing || s.open.Kind == queue.IntakeContacts && !s.ended()
	}
	d.rebuilding = d.rebuilding || !importing
	d.mu.Unlock()
	if importing {
		return errImporting
	}
	defer func() {
		d.mu.Lock()
		d.rebuilding = false
		d.mu.Unlock()
	}()
	return build()
}

// rebuild builds the directory anew without the contacts that are gone, and
// returns how many those were.
func (d *intakeDesk) rebuild(ctx context.Context, gone func(contact.ID) bool) (removed uint64, err error) {
	o := &d.options
	err = d.alone(func() error {
		builder, err := store.NewDirectoryBuilder(store.DirectoryBuilderOptions{
			Path: o.paths.Directory, Old: o.directories.Current(), Keys: o.directories.Keys(), Attributes: o.schema.Declared(), BuiltAt: o.clock.Now(),
			Erased: gone, Correct: o.correct,
		})
		if err != nil {
			return err
		}
		counts, err := builder.Build(ctx, nil)
		if err != nil {
			return err
		}
		removed = counts.Erased
		return o.directories.Reload()
	})
	return removed, err
}
