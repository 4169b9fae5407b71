package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// errDirectoryClosed tells Directories to look for the next file.
var errDirectoryClosed = errors.New("the directory is closed")

// Directory is one directory file, open for reading. It implements
// dialer.Directory and is safe for concurrent use. The file never changes in
// place, so that one transaction of bbolt serves as long as it is open.
type Directory struct {
	db      *bolt.DB
	tx      *bolt.Tx
	rows    *bolt.Bucket
	tables  tables
	decoder rowDecoder
	keys    *Keys
	seal    SealKey   // that the file's numbers are sealed with, if there are keys
	readers sync.Pool // of *rowReader

	// users is 1 for the opener and 1 for each call under way. The map goes
	// away with the last one; a reader behind it would crash.
	users  atomic.Int64
	closed atomic.Bool
}

// rowReader is what one look-up needs, kept so that none of it is made anew.
type rowReader struct {
	cursor *bolt.Cursor
	key    contact.ID
	sealer *sealer
}

var _ dialer.Directory = (*Directory)(nil)

// OpenDirectory opens the directory file at path. Contacts come with their
// values numbered as attributes declares them, which need not be the
// declaration that the file was built with; nil stands for that one. The error
// wraps fs.ErrNotExist where there is no file.
func OpenDirectory(path string, keys *Keys, attributes []dialer.Attribute) (*Directory, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	// No lock is waited for: an import makes a new file and never opens this one.
	db, err := openFile(path, &bolt.Options{ReadOnly: true, Timeout: time.Second, NoStatistics: true})
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	d := &Directory{db: db, keys: keys}
	if err := d.begin(attributes); err != nil {
		if d.tx != nil {
			err = errors.Join(err, d.tx.Rollback())
		}
		return nil, errors.Join(fmt.Errorf("open directory %s: %w", path, err), db.Close())
	}
	return d, nil
}

func (d *Directory) begin(attributes []dialer.Attribute) (err error) {
	if d.tx, err = d.db.Begin(false); err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	if d.tables, err = readTables(d.tx, d.keys); err != nil {
		return err
	}
	if attributes == nil {
		attributes = d.tables.Attributes
	}
	d.rows = d.tx.Bucket(directoryRows)
	d.decoder.columns = newColumns(d.tables.Attributes, attributes)
	d.decoder.sources = uint64(len(d.tables.Sources))
	if d.decoder.resolved, err = d.tables.resolve(); err != nil {
		return err
	}
	if d.keys != nil {
		if d.seal, err = d.keys.sealOf(d.tx.Bucket(directoryMeta)); err != nil {
			return err
		}
		if _, err := newSealer(d.seal); err != nil {
			return err
		}
	}
	d.readers.New = func() any { return d.newReader() }
	d.users.Store(1)
	return nil
}

func (d *Directory) newReader() *rowReader {
	r := &rowReader{cursor: d.rows.Cursor()}
	if d.keys != nil {
		r.sealer, _ = newSealer(d.seal) // succeeded in begin
	}
	return r
}

// enter keeps the file open until leave.
func (d *Directory) enter() error {
	for {
		users := d.users.Load()
		if users == 0 {
			return errDirectoryClosed
		}
		if d.users.CompareAndSwap(users, users+1) {
			return nil
		}
	}
}

func (d *Directory) leave() error {
	if d.users.Add(-1) > 0 {
		return nil
	}
	return errors.Join(d.tx.Rollback(), d.db.Close())
}

// Close lets go of the file once the calls under way have returned; later ones
// fail. A second Close does nothing.
func (d *Directory) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	if err := d.leave(); err != nil {
		return fmt.Errorf("close directory: %w", err)
	}
	return nil
}

// Contact fills row with what is kept of the contact and tells whether there
// is such a contact. It reuses row.Values and allocates nothing else.
func (d *Directory) Contact(id contact.ID, row *dialer.Contact) (bool, error) {
	if err := d.enter(); err != nil {
		return false, err
	}
	defer func() { _ = d.leave() }() // only read
	r := d.readers.Get().(*rowReader)
	defer d.readers.Put(r)
	value := r.find(id)
	if value == nil {
		return false, nil
	}
	row.ID = id
	if err := d.decoder.decode(value, row); err != nil {
		return false, fmt.Errorf("read contact %s: %w", id, err)
	}
	return true, nil
}

func (r *rowReader) find(id contact.ID) []byte {
	r.key = id
	key, value := r.cursor.Seek(r.key[:])
	if !bytes.Equal(key, r.key[:]) {
		return nil
	}
	return value
}

// Contacts calls each for every contact, in ascending order of IDs, until it
// returns false. The row is the callee's only during the call.
func (d *Directory) Contacts(each func(*dialer.Contact) bool) error {
	return d.walk(func(uint64) bool { return true }, each)
}

// walk goes through the rows in their order and reads those whose numbers are
// wanted.
func (d *Directory) walk(wanted func(at uint64) bool, each func(*dialer.Contact) bool) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { _ = d.leave() }() // only read
	var row dialer.Contact
	cursor, at := d.rows.Cursor(), uint64(0)
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if at++; !wanted(at - 1) {
			continue
		}
		if len(key) != contact.IDSize {
			return fmt.Errorf("read contacts: %w", errRow)
		}
		row.ID = contact.ID(key)
		if err := d.decoder.decode(value, &row); err != nil {
			return fmt.Errorf("read contact %s: %w", row.ID, err)
		}
		if !each(&row) {
			return nil
		}
	}
	return nil
}

// Number opens the sealed number of one contact. The error wraps
// dialer.ErrUnknownContact where there is none; no error holds the number.
func (d *Directory) Number(id contact.ID) (contact.Number, error) {
	if err := d.enter(); err != nil {
		return contact.Number{}, err
	}
	defer func() { _ = d.leave() }() // only read
	if d.keys == nil {
		return contact.Number{}, errors.New("open number: the directory was opened without keys")
	}
	r := d.readers.Get().(*rowReader)
	defer d.readers.Put(r)
	value := r.find(id)
	switch {
	case value == nil:
		return contact.Number{}, fmt.Errorf("open number of %s: %w", id, dialer.ErrUnknownContact)
	case len(value) <= sealedSize:
		return contact.Number{}, fmt.Errorf("open number of %s: %w", id, errRow)
	}
	number, err := r.sealer.open(id, value[len(value)-sealedSize:])
	if err != nil {
		return contact.Number{}, fmt.Errorf("contact %s: %w", id, err)
	}
	return number, nil
}

// Persons tells whether the directory may know whose numbers they are.
func (d *Directory) Persons() bool { return d.tables.Persons }

// Count returns the number of contacts.
func (d *Directory) Count() uint64 { return d.tables.Count }

// BuiltAt returns when the file was built.
func (d *Directory) BuiltAt() time.Time { return d.tables.BuiltAt }

// Source is a list that contacts came from.
type Source struct {
	Name string
	// Collected is when its contacts were collected.
	Collected time.Time
}

// Sources returns the lists that contacts came from; Contact.Source is an
// index into it.
func (d *Directory) Sources() []Source {
	sources := make([]Source, len(d.tables.Sources))
	for i, name := range d.tables.Sources {
		sources[i] = Source{name, d.tables.Collected[i]}
	}
	return sources
}

// Attributes returns the declaration that the file was built with.
func (d *Directory) Attributes() []dialer.Attribute { return slices.Clone(d.tables.Attributes) }

// Undeclared names the attributes and values that are in the file and that
// the declaration given to OpenDirectory lacks. Nobody sees them.
func (d *Directory) Undeclared() []string { return slices.Clone(d.decoder.columns.lost) }

// Warm reads the whole file once, in order, so that it is in memory. A first
// scan of a cold file would otherwise read it page by page at a tenth of the
// speed. It returns early, without error, when ctx is done.
func (d *Directory) Warm(ctx context.Context) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { _ = d.leave() }() // only read
	f, err := os.Open(d.db.Path())
	if err != nil {
		return fmt.Errorf("warm directory: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	block := make([]byte, 4<<20)
	for ctx.Err() == nil {
		if _, err := f.Read(block); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("warm directory: %w", err)
		}
	}
	return nil
}
