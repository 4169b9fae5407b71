package dialer

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimeOfDay(t *testing.T) {
	for text, want := range map[string]TimeOfDay{"00:00": 0, "09:30": 570, "24:00": 1440} {
		var got TimeOfDay
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "9:30", "09:60", "24:01", "25:00", "-1:00", "09:30:00", "09.30", "09:3", " 09:30"} {
		var got TimeOfDay
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

// Ensure that a job's own spans hold in every zone, over the nights on which
// clocks are set, that what is deferred is deferred to the first minute that is
// open, and that the last minutes of a span are not used.
func TestJobSchedule_Daily(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"Europe/Paris", "America/Martinique", "Indian/Reunion", "Pacific/Noumea", "America/New_York"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	within := func(s *JobSchedule, chosen []*time.Location, at time.Time) bool {
		for _, zone := range chosen {
			clock, ok := at.In(zone).Format("15:04"), false
			for _, span := range s.Daily {
				from, _ := span.From.MarshalText()
				to, _ := (span.To - 5).MarshalText()
				ok = ok || (clock >= string(from) && clock < string(to))
			}
			if !ok {
				return false
			}
		}
		return true
	}
	rapid.Check(t, func(t *rapid.T) {
		var s JobSchedule
		for range rapid.IntRange(1, 3).Draw(t, "spans") {
			from := rapid.IntRange(0, 47).Draw(t, "from")
			s.Daily = append(s.Daily, DailySpan{TimeOfDay(30 * from), TimeOfDay(30 * rapid.IntRange(from+1, 48).Draw(t, "to"))})
		}
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(zones), 1, 3, func(z *time.Location) string { return z.String() }).Draw(t, "zones")
		// Around the nights of 2027 on which clocks are set in Paris and New York.
		base := rapid.SampledFrom([]time.Time{
			time.Date(2027, 3, 27, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 13, 0, 0, 0, 0, time.UTC), time.Date(2027, 10, 30, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "base")
		at := base.Add(time.Duration(rapid.IntRange(0, 48*60).Draw(t, "minute")) * time.Minute)
		s.End = at.AddDate(1, 0, 0)
		later, deferred := s.defers(chosen, at)
		if deferred == within(&s, chosen, at) {
			t.Fatalf("deferred %t", deferred)
		}
		if !deferred || later.Until.Equal(s.End) {
			return // a common span may not exist, or lie in the hour that clocks leave out
		}
		if !within(&s, chosen, later.Until) {
			t.Fatalf("deferred to %s, which is not open", later.Until)
		}
		for minute := at.Add(time.Minute); minute.Before(later.Until); minute = minute.Add(time.Minute) {
			if within(&s, chosen, minute) && !opensWithChange(chosen, minute) {
				t.Fatalf("deferred to %s, but %s is open", later.Until, minute)
			}
		}
	})
}

// opensWithChange tells whether clocks were set that day: a span can then begin in
// the hour that is left out.
func opensWithChange(zones []*time.Location, at time.Time) bool {
	for _, zone := range zones {
		local := at.In(zone)
		_, before := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone).Zone()
		_, after := time.Date(local.Year(), local.Month(), local.Day(), 23, 59, 0, 0, zone).Zone()
		if before != after {
			return true
		}
	}
	return false
}
