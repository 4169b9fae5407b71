package store

import (
	"fmt"
	"slices"

	"github.com/hustings/hustings/dialer"
)

// columns reads the values of a row, written under one declaration of
// attributes, as another declaration numbers them. Operators add values and
// attributes to directory.yaml long before the next import rewrites the rows.
type columns struct {
	from []column
	// width is how many attributes the readers' declaration has.
	width int
	// same tells that rows can be taken as they are.
	same bool
	// lost are the attributes and values that readers no longer declare.
	lost []string
}

type column struct {
	// to is the attribute's place for the readers, -1 where it is lost.
	to int
	// value holds, for each value as written, the readers' own.
	value []uint16
}

func newColumns(written, wanted []dialer.Attribute) columns {
	c := columns{width: len(wanted), same: len(written) == len(wanted)}
	for i, attribute := range written {
		to := slices.IndexFunc(wanted, func(w dialer.Attribute) bool { return w.Name == attribute.Name })
		col := column{to: to, value: make([]uint16, 1+len(attribute.Values))}
		c.same = c.same && to == i
		if to < 0 {
			c.lost = append(c.lost, fmt.Sprintf("attribute %q", attribute.Name))
			c.from = append(c.from, col)
			continue
		}
		for j, value := range attribute.Values {
			at := slices.Index(wanted[to].Values, value)
			col.value[1+j] = uint16(1 + at)
			c.same = c.same && at == j
			if at < 0 {
				c.lost = append(c.lost, fmt.Sprintf("value %q of attribute %q", value, attribute.Name))
			}
		}
		c.from = append(c.from, col)
	}
	return c
}

// read fills values from a row's last varints. A value that readers do not
// declare comes out as none.
func (c *columns) read(rest []byte, values *[]uint16) error {
	out := slices.Grow((*values)[:0], c.width)[:c.width]
	clear(out)
	*values = out
	for i := range c.from {
		var value uint64
		value, rest = varint(rest)
		col := &c.from[i]
		if rest == nil || value >= uint64(len(col.value)) {
			return errRow
		}
		if col.to >= 0 {
			out[col.to] = col.value[value]
		}
	}
	if len(rest) != 0 {
		return errRow
	}
	return nil
}
