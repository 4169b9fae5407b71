package dialer

import (
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
)

// DailySpan is a part of the day in which a campaign may run, by the contact's
// own clocks. It only ever narrows what the rules allow.
type DailySpan struct {
	From TimeOfDay `json:"from"`
	To   TimeOfDay `json:"to"`
}

// TimeOfDay is a time on a clock, in minutes since midnight, which jobs write as
// "09:30". 24:00 is the end of the day.
type TimeOfDay int

// endOfDay is 24:00.
const endOfDay TimeOfDay = 24 * 60

// MarshalText writes the time as clocks show it.
func (t TimeOfDay) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%02d:%02d", t/60, t%60), nil
}

// UnmarshalText reads a time such as "09:30".
func (t *TimeOfDay) UnmarshalText(text []byte) error {
	var hour, minute int
	_, err := fmt.Sscanf(string(text), "%d:%d", &hour, &minute)
	read := TimeOfDay(60*hour + minute)
	if again, _ := read.MarshalText(); err != nil || string(again) != string(text) || read < 0 || minute > 59 || read > endOfDay {
		return fmt.Errorf("time of day %q: want hours and minutes, such as 09:30", text)
	}
	*t = read
	return nil
}

// shortestSpan is the least that a span must last: requests end a margin before
// it does.
const shortestSpan = 30

// validateDaily returns what is wrong with the spans.
func (s *JobSchedule) validateDaily() []Fault {
	var faults []Fault
	for i, span := range s.Daily {
		if span.To-span.From < shortestSpan {
			faults = append(faults, Fault{
				Field:  fmt.Sprintf("schedule.daily[%d]", i),
				Reason: "the span does not last half an hour", Hint: "it goes from an earlier time to a later one of the same day",
			})
		}
	}
	return faults
}

// defers tells whether the contact's clocks stand outside the job's own spans in
// any zone where the contact may be, and until when.
func (s *JobSchedule) defers(zones []*time.Location, at time.Time) (consent.Decision, bool) {
	if len(s.Daily) == 0 || s.open(zones, at) {
		return consent.Decision{}, false
	}
	var until time.Time
	for _, zone := range zones {
		local := at.In(zone)
		for day := range 8 { // clocks that are far apart may have no span in common
			for _, span := range s.Daily {
				begin := time.Date(local.Year(), local.Month(), local.Day()+day, int(span.From)/60, int(span.From)%60, 0, 0, zone)
				if begin.After(at) && (until.IsZero() || begin.Before(until)) && s.open(zones, begin) {
					until = begin
				}
			}
		}
	}
	if until.IsZero() {
		until = s.End
	}
	return consent.Decision{Verdict: consent.Defer, Reason: consent.CallingWindow, Rule: "schedule.daily", Until: until}, true
}

// open tells whether the instant is within a span in every zone, and far enough
// from its end that what the carrier queues is still sent in time.
func (s *JobSchedule) open(zones []*time.Location, at time.Time) bool {
	for _, zone := range zones {
		local := at.In(zone)
		now := TimeOfDay(local.Hour()*60 + local.Minute())
		within := false
		for _, span := range s.Daily {
			within = within || (now >= span.From && now < span.To-TimeOfDay(handoverMargin/time.Minute))
		}
		if !within {
			return false
		}
	}
	return true
}
