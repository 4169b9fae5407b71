package dialer

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// JobRetry is what happens after an outcome that is not what was hoped for.
// Nothing is ever tried again after an unknown outcome, nor after one that the
// carrier's code says is final. Each further step is decided on as the first one
// was: inside windows, caps and budget.
type JobRetry struct {
	// Maximum is the number of further steps, 0 for one try only.
	Maximum int `json:"maximum,omitempty"`
	// After is the least time between two steps.
	After Duration `json:"after,omitzero"`
	// OtherDayPart has the next step come in another part of the day, by the
	// contact's clocks, than the one before it: morning, afternoon or evening.
	OtherDayPart bool `json:"other_day_part,omitempty"`
	// On lists the outcomes that allow a next step.
	On []string `json:"on,omitempty"`
	// Outcomes are rules of their own for some outcomes, in the place of the above.
	Outcomes map[string]RetryRule `json:"outcomes,omitempty"`
}

// RetryRule is what happens after one outcome.
type RetryRule struct {
	// Maximum is how many steps there may be before it, 1 for one further try.
	Maximum      int      `json:"maximum"`
	After        Duration `json:"after"`
	OtherDayPart bool     `json:"other_day_part,omitempty"`
}

// maxSteps bounds the further steps.
const maxSteps = 10

// validate returns what is wrong with the rules.
func (r *JobRetry) validate() []Fault {
	base := RetryRule{r.Maximum, r.After, r.OtherDayPart}
	faults := base.validate("retry")
	for i, name := range r.On {
		faults = append(faults, validateRetried(fmt.Sprintf("retry.on[%d]", i), name)...)
	}
	for _, name := range sortedKeys(r.Outcomes) {
		field := "retry.outcomes." + name
		rule := r.Outcomes[name]
		faults = append(faults, validateRetried(field, name)...)
		faults = append(faults, rule.validate(field)...)
	}
	return faults
}

func (r *RetryRule) validate(field string) []Fault {
	var faults []Fault
	if r.Maximum < 0 || r.Maximum > maxSteps {
		faults = append(faults, Fault{Field: field + ".maximum", Reason: fmt.Sprintf("%d is not from 0 to %d", r.Maximum, maxSteps)})
	}
	if r.Maximum > 0 && r.After <= 0 {
		faults = append(faults, Fault{Field: field + ".after", Reason: "a next step needs a time between two steps", Hint: "such as 24h"})
	}
	return faults
}

func validateRetried(field, name string) []Fault {
	if outcome, err := ParseOutcome(name); err != nil || outcome == OutcomeUnknown || outcome.Reached() {
		return []Fault{{
			Field: field, Reason: fmt.Sprintf("%q allows no next step", name),
			Hint: "undelivered or failed; nothing is tried again after an unknown outcome",
		}}
	}
	return nil
}

// any tells whether any outcome allows a next step.
func (r *JobRetry) any() bool {
	for _, rule := range r.Outcomes {
		if rule.Maximum > 0 {
			return true
		}
	}
	return r.Maximum > 0
}

// after returns the rule for an outcome.
func (r *JobRetry) after(outcome Outcome) RetryRule {
	if rule, own := r.Outcomes[outcome.String()]; own {
		return rule
	}
	if slices.Contains(r.On, outcome.String()) {
		return RetryRule{r.Maximum, r.After, r.OtherDayPart}
	}
	return RetryRule{}
}

// nextStep tells whether the job wants another try after an outcome, and when. It
// asks the ledger: a callback may come before the campaign is at work again.
func (b books) nextStep(a *attemptRecord, state CampaignState, outcome Outcome, at time.Time) (time.Time, bool) {
	if state == CampaignClosing || outcome == OutcomeUnknown || outcome.Reached() || a.last {
		return time.Time{}, false
	}
	record, found := b.campaign(a.recipient.campaign())
	if !found {
		return time.Time{}, false
	}
	rule := record.Job.Retry.after(outcome)
	if int(a.step) > rule.Maximum {
		return time.Time{}, false
	}
	again := at.Add(time.Duration(rule.After))
	if rule.OtherDayPart || record.Job.isCall() {
		again = otherDayPart(a.intended, again, record.zoneOf(a.recipient))
	}
	return again, true
}

// zoneOf is the first of the zones in which the recipient may be.
func (record *campaignRecord) zoneOf(key recipientKey) *time.Location {
	if group := int(key[4]); group < len(record.Zones) {
		name, _, _ := strings.Cut(record.Zones[group], " ")
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	return time.UTC
}

// The parts of a day end at these hours.
var dayParts = [...]int{12, 17, 24}

func dayPart(at time.Time) int {
	return slices.IndexFunc(dayParts[:], func(end int) bool { return at.Hour() < end })
}

// otherDayPart is the first instant from again on that is in another part of the
// day than before was.
func otherDayPart(before, again time.Time, zone *time.Location) time.Time {
	local := again.In(zone)
	part := dayPart(local)
	if part != dayPart(before.In(zone)) {
		return again
	}
	return time.Date(local.Year(), local.Month(), local.Day(), dayParts[part], 0, 0, 0, zone)
}
