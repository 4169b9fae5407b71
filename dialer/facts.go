package dialer

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// facts gathers what the ledger and the directory know of a contact into what
// the rules read. It is used again and again, so that a decision in the hot
// path makes no garbage.
type facts struct {
	contact Contact
	person  consent.Person
	names   map[string]string
	zone    [1]*time.Location
	// terms are the campaign's, as the contact's sender makes them.
	terms consent.Campaign
}

// internalList is the name under which packs know the broker's own objections.
const internalList = "internal"

var factsPool = sync.Pool{New: func() any { return &facts{names: map[string]string{}} }}

// name returns the bytes as a string, one copy for all who use the same word.
func (f *facts) name(word []byte) string {
	if known, ok := f.names[string(word)]; ok {
		return known
	}
	if len(f.names) > 1024 {
		clear(f.names)
	}
	text := string(word)
	f.names[text] = text
	return text
}

// gather reads all that is known of the contact in f.contact, for the campaign,
// at the instant.
func (f *facts) gather(b books, c *campaign, at time.Time) *consent.Person {
	p := &f.person
	id := f.contact.ID
	*p = consent.Person{
		NumberValid: true, // an import takes in no other
		LineType:    f.contact.Line,
		Territory:   f.contact.Territory,
		BirthYear:   f.contact.BirthYear,
		Basis:       consent.Consent,
		Grants:      b.grants(id, p.Grants[:0], f.name),
		Objections:  b.objectionsOf(&f.contact, p.Objections[:0], f.name),
		Erased:      b.Get(BucketErased, id[:]) != nil,
		Review:      b.Get(BucketReview, id[:]) != nil,
		Attempts:    p.Attempts[:0],
		ClaimedBy:   f.name(b.boundTo(c.job.Round, &f.contact, c.job.Party)),
		Locks:       c.reserved.inForce(b).locks(p.Locks[:0], &f.contact, c.job.Round, c.job.Party, at),
		Lists:       p.Lists[:0],
	}
	switch {
	case f.contact.Zone != nil:
		f.zone[0] = f.contact.Zone
		p.Zones = f.zone[:]
	case f.contact.Territory != nil:
		p.Zones = f.contact.Territory.Zones
	}
	history := b.history(id)
	p.InFlight = history.inFlight != 0
	for _, past := range history.past {
		if at.Sub(past.at) > historyCounts {
			continue
		}
		p.Attempts = append(p.Attempts, consent.PastAttempt{Party: past.party, Channel: past.channel, At: past.at})
	}
	// The broker's own list is the ledger itself, read this very instant.
	p.Lists = append(p.Lists, consent.ListEntry{Name: internalList, FileAt: at})
	for _, name := range c.lists {
		if entry, found := b.listEntry(name, id); found {
			p.Lists = append(p.Lists, entry)
		}
	}
	if c.isTest() {
		f.disregardParties(c)
	}
	return p
}

// disregardParties takes out what keeps a contact for one party, and from too many
// texts: a phone of the broker's own is in nobody's audience, gets the texts of all
// as often as they are tested, and may be texted by the broker's own word.
func (f *facts) disregardParties(c *campaign) {
	p := &f.person
	p.ClaimedBy, p.Locks, p.Attempts = "", p.Locks[:0], p.Attempts[:0]
	p.Grants = append(p.Grants[:0], c.ownGrant(p.Objections))
}

// objections appends the contact's objections to list, as the rules read them.
func (b books) objections(id contact.ID, list []consent.Objection, text func([]byte) string) []consent.Objection {
	for key, row := b.First(BucketObjection, id[:]); bytes.HasPrefix(key, id[:]); key, row = b.First(BucketObjection, following(key)) {
		o, err := readObjection(key, row, text)
		if err != nil {
			b.Fail(fmt.Errorf("contact %s: %w", id, err))
			return list
		}
		list = append(list, consent.Objection{Channel: o.Channel, Party: o.Party, At: o.At})
	}
	return list
}

// termsOf are the campaign's terms as the contact sees them: from which sender,
// where the campaign has several.
func (f *facts) termsOf(c *campaign) *consent.Campaign {
	if len(c.senders) == 1 {
		return &c.terms
	}
	f.terms = c.terms
	c.senders[c.senderFor(f.contact.ID, nil)].speak(&f.terms)
	return &f.terms
}
