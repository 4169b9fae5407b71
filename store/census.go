package store

import (
	"bytes"
	"fmt"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

var (
	_ dialer.Census  = (*Directories)(nil)
	_ dialer.Edition = (*Directory)(nil)
)

// Edition returns the directory file of this moment, nil before the first import.
func (d *Directories) Edition() dialer.Edition {
	if current := d.Current(); current != nil {
		return current
	}
	return nil
}

// Select returns the rows that meet all criteria and have a line of a kind that
// is wanted: by the columns, on all cores, or row by row where an older program
// built the directory without them.
func (d *Directory) Select(criteria []dialer.Criterion, lines func(contact.LineType) bool) (dialer.RowSet, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer func() { _ = d.leave() }() // only read
	if d.newCellReader() == nil {
		return d.selectByRows(criteria, lines)
	}
	rows := dialer.NewRowSet(d.tables.Count)
	tables, possible := d.cellTables(criteria)
	if !possible {
		return rows, nil
	}
	if lines != nil {
		tables = append(tables, lineTable(lines))
	}
	err := d.byChunks(func(reader *cellReader, _, chunk int) error { return reader.selectChunk(rows, chunk, tables) })
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	return rows, nil
}

// byChunks has work done for every chunk of the columns, on all cores, each of which
// has a part of them.
func (d *Directory) byChunks(work func(reader *cellReader, part, chunk int) error) error {
	chunks, parts := d.newCellReader().chunks(), runtime.GOMAXPROCS(0)
	var group errgroup.Group
	for part := range parts {
		group.Go(func() error {
			reader := d.newCellReader()
			for chunk := chunks * part / parts; chunk < chunks*(part+1)/parts; chunk++ {
				if err := work(reader, part, chunk); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// selectChunk fills the chunk's part of the set.
func (r *cellReader) selectChunk(rows dialer.RowSet, chunk int, tables []cellTable) error {
	size, words := r.size(chunk), r.words(rows, chunk)
	for i := range words {
		words[i] = 1<<min(64, size-64*i) - 1
	}
	for i := range tables {
		cells, err := r.column(chunk, tables[i].column)
		if err != nil {
			return err
		}
		tables[i].narrow(words, cells, r.widths[tables[i].column])
	}
	return nil
}

// cellTables brings criteria to the values as the file holds them. They may be
// impossible to meet, since the file lacks an attribute that is new.
func (d *Directory) cellTables(criteria []dialer.Criterion) (tables []cellTable, possible bool) {
	for _, criterion := range criteria {
		table := cellTable{column: -1}
		for i := range d.decoder.columns.from {
			written := &d.decoder.columns.from[i]
			if written.to != criterion.Attribute {
				continue
			}
			table = cellTable{column: 1 + i, wanted: make([]byte, 1<<(8*cellWidth(&d.tables.Attributes[i])))}
			for value, meaning := range written.value {
				if criterion.Wanted[meaning] {
					table.wanted[value] = 1
				}
			}
		}
		if table.column >= 0 {
			tables = append(tables, table)
		} else if !criterion.Wanted[0] {
			return nil, false
		}
	}
	return tables, true
}

// selectByRows does what Select does without columns.
func (d *Directory) selectByRows(criteria []dialer.Criterion, lines func(contact.LineType) bool) (dialer.RowSet, error) {
	rows, at := dialer.NewRowSet(d.tables.Count), uint64(0)
	err := d.Contacts(func(row *dialer.Contact) bool {
		wanted := lines == nil || lines(row.Line)
		for _, criterion := range criteria {
			wanted = wanted && criterion.Attribute < len(row.Values) && criterion.Wanted[row.Values[criterion.Attribute]]
		}
		if wanted && at < d.tables.Count {
			rows.Add(at)
		}
		at++
		return at < d.tables.Count
	})
	return rows, err
}

// Locate walks through the rows along with the contacts, which must come in
// ascending order, and calls found with the number of each row that is one's, and
// with the place of its kind; see dialer.Edition.
func (d *Directory) Locate(contacts iter.Seq[contact.ID], found func(row uint64, kind int)) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { _ = d.leave() }() // only read
	kinds := d.newKindReader()
	cursor := d.rows.Cursor()
	key, _ := cursor.First()
	row := uint64(0)
	for id := range contacts {
		for key != nil && bytes.Compare(key, id[:]) < 0 {
			key, _ = cursor.Next()
			row++
		}
		if key == nil {
			return nil
		}
		if !bytes.Equal(key, id[:]) {
			continue
		}
		kind, err := kinds.at(row)
		if err != nil {
			return fmt.Errorf("locate contact %s: %w", id, err)
		}
		found(row, kind)
	}
	return nil
}

// Rows calls each for every contact in the set, in ascending order of IDs, until it
// returns false. Rows that are not in the set are stepped over, not read.
func (d *Directory) Rows(rows dialer.RowSet, each func(*dialer.Contact) bool) error {
	return d.walk(func(at uint64) bool { return at/64 < uint64(len(rows)) && rows.Has(at) }, each)
}
