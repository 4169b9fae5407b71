package dialer_test

import (
	"context"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// share makes every sender serve every party.
func (h *house) shareSenders() {
	for i := range h.registry.Senders {
		h.registry.Senders[i].Parties = nil
		for _, party := range h.registry.Parties {
			h.registry.Senders[i].Parties = append(h.registry.Senders[i].Parties, party.ID)
		}
	}
}

// Ensure that the log of shares tells what was offered and used, through a
// restart, that equal shares of one sender come out as equal, and that orders
// and refusals stand beside them, each with its reason.
func TestDialer_Fairness(t *testing.T) {
	in(t, plan{people: 900, rate: 2, inFlight: 4}, func(h *house) {
		h.shareSenders()
		bands := h.registry.Attributes[1]
		for i, p := range h.directory.people {
			p.Values[1] = uint16(1 + i%3)
		}
		for i, name := range []string{"a-one", "a-two", "b-only"} {
			job := h.job(name, "party-"+name[:1])
			job.Sender, job.Segment = "TILLEULS", dialer.Segment{bands.Name: {bands.Values[i]}}
			h.accept(job)
		}
		refused := h.job("refused", "party-b")
		refused.Size = 0
		if h.offer(refused) == nil {
			t.Fatal("a job for nobody is accepted")
		}
		h.run()
		h.pass(150 * time.Second)
		h.restart()
		h.run()
		h.pass(2 * time.Minute)
		if err := h.dialer().Pause(context.Background(), "a-two", "op-anne", "a wish of the party"); err != nil {
			t.Fatal(err)
		}
		h.pass(2 * time.Second)
		h.halt()
		h.restart()
		f, err := h.dialer().Fairness(tuesday, tuesday.Add(24*time.Hour), "FR-PRES-2027-R1")
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Senders) != 1 || f.Senders[0].Jain < 0.999 || f.Senders[0].Contested < 3 || len(f.Senders[0].Parties) != 2 {
			t.Fatalf("senders: %+v", f.Senders)
		}
		var used, requests uint64
		for _, party := range f.Senders[0].Parties {
			used, requests = used+party.Used, requests+party.Requests
		}
		each := uint64(dialer.MeasureText(h.carrier.requests()[0].Body).Segments)
		if began := uint64(h.carrier.began()); requests != began || used != began*each {
			t.Errorf("%d requests of %d segments in the log, want %d of %d", requests, used, began, began*each)
		}
		if len(f.Campaigns) != 3 || f.Campaigns[0].Campaign != "a-one" || f.Campaigns[2].Order <= f.Campaigns[1].Order {
			t.Errorf("order of acceptance: %+v", f.Campaigns)
		}
		if one, two := f.Campaigns[0].Offered, f.Campaigns[1].Offered; one > two+32+6*each || two > one+32+6*each { // by slices of 32; the second was paused for a while
			t.Errorf("two campaigns of one party were offered %d and %d", one, two)
		}
		if len(f.Rejections) != 1 || len(f.Rejections[0].Faults) == 0 {
			t.Errorf("rejections: %+v", f.Rejections)
		}
		if len(f.Overrides) != 1 || f.Overrides[0].Campaign != "a-two" || f.Overrides[0].Detail != "paused by op-anne: a wish of the party" {
			t.Errorf("overrides: %+v", f.Overrides)
		}
		if other, err := h.dialer().Fairness(tuesday, tuesday.Add(24*time.Hour), "FR-PRES-2027-R2"); err != nil || len(other.Campaigns) != 0 || len(other.Senders) != 0 {
			t.Errorf("the other round: %+v, %v", other, err)
		}
	})
}
