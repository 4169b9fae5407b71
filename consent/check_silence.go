package consent

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// poll is one entry of a pack's calendar, or a campaign's own.
type poll struct {
	kind string
	// day is the polling day, in days since 1970-01-01.
	day int64
}

// blackoutRule: silence before a poll (France: Code electoral art. L49; Spain:
// LOREG art. 53). It starts at local midnight and reaches to the end of the
// polling day where the contact is registered to vote.
//
// Rules: FR-S1, FR-S4, ES-S1.
type blackoutRule struct {
	// Polls: own (the campaign's) or calendar (every poll that the pack lists).
	Polls string `json:"polls"`
	// DaysBefore is how many days before the vote silence begins.
	DaysBefore int `json:"days_before"`
	// EndNotBefore and EndZone keep silence until that time of the polling day
	// in that zone, even where the vote has ended earlier.
	EndNotBefore string `json:"end_not_before"`
	EndZone      string `json:"end_zone"`
	// EndForce says who stands behind the end where that is somebody else than
	// behind the rule: art. L49 names no end.
	EndForce string `json:"end_force"`

	calendar bool
	end      int32
	zone     *time.Location
}

func (p *blackoutRule) compile(*frame) (err error) {
	switch p.Polls {
	case "calendar":
		p.calendar = true
	case "own":
	default:
		return fmt.Errorf("polls: want own or calendar, not %q", p.Polls)
	}
	if p.DaysBefore < 0 || p.DaysBefore > 31 {
		return fmt.Errorf("days_before: want 0 to 31")
	}
	if p.EndForce != "" && !slices.Contains(forces, p.EndForce) {
		return fmt.Errorf("end_force: %q is none of %s", p.EndForce, strings.Join(forces, ", "))
	}
	if p.EndNotBefore == "" && p.EndZone == "" {
		return nil
	}
	if p.end, err = parseClock(p.EndNotBefore); err != nil {
		return fmt.Errorf("end_not_before: %w", err)
	}
	if p.zone, err = loadZone(p.EndZone); err != nil {
		return fmt.Errorf("end_zone: %w", err)
	}
	return nil
}

// earlyPollRule: where people vote a day early, silence comes a day early
// (France: Saturday voters overseas and in the Americas).
//
// Rules: FR-S2.
type earlyPollRule struct {
	Kinds       []string `json:"kinds"`
	Territories []string `json:"territories"`
	Days        int      `json:"days"`
}

func (p *earlyPollRule) compile(*frame) error {
	for _, err := range [...]error{
		filled("kinds", p.Kinds), elections("kinds", p.Kinds),
		filled("territories", p.Territories), territories("territories", p.Territories),
	} {
		if err != nil {
			return err
		}
	}
	return positive("days", p.Days, 31)
}

// votingPlaceRule says by whose clocks polls are counted: those of the place
// of registration, rather than those that the contact lives by.
//
// Rules: FR-S3.
type votingPlaceRule struct {
	Place string `json:"place"`
}

func (p *votingPlaceRule) compile(*frame) error {
	if p.Place != "registration" {
		return fmt.Errorf("place: want registration, not %q", p.Place)
	}
	return nil
}

// pollZones are the zones by which polls are counted for the contact.
func (q *question) pollZones() []*time.Location {
	if len(q.rules.votingPlace) > 0 && q.who.Territory != nil && len(q.who.Territory.Zones) > 0 {
		return q.who.Territory.Zones
	}
	return q.who.Zones
}

func (q *question) ownPoll() poll {
	return poll{q.c.Election.Kind, civilDay(q.c.Election.PollingDay)}
}

func blackout(q *question) bool {
	if !wait(q, ElectionSilence, q.rules.blackout, silent) {
		return passed
	}
	if early := q.earlyRule(q.found.Rule); early != "" {
		q.found.Rule = early
	}
	return true
}

// silent is when silence ends, if t or the margin after it is in one. A poll
// without a date could be tomorrow's.
func silent(q *question, r *rule[blackoutRule], t time.Time) time.Time {
	if !r.p.calendar {
		if q.c.Election.PollingDay.IsZero() {
			return time.Time{}
		}
		return r.p.after(q, q.ownPoll(), t)
	}
	for again := true; again; {
		again = false
		for _, poll := range q.pack.polls {
			if end := r.p.after(q, poll, t); !end.Equal(t) {
				t, again = end, true
			}
		}
	}
	return t
}

// near tells whether the poll's silence can hold at t or within the margin after
// it, whatever the zone. Most polls are far away, and no zone is more than a day
// from UTC: that much needs no calendar.
func (p *blackoutRule) near(q *question, poll poll, t time.Time) bool {
	from := (poll.day - int64(p.DaysBefore) - int64(q.pack.earliest) - 1) * daySeconds
	to := (poll.day + 3) * daySeconds
	return t.Unix() < to && t.Unix()+int64(q.c.Margin/time.Second) >= from
}

// after returns t, or the end of the poll's silence if that is not over.
func (p *blackoutRule) after(q *question, poll poll, t time.Time) time.Time {
	if !p.near(q, poll, t) {
		return t
	}
	later := t.Add(q.c.Margin)
	start, end := p.span(q, poll)
	if !later.Before(start) && t.Before(end) {
		return end
	}
	return t
}

// span is the poll's silence for the contact: from the first of their zones
// that enters it to the last that leaves it.
func (p *blackoutRule) span(q *question, poll poll) (start, end time.Time) {
	day := poll.day
	if r := q.early(poll); r != nil {
		day -= int64(r.p.Days)
	}
	if p.zone != nil {
		end = firstAt(p.zone, startOfDay(p.zone, poll.day), poll.day*daySeconds+int64(p.end))
	}
	for _, zone := range q.pollZones() {
		if s := startOfDay(zone, day-int64(p.DaysBefore)); start.IsZero() || s.Before(start) {
			start = s
		}
		if e := startOfDay(zone, day+1); e.After(end) {
			end = e
		}
	}
	return start, end
}

func (q *question) early(poll poll) *rule[earlyPollRule] {
	for i := range q.rules.earlyPoll {
		r := &q.rules.earlyPoll[i]
		if r.inForce(q, q.at) && slices.Contains(r.p.Kinds, poll.kind) && within(q.who.Territory, r.p.Territories) {
			return r
		}
	}
	return nil
}

// earlyRule names the rule that brought the silence forward, where a blackout
// rule only holds because of it.
func (q *question) earlyRule(blackoutID string) string {
	for i := range q.rules.blackout {
		r := &q.rules.blackout[i]
		if r.id != blackoutID {
			continue
		}
		polls := q.pack.polls
		if !r.p.calendar {
			polls = []poll{q.ownPoll()}
		}
		for _, poll := range polls {
			if early := q.early(poll); early != nil && !r.p.after(q, poll, q.at).Equal(q.at) {
				return early.id
			}
		}
	}
	return ""
}

// campaignPeriodRule: outside the official campaign nothing may be said
// (Spain: LOREG art. 51 and 53).
//
// Rules: ES-S2.
type campaignPeriodRule struct {
	Days int `json:"days"`
	// EndsBefore is how many days before the poll the campaign ends, at local
	// midnight.
	EndsBefore int `json:"ends_before"`
}

func (p *campaignPeriodRule) compile(*frame) error {
	if p.EndsBefore < 0 || p.EndsBefore > 31 {
		return fmt.Errorf("ends_before: want 0 to 31")
	}
	return positive("days", p.Days, mostDays)
}

func campaignPeriod(q *question) bool {
	return wait(q, OutsideCampaignPeriod, q.rules.campaignPeriod, func(q *question, r *rule[campaignPeriodRule], t time.Time) time.Time {
		last := q.ownPoll().day - int64(r.p.EndsBefore)
		for _, zone := range q.pollZones() {
			if !t.Add(q.c.Margin).Before(startOfDay(zone, last)) {
				return time.Time{}
			}
			if start := startOfDay(zone, last-int64(r.p.Days)); t.Before(start) {
				t = start
			}
		}
		return t
	})
}
