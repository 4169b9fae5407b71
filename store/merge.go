package store

import (
	"bytes"
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// merge writes a new directory out of sorted runs and the old file, in one pass
// over both.
type merge struct {
	builder  *DirectoryBuilder
	ctx      context.Context // of the one call of run
	progress func(built, total uint64)
	load     *load
	imported *ahead
	old      oldRows
	// resolved and columns read the rows that are written.
	resolved resolved
	columns  columns
	read     uint64
	total    uint64
	counts   Counts
}

// progressRows is how many rows pass between two looks at the context.
const progressRows = 1 << 14

func (m *merge) run() (err error) {
	if m.imported, err = mergeAhead(m.builder.sorter.runs); err != nil {
		return err
	}
	defer m.imported.close()
	m.total = m.builder.rows()
	if m.resolved, err = m.builder.growing.settled().resolve(); err != nil {
		return err
	}
	m.columns = newColumns(m.builder.options.Attributes, m.builder.options.Attributes)
	if old := m.builder.options.Old; old != nil {
		if err := old.enter(); err != nil {
			return err
		}
		defer func() { _ = old.leave() }() // only read
		// The walk reads page by page, which is slow unless somebody was there before.
		reading, stop := context.WithCancel(m.ctx)
		defer stop()
		go func() { _ = old.Warm(reading) }() // the walk will tell what cannot be read
		if err := m.old.open(old, newColumns(old.tables.Attributes, m.builder.options.Attributes), m.builder.options.Keys); err != nil {
			return err
		}
	}
	for m.imported.least() != nil || m.old.key != nil {
		if err := m.step(); err != nil {
			return err
		}
	}
	m.tell()
	return nil
}

// step writes the contact that comes next.
func (m *merge) step() error {
	if m.read%progressRows == 0 {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		m.tell()
	}
	next := m.imported.least()
	if next == nil || m.old.key != nil && bytes.Compare(m.old.key, next.id[:]) < 0 {
		return m.keep()
	}
	return m.take(next)
}

// keep writes a contact that only the old directory has.
func (m *merge) keep() error {
	m.read++
	row, err := m.old.row()
	if err != nil {
		return err
	}
	id := contact.ID(m.old.key)
	if m.erased(id) {
		m.old.next()
		return nil
	}
	m.counts.Kept++
	switch fix := m.builder.packer.correction(id); {
	case fix != nil:
		if row, err = m.corrected(id, row, fix); err != nil {
			return err
		}
		row = m.load.hold(row)
	case m.old.changed():
		row = m.load.hold(row)
	}
	err = m.put(id, row)
	m.old.next()
	return err
}

// corrected returns an old row, as the new columns want it, with a correction
// made in it. The sealed number is kept as it is.
func (m *merge) corrected(id contact.ID, row []byte, fix func(*dialer.Contact)) ([]byte, error) {
	decoder := rowDecoder{resolved: m.resolved, columns: m.columns, sources: uint64(m.builder.growing.sources.Load())}
	known := dialer.Contact{ID: id}
	if err := decoder.decode(row, &known); err != nil {
		return nil, fmt.Errorf("read old directory, contact %s: %w", id, err)
	}
	fix(&known)
	fixed, err := m.builder.packer.encoder.facts(nil, &known)
	if err != nil {
		return nil, fmt.Errorf("correct contact %s: %w", id, err)
	}
	return append(fixed, row[len(row)-sealedSize:]...), nil
}

// take writes a contact of the import, drops its later rows and steps over the
// old one.
func (m *merge) take(first *record) error {
	id := first.id
	row := m.load.hold(first.row)
	if err := m.drop(id); err != nil {
		return err
	}
	was, err := m.old.at(id)
	if err != nil {
		return err
	}
	if was != nil {
		m.read++
	}
	erased := m.erased(id)
	switch {
	case erased:
	case was == nil:
		m.counts.Added++
	case sameButSource(was, row):
		m.counts.Unchanged++
	default:
		m.counts.Updated++
	}
	if was != nil {
		m.old.next()
	}
	if erased {
		return nil
	}
	return m.put(id, row)
}

// drop steps over the import's record and all further ones of the contact.
func (m *merge) drop(id contact.ID) error {
	for first := true; ; first = false {
		record := m.imported.least()
		if record == nil || record.id != id {
			return nil
		}
		if !first {
			m.counts.Duplicates++
			if m.builder.options.Duplicate != nil {
				m.builder.options.Duplicate(record.ordinal)
			}
		}
		m.read++
		if err := m.imported.next(); err != nil {
			return err
		}
	}
}

func (m *merge) erased(id contact.ID) bool {
	if m.builder.options.Erased == nil || !m.builder.options.Erased(id) {
		return false
	}
	m.counts.Erased++
	return true
}

func (m *merge) put(id contact.ID, row []byte) error {
	m.counts.Total++
	return m.load.put(id, row)
}

func (m *merge) tell() {
	if m.progress != nil {
		m.progress(m.read, m.total)
	}
}

// oldRows walks through the old directory.
type oldRows struct {
	cursor     *bolt.Cursor
	columns    columns
	key, value []byte // key is nil at the end
	rewritten  []byte
	scratch    []uint16
	// opener opens the numbers and sealer seals them anew, where the file is from
	// before a rotation of the seal key; else both are nil.
	opener, sealer *sealer
}

func (o *oldRows) open(old *Directory, c columns, keys *Keys) error {
	o.columns = c
	seal, err := keys.sealOf(old.tx.Bucket(directoryMeta))
	if err != nil {
		return err
	}
	if seal != keys.Seal {
		if o.opener, err = newSealer(seal); err != nil {
			return err
		}
		if o.sealer, err = newSealer(keys.Seal); err != nil {
			return err
		}
	}
	o.cursor = old.rows.Cursor()
	o.key, o.value = o.cursor.First()
	return nil
}

// changed tells whether rows are others than those in the old file.
func (o *oldRows) changed() bool { return !o.columns.same || o.sealer != nil }

func (o *oldRows) next() { o.key, o.value = o.cursor.Next() }

// row returns the row as the new columns and the seal key want it, valid until the
// next call.
func (o *oldRows) row() ([]byte, error) {
	if len(o.key) != contact.IDSize {
		return nil, fmt.Errorf("read old directory: %w", errRow)
	}
	if !o.changed() {
		return o.value, nil
	}
	var err error
	if o.columns.same {
		o.rewritten = append(o.rewritten[:0], o.value...)
	} else {
		o.rewritten, err = rewriteRow(o.rewritten[:0], o.value, &o.columns, &o.scratch)
	}
	if err == nil && o.sealer != nil {
		err = o.reseal()
	}
	if err != nil {
		return nil, fmt.Errorf("read old directory, contact %s: %w", contact.ID(o.key), err)
	}
	return o.rewritten, nil
}

// reseal seals the rewritten row's number with the key in use.
func (o *oldRows) reseal() (err error) {
	facts := len(o.rewritten) - sealedSize
	if facts <= 0 {
		return errRow
	}
	sealed := [sealedSize]byte(o.rewritten[facts:])
	o.rewritten, err = o.sealer.reseal(o.rewritten[:facts], contact.ID(o.key), sealed[:], o.opener)
	return err
}

// at returns the row where the walk stands at id, nil where it does not.
func (o *oldRows) at(id contact.ID) ([]byte, error) {
	if !bytes.Equal(o.key, id[:]) {
		return nil, nil
	}
	return o.row()
}
