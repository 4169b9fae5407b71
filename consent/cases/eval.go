package cases

import (
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
)

// Inbound is the channel of cases that classify a reply.
const Inbound = "sms_inbound"

// Answer is what came out of a case: a decision, or the class of an inbound
// text. It marshals to the line that conformance tests compare.
type Answer struct {
	ID       string `json:"id"`
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	// Rule is the rule that decided; Until the first instant at which a
	// deferred answer may change.
	Rule  string    `json:"-"`
	Until time.Time `json:"-"`
}

// Meets tells whether the answer is the one expected.
func (a Answer) Meets(e Expect) bool {
	return a.Decision == e.Decision && a.Reason == e.Reason &&
		(e.Rule == "" || a.Rule == e.Rule) && (e.Until.IsZero() || a.Until.Equal(e.Until))
}

// Eval puts the case to its pack.
func (c *Case) Eval(packs consent.Packs) (Answer, error) {
	put, err := c.Prepare()
	if err != nil {
		return Answer{}, err
	}
	return put(packs)
}

// Prepare reads the case once, so that it can be put to many packs.
func (c *Case) Prepare() (put func(consent.Packs) (Answer, error), err error) {
	var campaign *consent.Campaign
	var person *consent.Person
	if c.Channel != Inbound {
		if campaign, person, err = c.Question(); err != nil {
			return nil, err
		}
	}
	return func(packs consent.Packs) (Answer, error) {
		pack, known := packs[c.Pack]
		if !known {
			return Answer{}, fmt.Errorf("case %s: pack %q is not known", c.ID, c.Pack)
		}
		if campaign == nil {
			inbound := pack.Classify(c.Campaign.Message.Body)
			return Answer{ID: c.ID, Decision: inbound.Class.String(), Reason: inbound.Reason.String()}, nil
		}
		asked := *campaign
		if body := c.Campaign.Message.Body; body != "" {
			asked.Message.Elements |= pack.Find(asked.Channel, body)
		}
		d := pack.Decide(&asked, person, c.At)
		return Answer{c.ID, d.Verdict.String(), d.Reason.String(), d.Rule, d.Until}, nil
	}, nil
}

// Question returns what the case asks about, in the engine's own words. What the
// message's body itself shows is the pack's to find.
func (c *Case) Question() (*consent.Campaign, *consent.Person, error) {
	campaign, err := c.Campaign.read(c.Channel)
	if err != nil {
		return nil, nil, fmt.Errorf("case %s: campaign: %w", c.ID, err)
	}
	person, err := c.person()
	if err != nil {
		return nil, nil, fmt.Errorf("case %s: %w", c.ID, err)
	}
	return campaign, person, nil
}
