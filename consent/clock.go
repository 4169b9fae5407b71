package consent

import "time"

// Local time, without the traps of time.Date, which picks either instant where
// an hour happens twice and neither where it never does. Between two changes
// of a zone's offset the local clock runs like any other, so everything here
// walks from one change to the next and calculates in between.

// local returns what the clocks of the zone show at t, as seconds since
// 1970-01-01 00:00 on those clocks.
func local(t time.Time, zone *time.Location) int64 {
	_, offset := t.In(zone).Zone()
	return t.Unix() + int64(offset)
}

// dayOf returns the local date at t, as days since 1970-01-01.
func dayOf(t time.Time, zone *time.Location) int64 { return floorDiv(local(t, zone), daySeconds) }

// firstAt returns the first instant from t on at which the clocks of the zone
// show that local second or a later one.
func firstAt(zone *time.Location, t time.Time, second int64) time.Time {
	for {
		now := t.In(zone)
		_, offset := now.Zone()
		if t.Unix()+int64(offset) >= second {
			return t
		}
		reached := time.Unix(second-int64(offset), 0).UTC()
		_, change := now.ZoneBounds()
		if change.IsZero() || reached.Before(change) {
			return reached
		}
		t = change.UTC()
	}
}

// startOfDay returns the first instant of the local date.
func startOfDay(zone *time.Location, day int64) time.Time {
	// No zone is a whole day away from UTC, so two days before is before.
	return firstAt(zone, time.Unix((day-2)*daySeconds, 0).UTC(), day*daySeconds)
}

// civilDay returns the date of an instant at midnight UTC, which is how civil
// dates are kept, as days since 1970-01-01.
func civilDay(date time.Time) int64 { return floorDiv(date.Unix(), daySeconds) }

// monthsBefore returns the same date that many months earlier, or the last day
// of that month where the month is too short: starting early is the strict
// side.
func monthsBefore(date time.Time, months int) time.Time {
	year, month, day := date.Date()
	first := time.Date(year, month-time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, last)-1)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
