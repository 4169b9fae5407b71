package store

import (
	"fmt"

	"github.com/hustings/hustings/consent/contact"
)

// cellChecker proves that the columns of a directory say what its rows say.
type cellChecker struct {
	checker *checker
	reader  *cellReader // nil where there are none
	chunk   [][]byte
	values  []uint16
}

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
			c.checker.found(fmt.Sprintf("contact %s: column %d says otherwise than the row", id, column), "import any list: every import writes the columns anew")
		}
	}
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
}
