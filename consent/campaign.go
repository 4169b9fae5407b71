package consent

import (
	"fmt"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Campaign is what rules look at in a campaign: who speaks, about which poll,
// on which channel, with which words, to whom.
type Campaign struct {
	Party    string
	Channel  contact.Channel
	Election Election
	// CallerID is what the contact sees: a number in E.164, a short code or an
	// alphanumeric name.
	CallerID      string
	Registrations Registrations
	Message       Message
	// Attributes are the directory's attributes that select the recipients.
	Attributes []string
	Sponsor    Sponsor
	Stats      Stats
	// FirstCallAt is when the campaign's first call was made; zero before it.
	FirstCallAt time.Time
	Audience    Audience
	// Margin is how long a request may take from the decision to the contact's
	// phone: windows and silence must hold all that time. It must be shorter
	// than a day.
	Margin time.Duration
	// PackValidTo, if set, ends the pack's validity for this campaign earlier
	// than the pack itself does.
	PackValidTo time.Time
}

// Election is the poll that a campaign is about.
type Election struct {
	ID string
	// Kind is the sort of election, such as "presidential" or "municipal".
	Kind string
	// PollingDay is the civil date of the vote, at midnight UTC.
	PollingDay time.Time
}

// Message is what is sent or said.
type Message struct {
	Kind     MessageKind
	Elements Elements
}

// MessageKind tells a campaign's message from the answer to an opt-out.
type MessageKind uint8

// The kinds of message.
const (
	CampaignMessage MessageKind = iota
	// OptOutConfirmation tells a contact that their opt-out is in effect.
	OptOutConfirmation
)

var messageKindNames = [...]string{CampaignMessage: "campaign", OptOutConfirmation: "optout_confirmation"}

// UnmarshalText reads the kind's name.
func (k *MessageKind) UnmarshalText(text []byte) error {
	return readName(k, messageKindNames[:], "message kind", text)
}

// Registrations are the registers that the sender or the campaign stands in.
type Registrations struct {
	// TCRUseCase is the use case under which The Campaign Registry has the
	// sender (10DLC); rules ask for "political".
	TCRUseCase string
	// CampaignVerify tells whether Campaign Verify vouches for the sender.
	CampaignVerify bool
	// VoterContactRegistry tells whether the campaign stands in Canada's.
	VoterContactRegistry bool
	// SenderMissing tells that the carrier's register is known not to have the
	// sender's name.
	SenderMissing bool
}

// Sponsor is who pays.
type Sponsor struct {
	// EUEligible tells whether the sponsor may pay in the last three months
	// before a poll (regulation (EU) 2024/900, art. 5(2)). Not declared counts
	// as not eligible.
	EUEligible bool
}

// Stats are the campaign's call figures over the last 30 days.
type Stats struct {
	// AnsweredLive counts calls that a person answered, and Abandoned those
	// among them that no caller was ready for.
	AnsweredLive, Abandoned int
}

// Audience says what sort of people the recipients are to the party.
type Audience uint8

// The audiences.
const (
	RentedAudience Audience = iota
	// OwnSubscribers are the party's members, former members and subscribers
	// (regulation (EU) 2024/900, art. 18(3)).
	OwnSubscribers
)

var audienceNames = [...]string{RentedAudience: "rented", OwnSubscribers: "own_subscribers"}

// UnmarshalText reads the audience's name.
func (a *Audience) UnmarshalText(text []byte) error {
	return readName(a, audienceNames[:], "audience", text)
}

// Elements are the parts that a message has, out of those that rules ask for
// or forbid.
type Elements uint16

// The elements of a message.
const (
	Identity Elements = 1 << iota
	DataOrigin
	OptOutMeans
	OptOutAtStart
	PoliticalAdLabel
	TransparencyLink
	AIDisclosure
	CallbackNumber
	OptOutMechanism
	ContactAddress
	PostalOrEmail
	FreephoneNumber
)

var elementNames = [...]string{
	"identity", "data_origin", "opt_out_means", "opt_out_at_start", "political_ad_label", "transparency_link",
	"ai_disclosure", "callback_number", "opt_out_mechanism", "contact", "postal_or_email", "freephone_number",
}

// ParseElements reads the elements' names, as jobs, packs and cases write
// them.
func ParseElements(names []string) (Elements, error) {
	var elements Elements
next:
	for _, name := range names {
		for i, known := range elementNames {
			if name == known {
				elements |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("message element %q is not known: want one of %s", name, strings.Join(elementNames[:], ", "))
	}
	return elements, nil
}

// Has tells whether all of the elements are there.
func (e Elements) Has(all Elements) bool { return e&all == all }

// Names returns the elements' names.
func (e Elements) Names() []string {
	var names []string
	for i, name := range elementNames {
		if e&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
