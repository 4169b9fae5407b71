package dialer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that a forecast says when a campaign will have tried everybody, over
// closed windows, its own spans and zones that are far apart, and that it comes
// true; and that no request begins outside the job's own spans.
func TestForecast_ComesTrue(t *testing.T) {
	in(t, plan{people: 400, rate: 0.02, speed: 600, inFlight: 1, places: []string{"FR-75", "FR-974"}, parties: []string{"party-a"}}, func(h *house) {
		job := h.job("first", "party-a")
		job.Schedule.Daily = []dialer.DailySpan{{From: 10 * 60, To: 12 * 60}, {From: 14 * 60, To: 16 * 60}}
		estimate, err := h.dialer().Estimate(context.Background(), job)
		if err != nil || estimate.Forecast == nil || estimate.Forecast.Unreached != 0 {
			t.Fatalf("estimate: %+v, %v", estimate, err)
		}
		h.accept(job)
		h.run()
		h.await("some hours have passed", func() bool { return h.clock.Now().Sub(tuesday) > 5*time.Hour })
		midway := h.show(job.ID).Forecast
		h.awaitState(job.ID, "closed")
		log := h.carrier.requests()
		last := log[len(log)-1].at
		for when, forecast := range map[string]*dialer.Forecast{"dry run": estimate.Forecast, "midway": midway} {
			if forecast == nil || forecast.Finish.Sub(last).Abs() > time.Hour {
				t.Errorf("%s: %+v, but the last request began at %s", when, forecast, last)
			}
		}
		for _, request := range log {
			for _, zone := range h.directory.byID[h.identity.ID(request.To)].Zones() {
				if clock := request.at.In(zone).Format("15:04"); clock < "10:00" || clock >= "16:00" || (clock >= "12:00" && clock < "14:00") {
					t.Fatalf("a request began at %s in %s", clock, zone)
				}
			}
		}
	})
}

// Ensure that a campaign which cannot finish in time says so before it starts and
// while it runs, with how many it will not reach, and that the number holds.
func TestForecast_Late(t *testing.T) {
	in(t, plan{people: 300, rate: 0.1, speed: 60, inFlight: 1, parties: []string{"party-a"}}, func(h *house) {
		job := h.job("first", "party-a")
		job.Schedule.End = tuesday.Add(20 * time.Minute)
		estimate, err := h.dialer().Estimate(context.Background(), job)
		if err != nil || len(estimate.Warnings) == 0 || !strings.Contains(strings.Join(estimate.Warnings, " "), "cannot be reached by the end") {
			t.Fatalf("estimate: %+v, %v", estimate, err)
		}
		h.accept(job)
		h.run()
		h.await("it is known while it runs", func() bool { f := h.show(job.ID).Forecast; return f != nil && f.Unreached > 0 })
		view := h.awaitState(job.ID, "closed")
		over := view.Balance.ExcludedLater["TIME_OVER"]
		if diff := int(over) - int(estimate.Forecast.Unreached); view.Ending != "time_over" || diff < -10 || diff > 10 {
			t.Errorf("ended %s with %d unreached, forecast %d", view.Ending, over, estimate.Forecast.Unreached)
		}
		if !strings.Contains(h.log.String(), dialer.EventLate) {
			t.Error("no event says that it is late")
		}
	})
}
