package consent

import (
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Person is everything that is known of one contact at the moment of a
// decision, except who they are: no ID, no number. Decide reads it and keeps
// nothing of it.
type Person struct {
	// NumberValid tells whether the numbering plan has such a number.
	NumberValid bool
	LineType    contact.LineType
	Protected   Protection
	// Territory is where the contact is registered to vote; nil where unknown.
	Territory *contact.Territory
	// Zones are all the time zones that the contact may be in: just the
	// contact's own if that is known, else those of the territory.
	Zones []*time.Location
	// BirthYear is 0 where unknown.
	BirthYear int

	Basis Basis
	// LIARef names the legitimate interest assessment that the broker keeps on
	// file; without it the basis LegitimateInterest counts for nothing.
	LIARef      string
	Grants      []Grant
	Withdrawals []Withdrawal
	Objections  []Objection
	// OptOutAt is when the opt-out came in that a confirmation answers, and
	// ConfirmationsSent how many answers it has had.
	OptOutAt          time.Time
	ConfirmationsSent int
	// Erased tells whether the contact asked for erasure (GDPR art. 17).
	Erased bool
	// Review tells whether the contact waits for a person, after a text that
	// could be an opt-out.
	Review bool

	Attempts []PastAttempt
	Refusals []Refusal
	// Locks are the reservations that hold the contact's segments.
	Locks []Lock
	// ClaimedBy is the party that the contact is bound to for the round.
	ClaimedBy string
	// InFlight tells whether an attempt to the contact is open, in whatever
	// campaign.
	InFlight bool
	// AbandonedAt is when the contact last answered a call that had no caller
	// ready for it.
	AbandonedAt time.Time

	Lists []ListEntry
}

// PastAttempt is one earlier try to reach a contact, whatever became of it: an
// unknown outcome counts as an attempt.
type PastAttempt struct {
	Party   string
	Channel contact.Channel
	At      time.Time
}

// Refusal is a "not interested" that was no objection.
type Refusal struct {
	Party string
	At    time.Time
}

// Lock is a reservation of the contact's segment for one party.
type Lock struct {
	Party string
	Until time.Time
}

// ListEntry is what one list says of a contact. A list that a rule asks for
// and that is not among Person.Lists is treated as stale.
type ListEntry struct {
	// Name is the list's, such as "internal", "TPS" or "RND".
	Name string
	// FileAt is how old the list is that was looked into.
	FileAt time.Time
	// Hit tells whether the contact stands on it.
	Hit bool
	// Answer is the reassigned numbers database's, and Since the date that it
	// was asked about: a "no" says nothing of the time before.
	Answer Reassigned
	Since  time.Time
}

// Reassigned is the answer of a reassigned numbers database: whether the
// number went to somebody else after the consent was given.
type Reassigned uint8

// The answers. Not having asked is as good as no data.
const (
	NoData Reassigned = iota
	NotReassigned
	WasReassigned
)

var reassignedNames = [...]string{NoData: "no_data", NotReassigned: "no", WasReassigned: "yes"}

// UnmarshalText reads the answer as the database words it: yes, no, no_data.
func (r *Reassigned) UnmarshalText(text []byte) error {
	return readName(r, reassignedNames[:], "answer", text)
}

// MarshalText writes the answer as the database words it.
func (r Reassigned) MarshalText() ([]byte, error) { return []byte(reassignedNames[r]), nil }

// Protection is why a line must not be dialled whoever holds it.
type Protection uint8

// The protected lines. Toll-free numbers are known by their line type.
const (
	NotProtected Protection = iota
	EmergencyLine
	HospitalRoom
	TollFreeLine
)

var protectionNames = [...]string{
	NotProtected: "none", EmergencyLine: "emergency", HospitalRoom: "hospital_room", TollFreeLine: "toll_free",
}

// String returns the protection's name.
func (p Protection) String() string {
	if int(p) < len(protectionNames) {
		return protectionNames[p]
	}
	return fmt.Sprintf("protected line %d", uint8(p))
}

// UnmarshalText reads the protection's name.
func (p *Protection) UnmarshalText(text []byte) error {
	return readName(p, protectionNames[:], "protected line", text)
}

// MarshalText writes the protection's name.
func (p Protection) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
