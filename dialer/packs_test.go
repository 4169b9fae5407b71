package dialer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
)

// over returns an overlay over the French rules: hours for texts, and the day
// before which it holds.
func (h *house) over(hours, validTo string) *consent.Pack {
	h.t.Helper()
	pack, err := consent.NewPack(consent.PackFile{
		Pack: "OVER", Title: "a test", Version: "2026-11-01", Extends: "FR", Overlay: true, ValidFrom: "2026-01-01", ValidTo: validTo,
		Rules: []consent.RuleFile{{
			ID: "OVER-W1", Kind: "calling_window", Force: "carrier", Source: "a test", Channels: []string{"sms"},
			Params: map[string]any{"week": []any{map[string]any{"days": "daily", "hours": []any{hours}}}},
		}},
	}, h.pack)
	if err != nil {
		h.t.Fatal(err)
	}
	return pack
}

// Ensure that rules put in force while a campaign runs govern its very next
// decision, and that groups which waited for the old rules' hours are asked about
// again.
func TestDialer_UsePack(t *testing.T) {
	in(t, plan{people: 40, rate: 4, inFlight: 2}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.await("some are texted", func() bool { return len(h.carrier.requests()) > 5 })
		night := h.over("20:00-21:00", "2028-01-01")
		h.dialer().UsePack(night)
		if got := h.dialer().Pack().Version(); got != night.Version() {
			t.Errorf("in force is %s", got)
		}
		h.pass(3 * time.Second) // what was permitted before has two
		before := len(h.carrier.requests())
		h.pass(2 * time.Minute)
		if after := len(h.carrier.requests()); after != before || after == 40 {
			t.Errorf("%d requests, and two minutes later %d: the hours are over", before, after)
		}
		if parked := h.show(job.ID).Parked; len(parked) == 0 || parked[0].Reason != "CALLING_WINDOW" {
			t.Errorf("parked: %+v", parked)
		}
		h.dialer().UsePack(h.pack)
		h.awaitState(job.ID, "closed")
		if n := len(h.carrier.requests()); n != 40 {
			t.Errorf("%d requests", n)
		}
	})
}

// Ensure that a pack past its date halts all dialling, that it holds no campaign,
// and that dialling goes on by itself under rules that hold.
func TestDialer_PackPastItsDate(t *testing.T) {
	in(t, plan{people: 6, speed: 60, start: time.Date(2027, 3, 8, 21, 0, 0, 0, time.UTC)}, func(h *house) {
		expiring := h.over("00:00-24:00", "2027-03-09")
		french := h.pack
		h.pack = expiring
		h.restart()
		job := h.job("first", "party-a")
		job.Schedule.Start = time.Date(2027, 3, 9, 9, 0, 0, 0, time.UTC)
		if rejection := h.offer(job); rejection == nil || rejection.Faults[0].Reason != "rule E9 of pack OVER halts the campaign: PACK_EXPIRED" {
			t.Errorf("a campaign after the pack's life: %+v", rejection)
		}
		job = h.accept(h.job("second", "party-a"))
		h.run()
		h.await("the campaign waits for the morning", func() bool { return len(h.show(job.ID).Parked) > 0 })
		h.passUntil(time.Date(2027, 3, 9, 8, 0, 0, 0, time.UTC))
		if halted := h.dialer().Halted(); !slices.Equal(halted, []dialer.HaltReason{dialer.HaltPack}) {
			t.Errorf("halted for %v", halted)
		}
		if v := h.show(job.ID); v.State != "running" || len(h.carrier.requests()) != 0 {
			t.Errorf("campaign is %s, %d requests", v.State, len(h.carrier.requests()))
		}
		h.dialer().UsePack(french)
		h.awaitState(job.ID, "closed")
		if halted := h.dialer().Halted(); len(halted) != 0 || len(h.carrier.requests()) != 6 {
			t.Errorf("halted for %v, %d requests", halted, len(h.carrier.requests()))
		}
	})
}
