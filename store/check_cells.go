package store

import (
	"bytes"
	"fmt"

	"github.com/hustings/hustings/consent/contact"
)

// cellChecker proves that the columns of a directory say what its rows say.
type cellChecker struct {
	checker *checker
	reader  *cellReader // nil where there are none
	chunk   [][]byte
	values  []uint16
	// kinds are those of the file, none where it has no column of them, and
	// numbers the chunk's part of that column.
	kinds   [][]byte
	numbers []byte
}

const cellsHint = "import any list: every import writes the columns anew"

// compare compares a row with its cells. Rows must come one after the other.
func (c *cellChecker) compare(row uint64, id contact.ID, packed []byte) {
	if c.reader == nil || row >= c.reader.rows {
		return
	}
	if row%cellRows == 0 {
		c.take(int(row / cellRows))
	}
	var err error
	if c.values, err = cellsOf(packed, len(c.reader.widths), c.values); err != nil {
		return // found already, as a row
	}
	for column, value := range c.values {
		cells := c.chunk[column]
		if cells != nil && cell(cells, int(row%cellRows), c.reader.widths[column]) != value {
			c.checker.found(fmt.Sprintf("contact %s: column %d says otherwise than the row", id, column), cellsHint)
		}
	}
	if c.numbers != nil && !c.kindIs(cell(c.numbers, int(row%cellRows), kindWidth), kindOf(packed)) {
		c.checker.found(fmt.Sprintf("contact %s: the column of kinds says otherwise than the row", id), cellsHint)
	}
}

// kindIs tells whether the kind may have the number.
func (c *cellChecker) kindIs(number uint16, kind []byte) bool {
	if number == 0 {
		return kind == nil || len(c.kinds) == mostKinds
	}
	return int(number) <= len(c.kinds) && kind != nil && bytes.Equal(c.kinds[number-1], kind)
}

// take reads a chunk. A column that cannot be read is found once.
func (c *cellChecker) take(chunk int) {
	c.chunk = make([][]byte, len(c.reader.widths))
	for column := range c.chunk {
		var err error
		if c.chunk[column], err = c.reader.column(chunk, column); err != nil {
			c.checker.found(err.Error(), restoreHint)
		}
	}
	if len(c.kinds) == 0 {
		return
	}
	var err error
	if c.numbers, err = c.reader.kinds(chunk); err != nil {
		c.checker.found(err.Error(), cellsHint)
	}
}
