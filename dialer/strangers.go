package dialer

import (
	"bytes"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Of most people in a country the ledger knows nothing at all: no grant, no
// objection, no claim, no message. What the rules say of such a stranger follows from
// where they live, how old they are and what line they have, so that they are asked
// about once for all who are alike. Planning comes by people in the order of their
// IDs, and sees from one look at each table how far nobody in it is met.

// strangerKind is all that the rules can tell strangers apart by.
type strangerKind struct {
	line      contact.LineType
	birthYear int
	territory *contact.Territory
	zone      *time.Location
}

// strangers are those whom a survey has passed by, as they stand in one view of the
// ledger.
type strangers struct {
	// from and until bound those of whom no table has a row: from the one, up to but
	// without the other. Known tells that they hold in this view, endless that until is
	// the end of all.
	from, until    contact.ID
	known, endless bool
	kinds          map[strangerKind]*strangerCount
}

// strangerCount is why strangers of a kind are excluded, empty where they are not, and
// how many have been met.
type strangerCount struct {
	reason string
	met    uint64
}

// mayMeet tells whether strangers can be told by their kind alone: not where a
// reservation or a pool looks at who they are.
func (s *survey) mayMeet(b books) bool {
	return len(s.campaign.senders) == 1 && len(s.campaign.reserved.inForce(b).rounds[s.campaign.job.Round]) == 0
}

// meets counts the contact as excluded if they are a stranger whom the rules exclude.
func (s *survey) meets(b books) bool {
	c := &s.facts.contact
	if !c.Person.IsZero() || !s.isStranger(b, c.ID) {
		return false
	}
	kind := strangerKind{c.Line, c.BirthYear, c.Territory, c.Zone}
	count := s.strangers.kinds[kind]
	if count == nil {
		count = &strangerCount{reason: s.excludesStranger(b)}
		s.strangers.kinds[kind] = count
	}
	if count.reason == "" {
		return false
	}
	count.met++
	return true
}

// isStranger tells whether no table has a row of the contact.
func (s *survey) isStranger(b books, id contact.ID) bool {
	at := &s.strangers
	if !at.known || bytes.Compare(id[:], at.from[:]) < 0 || !at.endless && bytes.Compare(id[:], at.until[:]) >= 0 {
		at.from, at.known = id, true
		at.until, at.endless = b.firstMet(s.campaign, id)
	}
	return at.endless || id != at.until
}

// excludesStranger asks the rules about the contact, who is a stranger.
func (s *survey) excludesStranger(b books) string {
	person := s.facts.gather(b, s.campaign, s.at)
	if excluded := s.campaign.pack.Excludes(s.facts.termsOf(s.campaign), person, s.at); !excluded.Allowed() {
		return excluded.Reason.String()
	}
	return ""
}

// tellStrangers adds the strangers to those who are excluded.
func (s *survey) tellStrangers() {
	for _, count := range s.strangers.kinds {
		if count.met > 0 {
			s.excluded[count.reason] += count.met
		}
	}
}

// metIn are the tables with rows of contacts, by ID, that a decision looks into.
var metIn = [...]Bucket{BucketGrant, BucketObjection, BucketErased, BucketReview, BucketHistory, BucketForeign}

// firstMet returns the first contact from id on of whom a decision for the campaign
// would find a row; endless is true where there is none.
func (b books) firstMet(c *campaign, id contact.ID) (first contact.ID, endless bool) {
	endless = true
	look := func(bucket Bucket, prefix []byte) {
		key, _ := b.First(bucket, append(bytes.Clone(prefix), id[:]...))
		if !bytes.HasPrefix(key, prefix) || len(key) < len(prefix)+len(id) {
			return
		}
		if met := contact.ID(key[len(prefix):][:len(id)]); endless || bytes.Compare(met[:], first[:]) < 0 {
			first, endless = met, false
		}
	}
	for _, bucket := range metIn {
		look(bucket, nil)
	}
	none := contact.ID{}
	look(BucketClaim, bytes.TrimSuffix(claimKey(c.job.Round, none), none[:]))
	for _, name := range c.lists {
		if head := b.listHead(name); head.found && head.generation > 0 {
			look(BucketList, bytes.TrimSuffix(listRowKey(name, head.generation, none), none[:]))
		}
	}
	return first, endless
}
