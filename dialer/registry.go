package dialer

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Registry is what the broker has written down about those it works with: who
// may order, who operates, which sender belongs to whom, and when polls are.
// It is read from files, checked once and never changed while in use.
type Registry struct {
	Parties   []Party
	Operators []Operator
	Senders   []Sender
	// SenderPools are for campaigns that more than one sender sends.
	SenderPools []SenderPool
	Elections   []Election
	Tariff      Tariff
	// Recordings are the messages that calls may play.
	Recordings []Recording
	// Attributes are the declared columns of the directory, in the order in
	// which a Contact holds their values.
	Attributes []Attribute
	// Pack names the rules that govern this directory, such as "FR".
	Pack string
	// Approvals and Trial say what a campaign needs of operators before it goes on.
	Approvals Approvals
	Trial     TrialTerms
}

// Party orders campaigns. It never sees a contact.
type Party struct {
	// ID is the party's token in subjects and files, such as "party-a".
	ID string
	// Name is how the report addresses the party.
	Name string
	// OwnerGroup ties parties together that one body controls.
	OwnerGroup string
	// Sponsor is what the party declared under regulation (EU) 2024/900, art. 7.
	Sponsor Sponsor
	// ReportPush is the address of the party's own server for reports, empty for none.
	ReportPush string
}

// Sponsor is a party's declaration about who pays.
type Sponsor struct {
	Name string
	// EUEligible tells whether the sponsor may pay for political advertising
	// in the three months before a poll (regulation (EU) 2024/900, art. 5(2)).
	EUEligible bool
	DeclaredAt time.Time
}

// Operator is a person of the broker's who may start and stop campaigns.
type Operator struct {
	ID   string
	Name string
	// Roles are what the operator's signature is good for.
	Roles []Role
	// Key checks what the operator signs; nil where the operator has none, and
	// so can sign nothing.
	Key ed25519.PublicKey
}

// Sender is a caller ID or an alphanumeric name that the broker may present.
type Sender struct {
	// ID is what the contact sees: a name of at most 11 characters, a short
	// code or a number of the broker's own.
	ID string
	// Parties are those whose campaigns may use it; nobody else's may.
	Parties []string
	// Channels are what the sender can be used for.
	Channels []contact.Channel
	// SegmentsPerSecond is the rate that the carrier grants to this sender.
	SegmentsPerSecond float64
	// CallsPerSecond is, for a sender of calls, how many may begin, and
	// CallsInProgress how many may ring or be talked on at once.
	CallsPerSecond  float64
	CallsInProgress int
	// Registered tells whether the carrier has the sender on its register.
	Registered bool
	// TCRUseCase is the use case under which The Campaign Registry has the
	// sender, and CampaignVerify whether Campaign Verify vouches for it (10DLC,
	// United States).
	TCRUseCase     string
	CampaignVerify bool
}

// Election is one election with the rounds in which people vote.
type Election struct {
	ID     string
	Kind   string
	Name   string
	Rounds []Round
}

// Round is one polling day of an election. Claims last for a round.
type Round struct {
	// ID is unique over all elections, such as "FR-PRES-2027-R1".
	ID string
	// PollingDay is the civil date of the vote, at midnight UTC.
	PollingDay time.Time
}

// Tariff is the one price list, the same for every party.
type Tariff struct {
	// Currency is an ISO 4217 code.
	Currency string
	// Segment is the most that one SMS segment can cost the broker, and Minute the
	// most that a begun minute of a call can; 0 where there are no calls.
	Segment, Minute Money
	// OrderedContact is what a party pays for each ordered contact.
	OrderedContact Money
	// PartyDay is the most that any party's campaigns together may cost the broker
	// in a day (UTC), 0 for no such cap.
	PartyDay Money
}

// Attribute is a declared column of the directory. Nothing else about a
// contact is kept.
type Attribute struct {
	Name string
	// Values are the only ones allowed. A Contact holds an index into them.
	Values []string
}

// Party returns the party with that ID.
func (r *Registry) Party(id string) (Party, bool) {
	return find(r.Parties, func(p Party) bool { return p.ID == id })
}

// Operator returns the operator with that ID.
func (r *Registry) Operator(id string) (Operator, bool) {
	return find(r.Operators, func(o Operator) bool { return o.ID == id })
}

// Sender returns the sender with that ID.
func (r *Registry) Sender(id string) (Sender, bool) {
	return find(r.Senders, func(s Sender) bool { return s.ID == id })
}

// Round returns the round with that ID and its election.
func (r *Registry) Round(id string) (Round, Election, bool) {
	for _, election := range r.Elections {
		if round, ok := find(election.Rounds, func(r Round) bool { return r.ID == id }); ok {
			return round, election, true
		}
	}
	return Round{}, Election{}, false
}

// Serves tells whether the sender may be used for the party on the channel.
func (s Sender) Serves(party string, channel contact.Channel) bool {
	return slices.Contains(s.Parties, party) && slices.Contains(s.Channels, channel)
}

// Rings tells whether the sender is a number that calls come from.
func (s Sender) Rings() bool { return s.CallsPerSecond > 0 }

// rate is what the carrier grants the sender in a second: segments, or calls.
func (s Sender) rate() float64 {
	if s.Rings() {
		return s.CallsPerSecond
	}
	return s.SegmentsPerSecond
}

func find[T any](list []T, is func(T) bool) (T, bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	var none T
	return none, false
}

// Money is an amount in millionths of the tariff's currency unit, so that sums
// of carrier prices, which have four decimals and more, stay exact.
type Money int64

// Unit is one whole unit of the currency.
const Unit Money = 1_000_000

// String prints the amount with as many decimals as it needs, two at least.
func (m Money) String() string {
	sign, whole, rest := "", m/Unit, m%Unit
	if m < 0 {
		sign, whole, rest = "-", -whole, -rest
	}
	text := fmt.Sprintf("%s%d.%06d", sign, whole, rest)
	for range 4 {
		if text[len(text)-1] != '0' {
			break
		}
		text = text[:len(text)-1]
	}
	return text
}
