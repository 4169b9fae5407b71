package dialer

import (
	"errors"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// ErrUnknownContact is returned for a contact that the directory does not have.
var ErrUnknownContact = errors.New("the directory has no such contact")

// Directory is the broker's file of contacts. It changes only as a whole, by an
// import.
type Directory interface {
	// Contact fills row with what is kept of the contact and tells whether
	// there is such a contact.
	Contact(id contact.ID, row *Contact) (bool, error)
	// Contacts calls each for every contact, in ascending order of IDs, until
	// it returns false. The row is the callee's only during the call.
	Contacts(each func(*Contact) bool) error
	// Number opens the sealed number of one contact, for the carrier request.
	// The error wraps ErrUnknownContact where there is no such contact; any
	// other one means that the directory cannot be read.
	Number(id contact.ID) (contact.Number, error)
}

// Contact is what the directory keeps of a phone number's holder: facts that
// rules need, and the declared attributes. No name, no address, no number.
type Contact struct {
	ID   contact.ID
	Line contact.LineType
	// Territory is where the contact is registered to vote; nil where unknown.
	Territory *contact.Territory
	// Zone is the contact's own time zone; nil where only the territory tells.
	Zone *time.Location
	// BirthYear is 0 where unknown.
	BirthYear int
	// Values holds, for each declared attribute, 1 + the index of its value,
	// or 0 where the contact has none.
	Values []uint16
	// Source is the list that the contact came from, as an index into the
	// directory's own list of sources.
	Source uint16
	// Person tells whose number it is, where the broker keeps a reference of its
	// own to people; zero where it does not.
	Person contact.PersonID
}

// Zones returns every zone that the contact may be in. No zone means that
// nobody knows, and then nothing may be dialled.
func (c *Contact) Zones() []*time.Location {
	switch {
	case c.Zone != nil:
		return []*time.Location{c.Zone}
	case c.Territory != nil:
		return c.Territory.Zones
	default:
		return nil
	}
}
