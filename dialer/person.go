package dialer

import (
	"fmt"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// A broker who keeps a reference of its own to people can tell that several
// numbers are one person's. Objections and claims then extend over all of them:
// each is kept twice, under the number's pseudonym and under the person's, and
// whoever asks about a number asks about its person, too. No list of a person's
// numbers is needed. Without the reference everything is per number.

// peopled tells whether a directory knows of any person. One that does not say
// knows of none.
type peopled interface{ Persons() bool }

// person returns whose number the contact's is, nobody's where the directory
// does not tell.
func (d *Dialer) person(id contact.ID) (contact.PersonID, error) {
	if d.persons == nil || !d.persons.Persons() {
		return contact.PersonID{}, nil
	}
	var row Contact
	if _, err := d.directory.Contact(id, &row); err != nil {
		return contact.PersonID{}, fmt.Errorf("look up whose number it is: %w", err)
	}
	return row.Person, nil
}

// ofPersons adds to objections those of the persons whose numbers they are about.
// Erasure is not extended: each number has a row of its own, and its holder a
// right of their own.
func (d *Dialer) ofPersons(objections []Objection) ([]Objection, error) {
	var twins []Objection
	for i := range objections {
		person, err := d.person(objections[i].Contact)
		if err != nil {
			return nil, err
		}
		if person.IsZero() {
			continue
		}
		twin := objections[i]
		twin.Contact, twin.Erasure = person.ID(), false
		twins = append(twins, twin)
	}
	if len(twins) == 0 {
		return objections, nil
	}
	return append(append([]Objection(nil), objections...), twins...), nil
}

// boundTo returns the party that the contact, or the person whose number it is,
// is bound to in the round; empty for none. Of two, that one counts which keeps
// the asker out.
func (b books) boundTo(round string, c *Contact, asker string) []byte {
	party := b.claimedBy(round, c.ID)
	if c.Person.IsZero() || party != nil && string(party) != asker {
		return party
	}
	if other := b.claimedBy(round, c.Person.ID()); other != nil {
		return other
	}
	return party
}

// objectionsOf appends the objections of the contact and of their person.
func (b books) objectionsOf(c *Contact, list []consent.Objection, text func([]byte) string) []consent.Objection {
	list = b.objections(c.ID, list, text)
	if !c.Person.IsZero() {
		list = b.objections(c.Person.ID(), list, text)
	}
	return list
}

// gates are what a permit passes: its person's gate, where there is one, and its
// contact's.
func (p Permit) gates() []contact.ID {
	if p.person.IsZero() {
		return []contact.ID{p.contact}
	}
	return []contact.ID{p.person.ID(), p.contact}
}
