package dialer

import (
	"fmt"
	"slices"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// CheckCaps holds every contact's history against the frequency caps of the packs
// that its attempts relied on, and returns those that went over one, a sentence
// each (I9). Which day it was depends on where the contact is, so that it asks the
// directory; attempts to contacts that were erased, and those under a pack that is
// not among the given ones, by version, cannot be checked.
func CheckCaps(tx Tx, directory Directory, packs map[string]*consent.Pack) []string {
	c := &capCheck{directory: directory, packs: packs, jobs: map[uint32]*Job{}}
	c.books = books{checkedTx{tx, func(error) {}}} // CheckBooks tells what cannot be read
	for record := range c.campaigns() {
		c.jobs[record.Number] = &record.Job
	}
	for key, row := range c.Rows(BucketHistory, nil) {
		h, err := readHistory(row)
		if err != nil || len(h.past) < 2 || len(key) != contact.IDSize {
			continue // one attempt is over no cap
		}
		c.contact(contact.ID(key), h.past)
	}
	return c.faults
}

type capCheck struct {
	books
	directory Directory
	packs     map[string]*consent.Pack
	jobs      map[uint32]*Job
	faults    []string
}

// contact goes through the attempts in their order: each was allowed only if those
// before it left room.
func (c *capCheck) contact(id contact.ID, past []pastAttempt) {
	var of Contact
	if found, err := c.directory.Contact(id, &of); err != nil || !found {
		return
	}
	person := &consent.Person{
		NumberValid: true, LineType: of.Line, Territory: of.Territory, BirthYear: of.BirthYear, Zones: of.Zones(),
		Basis: consent.Consent, Grants: c.grants(id, nil, asString),
	}
	slices.SortFunc(past, func(a, b pastAttempt) int { return a.at.Compare(b.at) })
	for i, one := range past {
		a := c.attempt(one.sequence)
		if a == nil || c.jobs[a.recipient.campaign()] == nil {
			continue
		}
		pack := c.packs[c.packVersion(a.pack)]
		if pack == nil {
			continue
		}
		job := c.jobs[a.recipient.campaign()]
		person.Attempts = person.Attempts[:0]
		for _, before := range past[:i] {
			person.Attempts = append(person.Attempts, consent.PastAttempt{Party: before.party, Channel: before.channel, At: before.at})
		}
		terms := consent.Campaign{Party: job.Party, Channel: job.Channel, CallerID: job.Sender}
		for _, check := range pack.Explain(&terms, person, one.at) {
			if check.Decision.Reason == consent.FrequencyCap && len(c.faults) < faultsMost {
				c.faults = append(c.faults, fmt.Sprintf("attempt %d to contact %s went over rule %s of pack %s (I9)", one.sequence, id, check.Decision.Rule, pack.Version()))
			}
		}
	}
}

// KnowsObjection tells whether the ledger has the objection, or a later one of its
// kind.
func KnowsObjection(tx Tx, o Objection) bool {
	key := objectionKey(&o)
	known, err := readObjection(key, tx.Get(BucketObjection, key), asString)
	return err == nil && !known.At.Before(o.At)
}
