package store

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// A row of the directory, under the contact's ID:
//
//	line type (1 byte; its first bit tells that there is a person)
//	territory, zone (1 + place in the tables, 0 for none), birth year, source,
//	one value for each declared attribute        (varints)
//	person (16 bytes, where there is one)
//	sealed number (24 bytes)
//
// Numbers, territories, zones and sources of a row stay as they are from one
// build to the next, since tables only grow at their end; see rewriteRow for
// the values.

// personFlag marks rows that tell whose number it is.
const personFlag = 0x80

// tailSize is how many bytes of a row follow its varints.
func tailSize(row []byte) int {
	if len(row) > 0 && row[0]&personFlag != 0 {
		return contact.IDSize + sealedSize
	}
	return sealedSize
}

var errRow = errors.New("the row is damaged: stop the daemon and run dialctl store check")

// rowDecoder turns rows into contacts.
type rowDecoder struct {
	resolved
	columns columns
	sources uint64
}

// decode fills c from a row, all but the ID. It reuses c.Values.
func (d *rowDecoder) decode(row []byte, c *dialer.Contact) error {
	tail := tailSize(row)
	if len(row) <= tail {
		return errRow
	}
	c.Person = contact.PersonID{}
	if tail > sealedSize {
		c.Person = contact.PersonID(row[len(row)-tail : len(row)-sealedSize])
	}
	rest, err := d.head(row[:len(row)-tail], c)
	if err != nil {
		return err
	}
	source, rest := varint(rest)
	if rest == nil || source >= d.sources {
		return errRow
	}
	c.Source = uint16(source)
	return d.columns.read(rest, &c.Values)
}

// head fills c from what a row begins with, and returns what follows.
func (d *rowDecoder) head(row []byte, c *dialer.Contact) ([]byte, error) {
	if len(row) == 0 {
		return nil, errRow
	}
	c.Line = contact.LineType(row[0] &^ personFlag)
	var territory, zone, year uint64
	rest := row[1:]
	for _, field := range [...]*uint64{&territory, &zone, &year} {
		*field, rest = varint(rest)
	}
	if rest == nil || territory >= uint64(len(d.territories)) || zone >= uint64(len(d.zones)) || year > latestYear {
		return nil, errRow
	}
	c.Territory, c.Zone, c.BirthYear = d.territories[territory], d.zones[zone], int(year)
	return rest, nil
}

// latestYear bounds a birth year: a damaged one must not pass for an old person's.
const latestYear = 9999

// varint reads one varint. What follows it is never nil unless there was none;
// nil begets nil.
func varint(from []byte) (uint64, []byte) {
	if len(from) > 0 && from[0] < 0x80 {
		return uint64(from[0]), from[1:]
	}
	value, n := binary.Uvarint(from)
	if n <= 0 {
		return 0, nil
	}
	return value, from[n:]
}

// rewriteRow appends the row with its values as the new columns want them. The
// sealed number is kept as it is: no key is needed.
func rewriteRow(to, row []byte, c *columns, scratch *[]uint16) ([]byte, error) {
	tail := tailSize(row)
	if len(row) <= tail {
		return nil, errRow
	}
	rest := row[1 : len(row)-tail]
	for range 4 {
		_, rest = varint(rest)
	}
	if rest == nil {
		return nil, errRow
	}
	to = append(to, row[:len(row)-tail-len(rest)]...)
	if err := c.read(rest, scratch); err != nil {
		return nil, err
	}
	for _, value := range *scratch {
		to = binary.AppendUvarint(to, uint64(value))
	}
	return append(to, row[len(row)-tail:]...), nil
}

// sameButSource tells whether two rows say the same of a contact, whichever list each
// came from.
func sameButSource(a, b []byte) bool {
	beforeA, afterA := aroundSource(a)
	beforeB, afterB := aroundSource(b)
	return bytes.Equal(beforeA, beforeB) && bytes.Equal(afterA, afterB)
}

// aroundSource returns what stands before and behind a row's source.
func aroundSource(row []byte) (before, after []byte) {
	if len(row) == 0 {
		return row, nil
	}
	rest := row[1:]
	for range 3 {
		_, rest = varint(rest)
	}
	before = row[:len(row)-len(rest)]
	_, after = varint(rest)
	return before, after
}
