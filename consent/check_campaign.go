package consent

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// packValid halts outside the pack's life (E9): rules nobody has looked at for
// too long are not relied on.
func packValid(q *question) bool {
	ends := q.c.PackValidTo
	if q.at.Before(q.pack.from) || !q.at.Before(q.pack.to) || !ends.IsZero() && !q.at.Before(ends) {
		return q.halt(PackExpired, "E9")
	}
	return passed
}

// sponsorResidencyRule: in the months before a poll only sponsors from the
// Union may pay (regulation (EU) 2024/900, art. 5(2)).
//
// Rules: EU-P1.
type sponsorResidencyRule struct {
	// Months is how long before the poll, counted from the same date.
	Months int `json:"months"`
}

func (p *sponsorResidencyRule) compile(*frame) error { return positive("months", p.Months, mostMonths) }

func sponsorResidency(q *question) bool {
	if q.c.Sponsor.EUEligible {
		return passed
	}
	return each(q, q.rules.sponsorResidency, func(q *question, r *rule[sponsorResidencyRule]) bool {
		if beforePoll(q, r.p.Months) {
			return q.halt(SponsorResidency, r.id)
		}
		return passed
	})
}

// beforePoll tells whether the campaign's poll is at most that many months
// away and not yet over, or has no date.
func beforePoll(q *question, months int) bool {
	poll := q.c.Election.PollingDay
	if poll.IsZero() {
		return true
	}
	today := q.today()
	return today >= civilDay(monthsBefore(poll, months)) && today <= civilDay(poll)
}

// channelBanPeriodRule: some channels are closed to campaigns in the months
// before a poll (Belgium, law of 4 July 1989, art. 5).
//
// Rules: BE-X1.
type channelBanPeriodRule struct {
	Months int `json:"months"`
}

func (p *channelBanPeriodRule) compile(*frame) error { return positive("months", p.Months, mostMonths) }

func channelBanPeriod(q *question) bool {
	return each(q, q.rules.channelBanPeriod, func(q *question, r *rule[channelBanPeriodRule]) bool {
		if beforePoll(q, r.p.Months) {
			return q.halt(ChannelBannedPeriod, r.id)
		}
		return passed
	})
}

// senderRegistrationRule: the sender or the campaign must stand in a register
// (10DLC of the United States' carriers; Canada's Voter Contact Registry; the
// carriers' registers of alphanumeric senders).
//
// Rules: FR-C3, US-S1, CA-S1.
type senderRegistrationRule struct {
	Needs []string `json:"needs"`
	// Grace is how long after the first call the registration may be missing.
	Grace period `json:"grace"`
	// Elections limits the rule to these kinds of election.
	Elections []string `json:"elections"`

	met []func(*Campaign) bool
}

var registers = map[string]func(*Campaign) bool{
	"tcr_political":          func(c *Campaign) bool { return c.Registrations.TCRUseCase == "political" },
	"campaign_verify":        func(c *Campaign) bool { return c.Registrations.CampaignVerify },
	"voter_contact_registry": func(c *Campaign) bool { return c.Registrations.VoterContactRegistry },
	"sender_name":            func(c *Campaign) bool { return !c.Registrations.SenderMissing || !isName(c.CallerID) },
}

func (p *senderRegistrationRule) compile(*frame) error {
	for _, need := range p.Needs {
		if registers[need] == nil {
			return fmt.Errorf("needs: register %q is not known", need)
		}
		p.met = append(p.met, registers[need])
	}
	if err := elections("elections", p.Elections); err != nil {
		return err
	}
	return filled("needs", p.Needs)
}

func senderRegistration(q *question) bool {
	return each(q, q.rules.senderRegistration, func(q *question, r *rule[senderRegistrationRule]) bool {
		if len(r.p.Elections) > 0 && !slices.Contains(r.p.Elections, q.c.Election.Kind) {
			return passed
		}
		first := q.c.FirstCallAt
		if r.p.Grace > 0 && (first.IsZero() || q.at.Sub(first) <= time.Duration(r.p.Grace)) {
			return passed
		}
		for _, met := range r.p.met {
			if !met(q.c) {
				return q.halt(SenderUnregistered, r.id)
			}
		}
		return passed
	})
}

// callerIDRule: what may be presented to the contact. Exactly one of its
// parameters is given.
//
// Rules: FR-C1, FR-C2, UK-C1.
type callerIDRule struct {
	// Prefixes of numbers in E.164 (France: ARCEP decision 2022-1583).
	Prefixes []string `json:"prefixes"`
	// Senders: alphanumeric, short_code.
	Senders []string `json:"senders"`
	// Shown forbids withholding the number (United Kingdom: PECR reg. 21).
	Shown bool `json:"shown"`
}

func (p *callerIDRule) compile(*frame) error {
	for _, prefix := range p.Prefixes {
		if !strings.HasPrefix(prefix, "+") || !digits(prefix[1:]) {
			return fmt.Errorf("prefixes: %q is not a plus sign and digits", prefix)
		}
	}
	for _, sender := range p.Senders {
		if sender != "alphanumeric" && sender != "short_code" {
			return fmt.Errorf("senders: %q is neither alphanumeric nor short_code", sender)
		}
	}
	given := 0
	for _, is := range [...]bool{len(p.Prefixes) > 0, len(p.Senders) > 0, p.Shown} {
		if is {
			given++
		}
	}
	if given != 1 {
		return fmt.Errorf("want exactly one of prefixes, senders, shown")
	}
	return nil
}

func (p *callerIDRule) accepts(id string) bool {
	if p.Shown {
		switch strings.ToLower(id) {
		case "", "withheld", "anonymous", "private", "restricted", "unavailable", "unknown":
			return false
		}
		return true
	}
	for _, prefix := range p.Prefixes {
		if strings.HasPrefix(id, prefix) && digits(id[1:]) {
			return true
		}
	}
	return slices.Contains(p.Senders, "alphanumeric") && isName(id) ||
		slices.Contains(p.Senders, "short_code") && digits(id) && len(id) >= 3 && len(id) <= 6
}

func callerID(q *question) bool {
	return each(q, q.rules.callerID, func(q *question, r *rule[callerIDRule]) bool {
		if !r.p.accepts(q.c.CallerID) {
			return q.halt(CallerID, r.id)
		}
		return passed
	})
}

// isName tells whether a sender is an alphanumeric name as carriers take them:
// up to 11 characters, at least one of them a letter.
func isName(id string) bool {
	if len(id) > 11 {
		return false
	}
	letters := 0
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
			letters++
		case c >= '0' && c <= '9', c == ' ', c == '-', c == '_', c == '&', c == '.':
		default:
			return false
		}
	}
	return letters > 0
}

// digits tells whether the text is made of digits, one at least.
func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// abandonmentRule caps the share of answered calls that no caller was ready
// for. No law sets the figure for political calls: it is a house rule.
//
// Rules: H-D1.
type abandonmentRule struct {
	MaxPercent float64 `json:"max_percent"`
	// Days is the span of Campaign.Stats, and ConnectWithin how long an
	// answered call may wait for a caller before it counts as abandoned. The
	// dialer keeps to both; here they are on record.
	Days          int    `json:"days"`
	ConnectWithin period `json:"connect_within"`

	permille int
}

func (p *abandonmentRule) compile(f *frame) error {
	p.permille = int(math.Round(p.MaxPercent * 10))
	for _, channel := range f.channels {
		if channel != contact.PredictiveCall {
			return fmt.Errorf("channels: calls are abandoned on predictive_call only")
		}
	}
	if p.MaxPercent > 100 || p.Days < 0 || p.Days > mostDays {
		return fmt.Errorf("max_percent, days: want a share of at most 100 over at most %d days", mostDays)
	}
	return positive("max_percent", p.permille, 1000)
}

func abandonment(q *question) bool {
	return each(q, q.rules.abandonment, func(q *question, r *rule[abandonmentRule]) bool {
		if q.c.Stats.Abandoned*1000 > r.p.permille*q.c.Stats.AnsweredLive {
			return q.halt(AbandonmentCap, r.id)
		}
		return passed
	})
}
