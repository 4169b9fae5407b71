package dialer

import (
	"slices"
	"strings"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// OwnNumber is a phone of the broker's own: one to which a campaign's texts are sent
// before anybody else gets them, or a seed.
type OwnNumber struct {
	// Seed tells that the phone is dialled within every campaign: see seed.go.
	Seed bool
	// Name is what answers call it, since they hold no number.
	Name   string
	Number contact.Number
	Line   contact.LineType
	// Territory is where the phone is used: its hours and its silence hold.
	Territory *contact.Territory
}

// ownBirthYear stands for the age of whoever holds one of the broker's phones.
// Rules that protect the young ask for an age, and the broker vouches for its own
// people.
const ownBirthYear = 1970

// ownNumbers are the broker's phones by contact. They do not change.
type ownNumbers map[contact.ID]OwnNumber

func newOwnNumbers(identity contact.IDKey, list []OwnNumber) ownNumbers {
	own := ownNumbers{}
	for _, one := range list {
		own[identity.ID(one.Number)] = one
	}
	return own
}

// of returns the seeds, or the phones that are no seeds, by name.
func (o ownNumbers) of(seeds bool) []contact.ID {
	var ids []contact.ID
	for id, one := range o {
		if one.Seed == seeds {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b contact.ID) int { return strings.Compare(o[a].Name, o[b].Name) })
	return ids
}

// has tells whether the contact is the broker's own.
func (o ownNumbers) has(id contact.ID) bool {
	_, own := o[id]
	return own
}

// name is what the contact's phone is called, empty for one that is not, or not
// any more, the broker's.
func (o ownNumbers) name(id contact.ID) string { return o[id].Name }

// widenedDirectory is the directory with the broker's own phones beside those
// whom lists have brought. They are found where they are asked for by name, and
// are not among the contacts that a segment is drawn from.
type widenedDirectory struct {
	Directory
	own ownNumbers
}

// Contact fills row with what is known of the contact: by the lists, if they have
// it.
func (d *widenedDirectory) Contact(id contact.ID, row *Contact) (bool, error) {
	found, err := d.Directory.Contact(id, row)
	one, own := d.own[id]
	if found || err != nil || !own {
		return found, err
	}
	*row = Contact{ID: id, Line: one.Line, Territory: one.Territory, BirthYear: ownBirthYear, Values: row.Values[:0]}
	return true, nil
}

// Number opens the number of one contact.
func (d *widenedDirectory) Number(id contact.ID) (contact.Number, error) {
	if one, own := d.own[id]; own {
		return one.Number, nil
	}
	return d.Directory.Number(id)
}

// ownGrant is the broker's word that its own phone may be texted, or rung at any hour
// that the rules know. No row stands
// for it, and an attempt names it as version 0. It is older than every objection:
// a STOP from the phone holds, as anybody's does.
func (c *campaign) ownGrant(objections []consent.Objection) consent.Grant {
	given := c.accepted.AddDate(0, 0, -1)
	for _, objection := range objections {
		if !given.Before(objection.At) {
			given = objection.At.AddDate(0, 0, -1)
		}
	}
	grant := consent.Grant{
		Channel: c.job.Channel, Party: c.job.Party, Purpose: consent.Political, GivenAt: given,
		CollectedFrom: consent.DataSubject, Explicit: true,
	}
	if c.job.isCall() {
		grant.Slot = anyHour
	}
	return grant
}

// anyHour is the hour slot of the broker's own phones, in seconds of the day.
var anyHour = consent.Slot{Start: 0, End: 24 * 60 * 60}
