package consent

import (
	"fmt"
	"time"
)

// erasureRule is the record of what is kept of a contact after erasure: a hash
// in the list of opt-outs and nothing else (GDPR art. 17(3)). It only names the
// rule; no pack can switch the check off.
//
// Rules: FR-O3, EU-O3, UK-O3.
type erasureRule struct {
	Keep string `json:"keep"`
}

func (p *erasureRule) compile(*frame) error {
	if p.Keep != "hash" {
		return fmt.Errorf("keep: want hash, which is all that may stay")
	}
	return nil
}

func erasure(q *question) bool {
	if !q.who.Erased {
		return passed
	}
	id := "E4"
	if len(q.rules.erasure) > 0 {
		id = q.rules.erasure[0].id
	}
	return q.deny(Erased, id)
}

// minimumAgeRule: who is too young (regulation (EU) 2024/900, art. 18(2):
// nobody known to be a year or more under voting age).
//
// Rules: FR-A1, EU-A1.
type minimumAgeRule struct {
	Years int `json:"years"`
	// On is the day that counts: polling_day or decision.
	On string `json:"on"`
	// Unknown says what an unknown age does: it denies, and then the age must
	// be proven even if somebody was born on 31 December; or it allows, and
	// then only who is surely too young is denied (E10).
	Unknown string `json:"unknown"`

	proven, onPoll bool
}

func (p *minimumAgeRule) compile(*frame) error {
	switch p.On {
	case "polling_day":
		p.onPoll = true
	case "decision":
	default:
		return fmt.Errorf("on: want polling_day or decision, not %q", p.On)
	}
	switch p.Unknown {
	case "denies":
		p.proven = true
	case "allows":
	default:
		return fmt.Errorf("unknown: want denies or allows, not %q", p.Unknown)
	}
	return positive("years", p.Years, mostYears)
}

func minimumAge(q *question) bool {
	return each(q, q.rules.minimumAge, func(q *question, r *rule[minimumAgeRule]) bool {
		if q.who.BirthYear == 0 {
			if r.p.proven {
				return q.deny(AgeUnknown, r.id)
			}
			return passed
		}
		day := q.c.Election.PollingDay
		if !r.p.onPoll {
			day = q.at
		}
		// Nearly everybody is older by years; they need no calendar.
		if about := 1970 + int(day.Unix()/(365*daySeconds+daySeconds/4)); about-q.who.BirthYear > r.p.Years+2 {
			return passed
		}
		if !r.p.onPoll {
			day = time.Unix(q.today()*daySeconds, 0).UTC()
		}
		age := day.Year() - q.who.BirthYear
		if lastOfYear := day.Month() == time.December && day.Day() == 31; r.p.proven && !lastOfYear {
			age--
		}
		if age < r.p.Years {
			return q.deny(Minor, r.id)
		}
		return passed
	})
}

// optOutRule: how far an objection reaches. In the Union and the United
// Kingdom it binds the broker, who controls the file (GDPR art. 21(3); CNIL
// SAN-2025-001); in North America the party that called.
//
// Rules: FR-O1, EU-O1, US-O1, UK-O1, CA-O1.
type optOutRule struct {
	Scope string `json:"scope"`

	party bool
}

func (p *optOutRule) compile(*frame) (err error) {
	p.party, err = partyScope(p.Scope)
	return err
}

// partyScope reads a scope: party or broker.
func partyScope(scope string) (party bool, err error) {
	switch scope {
	case "party", "broker":
		return scope == "party", nil
	}
	return false, fmt.Errorf("scope: want party or broker, not %q", scope)
}

// optOutConfirmationRule: the one answer that an opt-out may get (47 CFR
// 64.1200(a)(12)).
//
// Rules: US-O3.
type optOutConfirmationRule struct {
	Within period `json:"within"`
	Most   int    `json:"most"`
	// Text is the answer; see Pack.Confirmation.
	Text string `json:"text"`
}

func (p *optOutConfirmationRule) compile(*frame) error {
	if p.Within <= 0 {
		return fmt.Errorf("within: want a time such as 5m")
	}
	if p.Text == "" {
		return fmt.Errorf("text: want what the contact is told")
	}
	if err := replyText("text", p.Text); err != nil {
		return err
	}
	return positive("most", p.Most, mostTimes)
}

func optOut(q *question) bool {
	if q.c.Message.Kind == OptOutConfirmation {
		for i := range q.rules.optOutConfirmation {
			if r := &q.rules.optOutConfirmation[i]; r.inForce(q, q.at) {
				return confirm(q, r)
			}
		}
	}
	if len(q.who.Objections) == 0 {
		return passed
	}
	return each(q, q.rules.optOut, func(q *question, r *rule[optOutRule]) bool {
		for i := range q.who.Objections {
			o := &q.who.Objections[i]
			if r.p.party && o.Party != AnyParty && o.Party != q.c.Party {
				continue
			}
			if !q.lifts(o) {
				return q.deny(OptedOut, r.id)
			}
		}
		return passed
	})
}

func confirm(q *question, r *rule[optOutConfirmationRule]) bool {
	if since := q.at.Sub(q.who.OptOutAt); q.who.OptOutAt.IsZero() || since < 0 || since > time.Duration(r.p.Within) {
		return q.deny(ConfirmationLate, r.id)
	}
	if q.who.ConfirmationsSent >= r.p.Most {
		return q.deny(ConfirmationRepeat, r.id)
	}
	return passed
}

// lifts tells whether the contact has granted this campaign's party this
// channel again since the objection (E6).
func (q *question) lifts(o *Objection) bool {
	for i := range q.who.Grants {
		g := &q.who.Grants[i]
		if g.GivenAt.After(o.At) && !g.GivenAt.After(q.at) && g.For(q.c.Party, q.c.Channel) && !q.withdrawn(g) {
			return true
		}
	}
	return false
}

// review defers while a person has to read what the contact wrote (E3).
func review(q *question) bool {
	if q.who.Review {
		return q.deferred(Review, "E3", time.Time{})
	}
	return passed
}
