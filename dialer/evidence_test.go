package dialer_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that every attempt names the grant it relied on, the text it sent and
// the version of the rules, and that each of these can be found, years later, by
// that name alone (I10).
func TestEvidence_EveryAttempt(t *testing.T) {
	in(t, plan{people: 40, speed: 600}, func(h *house) {
		renewed := h.directory.people[:10]
		h.grantAnew(renewed)
		jobs := map[string]*dialer.Job{}
		h.run()
		for _, id := range []string{"first", "second"} {
			job := h.accept(h.job(id, "party-a"))
			jobs[id] = job
			h.awaitState(job.ID, "closed")
			h.pass(3 * time.Minute) // of a day of its own: one message a day
		}
		h.view(func(tx dialer.Tx) {
			all := dialer.Evidence(tx)
			if len(all) != 80 {
				t.Errorf("%d attempts, want 80", len(all))
			}
			for _, a := range all {
				h.mustProve(tx, a, jobs[a.Campaign])
			}
			for _, p := range renewed {
				for _, a := range all {
					if a.Contact == p.ID && a.Grant != 3 {
						t.Errorf("attempt %d relies on grant %d, want the newest", a.Sequence, a.Grant)
					}
				}
			}
		})
	})
}

// grantAnew lets people consent to party-a once more.
func (h *house) grantAnew(people []*person) {
	h.t.Helper()
	move := new(dialer.RecordGrants)
	for _, p := range people {
		move.Grants = append(move.Grants, grantOf(p.ID, "party-a", tuesday.AddDate(0, 0, -7)))
	}
	if err := h.ledger.Commit(h.t.Context(), move); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) mustProve(tx dialer.Tx, a dialer.AttemptEvidence, job *dialer.Job) {
	h.t.Helper()
	grant, found := dialer.GrantAt(tx, a.Contact, a.Grant)
	switch {
	case !found:
		h.t.Errorf("attempt %d relies on grant %d, which is not there", a.Sequence, a.Grant)
	case grant.Party != job.Party || grant.GivenAt.After(h.clock.Now()) || grant.CollectedFrom == "" || grant.Source == "":
		h.t.Errorf("attempt %d relies on a grant that proves nothing: %+v", a.Sequence, grant)
	case string(tx.Get(dialer.BucketWording, grant.WordingHash[:])) != "Oui, j'accepte.":
		h.t.Errorf("the words of grant %d are not there", a.Grant)
	}
	if text := string(tx.Get(dialer.BucketWording, a.Text[:])); !slices.Contains(bodies(job), text) {
		h.t.Errorf("attempt %d sent %q, want one of %q", a.Sequence, text, bodies(job))
	}
	if a.Pack != h.pack.Version() {
		h.t.Errorf("attempt %d relied on pack %q", a.Sequence, a.Pack)
	}
}

// Ensure that the check of the books misses what an attempt relied on, whichever
// of it is lost.
func TestCheckBooks_FindsLostEvidence(t *testing.T) {
	in(t, plan{people: 3, parties: []string{"party-a"}}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		h.view(func(tx dialer.Tx) {
			a := dialer.Evidence(tx)[0]
			grant := binary.BigEndian.AppendUint32(append([]byte(nil), a.Contact[:]...), a.Grant)
			for _, lost := range []struct {
				what   string
				bucket dialer.Bucket
				key    string
			}{
				{"grant", dialer.BucketGrant, string(grant)},
				{"text", dialer.BucketWording, string(a.Text[:])},
				{"pack", dialer.BucketPack, "index.00001"},
				{"attempt", dialer.BucketAttempt, string(binary.BigEndian.AppendUint64(nil, a.Sequence))},
				{"body of the intent", dialer.BucketAuditBody, h.intentEntry(tx)},
			} {
				if faults := dialer.CheckBooks(holedTx{tx, lost.bucket, lost.key}); len(faults) == 0 {
					t.Errorf("the %s can be lost unnoticed", lost.what)
				}
			}
		})
	})
}

// intentEntry returns the key of the audit log's first intent.
func (h *house) intentEntry(tx dialer.Tx) string {
	for key, body := range tx.Rows(dialer.BucketAuditBody, nil) {
		if body[0] == 'i' {
			return string(key)
		}
	}
	h.t.Fatal("the audit log has no intent")
	return ""
}
