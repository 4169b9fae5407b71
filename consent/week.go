package consent

import (
	"fmt"
	"strings"
	"time"
)

// week is the hours of a week, by the local clock: for each weekday (Sunday
// first) its spans in ascending order.
type week [7][]Slot

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// add puts hours on the days named, such as "mon-fri", "sat" or "daily".
func (w *week) add(days string, hours []Slot) error {
	first, last := 0, 6
	if days != "daily" {
		from, to, isRange := strings.Cut(days, "-")
		if !isRange {
			to = from
		}
		first, last = weekday(from), weekday(to)
		if first < 0 || last < 0 {
			return fmt.Errorf("days %q: want a form such as mon-fri, sat or daily", days)
		}
	}
	for day := first; ; day = (day + 1) % 7 {
		for _, span := range hours {
			if n := len(w[day]); n > 0 && w[day][n-1].End > span.Start {
				return fmt.Errorf("days %q: hours %s come before or overlap others of the day", days, span)
			}
			w[day] = append(w[day], span)
		}
		if day == last {
			return nil
		}
	}
}

func weekday(name string) int {
	for i, known := range weekdays {
		if known == name {
			return i
		}
	}
	return -1
}

// at tells whether the local second is inside, and gives a later second up to
// which that holds.
func (w *week) at(second int64) (open bool, until int64) {
	day := floorDiv(second, daySeconds)
	midnight := day * daySeconds
	of := int32(second - midnight)
	// 1970-01-01 was a Thursday.
	for _, span := range w[((day+4)%7+7)%7] {
		if of < span.Start {
			return false, midnight + int64(span.Start)
		}
		if of < span.End {
			return true, midnight + int64(span.End)
		}
	}
	return false, midnight + daySeconds
}

// opens returns the first instant from t on from which the zone's clocks stay
// inside for the margin; zero where there is none within two weeks.
func (w *week) opens(zone *time.Location, t time.Time, margin time.Duration) time.Time {
	limit := t.AddDate(0, 0, 15)
	for t.Before(limit) {
		open, next := w.step(zone, t)
		if open {
			closes := w.closes(zone, t)
			if t.Add(margin).Before(closes) {
				return t
			}
			next = closes
		}
		t = next
	}
	return time.Time{}
}

// closes returns the first instant after t at which the zone's clocks are
// outside.
func (w *week) closes(zone *time.Location, t time.Time) time.Time {
	limit := t.AddDate(0, 0, 15)
	for open, next := w.step(zone, t); open && t.Before(limit); open, next = w.step(zone, t) {
		t = next
	}
	return t
}

// step tells whether the zone's clocks are inside at t, and gives a later
// instant up to which that holds.
func (w *week) step(zone *time.Location, t time.Time) (open bool, until time.Time) {
	now := t.In(zone)
	_, offset := now.Zone()
	open, second := w.at(t.Unix() + int64(offset))
	until = time.Unix(second-int64(offset), 0).UTC()
	if _, change := now.ZoneBounds(); !change.IsZero() && change.Before(until) {
		until = change.UTC()
	}
	return open, until
}

// holds tells whether the zone's clocks are inside at t and stay so for the
// margin. It is what opens would find, without the walk.
func (w *week) holds(zone *time.Location, t time.Time, margin time.Duration) bool {
	now := local(t, zone)
	open, until := w.at(now)
	if !open {
		return false
	}
	if margin == 0 {
		return true
	}
	later := t.Add(margin)
	if then := local(later, zone); then-now == later.Unix()-t.Unix() && then < until {
		return true
	}
	return w.opens(zone, t, margin).Equal(t)
}
