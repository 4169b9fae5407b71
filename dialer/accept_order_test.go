package dialer_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// mustSubmit hands a job in from its place in the queue.
func (h *house) mustSubmit(order uint64, job *dialer.Job) *dialer.Rejection {
	h.t.Helper()
	rejection, err := h.submit(order, job)
	if err != nil {
		h.t.Fatal(err)
	}
	return rejection
}

// Ensure that a queue which has gone back changes nothing: what was accepted or
// rejected is so again, whatever has changed since; another job at a place that
// was taken has its own answer; and the order of acceptance goes on.
func TestAccept_QueueWentBack(t *testing.T) {
	in(t, plan{people: 3}, func(h *house) {
		good, late, next := h.job("good", "party-a"), h.job("late", "party-a"), h.job("next", "party-b")
		late.Schedule.End = h.clock.Now().Add(-time.Hour)
		if h.mustSubmit(41, good) != nil {
			t.Error("the good job was rejected")
		}
		before := h.mustSubmit(42, late)
		if before == nil {
			t.Fatal("the late job was accepted")
		}
		h.pass(time.Minute)

		// The same submissions again, the reason for the rejection gone.
		h.registry.Senders = nil
		if again := h.mustSubmit(41, good); again != nil {
			t.Errorf("the good job again: %+v", again)
		}
		if again := h.mustSubmit(42, late); !reflect.DeepEqual(again, before) {
			t.Errorf("the late job again: %+v, was %+v", again, before)
		}
		h.readConfigs()
		h.restart()

		// Others at places that were taken, or long ago.
		if h.mustSubmit(3, next) != nil {
			t.Error("the next job was rejected")
		}
		late.Budget++
		if other := h.mustSubmit(42, late); other == nil || other.At.Equal(before.At) {
			t.Errorf("another job at the place of a rejected one: %+v", other)
		}
		if again := h.mustSubmit(42, late); again == nil {
			t.Error("and again: accepted")
		}
		last, err := dialer.LastOrder(h.ledger)
		if err != nil || last < 44 {
			t.Errorf("the last place is %d, %v; want them to go on after 42", last, err)
		}
		kept, err := h.dialer().Rejections(time.Time{})
		if err != nil || len(kept) < 2 || !reflect.DeepEqual(&kept[0], before) {
			t.Errorf("kept are %+v, %v", kept, err)
		}
		views, err := h.dialer().List()
		if err != nil || len(views) != 2 || views[0].ID != "good" || views[1].ID != "next" {
			t.Errorf("%d campaigns, %v", len(views), err)
		}
	})
}
