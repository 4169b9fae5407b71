package dialer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// withVariants gives the job a short text, of one segment, and a long one, of two.
func withVariants(job *dialer.Job) *dialer.Job {
	body := job.Message.Body
	job.Message.Body, job.Message.Variants = "", []dialer.JobVariant{
		{Name: "short", Body: body}, {Name: "long", Body: body + " " + strings.Repeat("x", 160)},
	}
	return job
}

// Ensure that each recipient gets one of the variants, about as many the one as
// the other, the same one at each step and after a restart, and that segments,
// money and the operator's books go by the text that was sent.
func TestDialer_Run_Variants(t *testing.T) {
	in(t, plan{people: 60, speed: 600, steps: 2}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			if number <= 50 {
				return ends(dialer.StatusUndelivered)
			}
			return delivered()
		})
		job := withVariants(h.job("two-texts", "party-a"))
		job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(26 * time.Hour), On: []string{"undelivered"}}
		h.accept(job)
		h.run()
		h.await("thirty have begun", func() bool { return h.carrier.began() >= 30 })
		h.restart()
		h.run()
		view := h.awaitState(job.ID, "closed")

		names := map[string]string{job.Message.Variants[0].Body: "short", job.Message.Variants[1].Body: "long"}
		got, sent := map[contact.Number]string{}, map[string]uint64{}
		var segments uint64
		for _, request := range h.carrier.requests() {
			name := names[request.Body]
			if before := got[request.To]; before != "" && before != name {
				t.Errorf("request %d is of variant %s, the one before was of %s", request.number, name, before)
			}
			got[request.To] = name
			segments += uint64(dialer.MeasureText(request.Body).Segments)
		}
		for _, name := range got {
			sent[name]++
		}
		if sent["short"] < 10 || sent["long"] < 10 || sent["short"]+sent["long"] != 60 {
			t.Errorf("variants were sent to %v", sent)
		}
		b := view.Balance
		if b.Attempts < 100 || b.Segments != segments || b.Reserved != h.registry.Tariff.Segment*dialer.Money(segments) {
			t.Errorf("%d segments for %s in %d attempts, want %d", b.Segments, b.Reserved, b.Attempts, segments)
		}
		h.checkVariants(view.ID, sent)
	})
}

// checkVariants compares the variants' sheets with what the carrier was asked
// and with the balance.
func (h *house) checkVariants(campaign string, sent map[string]uint64) {
	h.t.Helper()
	view := h.show(campaign)
	final := map[string]uint64{}
	for i, v := range view.Variants {
		var outcomes uint64
		for outcome, n := range v.Final {
			outcomes += n
			final[outcome] += n
		}
		if v.Tried != sent[v.Name] || v.Tried != v.Open+v.Excluded+outcomes || v.SegmentsEach != i+1 || v.Encoding != "GSM-7" {
			h.t.Errorf("%+v, want %d tried", v, sent[v.Name])
		}
	}
	if fmt.Sprint(final) != fmt.Sprint(view.Balance.Final) || len(view.Variants) != 2 {
		h.t.Errorf("%d variants end with %v, the balance with %v", len(view.Variants), final, view.Balance.Final)
	}
}

// Ensure that a dry run foretells the dearest text, and names what makes any of
// them dear.
func TestDialer_Estimate_Variants(t *testing.T) {
	in(t, plan{people: 20}, func(h *house) {
		job := withVariants(h.job("two-texts", "party-a"))
		job.Message.Variants[0].Body += "’"
		e, err := h.dialer().Estimate(t.Context(), job)
		if err != nil || len(e.Faults) > 0 {
			t.Fatal(err, e.Faults)
		}
		if want := 2 * 20 * h.registry.Tariff.Segment; e.SegmentsEach != 2 || e.Price != want {
			t.Errorf("%d segments each for %s, want 2 for %s", e.SegmentsEach, e.Price, want)
		}
		if len(e.Warnings) == 0 || !strings.HasPrefix(e.Warnings[0], "message.variants[0].body, character ") {
			t.Errorf("warned of %q", e.Warnings)
		}
	})
}

// Ensure that a rule which forbids something in a text forbids it in each variant.
func TestDialer_Accept_VariantForbidden(t *testing.T) {
	in(t, plan{}, func(h *house) {
		job := withVariants(h.job("free-call", "party-a"))
		job.Message.Variants[1].Body += " 0 800 000 000"
		if rejection := h.offer(job); rejection == nil || rejection.Faults[0].Field != "message.body" {
			t.Errorf("a free number in a variant: %+v", rejection)
		}
	})
}

// Ensure that a campaign claims as many as it can pay for, whichever variant they
// get, and spends no more.
func TestDialer_Run_VariantsBudget(t *testing.T) {
	in(t, plan{people: 40, speed: 60, inFlight: 4}, func(h *house) {
		h.carrier.always(delivered())
		job := withVariants(h.job("short-of-money", "party-a"))
		job.Budget = 25 * h.registry.Tariff.Segment
		h.accept(job)
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Audience != 12 || b.Final["delivered"] != 12 || b.Reserved > job.Budget {
			t.Errorf("an audience of %d cost %s, want 12 for at most %s", b.Audience, b.Reserved, job.Budget)
		}
	})
}
