package consent

import (
	"fmt"
	"time"
)

// suppressionListRule: a list of people who must not be reached, and how old
// the copy of it may be that was looked into (United Kingdom: PECR reg. 21(3)
// gives 28 days for the TPS).
//
// Rules: FR-L1, FR-L2, FR-SF1, US-L1, UK-L1, CA-L1, H-L1.
type suppressionListRule struct {
	Name string `json:"name"`
	// Holds says what the list's rows are: people, or objections that were taken
	// for us elsewhere.
	Holds   ListContent `json:"holds"`
	MaxAge  period      `json:"max_age"`
	OnStale string      `json:"on_stale"`
	// UnlessGrant skips the list where a grant allows the call (PECR reg.
	// 21(4)).
	UnlessGrant bool `json:"unless_grant"`
	// Applied is false for a list that people ask about and that does not bind
	// political calls. The rule is there to say so.
	Applied *bool `json:"applied"`
}

func (p *suppressionListRule) compile(*frame) error {
	if p.Name == "" {
		return fmt.Errorf("name: want the list's name")
	}
	if !p.applied() {
		return nil
	}
	if p.Holds == ListOfAnswers {
		return fmt.Errorf("holds: want people or objections; a list of answers has a kind of its own, reassigned_numbers")
	}
	if p.OnStale != "defer" {
		return fmt.Errorf("on_stale: want defer: a stale list answers nothing")
	}
	if p.MaxAge <= 0 {
		return fmt.Errorf("max_age: want a time such as 24h or 28d")
	}
	return nil
}

func (p *suppressionListRule) applied() bool { return p.Applied == nil || *p.Applied }

// idle tells that the rule is there to be read: no decision looks at it.
func (p *suppressionListRule) idle() bool { return !p.applied() }

func (p *suppressionListRule) skip(q *question) bool { return p.UnlessGrant && q.grant() != nil }

// suppressionFresh defers while a list is missing, too old, or dated in the
// future, which means that somebody's clock is wrong (E11).
func suppressionFresh(q *question) bool {
	return each(q, q.rules.suppressionList, func(q *question, r *rule[suppressionListRule]) bool {
		if r.p.skip(q) {
			return passed
		}
		entry := q.list(r.p.Name)
		if entry == nil || entry.FileAt.IsZero() || entry.FileAt.After(q.at) || q.at.Sub(entry.FileAt) > time.Duration(r.p.MaxAge) {
			return q.deferred(SuppressionStale, r.id, time.Time{})
		}
		return passed
	})
}

func suppressionList(q *question) bool {
	return each(q, q.rules.suppressionList, func(q *question, r *rule[suppressionListRule]) bool {
		if r.p.skip(q) {
			return passed
		}
		if entry := q.list(r.p.Name); entry != nil && entry.Hit {
			return q.deny(SuppressionHit, r.id)
		}
		return passed
	})
}

func (q *question) list(name string) *ListEntry {
	for i := range q.who.Lists {
		if q.who.Lists[i].Name == name {
			return &q.who.Lists[i]
		}
	}
	return nil
}

// reassignedNumbersRule: before a grant is relied on, the database must say
// that the number still belongs to the one who gave it (47 CFR 64.1200(m);
// FCC DA 21-1649).
//
// Rules: US-N1.
type reassignedNumbersRule struct {
	Name string `json:"name"`
}

func (p *reassignedNumbersRule) compile(*frame) error {
	if p.Name == "" {
		return fmt.Errorf("name: want the list's name")
	}
	return nil
}

func reassignedNumbers(q *question) bool {
	return each(q, q.rules.reassignedNumbers, func(q *question, r *rule[reassignedNumbersRule]) bool {
		grant := q.recordedGrant()
		if grant == nil {
			return passed
		}
		answer := NoData
		if entry := q.list(r.p.Name); entry != nil {
			answer = entry.Answer
			if answer == NotReassigned && grant.GivenAt.Before(entry.Since) {
				answer = NoData // nobody was asked about the time before
			}
		}
		switch answer {
		case NotReassigned:
			return passed
		case WasReassigned:
			return q.deny(NumberReassigned, r.id)
		case NoData:
		}
		return q.deferred(NumberStatusUnknown, r.id, time.Time{})
	})
}
