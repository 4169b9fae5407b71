package dialer_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

var asked = dialer.Look{Operator: "op-anne", Reason: "letter of 3 March"}

// soon is a job that is planned now and starts in a moment.
func (h *house) soon(id string) *dialer.Job {
	job := h.job(id, "party-a")
	job.Schedule.Start = h.clock.Now().Add(h.clock.Span(5 * time.Second))
	return job
}

func (h *house) erase(p *person) dialer.Erased {
	h.t.Helper()
	erased, err := h.dialer().Erase(h.t.Context(), p.number, asked)
	if err != nil {
		h.t.Fatal(err)
	}
	return erased
}

// settled returns whom the directory must not hold any more.
func (h *house) settled() (settled map[contact.ID]bool, open int) {
	h.view(func(tx dialer.Tx) { settled, open = dialer.ErasedContacts(tx) })
	return settled, open
}

// Ensure that an erased contact is not dialled, whatever is imported later, that
// nothing is kept of them but the hash, and that they are out of the campaigns
// that had them (I15).
func TestErase(t *testing.T) {
	in(t, plan{people: 12, speed: 60}, func(h *house) {
		p, stranger := h.directory.people[0], fictional(t, 9000)
		h.carrier.forbid(p.number)
		h.inbound(p, "je vais stop ou encore", false)
		first := h.accept(h.soon("first"))
		h.run()
		h.awaitState(first.ID, "ready")
		if erased := h.erase(p); erased.Effect != dialer.Effective || !erased.Known || erased.Open {
			t.Errorf("%+v", erased)
		}
		if erased, err := h.dialer().Erase(t.Context(), stranger, asked); err != nil || erased.Known || erased.Effect != dialer.Effective {
			t.Errorf("a stranger: %+v, %v", erased, err)
		}
		if settled, open := h.settled(); len(settled) != 2 || !settled[p.ID] || open != 0 {
			t.Errorf("to be let go: %v, %d open", settled, open)
		}
		h.view(func(tx dialer.Tx) {
			for _, bucket := range []dialer.Bucket{dialer.BucketGrant, dialer.BucketReview, dialer.BucketCorrection} {
				for key := range tx.Rows(bucket, p.ID[:]) {
					if bytes.HasPrefix(key, p.ID[:]) {
						t.Errorf("table %s still has a row of the contact", bucket)
					}
				}
			}
		})
		again := &dialer.RecordGrants{Grants: []dialer.Grant{grantOf(p.ID, "party-a", h.clock.Now())}}
		if err := h.ledger.Commit(t.Context(), again); err != nil || again.Erased != 1 || again.Added != 0 {
			t.Errorf("a grant of tomorrow: %+v, %v", again, err)
		}
		h.inbound(p, "je vais stop ou encore, non", false)
		if n := h.rows(dialer.BucketReview); n != 0 {
			t.Errorf("%d texts are kept of an erased contact", n)
		}
		h.restart()
		h.run()
		if b := h.awaitState(first.ID, "closed").Balance; b.ExcludedLater["ERASED"] != 1 || b.Final["delivered"] != 11 {
			t.Errorf("the first closed with %+v", b)
		}
		second := h.accept(h.later("second", "party-a", 500))
		h.awaitState(second.ID, "ready")
		if b := h.show(second.ID).Balance; b.ExcludedAtPlanning["ERASED"] != 1 || b.Audience != 11 {
			t.Errorf("the second is planned with %+v", b)
		}
	})
}

// Ensure that an open attempt is settled before the directory lets go of the
// contact, and that the grant it relied on stays as the proof.
func TestErase_WhileOpen(t *testing.T) {
	in(t, plan{people: 1, speed: 60}, func(h *house) {
		p := h.directory.people[0]
		h.grantAnew([]*person{p})
		h.carrier.always(unclear(true))
		job := h.begin(1)
		h.await("the attempt is in doubt", func() bool { return h.show(job.ID).Balance.InDoubt == 1 })
		if erased := h.erase(p); !erased.Open {
			t.Errorf("%+v", erased)
		}
		if settled, open := h.settled(); len(settled) != 0 || open != 1 {
			t.Errorf("to be let go: %v, %d open", settled, open)
		}
		h.awaitState(job.ID, "closed")
		if settled, open := h.settled(); !settled[p.ID] || open != 0 {
			t.Errorf("to be let go: %v, %d open", settled, open)
		}
		h.view(func(tx dialer.Tx) {
			a := dialer.Evidence(tx)[0]
			if _, found := dialer.GrantAt(tx, p.ID, a.Grant); !found {
				t.Error("the grant that was relied on is gone")
			}
			left := 0
			for key := range tx.Rows(dialer.BucketGrant, p.ID[:]) {
				if bytes.HasPrefix(key, p.ID[:]) {
					left++
				}
			}
			if left != 1 {
				t.Errorf("%d grants are left, want the one that was relied on", left)
			}
		})
	})
}

// Ensure that an erasure holds in a ledger that was restored from before it: the
// journal tells.
func TestErase_Restored(t *testing.T) {
	in(t, plan{people: 2}, func(h *house) {
		p := h.directory.people[0]
		o := dialer.ObjectionFrom(p.ID, "erased", h.clock.Now())
		o.Erasure = true
		if err := h.dialer().Restore(t.Context(), 1, o); err != nil {
			t.Fatal(err)
		}
		if settled, _ := h.settled(); !settled[p.ID] {
			t.Error("the contact is not erased")
		}
		h.carrier.forbid(p.number)
		job := h.accept(h.job("first", "party-a"))
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.ExcludedAtPlanning["ERASED"] != 1 || b.Final["delivered"] != 1 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a contact's file tells all that is kept: grants with their words,
// objections, claims, campaigns, attempts with party, time and text, and that
// the look is in the audit log before the answer.
func TestFile(t *testing.T) {
	in(t, plan{people: 3, speed: 600}, func(h *house) {
		h.spread()
		p := h.directory.people[0]
		h.grantAnew([]*person{p})
		var jobs []*dialer.Job
		h.run()
		for _, id := range []string{"first", "second"} {
			jobs = append(jobs, h.accept(h.job(id, "party-a")))
			h.awaitState(id, "closed")
			h.pass(3 * time.Minute)
		}
		h.object(p.ID)
		file, err := h.dialer().File(t.Context(), p.number, asked)
		if err != nil {
			t.Fatal(err)
		}
		if file.Contact != p.ID || file.Number != "+3••••••••" || file.Directory == nil || file.Directory.Attributes["age_band"] != "18-24" || file.Directory.Territory != "FR-75" {
			t.Errorf("%+v in %+v", file, file.Directory)
		}
		if len(file.Grants) != 3 || file.Grants[2].Wording != "Oui, j'accepte." || file.Grants[2].Source != "test" || len(file.Grants[2].WordingHash) != 64 {
			t.Errorf("grants: %+v", file.Grants)
		}
		if len(file.Objections) != 1 || len(file.Claims) != 1 || file.Claims[0].Party != "party-a" {
			t.Errorf("objections %+v, claims %+v", file.Objections, file.Claims)
		}
		if len(file.Campaigns) != 2 || file.Campaigns[0].Outcome != "delivered" {
			t.Errorf("campaigns: %+v", file.Campaigns)
		}
		for i, a := range file.Attempts {
			if job := jobs[i]; a.Campaign != job.ID || a.Text != job.Message.Body || a.Party != "party-a" || a.At.Before(h.clock.start) || a.Grant != 3 || a.Outcome != "delivered" {
				t.Errorf("attempt %d: %+v", i, a)
			}
		}
		if len(file.Attempts) != 2 {
			t.Errorf("%d attempts, want 2", len(file.Attempts))
		}
		h.mustHaveAudited("contact file by op-anne: letter of 3 March of " + p.ID.String())
		nobody, err := h.dialer().File(t.Context(), fictional(t, 9000), asked)
		if err != nil || nobody.Directory != nil || len(nobody.Grants)+len(nobody.Attempts)+len(nobody.Campaigns) != 0 {
			t.Errorf("nobody's file: %+v, %v", nobody, err)
		}
		refuse := func(string) error { return errCut }
		h.ledger.meet.Store(&refuse)
		if file, err := h.dialer().File(t.Context(), p.number, asked); !errors.Is(err, errCut) || file != nil {
			t.Errorf("a look that is not on record: %+v, %v", file, err)
		}
		h.ledger.meet.Store(nil)
	})
}

// Ensure that an attempt stays in the contact's file long after the caps have
// forgotten it.
func TestFile_OldAttempts(t *testing.T) {
	in(t, plan{people: 1, speed: 1e6, steps: 9}, func(h *house) {
		p := h.directory.people[0]
		h.run()
		for i := range 3 {
			job := h.job(string(rune('a'+i)), "party-a")
			job.Schedule.End = h.clock.Now().AddDate(0, 0, 3)
			h.accept(job)
			h.awaitState(job.ID, "closed")
			h.pass(10 * time.Second) // some hundred days
		}
		file, err := h.dialer().File(t.Context(), p.number, asked)
		if err != nil || len(file.Attempts) == 0 {
			t.Fatalf("%+v, %v", file, err)
		}
		if age := h.clock.Now().Sub(file.Attempts[0].At); age < 200*24*time.Hour {
			t.Errorf("the first attempt is %s old", age)
		}
	})
}

// Ensure that a correction holds from the next decision on, over the directory
// and whatever it says later, and that a campaign which was drawn by the wrong
// value leaves the contact out.
func TestRectify(t *testing.T) {
	in(t, plan{people: 10}, func(h *house) {
		young, _ := h.spread()
		p := young[0]
		seniors := h.soon("young")
		seniors.Segment = dialer.Segment{"age_band": {"18-24"}}
		h.accept(seniors)
		h.run()
		h.awaitState(seniors.ID, "ready")
		id, err := h.dialer().Rectify(t.Context(), p.number, dialer.Correction{Values: map[string]string{"age_band": "65+"}}, asked)
		if err != nil || id != p.ID {
			t.Fatal(id, err)
		}
		h.restart()
		h.run()
		if b := h.awaitState(seniors.ID, "closed").Balance; b.ExcludedLater["RECTIFIED"] != 1 || b.Final["delivered"] != 4 {
			t.Errorf("closed with %+v", b)
		}
		again := h.job("old", "party-a")
		again.Segment = dialer.Segment{"age_band": {"65+"}}
		h.accept(again)
		if b := h.awaitState(again.ID, "closed").Balance; b.Considered != 1 || b.Audience != 1 {
			t.Errorf("closed with %+v", b)
		}
		file, err := h.dialer().File(t.Context(), p.number, asked)
		if err != nil || file.Directory.Attributes["age_band"] != "65+" {
			t.Errorf("%+v, %v", file.Directory, err)
		}
		h.mustHaveAudited("contact rectify by op-anne: letter of 3 March of " + p.ID.String() + ": age_band")
		if _, err := h.dialer().Rectify(t.Context(), fictional(t, 9000), dialer.Correction{}, asked); !errors.Is(err, dialer.ErrUnknownContact) {
			t.Errorf("nobody is rectified: %v", err)
		}
		h.erase(p)
		if _, err := h.dialer().Rectify(t.Context(), p.number, dialer.Correction{}, asked); !errors.Is(err, dialer.ErrUnknownContact) {
			t.Errorf("an erased contact is rectified: %v", err)
		}
		if h.dialer().Corrected(p.ID) != nil {
			t.Error("the correction of an erased contact is kept")
		}
	})
}

// Ensure that a contact who was said to live elsewhere waits for the window
// there, and does not make those wait who live where they were said to be.
func TestRectify_Zone(t *testing.T) {
	in(t, plan{people: 6, speed: 60, start: time.Date(2027, 3, 9, 5, 0, 0, 0, time.UTC)}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "running")
		p := h.directory.people[0]
		correction := dialer.Correction{Territory: new("FR-972"), Zone: new("America/Martinique"), BirthYear: new(1961)}
		if _, err := h.dialer().Rectify(t.Context(), p.number, correction, asked); err != nil {
			t.Fatal(err)
		}
		h.carrier.forbid(p.number)
		if b := h.awaitState(job.ID, "closed").Balance; b.ExcludedLater["RECTIFIED"] != 1 || b.Final["delivered"] != 5 {
			t.Errorf("closed with %+v", b)
		}
		if now := h.clock.Now().UTC(); now.Hour() > 8 {
			t.Errorf("the others waited until %s", now)
		}
		var row dialer.Contact
		row.Values = make([]uint16, len(h.registry.Attributes))
		h.dialer().Corrected(p.ID)(&row)
		if row.Territory.Code != "FR-972" || row.Zone.String() != "America/Martinique" || row.BirthYear != 1961 {
			t.Errorf("corrected to %+v", row)
		}
		unknown := dialer.Correction{Territory: new(""), Zone: new("")}
		if _, err := h.dialer().Rectify(t.Context(), p.number, unknown, asked); err != nil {
			t.Fatal(err)
		}
		h.dialer().Corrected(p.ID)(&row)
		if row.Territory != nil || row.Zone != nil || row.BirthYear != 1961 {
			t.Errorf("corrected to %+v", row)
		}
	})
}
