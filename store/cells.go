package store

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// What segments count by lies a second time in the directory, column by column,
// in the order of the rows: to count 28 million contacts by three attributes, 84
// MB are read instead of all rows. A column is cut into chunks of as many rows.
//
//	chunk (4 bytes), column (2)     one cell for each row of the chunk
//
// Column 0 is the kind of line, and column 1+i the i-th attribute as the rows hold
// its values. A cell has one byte, or two where the attribute has more values. The
// last column is that of directoryKinds.
var directoryCells = []byte("cell")

// cellRows is how many rows a chunk has: a multiple of 64, so that chunks are
// whole words of a dialer.RowSet.
const cellRows = 1 << 16

// cellWidth returns how many bytes a cell of the attribute has.
func cellWidth(a *dialer.Attribute) int {
	if len(a.Values) < 1<<8 {
		return 1
	}
	return 2
}

func cellKey(chunk, column int) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, uint32(chunk)), uint16(column))
}

// cellWriter collects the columns of the rows that a load writes.
type cellWriter struct {
	widths  []int
	columns [][]byte
	kinds   kindWriter
	values  []uint16
	chunk   int
	rows    int // of the chunk
}

func newCellWriter(attributes []dialer.Attribute) *cellWriter {
	widths := cellWidths(attributes)
	return &cellWriter{widths: widths, columns: make([][]byte, len(widths)), kinds: kindWriter{numbers: map[string]uint16{}}}
}

// cellWidths returns the columns' widths.
func cellWidths(attributes []dialer.Attribute) []int {
	widths := []int{1}
	for i := range attributes {
		widths = append(widths, cellWidth(&attributes[i]))
	}
	return widths
}

// add takes the next row, and writes the chunk that it fills.
func (w *cellWriter) add(btx *bolt.Tx, row []byte) error {
	var err error
	if w.values, err = cellsOf(row, len(w.widths), w.values); err != nil {
		return err
	}
	for i, value := range w.values {
		w.columns[i] = appendCell(w.columns[i], value, w.widths[i])
	}
	w.kinds.add(row)
	if w.rows++; w.rows < cellRows {
		return nil
	}
	return w.flush(btx)
}

// flush writes the chunk as far as it is filled. bbolt refers to the cells until
// it has written them, so that the next chunk gets memory of its own.
func (w *cellWriter) flush(btx *bolt.Tx) error {
	if w.rows == 0 {
		return nil
	}
	cells, err := btx.CreateBucketIfNotExists(directoryCells)
	if err != nil {
		return fmt.Errorf("create table of columns: %w", err)
	}
	cells.FillPercent = 1
	for i := range w.columns {
		if err := cells.Put(cellKey(w.chunk, i), w.columns[i]); err != nil {
			return fmt.Errorf("write column: %w", err)
		}
		w.columns[i] = make([]byte, 0, cellRows*w.widths[i])
	}
	if err := cells.Put(cellKey(w.chunk, kindColumn), w.kinds.cells); err != nil {
		return fmt.Errorf("write column of kinds: %w", err)
	}
	w.kinds.cells = make([]byte, 0, cellRows*kindWidth)
	w.chunk, w.rows = w.chunk+1, 0
	return nil
}

// finish writes what is left, and what the cells refer to.
func (w *cellWriter) finish(btx *bolt.Tx) error {
	if err := w.flush(btx); err != nil {
		return err
	}
	return w.kinds.finish(btx)
}

func appendCell(column []byte, value uint16, width int) []byte {
	if width == 1 {
		return append(column, byte(value))
	}
	return binary.BigEndian.AppendUint16(column, value)
}

// cellsOf returns what the columns hold of a row.
func cellsOf(row []byte, columns int, values []uint16) ([]uint16, error) {
	tail := tailSize(row)
	if len(row) <= tail {
		return values, errRow
	}
	values = append(values[:0], uint16(row[0]&^personFlag))
	rest := row[1 : len(row)-tail]
	for range 4 {
		_, rest = varint(rest)
	}
	var value uint64
	for len(values) < columns {
		value, rest = varint(rest)
		values = append(values, uint16(value))
	}
	if rest == nil || len(rest) > 0 {
		return values, errRow
	}
	return values, nil
}

// cellReader reads one chunk after the other. It belongs to one goroutine.
type cellReader struct {
	cells *bolt.Bucket
	// counts and widths are those of the rows and the columns.
	rows   uint64
	widths []int
}

// newCellReader returns nil where the directory has no columns, as one that an
// older program built.
func (d *Directory) newCellReader() *cellReader {
	cells := d.tx.Bucket(directoryCells)
	if cells == nil {
		return nil
	}
	return &cellReader{cells: cells, rows: d.tables.Count, widths: cellWidths(d.tables.Attributes)}
}

// chunks returns how many chunks there are.
func (r *cellReader) chunks() int { return int((r.rows + cellRows - 1) / cellRows) }

// size returns how many rows the chunk has.
func (r *cellReader) size(chunk int) int {
	return int(min(cellRows, r.rows-uint64(chunk)*cellRows))
}

// words returns the chunk's part of a set.
func (r *cellReader) words(rows dialer.RowSet, chunk int) []uint64 {
	return rows[chunk*cellRows/64:][:(r.size(chunk)+63)/64]
}

// column returns the cells of a chunk in the column, as they lie in the file.
func (r *cellReader) column(chunk, column int) ([]byte, error) {
	return r.cellsOf(chunk, column, r.widths[column])
}

func (r *cellReader) cellsOf(chunk, column, width int) ([]byte, error) {
	cells := r.cells.Get(cellKey(chunk, column))
	if len(cells) != r.size(chunk)*width {
		return nil, fmt.Errorf("rows from %d, column %d: %w", chunk*cellRows, column, errRow)
	}
	return cells, nil
}

// cell returns one value of a column.
func cell(column []byte, row, width int) uint16 {
	if width == 1 {
		return uint16(column[row])
	}
	return binary.BigEndian.Uint16(column[2*row:])
}

// cellTable tells which cells of one column are wanted.
type cellTable struct {
	column int
	wanted []byte // 1 by the cell's value, else 0
}

// lineTable wants some kinds of line; nil wants all.
func lineTable(wanted func(contact.LineType) bool) cellTable {
	t := cellTable{wanted: make([]byte, 1<<8)}
	for value := range t.wanted {
		if wanted == nil || wanted(contact.LineType(value)) {
			t.wanted[value] = 1
		}
	}
	return t
}

// narrow leaves those of the rows whose cells are wanted.
func (t *cellTable) narrow(rows []uint64, cells []byte, width int) {
	if width == 1 {
		narrowBytes(rows, cells, (*[1 << 8]byte)(t.wanted))
		return
	}
	for i, word := range rows {
		for left := word; left != 0; left &= left - 1 {
			place := bits.TrailingZeros64(left)
			if t.wanted[cell(cells, i*64+place, width)] == 0 {
				word &^= 1 << place
			}
		}
		rows[i] = word
	}
}

func narrowBytes(rows []uint64, cells []byte, wanted *[1 << 8]byte) {
	for i, word := range rows {
		if word == 0 {
			continue
		}
		var kept uint64
		for j, value := range cells[i*64 : min(len(cells), i*64+64)] {
			kept |= uint64(wanted[value]) << (j & 63)
		}
		rows[i] = word & kept
	}
}
