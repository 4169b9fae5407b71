package consent

import (
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// cooldownRule: peace after a "not interested" (France: Code de la
// consommation art. D223-9, copied as a house rule). A 60-day cooldown frees
// on day 61 (E10).
//
// Rules: FR-F3.
type cooldownRule struct {
	Days int `json:"days"`
}

func (p *cooldownRule) compile(*frame) error { return positive("days", p.Days, mostDays) }

func cooldown(q *question) bool {
	if len(q.who.Refusals) == 0 {
		return passed
	}
	return wait(q, CooldownRefusal, q.rules.cooldown, func(q *question, r *rule[cooldownRule], t time.Time) time.Time {
		for i := range q.who.Refusals {
			refusal := &q.who.Refusals[i]
			if refusal.Party != q.c.Party {
				continue
			}
			for _, zone := range q.who.Zones {
				if free := dayOf(refusal.At, zone) + int64(r.p.Days) + 1; dayOf(t, zone) < free {
					t = startOfDay(zone, free)
				}
			}
		}
		return t
	})
}

// abandonedRecontactRule: who answered and found nobody there is left alone
// for a while by predictive dialling (United Kingdom: Ofcom, persistent
// misuse).
//
// Rules: UK-D1.
type abandonedRecontactRule struct {
	After period `json:"after"`
}

func (p *abandonedRecontactRule) compile(*frame) error {
	if p.After <= 0 {
		return fmt.Errorf("after: want a time such as 72h")
	}
	return nil
}

func abandonedRecontact(q *question) bool {
	if q.who.AbandonedAt.IsZero() {
		return passed
	}
	return wait(q, AbandonedRecontact, q.rules.abandonedRecontact, func(q *question, r *rule[abandonedRecontactRule], t time.Time) time.Time {
		if free := q.who.AbandonedAt.Add(time.Duration(r.p.After)); t.Before(free) {
			return free
		}
		return t
	})
}

// frequencyCapRule: at most so many attempts on so many local dates, today
// included (E10; 47 CFR 64.1200(a)(3)(ii) for the United States).
//
// Rules: FR-F1, FR-F2, US-F1.
type frequencyCapRule struct {
	Attempts int `json:"attempts"`
	Days     int `json:"days"`
	// Scope: party (only its own attempts count) or broker (everybody's do).
	Scope string `json:"scope"`
	// Counts are the channels whose attempts count; none means all.
	Counts []contact.Channel `json:"counts"`
	// WithoutGrant and Lines limit the cap to contacts who have not consented,
	// and to these kinds of line.
	WithoutGrant bool     `json:"without_grant"`
	Lines        []string `json:"lines"`

	party bool
	lines lineSet
}

func (p *frequencyCapRule) compile(*frame) (err error) {
	if p.party, err = partyScope(p.Scope); err != nil {
		return err
	}
	if p.lines, err = parseLines(p.Lines); err != nil {
		return fmt.Errorf("lines: %w", err)
	}
	if err := positive("attempts", p.Attempts, mostTimes); err != nil {
		return err
	}
	return positive("days", p.Days, mostDays)
}

func (p *frequencyCapRule) counts(q *question, a *PastAttempt) bool {
	return (!p.party || a.Party == q.c.Party) && (len(p.Counts) == 0 || slices.Contains(p.Counts, a.Channel))
}

func frequencyCap(q *question) bool {
	if len(q.who.Attempts) == 0 {
		return passed
	}
	return wait(q, FrequencyCap, q.rules.frequencyCap, underCap)
}

func underCap(q *question, r *rule[frequencyCapRule], t time.Time) time.Time {
	if len(q.who.Attempts) < r.p.Attempts || r.p.lines != 0 && !r.p.lines.has(q.who.LineType) || r.p.WithoutGrant && q.grant() != nil {
		return t
	}
	// No clock is a day and a half away from another: what is older counts
	// nowhere, and mostly that is enough to know.
	oldest := t.Add(-time.Duration(r.p.Days)*24*time.Hour - 36*time.Hour)
	recent := 0
	for i := range q.who.Attempts {
		if a := &q.who.Attempts[i]; a.At.After(oldest) && r.p.counts(q, a) {
			recent++
		}
	}
	if recent < r.p.Attempts {
		return t
	}
	for _, zone := range q.who.Zones {
		first := dayOf(t, zone) - int64(r.p.Days) + 1
		count := 0
		for i := range q.who.Attempts {
			if a := &q.who.Attempts[i]; a.At.After(oldest) && r.p.counts(q, a) && dayOf(a.At, zone) >= first {
				count++
			}
		}
		if count >= r.p.Attempts {
			t = startOfDay(zone, r.p.frees(q, zone))
		}
	}
	return t
}

// frees returns the local date on which the attempts that count have thinned
// out enough: when the one that fills the cap has left the days counted.
func (p *frequencyCapRule) frees(q *question, zone *time.Location) int64 {
	var days []int64
	for i := range q.who.Attempts {
		if a := &q.who.Attempts[i]; p.counts(q, a) {
			days = append(days, dayOf(a.At, zone))
		}
	}
	slices.Sort(days)
	return days[len(days)-p.Attempts] + int64(p.Days)
}

// exclusivityRule: a segment that is reserved for a party waits for it. Every
// pack has it, as a house rule.
//
// Rules: H-X1.
type exclusivityRule struct{}

func (*exclusivityRule) compile(*frame) error { return nil }

func exclusivity(q *question) bool {
	if len(q.who.Locks) == 0 {
		return passed
	}
	return wait(q, Exclusivity, q.rules.exclusivity, func(q *question, _ *rule[exclusivityRule], t time.Time) time.Time {
		for i := range q.who.Locks {
			if lock := &q.who.Locks[i]; lock.Party != q.c.Party && t.Before(lock.Until) {
				t = lock.Until
			}
		}
		return t
	})
}

// claimed denies a contact who is bound to another party for the round: no
// contact ever serves two (I3).
func claimed(q *question) bool {
	if q.who.ClaimedBy != "" && q.who.ClaimedBy != q.c.Party {
		return q.deny(Claimed, "I3")
	}
	return passed
}

// inFlight defers while an attempt to the contact is open anywhere (I8).
func inFlight(q *question) bool {
	if q.who.InFlight {
		return q.deferred(InFlight, "I8", time.Time{})
	}
	return passed
}
