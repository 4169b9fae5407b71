package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"runtime"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
)

// A row's kind is what it begins with: the line, where it is, in which time and how
// old its holder is. Far fewer kinds than rows are in a directory, so that who plans
// a campaign is told how many there are of each. Kinds have numbers from 1, in the
// order in which the rows have brought them:
//
//	number (2 bytes)     a row up to its source
//
// A row's number stands in a column behind all others; it is 0 for rows that name a
// person, and for those of further kinds than there are numbers.
var directoryKinds = []byte("kind")

const (
	kindColumn = math.MaxUint16
	kindWidth  = 2
	mostKinds  = math.MaxUint16
)

// kindOf returns what a row's kind is known by, nil for a row that has none.
func kindOf(row []byte) []byte {
	if len(row) == 0 || row[0]&personFlag != 0 {
		return nil
	}
	before, _ := aroundSource(row)
	return before
}

// kindWriter numbers the kinds of the rows that a load writes.
type kindWriter struct {
	numbers map[string]uint16
	kinds   []string
	cells   []byte // of the chunk
}

// add takes the next row.
func (w *kindWriter) add(row []byte) {
	kind := kindOf(row)
	number := w.numbers[string(kind)]
	if number == 0 && kind != nil && len(w.kinds) < mostKinds {
		w.kinds = append(w.kinds, string(kind))
		number = uint16(len(w.kinds))
		w.numbers[string(kind)] = number
	}
	w.cells = binary.BigEndian.AppendUint16(w.cells, number)
}

// finish writes the kinds, once all rows were added.
func (w *kindWriter) finish(btx *bolt.Tx) error {
	kinds, err := btx.CreateBucket(directoryKinds)
	if err != nil {
		return fmt.Errorf("create table of kinds: %w", err)
	}
	kinds.FillPercent = 1
	for i, kind := range w.kinds {
		if err := kinds.Put(binary.BigEndian.AppendUint16(nil, uint16(1+i)), []byte(kind)); err != nil {
			return fmt.Errorf("write kind: %w", err)
		}
	}
	return nil
}

// kindRows returns the kinds as they lie in the file, in the order of their numbers;
// none where an older program built the directory.
func (d *Directory) kindRows() (rows [][]byte, err error) {
	kinds := d.tx.Bucket(directoryKinds)
	if kinds == nil {
		return nil, nil
	}
	cursor := kinds.Cursor()
	for key, row := cursor.First(); key != nil; key, row = cursor.Next() {
		if len(key) != kindWidth || int(binary.BigEndian.Uint16(key)) != 1+len(rows) {
			return nil, fmt.Errorf("read kinds: %w", errRow)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Tally returns how many rows of the set there are of each kind; see dialer.Edition.
func (d *Directory) Tally(rows dialer.RowSet) ([]dialer.KindCount, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer func() { _ = d.leave() }() // only read
	kinds, err := d.kindRows()
	if err != nil || len(kinds) == 0 {
		return nil, err
	}
	tally := make([]dialer.KindCount, len(kinds))
	for i, kind := range kinds {
		var c dialer.Contact
		if rest, err := d.decoder.head(kind, &c); err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("read kind %d: %w", 1+i, errRow)
		}
		tally[i].Kind = c.Kind()
	}
	counts := make([][1 + mostKinds]uint32, runtime.GOMAXPROCS(0))
	err = d.byChunks(func(reader *cellReader, part, chunk int) error {
		cells, err := reader.kinds(chunk)
		if err == nil {
			tallyChunk(&counts[part], rows[chunk*cellRows/64:], cells)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count kinds: %w", err)
	}
	for part := range counts {
		for number, count := range counts[part][1:] {
			switch {
			case number < len(tally):
				tally[number].Count += uint64(count)
			case count > 0:
				return nil, fmt.Errorf("count kinds: number %d: %w", 1+number, errRow)
			}
		}
	}
	return tally, nil
}

func tallyChunk(counts *[1 + mostKinds]uint32, rows []uint64, cells []byte) {
	for i := 0; i*64*kindWidth < len(cells); i++ {
		part := cells[i*64*kindWidth:]
		for word := rows[i]; word != 0; word &= word - 1 {
			counts[binary.BigEndian.Uint16(part[kindWidth*bits.TrailingZeros64(word):])]++
		}
	}
}

// Strike takes rows of some kinds out of the set; see dialer.Edition.
func (d *Directory) Strike(rows dialer.RowSet, struck []bool) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { _ = d.leave() }() // only read
	kept := cellTable{column: kindColumn, wanted: bytes.Repeat([]byte{1}, 1+mostKinds)}
	for i, strike := range struck {
		if strike {
			kept.wanted[1+i] = 0
		}
	}
	err := d.byChunks(func(reader *cellReader, _, chunk int) error {
		cells, err := reader.kinds(chunk)
		if err == nil {
			kept.narrow(reader.words(rows, chunk), cells, kindWidth)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("take out kinds: %w", err)
	}
	return nil
}

// kinds returns the numbers of the kinds of a chunk's rows.
func (r *cellReader) kinds(chunk int) ([]byte, error) { return r.cellsOf(chunk, kindColumn, kindWidth) }

// kindReader reads the kinds of single rows, best in their order.
type kindReader struct {
	reader *cellReader // nil where there is no column of kinds
	chunk  int
	cells  []byte // of the chunk
}

func (d *Directory) newKindReader() *kindReader {
	r := &kindReader{chunk: -1}
	if d.tx.Bucket(directoryKinds) != nil {
		r.reader = d.newCellReader()
	}
	return r
}

// at returns the place of a row's kind in a tally, -1 for none.
func (r *kindReader) at(row uint64) (int, error) {
	if r.reader == nil {
		return -1, nil
	}
	if chunk := int(row / cellRows); chunk != r.chunk {
		cells, err := r.reader.kinds(chunk)
		if err != nil {
			return -1, err
		}
		r.chunk, r.cells = chunk, cells
	}
	return int(cell(r.cells, int(row%cellRows), kindWidth)) - 1, nil
}
