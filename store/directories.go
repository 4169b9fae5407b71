package store

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Directories is the directory as a running daemon sees it: the file of today,
// until an import puts another in its place. It implements dialer.Directory
// and is safe for concurrent use. Each call sees one file as a whole; before
// the first import there is none and nobody is in it.
type Directories struct {
	path       string
	attributes []dialer.Attribute

	changing sync.Mutex // held while current or keys change
	keys     atomic.Pointer[Keys]
	current  atomic.Pointer[Directory]
	closed   bool
}

var _ dialer.Directory = (*Directories)(nil)

// OpenDirectories opens the directory file at path, where there is one, as
// OpenDirectory does. It removes what an import left that was killed, so that
// none may be under way: call it once, at start, with the ledger open.
func OpenDirectories(path string, keys *Keys, attributes []dialer.Attribute) (*Directories, error) {
	if err := removeLeftovers(path); err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	d := &Directories{path: path, attributes: attributes}
	d.keys.Store(keys)
	if err := d.Reload(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return d, nil
}

// Reload opens the file anew and lets later calls see it. Calls under way
// finish with the old one. On an error the old one stays.
func (d *Directories) Reload() error {
	d.changing.Lock()
	defer d.changing.Unlock()
	return d.reload(d.keys.Load())
}

// reload is Reload with keys that serve from now on. The caller holds changing.
func (d *Directories) reload(keys *Keys) error {
	if d.closed {
		return fmt.Errorf("reload directory: %w", errDirectoryClosed)
	}
	next, err := OpenDirectory(d.path, keys, d.attributes)
	if err != nil {
		return err
	}
	d.keys.Store(keys)
	if old := d.current.Swap(next); old != nil {
		return old.Close()
	}
	return nil
}

// Keys returns the keys in use: since a rotation other ones than those at the start,
// by their seal keys.
func (d *Directories) Keys() *Keys { return d.keys.Load() }

// Outdated tells whether the file is sealed with the former seal key, as one is that
// a restore has brought. Any build seals it anew.
func (d *Directories) Outdated() bool {
	current, keys := d.current.Load(), d.keys.Load()
	return current != nil && keys != nil && current.seal != keys.Seal
}

// Current returns the directory file of this moment, nil before the first
// import. It may be closed at any time by a Reload; its calls then fail, so
// that it is good for what must not mix two files, and for Build.
func (d *Directories) Current() *Directory { return d.current.Load() }

// with runs use on the current file, and again on the next one where a Reload
// came in between.
func (d *Directories) with(use func(*Directory) error) error {
	for {
		current := d.current.Load()
		if current == nil {
			return nil
		}
		if err := use(current); !errors.Is(err, errDirectoryClosed) || d.current.Load() == current {
			return err
		}
	}
}

// Contact fills row with what is kept of the contact and tells whether there
// is such a contact: see Directory.Contact.
func (d *Directories) Contact(id contact.ID, row *dialer.Contact) (bool, error) {
	for {
		current := d.current.Load()
		if current == nil {
			return false, nil
		}
		// Not by way of with, whose closure would be made for each contact.
		found, err := current.Contact(id, row)
		if err == nil || !errors.Is(err, errDirectoryClosed) || d.current.Load() == current {
			return found, err
		}
	}
}

// Contacts calls each for every contact of one file: see Directory.Contacts.
func (d *Directories) Contacts(each func(*dialer.Contact) bool) error {
	return d.with(func(current *Directory) error { return current.Contacts(each) })
}

// Number opens the sealed number of one contact: see Directory.Number.
func (d *Directories) Number(id contact.ID) (contact.Number, error) {
	for {
		current := d.current.Load()
		if current == nil {
			return contact.Number{}, fmt.Errorf("open number of %s: %w", id, dialer.ErrUnknownContact)
		}
		// Not by way of with, as in Contact.
		number, err := current.Number(id)
		if err == nil || !errors.Is(err, errDirectoryClosed) || d.current.Load() == current {
			return number, err
		}
	}
}

// Persons tells whether the directory may know whose numbers they are.
func (d *Directories) Persons() bool {
	current := d.current.Load()
	return current != nil && current.Persons()
}

// Synthetic tells whether the directory holds, or has once held, invented people
// whose numbers somebody may have: nobody in it may be dialled.
func (d *Directories) Synthetic() bool {
	current := d.current.Load()
	return current != nil && current.tables.Synthetic
}

// Close lets go of the current file. A second Close does nothing.
func (d *Directories) Close() error {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.closed = true
	if current := d.current.Load(); current != nil {
		return current.Close()
	}
	return nil
}
