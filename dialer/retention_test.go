package dialer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// lawful are the times that rules.md knows.
var lawful = dialer.Retention{Attempts: 1, Proofs: 5, Records: 7, Contacts: 3}

func runOrder(confirm bool) dialer.RetentionOrder {
	return dialer.RetentionOrder{Policy: lawful, Confirm: confirm, Look: asked, Tell: func(string, uint64) {}}
}

// retain runs a retention, and returns how many of each kind were due.
func (h *house) retain(confirm bool) map[string]uint64 {
	h.t.Helper()
	items, err := h.dialer().Retain(h.t.Context(), runOrder(confirm))
	if err != nil {
		h.t.Fatal(err)
	}
	due := map[string]uint64{}
	for _, item := range items {
		if item.Kept == "" {
			h.t.Errorf("%s: nobody says how long they are kept", item.What)
		}
		due[item.What] = item.Due
	}
	return due
}

// campaignOf runs a campaign to its end and releases its report.
func (h *house) campaignOf(id string) {
	h.t.Helper()
	job := h.job(id, "party-a")
	job.Schedule.End = h.clock.Now().AddDate(0, 0, 20)
	h.accept(job)
	h.awaitState(id, "closed")
	if _, err := h.dialer().StoreReport(h.t.Context(), dialer.StoredReport{Campaign: id, Party: "party-a", Released: h.clock.Now()}); err != nil {
		h.t.Fatal(err)
	}
}

// untilYears ends dialling, and lets so much time have passed since the start.
func (h *house) untilYears(years, months int) {
	h.t.Helper()
	h.halt()
	h.clock.start, h.clock.anchor = tuesday.AddDate(years, months, 0), time.Now()
	h.remember()
}

// remember keeps for the judge what attempts the books know, which may let go of
// them.
func (h *house) remember() {
	h.t.Helper()
	h.view(func(tx dialer.Tx) {
		for sequence, a := range dialer.Attempts(tx) {
			if h.former == nil {
				h.former = map[uint64]dialer.AttemptRow{}
			}
			h.former[sequence] = a
		}
	})
}

// Ensure that a run deletes what is past its time and nothing else, that it
// deletes nothing before it is told to, that opt-outs, leaves and reports stay,
// and that the books agree at every step.
func TestRetain(t *testing.T) {
	in(t, plan{people: 30}, func(h *house) {
		h.run()
		h.campaignOf("first")
		optedOut := h.directory.people[0]
		h.object(optedOut.ID)
		attempts, leaves := h.rows(dialer.BucketAttempt), h.rows(dialer.BucketAudit)
		if due := h.retain(true); sum(due) != 0 || attempts == 0 {
			t.Fatalf("something was due at once: %v", due)
		}
		h.untilYears(1, 3)
		h.restart()
		h.run()
		h.campaignOf("second") // of a year later: it stays
		if due := h.retain(false); due["campaigns' logs"] != 1 || due["attempts"] != uint64(attempts) || due["recipients"] != 30 {
			t.Errorf("due after a year: %v", due)
		}
		if h.rows(dialer.BucketAttempt) <= attempts {
			t.Error("a run without confirmation has deleted something")
		}
		due := h.retain(true)
		if due["campaigns' logs"] != 1 || due["attempts"] != uint64(attempts) || due["recipients"] != 30 || due["claims"] != 0 || due["proofs of consent"] != 0 {
			t.Errorf("deleted after a year: %v", due)
		}
		h.checkBooks()
		h.mustHaveLeft(map[dialer.Bucket]bool{
			dialer.BucketAttempt: true, dialer.BucketGrant: true, dialer.BucketObjection: true, dialer.BucketReport: true,
		})
		if view := h.show("first"); view.Balance.Final["delivered"]+view.Balance.ExcludedLater["CONSENT_EXPIRED"] == 0 || !view.Balance.Balances {
			t.Errorf("the totals are gone: %+v", view.Balance)
		}
		if due := h.retain(true); sum(due) != 0 {
			t.Errorf("something is due once more: %v", due)
		}

		h.untilYears(9, 0) // consent has worn out after three years, and five are over
		due = h.retain(true)
		if due["proofs of consent"] == 0 || due["claims"] == 0 || due["texts of the audit log"] == 0 || due["records of campaigns"] != 1 {
			t.Errorf("deleted after nine years: %v", due)
		}
		h.mustHaveLeft(map[dialer.Bucket]bool{
			dialer.BucketAttempt: false, dialer.BucketRecipient: false, dialer.BucketClaim: false, dialer.BucketGrant: false,
			dialer.BucketHistory: false, dialer.BucketCounted: false, dialer.BucketObjection: true, dialer.BucketReport: true, dialer.BucketName: true,
		})
		h.checkBooks()
		if n := h.rows(dialer.BucketAudit); n <= leaves {
			t.Errorf("%d leaves are left of %d and more", n, leaves)
		}
		if again := h.offer(h.job("first", "party-a")); again == nil {
			t.Error("the name of a campaign that is long over was given away again")
		}
		file, err := h.dialer().File(t.Context(), optedOut.number, asked)
		if err != nil || len(file.Objections) != 1 || len(file.Attempts)+len(file.Campaigns)+len(file.Grants) != 0 {
			t.Errorf("what is left of a contact: %+v, %v", file, err)
		}
		h.mustHaveAudited("contact file by op-anne: letter of 3 March of " + optedOut.ID.String())
	})
}

func sum(counts map[string]uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

// mustHaveLeft compares whether tables have rows.
func (h *house) mustHaveLeft(want map[dialer.Bucket]bool) {
	h.t.Helper()
	for bucket, rows := range want {
		if n := h.rows(bucket); (n > 0) != rows {
			h.t.Errorf("table %s has %d rows left, want some: %v", bucket, n, rows)
		}
	}
}

// Ensure that a run which is cut short between any two of its moves leaves books
// that agree, and that the next one finishes what it began.
func TestRetain_CutShort(t *testing.T) {
	in(t, plan{people: 10}, func(h *house) {
		h.run()
		h.campaignOf("first")
		h.untilYears(1, 3)
		for cut := 1; ; cut++ {
			h.cutAt("*dialer.forgetMove", cut)
			_, err := h.dialer().Retain(t.Context(), runOrder(true))
			h.ledger.meet.Store(nil)
			h.checkBooks()
			if err == nil {
				break
			}
			if !errors.Is(err, errCut) || cut > 20 {
				t.Fatalf("cut %d: %v", cut, err)
			}
		}
		h.mustHaveLeft(map[dialer.Bucket]bool{dialer.BucketAttempt: false, dialer.BucketRecipient: false, dialer.BucketGrant: true})
	})
}

// Ensure that a consent's proof is kept for five years after its end, whatever
// ended it, and as long as the consent lives.
func TestRetain_Proofs(t *testing.T) {
	in(t, plan{people: 2, parties: []string{"party-a"}}, func(h *house) {
		objects := h.directory.people[0]
		h.object(objects.ID) // the grants were given a year before, and would wear out in two
		has := func(id contact.ID) (found bool) {
			h.view(func(tx dialer.Tx) { _, found = dialer.GrantAt(tx, id, 1) })
			return found
		}
		for _, step := range []struct {
			years, months   int
			objector, other bool
		}{{4, 11, true, true}, {5, 1, false, true}, {6, 11, false, true}, {7, 1, false, false}} {
			h.untilYears(step.years, step.months)
			h.retain(true)
			if objector, other := has(objects.ID), has(h.directory.people[1].ID); objector != step.objector || other != step.other {
				t.Errorf("after %d years and %d months: the objector's is there: %v, the other's: %v", step.years, step.months, objector, other)
			}
		}
		if n := h.rows(dialer.BucketObjection); n != 1 {
			t.Errorf("%d opt-outs are left", n)
		}
	})
}

// Ensure that nothing goes of a campaign whose report is not released.
func TestRetain_WithoutReport(t *testing.T) {
	in(t, plan{people: 3}, func(h *house) {
		h.run()
		job := h.job("first", "party-a")
		job.Schedule.End = h.clock.Now().AddDate(0, 0, 20)
		h.accept(job)
		h.awaitState(job.ID, "closed")
		h.untilYears(8, 0)
		if due := h.retain(true); due["campaigns' logs"]+due["recipients"]+due["attempts"]+due["records of campaigns"] != 0 {
			t.Errorf("deleted: %v", due)
		}
	})
}
