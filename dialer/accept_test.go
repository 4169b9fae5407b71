package dialer_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that the same job again is accepted again and changes nothing, even
// when its time is over or its sender has left meanwhile: its answer was lost.
func TestAccept_SameAgain(t *testing.T) {
	in(t, plan{people: 3, speed: 600}, func(h *house) {
		job := h.job("first", "party-a")
		job.Schedule.End = h.clock.Now().Add(time.Hour)
		h.accept(job)
		before := h.show(job.ID)
		h.accept(job)
		h.run()
		h.awaitState(job.ID, "closed")
		h.registry.Senders = nil
		h.passUntil(job.Schedule.End.Add(time.Hour))
		h.accept(job)
		views, err := h.dialer().List()
		if err != nil || len(views) != 1 || !views[0].Accepted.Equal(before.Accepted) {
			t.Errorf("%d campaigns, %v", len(views), err)
		}
	})
}

// Ensure that what cannot run is rejected with the field at fault, that the
// rejection is kept, and that nothing is left of the job.
func TestAccept_Rejects(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*dialer.Job)
		field  string
	}{
		"another job of that name": {func(j *dialer.Job) { j.Budget++ }, "id"},
		"a fault":                  {func(j *dialer.Job) { j.ID, j.Size = "other", 5 }, "size"},
		"a missing element": {func(j *dialer.Job) {
			j.ID = "other"
			delete(j.Message.Elements, "data_origin")
		}, "message.elements"},
		"over before it starts": {func(j *dialer.Job) { j.ID, j.Schedule.End = "other", tuesday.Add(-time.Hour) }, "schedule.end"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 3}, func(h *house) {
				first := h.accept(h.job("first", "party-a"))
				job := h.job("first", "party-a")
				test.change(job)
				rejection := h.offer(job)
				if rejection == nil || !slices.ContainsFunc(rejection.Faults, func(f dialer.Fault) bool { return f.Field == test.field }) {
					t.Fatalf("rejection %+v, want a fault of %s", rejection, test.field)
				}
				kept := 0
				h.view(func(tx dialer.Tx) {
					for range tx.Rows(dialer.BucketRejection, nil) {
						kept++
					}
				})
				if kept != 1 {
					t.Errorf("%d rejections are kept, want 1", kept)
				}
				if last, err := dialer.LastOrder(h.ledger); last != h.order || err != nil {
					t.Errorf("the last order is %d, %v, want %d", last, err, h.order)
				}
				if b := h.show(first.ID).Balance; b.Budget != first.Budget {
					t.Errorf("the first job has become %+v", b)
				}
			})
		})
	}
}

// Ensure that a job which does not name what its subject names is rejected:
// rights are given by subject.
func TestAccept_Subject(t *testing.T) {
	in(t, plan{people: 3}, func(h *house) {
		data, err := json.Marshal(h.job("first", "party-a"))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range []dialer.Submission{
			{Party: "party-b", Campaign: "first", Data: data},
			{Party: "party-a", Campaign: "other", Data: data},
			{Party: "party-a", Campaign: "first", Data: data[:20]},
		} {
			s.Order = uint64(i + 1)
			if rejection, err := h.dialer().Accept(context.Background(), s); rejection == nil || err != nil {
				t.Errorf("submission %d: %+v, %v", i, rejection, err)
			}
		}
		if views, _ := h.dialer().List(); len(views) != 0 {
			t.Errorf("%d campaigns were made", len(views))
		}
	})
}

// Ensure that a closed campaign's totals are one class for each ordered contact,
// that its report is due once, and that the report which was kept first stands.
func TestReportsDue(t *testing.T) {
	in(t, plan{people: 12, speed: 600, inFlight: 1}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			switch number {
			case 1, 2, 3:
				return delivered()
			case 4, 5:
				return ends(dialer.StatusUndelivered)
			case 6:
				return ends(dialer.StatusFailed)
			case 7:
				return unclear(false)
			default:
				return answered(dialer.Refused, 21211, dialer.NoEffect)
			}
		})
		job := h.accept(h.job("first", "party-a"))
		h.run()
		view := h.awaitState(job.ID, "closed")
		if due, err := h.dialer().ReportsDue(); len(due) != 0 || err != nil {
			t.Errorf("due at closing: %+v, %v", due, err)
		}
		h.passUntil(view.ReportDue.Add(time.Minute))
		due, err := h.dialer().ReportsDue()
		if err != nil || len(due) != 1 {
			t.Fatalf("due: %+v, %v", due, err)
		}
		d := due[0]
		if got, want := [4]uint64{d.Reached, d.NotReached, d.Unknown, d.NotContacted}, [4]uint64{3, 3, 1, 493}; got != want || d.Size != 500 {
			t.Errorf("totals %v of %d, want %v", got, d.Size, want)
		}
		first := dialer.StoredReport{Campaign: job.ID, Party: job.Party, Files: map[string][]byte{"report.json": []byte("1")}}
		second := first
		second.Files = map[string][]byte{"report.json": []byte("2")}
		for _, report := range []dialer.StoredReport{first, second} {
			kept, err := h.dialer().StoreReport(t.Context(), report)
			if err != nil || string(kept.Files["report.json"]) != "1" {
				t.Errorf("kept %q, %v", kept.Files, err)
			}
		}
		h.restart()
		reports, err := h.dialer().Reports()
		if err != nil || len(reports) != 1 || string(reports[0].Files["report.json"]) != "1" {
			t.Errorf("reports %+v, %v", reports, err)
		}
		if due, _ := h.dialer().ReportsDue(); len(due) != 0 {
			t.Errorf("due again: %+v", due)
		}
	})
}

// Ensure that a party's reports count a contact in four campaigns of twelve
// months at most.
func TestPlan_CountedFourTimes(t *testing.T) {
	in(t, plan{people: 5, parties: []string{"party-a"}}, func(h *house) {
		h.run()
		for i, name := range []string{"one", "two", "three", "four", "five"} {
			h.accept(h.later(name, "party-a", 500))
			h.awaitState(name, "ready")
			for _, row := range h.recipients(name) {
				if row.Counted != (i < 4) {
					t.Errorf("campaign %s: counted %t", name, row.Counted)
				}
			}
		}
	})
}

// Ensure that a dialer is not made without a request to spare.
func TestNew_InFlight(t *testing.T) {
	if _, err := dialer.New(dialer.Options{}); err == nil {
		t.Error("a dialer was made that may send nothing")
	}
}
