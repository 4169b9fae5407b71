package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// CompactOptions say what to compact.
type CompactOptions struct {
	Paths Paths
	Keys  *Keys
	// Erased returns the contacts whom the directory must not keep, as the
	// ledger knows them. Nil keeps everybody.
	Erased func(dialer.Tx) map[contact.ID]bool
	// Progress is told what is done next; it may be nil.
	Progress func(step string)
}

// Compacted is what came of it, in bytes.
type Compacted struct {
	LedgerBefore    int64 `json:"ledger_before"`
	LedgerAfter     int64 `json:"ledger_after"`
	DirectoryBefore int64 `json:"directory_before"`
	DirectoryAfter  int64 `json:"directory_after"`
	// Erased is how many contacts the directory let go of.
	Erased uint64 `json:"erased"`
}

// compactTransaction is how many bytes are copied in one transaction.
const compactTransaction = 64 << 20

// Compact writes the ledger anew, row by row, and puts the copy in its place: a
// deleted row leaves its bytes behind in pages that are free for use, and only a
// new file is without them. The directory never holds a deleted row; it is built
// anew where it holds anybody who asked for erasure. The store must not be in
// use. Killed at any moment, each file is the old one or the new one.
func Compact(ctx context.Context, options CompactOptions) (Compacted, error) {
	var done Compacted
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	// Whoever has the ledger open has the store: nobody else gets in meanwhile.
	ledger, err := OpenLedger(options.Paths.Ledger, LedgerOptions{Keys: options.Keys})
	if err != nil {
		return done, fmt.Errorf("compact: %w", err)
	}
	err = compactDirectory(ctx, options, ledger, &done)
	if err == nil {
		options.Progress("copying the ledger")
		err = ledger.compact(ctx, &done)
	}
	if err := errors.Join(err, ledger.Close()); err != nil {
		return done, fmt.Errorf("compact: %w", err)
	}
	return done, nil
}

// compact copies the ledger into a new file and gives it the ledger's name. What
// is open of the old one stays open, without a name.
func (l *Ledger) compact(ctx context.Context, done *Compacted) error {
	var err error
	if done.LedgerBefore, err = fileSize(l.path); err != nil {
		return err
	}
	temp, err := createTemp(l.path)
	if err != nil {
		return err
	}
	copied, err := bolt.Open(temp, 0o600, &bolt.Options{
		Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoStatistics: true,
		// One sync at the end is enough: the file has no name yet.
		NoSync: true, NoGrowSync: true,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("create the copy: %w", err), removeIfThere(temp))
	}
	if err = bolt.Compact(copied, l.db, compactTransaction); err == nil {
		err = copied.Sync()
	}
	if err := errors.Join(err, copied.Close(), ctx.Err()); err != nil {
		return errors.Join(fmt.Errorf("copy the ledger: %w", err), removeIfThere(temp))
	}
	if err := os.Rename(temp, l.path); err != nil {
		return errors.Join(fmt.Errorf("put the copy in place: %w", err), removeIfThere(temp))
	}
	if done.LedgerAfter, err = fileSize(l.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(l.path))
}

// compactDirectory builds the directory anew without the erased, if it holds any.
func compactDirectory(ctx context.Context, options CompactOptions, ledger *Ledger, done *Compacted) error {
	path := options.Paths.Directory
	there, err := exists(path)
	if err != nil || !there {
		return err
	}
	if done.DirectoryBefore, err = fileSize(path); err != nil {
		return err
	}
	done.DirectoryAfter = done.DirectoryBefore
	if err := removeLeftovers(path); err != nil {
		return err
	}
	var erased map[contact.ID]bool
	if options.Erased != nil {
		err = ledger.View(func(tx dialer.Tx) error { erased = options.Erased(tx); return nil })
	}
	if err != nil {
		return err
	}
	old, err := OpenDirectory(path, options.Keys, nil)
	if err != nil {
		return err
	}
	held, err := old.holds(erased)
	if err == nil && held {
		options.Progress("building the directory without those who asked for erasure")
		err = rebuildWithout(ctx, options, old, erased, done)
	}
	return errors.Join(err, old.Close())
}

// holds tells whether the directory has any of the contacts.
func (d *Directory) holds(contacts map[contact.ID]bool) (bool, error) {
	var row dialer.Contact
	for id := range contacts {
		if found, err := d.Contact(id, &row); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func rebuildWithout(ctx context.Context, options CompactOptions, old *Directory, erased map[contact.ID]bool, done *Compacted) error {
	builder, err := NewDirectoryBuilder(DirectoryBuilderOptions{
		Path: options.Paths.Directory, Old: old, Keys: options.Keys, Attributes: old.Attributes(), BuiltAt: old.BuiltAt(),
		Erased: func(id contact.ID) bool { return erased[id] },
	})
	if err != nil {
		return err
	}
	counts, err := builder.Build(ctx, nil)
	if err != nil {
		return err
	}
	done.Erased = counts.Erased
	done.DirectoryAfter, err = fileSize(options.Paths.Directory)
	return err
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("look at file: %w", err)
	}
	return info.Size(), nil
}
