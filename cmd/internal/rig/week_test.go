package rig

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// home is where somebody lives: how far its clocks are ahead of UTC in April 2027,
// and the local midnight at which its silence begins. It is written down by hand:
// neither the rules nor any table of zones is asked.
type home struct {
	territory string
	ahead     time.Duration
	silence   time.Time
}

// local is what the clocks of the place show, written as if it were UTC.
func (p home) local(at time.Time) time.Time { return at.UTC().Add(p.ahead) }

// april is an hour of a day before the first round, Sunday the 18th.
func april(day, hour, minute int) time.Time {
	return time.Date(2027, time.April, day, hour, minute, 0, 0, time.UTC)
}

// weekPlaces are places in five zones. Where people vote a day before the mainland,
// silence begins a day earlier, too.
var weekPlaces = []home{
	{"FR-75", 2 * time.Hour, april(17, 0, 0)},   // Paris
	{"FR-974", 4 * time.Hour, april(17, 0, 0)},  // La Réunion
	{"FR-988", 11 * time.Hour, april(17, 0, 0)}, // Nouvelle-Calédonie
	{"FR-971", -4 * time.Hour, april(16, 0, 0)}, // Guadeloupe
	{"FR-973", -3 * time.Hour, april(16, 0, 0)}, // Guyane
}

// edges are instants of the last days at which the hours of a place end or begin, or
// would begin but for the silence.
var edges = []time.Time{
	april(15, 17, 30), // evening in La Réunion
	april(15, 19, 30), // in Paris
	april(15, 21, 0),  // morning in Nouvelle-Calédonie
	april(16, 1, 30),  // the last evening in Guadeloupe
	april(16, 12, 0),  // its first silent morning
	april(17, 6, 0),   // that of Paris
}

const (
	// before is how long before an edge the clock is moved to, and after how long
	// time runs on behind it. The witness sees nothing of the first second.
	before = 15 * time.Minute
	after  = 8 * time.Minute
	// settingWeek has time run through the whole week, with no leaps.
	settingWeek = "HUSTINGS_RIG_WEEK"
)

// Ensure that in the days before a poll, in five time zones, with windows, silence,
// retries and people who object, no request comes to the carrier outside the hours
// of anybody's place or in its silence, and each recipient ends with one outcome or
// one reason (I4).
func TestWeek(t *testing.T) {
	t.Parallel()
	whole := os.Getenv(settingWeek) != ""
	begin, rate := edges[0].Add(-6*time.Hour), "0.05"
	if whole {
		begin, rate = april(12, 0, 30), "0.002"
	}
	s := newScene(t, 60*len(weekPlaces), outpost.Options{
		Start: begin, Registry: strings.Replace(embeddedRegistry(t), "segments_per_second: 10", "segments_per_second: "+rate, 1),
		Carrier: []string{"--undelivered-fraction", "0.5", "--failed-fraction", "0.1", "--silent-fraction", "0.02"},
	})
	s.places, s.steps = map[string]home{}, 2
	s.start()
	for i, there := range weekPlaces {
		people := s.numbers[60*i : 60*(i+1)]
		s.ImportPeople(people, there.territory, "party-a")
		for _, number := range people {
			s.places[number] = there
		}
	}
	job := order("party-a", "party-a-week", 500)
	job.Schedule.End = april(18, 18, 0)
	job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(time.Hour), On: []string{"undelivered", "failed"}}
	s.submit(job)
	end := s.begin(draw(1), traffic{texts: 500 * time.Millisecond})
	if whole {
		s.passUntil(april(17, 6, 0).Add(after))
	} else {
		for _, edge := range edges {
			s.Advance(edge.Add(-before).Sub(s.Now()))
			s.passUntil(edge.Add(after))
		}
	}
	end()
	s.Advance(job.Schedule.End.Sub(s.Now()))
	s.finish()
	s.mustBeWeek()
}

// passUntil lets the carrier's time run until an instant.
func (s *scene) passUntil(instant time.Time) {
	s.t.Helper()
	for s.Now().Before(instant) {
		pause(s.t.Context(), 50*time.Millisecond)
	}
}

// mustBeWeek looks whether each place had its requests, and some people two.
func (s *scene) mustBeWeek() {
	s.t.Helper()
	requests, steps := map[string]int{}, map[string]int{}
	err := sandbox.ScanLog(s.CarrierLog(), func(record sandbox.Record) error {
		if record.Kind == sandbox.KindRequestBegun {
			requests[s.places[record.To].territory]++
			steps[record.To]++
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	again := 0
	for _, n := range steps {
		if n > 1 {
			again++
		}
	}
	s.t.Logf("figures: requests by place %v, %d people with a further step", requests, again)
	if len(requests) != len(weekPlaces) || again == 0 {
		s.t.Errorf("requests by place %v, %d people with a further step: it was no week", requests, again)
	}
}
