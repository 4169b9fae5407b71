package consent

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// oddZones have offsets that change at midnight, by half an hour, by a whole
// day, twice a year or never.
var oddZones = []string{
	"Europe/Paris", "Europe/London", "America/New_York", "America/Phoenix", "America/Havana", "America/Asuncion", "America/Santiago",
	"Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham",
	"Pacific/Marquesas", "Pacific/Kiritimati", "America/St_Johns", "America/Miquelon", "America/Scoresbysund", "UTC",
}

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// Ensure that a day starts at the first instant of its date, where midnight
// is missing, where it comes twice, and where there is no such date.
func TestStartOfDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, date, want string }{
		{"Europe/Paris", "2027-03-28", "2027-03-27T23:00:00Z"},
		{"Europe/Paris", "2027-03-29", "2027-03-28T22:00:00Z"},
		{"Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"},   // the clock goes from 00:00 to 01:00
		{"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"}, // 00:00 comes twice
		{"Africa/Cairo", "2024-11-01", "2024-10-31T22:00:00Z"},   // 23:00 comes twice, the evening before
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},   // left out: the next date begins
		{"America/Miquelon", "2027-04-16", "2027-04-16T02:00:00Z"},
	} {
		date, err := parseDate(c.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := startOfDay(zone(t, c.zone), civilDay(date)).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s starts at %s, want %s", c.date, c.zone, got, c.want)
		}
	}
}

// Ensure that months are counted back to the same date, or to the end of a
// month that is too short.
func TestMonthsBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		date   string
		months int
		want   string
	}{
		{"2027-04-18", 3, "2027-01-18"},
		{"2027-05-31", 3, "2027-02-28"},
		{"2028-05-31", 3, "2028-02-29"},
		{"2027-02-10", 4, "2026-10-10"},
		{"2027-03-31", 4, "2026-11-30"},
	} {
		date, err := parseDate(c.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := monthsBefore(date, c.months).Format(time.DateOnly); got != c.want {
			t.Errorf("%d months before %s: %s, want %s", c.months, c.date, got, c.want)
		}
	}
}

// Ensure that Easter falls where it does.
func TestEaster(t *testing.T) {
	t.Parallel()
	for year, want := range map[int]string{
		2024: "03-31", 2025: "04-20", 2026: "04-05", 2027: "03-28", 2028: "04-16", 2029: "04-01", 2030: "04-21", 2031: "04-13", 2032: "03-28",
		2038: "04-25",
	} {
		if got := time.Unix(easter(year)*daySeconds, 0).UTC().Format("01-02"); got != want {
			t.Errorf("Easter %d: %s, want %s", year, got, want)
		}
	}
}

// Ensure that the search for an opening finds the instant that trying every
// minute would find, whatever the clocks do.
func TestWeek_OpensAgreesWithEveryMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		location, err := time.LoadLocation(rapid.SampledFrom(oddZones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		w := drawWeek(t)
		from := drawInstant(t, location)
		margin := time.Duration(rapid.IntRange(0, 600).Draw(t, "margin")) * time.Minute
		inside := func(at time.Time) bool {
			local := at.In(location)
			hour, minute, second := local.Clock()
			of := int32(hour*3600 + minute*60 + second)
			for _, span := range w[local.Weekday()] {
				if span.Start <= of && of < span.End {
					return true
				}
			}
			return false
		}
		holds := func(at time.Time) bool {
			for m := time.Duration(0); m <= margin; m += time.Minute {
				if !inside(at.Add(m)) {
					return false
				}
			}
			return true
		}
		if got, want := w.holds(location, from, margin), holds(from); got != want {
			t.Fatalf("%s holds: %t, want %t", from.In(location), got, want)
		}
		got := w.opens(location, from, margin)
		for at := from; at.Before(from.Add(9 * 24 * time.Hour)); at = at.Add(time.Minute) {
			if holds(at) {
				if !got.Equal(at) {
					t.Fatalf("from %s: opens %s, want %s", from.In(location), got.In(location), at.In(location))
				}
				return
			}
		}
		if !got.IsZero() && got.Before(from.Add(9*24*time.Hour)) {
			t.Fatalf("from %s: opens %s, want never", from.In(location), got.In(location))
		}
	})
}

func drawWeek(t *rapid.T) *week {
	w := new(week)
	days := rapid.SampledFrom([]string{"daily", "mon-fri", "mon-sat", "sat", "sat-sun", "fri-mon"}).Draw(t, "days")
	hours := rapid.SampledFrom([]string{"10:00-13:00 14:00-20:00", "08:00-21:30", "00:00-24:00", "00:00-02:30", "01:30-02:00 22:00-24:00"}).Draw(t, "hours")
	var spans []Slot
	for len(hours) > 0 {
		text := hours[:11]
		hours = hours[min(12, len(hours)):]
		span, err := ParseSlot(text)
		if err != nil {
			t.Fatal(err)
		}
		spans = append(spans, span)
	}
	if err := w.add(days, spans); err != nil {
		t.Fatal(err)
	}
	return w
}

// drawInstant favours the days around the changes of a zone's offset.
func drawInstant(t *rapid.T, location *time.Location) time.Time {
	at := time.Unix(rapid.Int64Range(1_300_000_000, 1_900_000_000).Draw(t, "at")/60*60, 0).UTC()
	if rapid.Bool().Draw(t, "near a change") {
		if _, change := at.In(location).ZoneBounds(); !change.IsZero() {
			at = change.UTC().Truncate(time.Minute).Add(time.Duration(rapid.IntRange(-3000, 600).Draw(t, "minutes")) * time.Minute)
		}
	}
	return at
}
