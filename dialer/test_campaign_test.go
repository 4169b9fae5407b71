package dialer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// test orders a test of the campaign.
func (h *house) test(campaign string) {
	h.t.Helper()
	if err := h.dialer().Test(h.t.Context(), campaign, "op-anne", "before it starts"); err != nil {
		h.t.Fatal(err)
	}
}

// awaitTests waits until all tests of the campaign are closed.
func (h *house) awaitTests(campaign string) []dialer.TestView {
	h.t.Helper()
	h.await("the tests of "+campaign+" are closed", func() bool {
		return !slices.ContainsFunc(h.show(campaign).Tests, func(v dialer.TestView) bool { return v.State != "closed" })
	})
	return h.show(campaign).Tests
}

// results are the phones of a test with what became of the text there.
func results(test dialer.TestView) string {
	var texts []string
	for _, phone := range test.Phones {
		texts = append(texts, strings.TrimSpace(phone.Name+" "+phone.State+" "+phone.Outcome+phone.Reason))
	}
	return strings.Join(texts, ", ")
}

// tomorrow is a job that begins a day from now.
func (h *house) tomorrow(id, party string) *dialer.Job {
	job := h.job(id, party)
	job.Schedule.Start = h.clock.Now().Add(24 * time.Hour)
	return job
}

// Ensure that a test sends each text to each phone once, whichever party's, before
// the campaign starts and without its party's word; and that nothing of it is in
// the campaign's books, in its party's bill, among the campaigns or among reports.
func TestDialer_Test(t *testing.T) {
	in(t, plan{people: 20, phones: 2, speed: 600}, func(h *house) {
		h.registry.Approvals.SignOff, h.registry.Tariff.PartyDay = true, 1 // not even one text
		h.carrier.segmentPrice = h.registry.Tariff.Segment / 2
		two, one := withVariants(h.tomorrow("two-texts", "party-a")), h.tomorrow("one-text", "party-b")
		h.accept(two)
		h.accept(one)
		h.run()
		for _, job := range []*dialer.Job{two, one} {
			h.awaitState(job.ID, "ready")
			before := h.show(job.ID).Balance
			h.test(job.ID)
			tests := h.awaitTests(job.ID)
			if len(tests) != len(bodies(job)) {
				t.Fatalf("campaign %s has %d tests", job.ID, len(tests))
			}
			for i, test := range tests {
				if got := results(test); got != "phone-1 final delivered, phone-2 final delivered" || test.Ending != "completed" || test.Operator != "op-anne" {
					t.Errorf("test %s of text %d ended with %s: %+v", test.ID, i, got, test)
				}
			}
			if view := h.show(job.ID); fmt.Sprint(view.Balance) != fmt.Sprint(before) || view.State != "ready" || !view.WaitsForSignOff {
				t.Errorf("after the test %s is %s with %+v", job.ID, view.State, view.Balance)
			}
		}
		sent := map[string]int{}
		for _, request := range h.carrier.requests() {
			sent[request.Body+request.To.E164()]++
		}
		for _, body := range append(bodies(two), bodies(one)...) {
			for _, phone := range h.phones {
				if n := sent[body+phone.Number.E164()]; n != 1 {
					t.Errorf("%d messages of %q to %s", n, body, phone.Name)
				}
			}
		}
		if n := h.carrier.began(); n != 6 {
			t.Errorf("%d requests began, want 6", n)
		}
		if list, err := h.dialer().List(); len(list) != 2 || err != nil || list[1].Order != 2 {
			t.Errorf("listed are %+v, %v", list, err)
		}
		h.passUntil(tuesday.AddDate(0, 0, 3).Add(-time.Hour))
		if due, err := h.dialer().ReportsDue(); len(due) != 0 || err != nil {
			t.Errorf("reports are due for %+v, %v", due, err)
		}
		if n := h.rows(dialer.BucketSpent) + h.rows(dialer.BucketClaim); n != 20 {
			t.Errorf("%d claims and bills, want the first campaign's 20 claims", n)
		}
		if last, err := dialer.LastOrder(h.ledger); last != 2 || err != nil {
			t.Errorf("the last place is %d, %v", last, err)
		}
		fairness, err := h.dialer().Fairness(tuesday, tuesday.AddDate(0, 0, 4), "")
		if err != nil || len(fairness.Overrides) != 0 || len(fairness.Campaigns) != 2 {
			t.Errorf("the log of shares knows of %+v, %v", fairness, err)
		}
	})
}

// Ensure that a phone of the broker's own is in no audience, even if a list has
// brought it, and that a test in the middle of a campaign changes nothing of it.
func TestDialer_Test_InTheMiddle(t *testing.T) {
	in(t, plan{people: 40, phones: 1, rate: 10}, func(h *house) {
		h.phones = append(h.phones, dialer.OwnNumber{
			Name: "listed", Number: h.directory.people[3].number, Line: contact.Mobile, Territory: h.directory.people[3].Territory,
		})
		h.restart()
		job := h.begin(3)
		h.test(job.ID)
		if got := results(h.awaitTests(job.ID)[0]); got != "listed final delivered, phone-1 final delivered" {
			t.Errorf("the test ended with %s", got)
		}
		b := h.awaitState(job.ID, "closed").Balance
		if b.Considered != 39 || b.Final["delivered"] != 39 || b.Attempts != 39 || h.carrier.began() != 41 {
			t.Errorf("closed with %+v after %d requests", b, h.carrier.began())
		}
		if err := h.dialer().Test(t.Context(), job.ID, "op-anne", "late"); !errors.Is(err, dialer.ErrCampaignState) {
			t.Errorf("tested after the end: %v", err)
		}
	})
}

// Ensure that a test whose daemon is killed with its request under way is not sent
// again: what the carrier made is found there (I2).
func TestDialer_Test_Killed(t *testing.T) {
	in(t, plan{people: 5, phones: 2, inFlight: 1, speed: 60}, func(h *house) {
		h.accept(h.tomorrow("first", "party-a"))
		h.run()
		h.awaitState("first", "ready")
		hung := delivered()
		hung.takes = time.Hour
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			if number == 1 {
				return hung
			}
			return delivered()
		})
		h.test("first")
		h.await("a request began", func() bool { return h.carrier.began() == 1 })
		h.kill()
		h.run()
		test := h.awaitTests("first")[0]
		for _, phone := range test.Phones {
			if phone.State != "final" {
				t.Errorf("the test ended with %s", results(test))
			}
		}
		if n := len(slices.DeleteFunc(h.carrier.requests(), func(b begun) bool {
			return b.To != h.phones[0].Number && b.To != h.phones[1].Number
		})); n != 2 {
			t.Errorf("%d requests began for two phones", n)
		}
	})
}

// Ensure that a STOP from a phone of the broker's own holds, before a test and in
// the middle of one (I1): no word of the broker's lifts it.
func TestDialer_Test_OptOut(t *testing.T) {
	in(t, plan{people: 5, phones: 2, rate: 1}, func(h *house) {
		first, second := h.identity.ID(h.phones[0].Number), h.identity.ID(h.phones[1].Number)
		h.accept(h.tomorrow("first", "party-a"))
		h.accept(withVariants(h.tomorrow("second", "party-b")))
		h.run()
		h.awaitState("second", "ready")
		h.object(first)
		h.carrier.forbid(h.phones[0].Number)
		h.pass(time.Second)
		h.test("first")
		if got := results(h.awaitTests("first")[0]); got != "phone-1 excluded OPTED_OUT, phone-2 final delivered" {
			t.Errorf("the test ended with %s", got)
		}
		h.test("second")
		h.await("the second phone has its first text", func() bool { return h.carrier.began() == 2 })
		h.object(second)
		h.carrier.forbid(h.phones[1].Number)
		excluded := 0
		for _, test := range h.awaitTests("second") {
			excluded += strings.Count(results(test), "excluded OPTED_OUT")
		}
		if excluded != 3 || h.carrier.began() != 2 {
			t.Errorf("%d were excluded, %d requests began", excluded, h.carrier.began())
		}
		if b := h.show("second").Balance; b.OptOuts != 0 {
			t.Errorf("the campaign is blamed for %d of the broker's own", b.OptOuts)
		}
	})
}

// Ensure that a test waits for the hours in which its phones may be texted (I4).
func TestDialer_Test_Hours(t *testing.T) {
	in(t, plan{people: 5, phones: 1, speed: 600, start: time.Date(2027, 3, 9, 21, 0, 0, 0, time.UTC)}, func(h *house) {
		job := h.job("first", "party-a")
		job.Schedule.Start = tuesday.AddDate(0, 0, 3)
		h.accept(job)
		h.run()
		h.awaitState("first", "ready")
		h.test("first")
		h.pass(time.Second)
		if n := h.carrier.began(); n != 0 {
			t.Errorf("%d requests began at night", n)
		}
		if got := results(h.awaitTests("first")[0]); got != "phone-1 final delivered" {
			t.Errorf("the test ended with %s", got)
		}
	})
}

// Ensure that a test of which a restored ledger does not know how far it came is
// ended and not gone on with (I2), and that the next one is sent all the same.
func TestDialer_Test_Restored(t *testing.T) {
	witness := new(fakeWitness)
	in(t, plan{people: 5, phones: 2, speed: 60, witness: witness}, func(h *house) {
		h.accept(h.tomorrow("first", "party-a"))
		h.run()
		h.awaitState("first", "ready")
		h.dialer().Halt(dialer.HaltStopFile, true)
		h.test("first")
		h.pass(2 * time.Second)
		before := h.copy("file", witness)
		h.dialer().Halt(dialer.HaltStopFile, false)
		h.awaitTests("first")
		h.remember()
		h.putBack(before, witness, false)
		h.run()
		h.await("the copy is recognised", h.isHalted)
		h.reconcile(dialer.ReconcileOrder{})
		ended := h.awaitTests("first")[0]
		if ended.Ending != "cancelled" || h.carrier.began() != 2 || strings.Count(results(ended), "excluded CANCELLED") != 2 {
			t.Errorf("the test ended as %+v after %d requests", ended, h.carrier.began())
		}
		h.view(func(tx dialer.Tx) {
			if party := dialer.PartyOf(tx, "FR-PRES-2027-R1", h.identity.ID(h.phones[0].Number)); party != "" || h.rows(dialer.BucketSpent) != 0 {
				t.Errorf("a test that only the carrier knew has a claim by %q, or a bill", party)
			}
		})
		h.test("first")
		if got := results(h.awaitTests("first")[1]); got != "phone-1 final delivered, phone-2 final delivered" {
			t.Errorf("the next test ended with %s", got)
		}
		h.passUntil(tuesday.AddDate(0, 0, 1))
		b := h.awaitState("first", "closed").Balance
		if b.Final["delivered"] != 5 {
			t.Errorf("the campaign closed with %+v", b)
		}
	})
}

// Ensure that the log of a test goes when its time is over, though it has no report.
func TestDialer_Test_Retention(t *testing.T) {
	in(t, plan{people: 5, phones: 1, speed: 60}, func(h *house) {
		h.accept(h.tomorrow("first", "party-a"))
		h.run()
		h.awaitState("first", "ready")
		h.test("first")
		h.awaitTests("first")
		if err := h.dialer().Cancel(t.Context(), "first", "op-anne", "a look was enough"); err != nil {
			t.Fatal(err)
		}
		h.awaitState("first", "closed")
		h.untilYears(1, 3)
		h.restart()
		h.run()
		for range 2 {
			h.retain(true)
		}
		h.checkBooks()
		if attempts, recipients := h.rows(dialer.BucketAttempt), h.rows(dialer.BucketRecipient); attempts != 0 || recipients != 5 {
			t.Errorf("%d attempts and %d recipients are left, want none of the test's", attempts, recipients)
		}
	})
}

// Ensure that the carrier's refusal ends the test, and holds no campaign.
func TestDialer_Test_Refused(t *testing.T) {
	in(t, plan{people: 5, phones: 1}, func(h *house) {
		h.accept(h.tomorrow("first", "party-a"))
		h.run()
		h.awaitState("first", "ready")
		h.carrier.always(answered(dialer.Refused, 21606, dialer.EffectHold))
		h.test("first")
		test := h.awaitTests("first")[0]
		if test.Ending != "cancelled" || !strings.Contains(test.Detail, "21606") || h.show("first").State != "ready" {
			t.Errorf("the test ended as %+v, the campaign is %s", test, h.show("first").State)
		}
		h.carrier.always(delivered())
		h.test("first")
		if got := results(h.awaitTests("first")[1]); got != "phone-1 final delivered" {
			t.Errorf("the second test ended with %s", got)
		}
	})
}

// Ensure that a test that was cancelled sends no more, and that another may follow.
func TestDialer_CancelTests(t *testing.T) {
	in(t, plan{people: 5, phones: 2}, func(h *house) {
		h.accept(h.tomorrow("first", "party-a"))
		h.run()
		h.awaitState("first", "ready")
		if err := h.dialer().CancelTests(t.Context(), "first", "op-anne", "early"); err == nil || !strings.Contains(err.Error(), "no test") {
			t.Errorf("cancelled what is not there: %v", err)
		}
		if err := h.dialer().CancelTests(t.Context(), "other", "op-anne", "why"); !errors.Is(err, dialer.ErrNoCampaign) {
			t.Errorf("cancelled tests of no campaign: %v", err)
		}
		h.dialer().Halt(dialer.HaltStopFile, true)
		h.test("first")
		if err := h.dialer().CancelTests(t.Context(), "first", "op-anne", "the wrong text"); err != nil {
			t.Fatal(err)
		}
		h.dialer().Halt(dialer.HaltStopFile, false)
		if test := h.awaitTests("first")[0]; test.Ending != "cancelled" || h.carrier.began() != 0 {
			t.Errorf("the test ended as %+v after %d requests", test, h.carrier.began())
		}
		h.test("first")
		if got := results(h.awaitTests("first")[1]); got != "phone-1 final delivered, phone-2 final delivered" {
			t.Errorf("the next test ended with %s", got)
		}
	})
}

// Ensure that a campaign that is cancelled while it waits to be planned, or while it
// is, closes with books that balance, claims nobody and gets its report.
func TestDialer_Cancel_Unplanned(t *testing.T) {
	in(t, plan{people: 30, speed: 600}, func(h *house) {
		h.accept(h.job("first", "party-a"))
		h.give("first", cancel)
		h.accept(h.job("second", "party-b"))
		h.run()
		b := h.awaitState("first", "closed").Balance
		if v := h.show("first"); v.Ending != "cancelled" || b.Audience != 0 || !b.Balances {
			t.Errorf("closed as %s with %+v", v.Ending, b)
		}
		if b := h.awaitState("second", "closed").Balance; b.Audience != 30 {
			t.Errorf("the other campaign has %+v", b)
		}
		h.passUntil(tuesday.AddDate(0, 0, 3))
		if due, err := h.dialer().ReportsDue(); len(due) != 2 || err != nil {
			t.Errorf("reports are due for %+v, %v", due, err)
		}
	})
}

// Ensure that an order to test lacks nothing, and that no two tests of a campaign
// are under way.
func TestDialer_Test_Orders(t *testing.T) {
	in(t, plan{people: 5, phones: 1}, func(h *house) {
		h.accept(h.tomorrow("first", "party-a"))
		h.run()
		h.awaitState("first", "ready")
		h.dialer().Halt(dialer.HaltStopFile, true)
		h.test("first")
		for want, order := range map[string][3]string{
			"nobody's":    {"first", " ", "why"},
			"no reason":   {"first", "op-anne", ""},
			"under way":   {"first", "op-anne", "why"},
			"there is no": {"other", "op-anne", "why"},
			"first.test-": {"first.test-1", "op-anne", "why"},
		} {
			if err := h.dialer().Test(t.Context(), order[0], order[1], order[2]); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v, want %q", order, err, want)
			}
		}
		h.pass(time.Minute)
		if n := h.carrier.began(); n != 0 {
			t.Errorf("%d requests began while all dialling was stopped", n)
		}
		h.dialer().Halt(dialer.HaltStopFile, false)
		h.awaitTests("first")
		phones := h.phones
		h.phones = nil
		h.restart()
		h.phones = phones // for the judge
		if err := h.dialer().Test(t.Context(), "first", "op-anne", "why"); err == nil || !strings.Contains(err.Error(), "no test numbers") {
			t.Errorf("without numbers: %v", err)
		}
		if got := results(h.show("first").Tests[0]); got != "final delivered" {
			t.Errorf("of a phone that is not registered any more %q is told", got)
		}
	})
}
