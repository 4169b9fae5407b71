package dialer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that a person can read what contacts wrote who wait, without any number
// in it, that "keep" lets dialling go on and "opt_out" ends it for good, and that
// nothing of the texts is left.
func TestDecide(t *testing.T) {
	in(t, plan{people: 6, speed: 60}, func(h *house) {
		stays, goes := h.directory.people[0], h.directory.people[1]
		h.inbound(stays, "le 06 39 98 12 34 est un stop de trop", false)
		h.inbound(goes, "je vais stop ou encore", false)
		h.pass(time.Second)
		h.inbound(goes, "non mais vraiment stop la", false)
		h.carrier.forbid(goes.number)
		h.restart()
		look := dialer.Look{Operator: "op-anne", Reason: "read"}
		reviews, err := h.dialer().Reviews(t.Context(), look)
		if err != nil || len(reviews) != 2 {
			t.Fatalf("%+v, %v", reviews, err)
		}
		for _, review := range reviews {
			switch review.Contact {
			case stays.ID:
				if len(review.Texts) != 1 || review.Texts[0].Text != "le •• •• •• •• •• est un stop de trop" {
					t.Errorf("to read: %+v", review)
				}
			case goes.ID:
				if len(review.Texts) != 2 || !review.Since.Equal(review.Texts[0].At) || review.Texts[1].Text != "non mais vraiment stop la" {
					t.Errorf("to read: %+v", review)
				}
			}
		}
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.await("the others are done", func() bool { return h.show(job.ID).Balance.Final["delivered"] == 4 })
		if effect, err := h.dialer().Decide(t.Context(), stays.ID, dialer.VerdictKeep, look); err != nil || effect != "" {
			t.Errorf("keep: %q, %v", effect, err)
		}
		if effect, err := h.dialer().Decide(t.Context(), goes.ID, dialer.VerdictOptOut, look); err != nil || effect != dialer.Effective {
			t.Errorf("opt_out: %q, %v", effect, err)
		}
		if _, err := h.dialer().Decide(t.Context(), goes.ID, dialer.VerdictKeep, look); !errors.Is(err, dialer.ErrNoReview) {
			t.Errorf("decided twice: %v", err)
		}
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 5 || b.ExcludedLater["OPTED_OUT"] != 1 {
			t.Errorf("closed with %+v", b)
		}
		if n := h.rows(dialer.BucketReview); n != 0 {
			t.Errorf("%d reviews are left", n)
		}
		h.mustHaveAudited("review keep by op-anne: read of "+stays.ID.String(), "review opt_out by op-anne: read of "+goes.ID.String(), "texts to review read by op-anne: read")
	})
}

// mustHaveAudited fails where the audit log lacks an entry that ends so.
func (h *house) mustHaveAudited(entries ...string) {
	h.t.Helper()
	h.view(func(tx dialer.Tx) {
		for _, entry := range entries {
			found := false
			for _, body := range tx.Rows(dialer.BucketAuditBody, nil) {
				found = found || strings.HasSuffix(string(body), entry)
			}
			if !found {
				h.t.Errorf("the audit log has no entry %q", entry)
			}
		}
	})
}

// Ensure that a text which comes while a person reads the others makes the
// contact wait on.
func TestDecide_TextMeanwhile(t *testing.T) {
	in(t, plan{people: 1}, func(h *house) {
		p := h.directory.people[0]
		h.inbound(p, "je vais stop ou encore", false)
		meet := func(move string) error {
			if move == "*dialer.decideMove" {
				h.ledger.meet.Store(nil)
				h.inbound(p, "non mais vraiment stop la", false)
			}
			return nil
		}
		h.ledger.meet.Store(&meet)
		look := dialer.Look{Operator: "op-anne", Reason: "read"}
		if _, err := h.dialer().Decide(t.Context(), p.ID, dialer.VerdictKeep, look); err != nil {
			t.Fatal(err)
		}
		reviews, err := h.dialer().Reviews(t.Context(), look)
		if err != nil || len(reviews) != 1 || len(reviews[0].Texts) != 1 || reviews[0].Texts[0].Text != "non mais vraiment stop la" {
			t.Errorf("%+v, %v", reviews, err)
		}
	})
}
