package dialer

import (
	"iter"
	"math/bits"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Census is a directory that counts contacts without reading their rows.
type Census interface {
	// Edition returns the directory as the last import left it, nil before the
	// first one.
	Edition() Edition
}

// Edition is one state of the directory, whose rows have numbers from 0 in the
// ascending order of their contacts. Once a later import has taken its place its
// methods fail.
type Edition interface {
	// Select returns the rows that meet all criteria and have a line of a kind
	// that is wanted; nil wants all. Corrections since the import are not seen.
	Select(criteria []Criterion, lines func(contact.LineType) bool) (RowSet, error)
	// Locate calls found with the number of the row of each of the contacts whom
	// the directory has, and with its kind's place in a tally, -1 for none. They must
	// come in ascending order.
	Locate(contacts iter.Seq[contact.ID], found func(row uint64, kind int)) error
	// Rows calls each for every contact in the set, in ascending order, until it
	// returns false. The row is the callee's only during the call.
	Rows(rows RowSet, each func(*Contact) bool) error
	Kinds
}

// Kinds are what an edition knows of contacts without reading their rows.
type Kinds interface {
	// Contact fills row with what the edition has of the contact, and tells whether
	// it has the contact. Corrections since the import are not seen.
	Contact(id contact.ID, row *Contact) (bool, error)
	// Tally returns how many rows of the set there are of each kind. Rows that name a
	// person have none, others may have none: they are not counted.
	Tally(rows RowSet) ([]KindCount, error)
	// Strike takes all rows of some kinds out of the set, by their places in the tally.
	Strike(rows RowSet, struck []bool) error
}

// Kind is all that the rules can tell strangers apart by.
type Kind struct {
	Line      contact.LineType
	BirthYear int
	Territory *contact.Territory
	Zone      *time.Location
}

// Kind returns the contact's kind, whether or not they are a stranger.
func (c *Contact) Kind() Kind { return Kind{c.Line, c.BirthYear, c.Territory, c.Zone} }

// KindCount is how many contacts there are of a kind.
type KindCount struct {
	Kind

	Count uint64
}

// Criterion is one attribute of a compiled segment.
type Criterion struct {
	// Attribute is the attribute's place in the declaration.
	Attribute int
	// Wanted tells, by a value's index + 1, whether it is wanted. Entry 0 stands
	// for no value.
	Wanted []bool
}

// RowSet is a set of rows of one edition, a bit for each.
type RowSet []uint64

// NewRowSet returns an empty set with room for so many rows.
func NewRowSet(rows uint64) RowSet { return make(RowSet, (rows+63)/64) }

// Add puts a row into the set.
func (s RowSet) Add(row uint64) { s[row/64] |= 1 << (row % 64) }

// Has tells whether a row is in the set.
func (s RowSet) Has(row uint64) bool { return s[row/64]&(1<<(row%64)) != 0 }

// Remove takes a row out of the set.
func (s RowSet) Remove(row uint64) { s[row/64] &^= 1 << (row % 64) }

// Count returns how many rows are in the set.
func (s RowSet) Count() (n uint64) {
	for _, word := range s {
		n += uint64(bits.OnesCount64(word))
	}
	return n
}

// Keep leaves those rows that are in the other set, too, which is of one edition.
func (s RowSet) Keep(other RowSet) {
	for i := range s {
		s[i] &= other[i]
	}
}

// Shared returns how many rows are in both sets, which are of one edition.
func (s RowSet) Shared(other RowSet) (n uint64) {
	for i, word := range s {
		n += uint64(bits.OnesCount64(word & other[i]))
	}
	return n
}
