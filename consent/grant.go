package consent

import (
	"fmt"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Political is the only purpose that a grant can have here (GDPR art. 5(1)(b):
// consent to offers for sale says nothing about canvassing).
const Political = "political"

// AnyParty stands in a withdrawal or an objection for every party. In a grant
// it is no party at all: consent names who may call (GDPR art. 7).
const AnyParty = "*"

// DataSubject is the value of Grant.CollectedFrom for consent that the contact
// gave to us, rather than to somebody who passed it on.
const DataSubject = "data_subject"

// Grant is one consent: a contact allowed one named party to reach them on one
// channel for one purpose (engine convention E5).
type Grant struct {
	Channel contact.Channel
	Party   string
	Purpose string
	GivenAt time.Time
	// CollectedFrom is DataSubject, or says whom we have the consent from.
	CollectedFrom string
	// Explicit tells whether the consent was asked for apart from all else, as
	// regulation (EU) 2024/900, art. 18(1)(b), wants it.
	Explicit bool
	// Slot is the hour slot that the contact consented to; empty where none
	// was named.
	Slot Slot
	// Version tells the grants of one contact apart. An attempt names it.
	Version uint32
	// WordingHash is the SHA-256 of the words that the contact agreed to.
	WordingHash [32]byte
}

// Withdrawal takes grants back. It acts on the grants given before it, for its
// channel (contact.AnyChannel: all) and its party (AnyParty: all).
type Withdrawal struct {
	Channel contact.Channel
	Party   string
	At      time.Time
}

// Objection is a contact's "no more" (GDPR art. 21(2); PECR reg. 21; 47 CFR
// 64.1200(a)(10)). It never expires; only a later grant for the same channel
// and party lifts it, for that channel and party alone (E4, E6).
type Objection struct {
	Channel contact.Channel
	Party   string
	At      time.Time
}

// Basis is the ground on which the record claims that a contact may be
// reached (GDPR art. 6).
type Basis uint8

// The bases. What the record claims decides nothing by itself: the pack says
// which basis a channel allows.
const (
	NoBasis Basis = iota
	Consent
	LegitimateInterest
)

var basisNames = [...]string{NoBasis: "none", Consent: "consent", LegitimateInterest: "legitimate_interest"}

// String returns the basis's name.
func (b Basis) String() string {
	if int(b) < len(basisNames) {
		return basisNames[b]
	}
	return fmt.Sprintf("basis %d", uint8(b))
}

// MarshalText writes the basis's name.
func (b Basis) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads the basis's name.
func (b *Basis) UnmarshalText(text []byte) error { return readName(b, basisNames[:], "basis", text) }

// readName sets v to the index of the name that text is.
func readName[T ~uint8](v *T, names []string, what string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("%s %q is not known: want one of %s", what, text, strings.Join(names, ", "))
}

// For tells whether the grant is for the party, the channel and political ends:
// the least that consent takes, whatever else the rules ask of it.
func (g *Grant) For(party string, channel contact.Channel) bool {
	return covers(g.Channel, channel) && g.Purpose == Political && g.Party == party && party != AnyParty && party != ""
}

// covers tells whether something granted, withdrawn or objected to on channel
// given reaches channel wanted (E5): a live call covers a predictive one, since
// a person speaks in both; a robocall covers an artificial voice; nothing else
// crosses.
func covers(given, wanted contact.Channel) bool {
	switch given {
	case wanted:
		return true
	case contact.LiveCall:
		return wanted == contact.PredictiveCall
	case contact.Robocall:
		return wanted == contact.AIVoice
	case contact.AnyChannel, contact.SMS, contact.PredictiveCall, contact.AIVoice:
	}
	return false
}
