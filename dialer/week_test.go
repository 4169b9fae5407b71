package dialer_test

import (
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// places of a week: how many hours their clocks are ahead of UTC in April 2027, and
// the day in April on which their silence begins at midnight. Where people vote a
// day before the mainland, it begins a day earlier. This is written down by hand:
// neither the rules nor any table of zones is asked.
var weekPlaces = map[string]struct{ ahead, silence int }{
	"FR-75":  {+2, 17},  // Paris
	"FR-974": {+4, 17},  // La Réunion
	"FR-988": {+11, 17}, // Nouvelle-Calédonie
	"FR-971": {-4, 16},  // Guadeloupe
	"FR-973": {-3, 16},  // Guyane
}

// Ensure that the week before a poll, in five time zones, with windows, silence,
// retries and people who object, has no request outside the hours or within the
// silence of anybody's place, and ends with one outcome or one reason for each
// recipient (I4).
func TestElectionWeek(t *testing.T) {
	monday := time.Date(2027, 4, 12, 0, 30, 0, 0, time.UTC)
	var places []string
	for place := range weekPlaces {
		places = append(places, place)
	}
	in(t, plan{people: 500, places: places, start: monday, speed: 1200, rate: 0.002, inFlight: 4, steps: 3}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			switch {
			case number%4 == 0:
				return ends(dialer.StatusUndelivered)
			case number%11 == 0:
				return ends(dialer.StatusFailed)
			case number%13 == 0:
				return unclear(number%2 == 0)
			}
			return delivered()
		})
		job := h.job("week", "party-a")
		job.Schedule.End = time.Date(2027, 4, 18, 18, 0, 0, 0, time.UTC)
		job.Retry = dialer.JobRetry{Maximum: 2, After: dialer.Duration(20 * time.Hour), OtherDayPart: true, On: []string{"undelivered", "failed"}}
		h.accept(job)
		h.run()
		for i := range 10 {
			h.passUntil(monday.Add(time.Duration(10*i+5) * time.Hour))
			h.object(h.directory.people[37*i].ID)
		}
		view := h.awaitState(job.ID, "closed")
		h.judgeWeek(t)
		h.judgeEnds(t, view)
	})
}

// judgeWeek looks at each request by the clock of its place.
func (h *house) judgeWeek(t *testing.T) {
	t.Helper()
	requests, steps := map[string]int{}, map[string]int{}
	for _, request := range h.carrier.requests() {
		code := h.directory.byID[h.identity.ID(request.To)].Territory.Code
		place := weekPlaces[code]
		local := request.at.UTC().Add(time.Duration(place.ahead) * time.Hour)
		if clock := local.Format("15:04"); clock < "08:00" || clock >= "21:30" {
			t.Errorf("a request began at %s in %s", clock, code)
		}
		if local.Day() >= place.silence {
			t.Errorf("a request began on the %dth in %s, in its silence", local.Day(), code)
		}
		requests[code]++
		steps[request.To.E164()]++
	}
	again := 0
	for _, n := range steps {
		if n > 1 {
			again++
		}
	}
	if len(requests) != len(weekPlaces) || again < 50 {
		t.Errorf("requests by place %v, %d contacts with a second step: it was no week", requests, again)
	}
	t.Logf("requests by place: %v; %d contacts had a further step", requests, again)
}

// judgeEnds looks for one outcome or one reason for each recipient.
func (h *house) judgeEnds(t *testing.T, view *dialer.CampaignView) {
	t.Helper()
	ended := uint64(0)
	for id, row := range h.recipients(view.ID) {
		final := row.State == dialer.RecipientFinal && row.Outcome != dialer.NoOutcome && row.Reason == ""
		excluded := row.State == dialer.RecipientExcluded && row.Reason != "" && row.Outcome == dialer.NoOutcome
		if final == excluded {
			t.Errorf("contact %s ended with %+v", id, row)
		}
		ended++
	}
	b := view.Balance
	later, final := uint64(0), uint64(0)
	for _, n := range b.ExcludedLater {
		later += n
	}
	for _, n := range b.Final {
		final += n
	}
	if ended != 500 || b.Audience != 500 || later+final != 500 || b.ExcludedLater["OPTED_OUT"] == 0 {
		t.Errorf("%d recipients of 500 have ended: %+v", ended, b)
	}
	f, err := h.dialer().Fairness(time.Date(2027, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(2027, 4, 19, 0, 0, 0, 0, time.UTC), view.Round)
	if err != nil || len(f.Senders) != 1 || f.Senders[0].Parties[0].Requests != uint64(h.carrier.began()) {
		t.Errorf("the log of shares does not have every request: %+v, %v", f, err)
	}
}
