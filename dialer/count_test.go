package dialer_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// countedDirectory counts as the real one does, by its people one after the
// other.
type countedDirectory struct{ *fakeDirectory }

// Edition returns the directory, which never changes.
func (d countedDirectory) Edition() dialer.Edition {
	if d.gone.Load() {
		return nil
	}
	return d
}

// Select looks at everybody.
func (d countedDirectory) Select(criteria []dialer.Criterion, lines func(contact.LineType) bool) (dialer.RowSet, error) {
	rows := dialer.NewRowSet(uint64(len(d.people)))
	for i, p := range d.people {
		meets := func(c dialer.Criterion) bool { return c.Wanted[p.Values[c.Attribute]] }
		if (lines == nil || lines(p.Line)) && !slices.ContainsFunc(criteria, func(c dialer.Criterion) bool { return !meets(c) }) {
			rows.Add(uint64(i))
		}
	}
	return rows, d.fault()
}

// Locate looks for everybody.
func (d countedDirectory) Locate(contacts iter.Seq[contact.ID], found func(row uint64, kind int)) error {
	_, kind := d.kinds()
	for id := range contacts {
		if at := slices.IndexFunc(d.people, func(p *person) bool { return p.ID == id }); at >= 0 {
			found(uint64(at), kind(d.people[at]))
		}
	}
	return d.fault()
}

// Rows looks at those who are in the set.
func (d countedDirectory) Rows(rows dialer.RowSet, each func(*dialer.Contact) bool) error {
	for i, p := range d.people {
		if row := p.Contact; rows.Has(uint64(i)) && !each(&row) {
			break
		}
	}
	return d.fault()
}

// kinds numbers the kinds of all who have one.
func (d countedDirectory) kinds() (kinds []dialer.KindCount, at func(p *person) int) {
	at = func(p *person) int {
		if !p.Person.IsZero() {
			return -1
		}
		return slices.IndexFunc(kinds, func(k dialer.KindCount) bool { return k.Kind == p.Kind() })
	}
	for _, p := range d.people {
		if p.Person.IsZero() && at(p) < 0 && len(kinds) < mostKinds {
			kinds = append(kinds, dialer.KindCount{Kind: p.Kind()})
		}
	}
	return kinds, at
}

// mostKinds is for how many kinds the directory has numbers.
const mostKinds = 20

// Tally looks at everybody.
func (d countedDirectory) Tally(rows dialer.RowSet) ([]dialer.KindCount, error) {
	kinds, at := d.kinds()
	for i, p := range d.people {
		if kind := at(p); kind >= 0 && rows.Has(uint64(i)) {
			kinds[kind].Count++
		}
	}
	return kinds, d.fault()
}

// Strike looks at everybody.
func (d countedDirectory) Strike(rows dialer.RowSet, struck []bool) error {
	_, at := d.kinds()
	for i, p := range d.people {
		if kind := at(p); kind >= 0 && struck[kind] {
			rows.Remove(uint64(i))
		}
	}
	return d.fault()
}

// count asks how many of the young party-a may reach by text.
func (h *house) count() (matching, reachable uint64) {
	h.t.Helper()
	count, faults, err := h.dialer().CountSegment(h.t.Context(), dialer.SegmentQuestion{
		Segment: dialer.Segment{"age_band": {"18-24"}}, Party: "party-a", Channel: contact.SMS, Round: "FR-PRES-2027-R1",
	})
	if err != nil || len(faults) > 0 || count.Reachable == nil {
		h.t.Fatalf("%+v, %v, %v", count, faults, err)
	}
	if count.Contacts != uint64(len(h.directory.people)) {
		h.t.Errorf("%d contacts", count.Contacts)
	}
	return count.Matching, *count.Reachable
}

// forgetReach lets what counting has made grow old.
func (h *house) forgetReach() { h.pass(dialer.ReachAge + time.Second) }

// Ensure that a count never tells fewer than a plan finds, and leaves out those
// without a grant, those who object or are erased, those bound to others and those
// with the wrong line; a grant that is newer than the objection lifts it.
func TestDialer_CountSegment(t *testing.T) {
	in(t, plan{people: 40, parties: []string{"party-b"}}, func(h *house) {
		young, old := h.spread()
		expect := func(what string, matching, reachable uint64) {
			t.Helper()
			if m, r := h.count(); m != matching || r != reachable {
				t.Errorf("%s: %d match and %d are reachable, want %d and %d", what, m, r, matching, reachable)
			}
		}
		expect("before any grant", 20, 0)
		grant := func(people ...*person) {
			move := new(dialer.RecordGrants)
			for _, p := range people {
				move.Grants = append(move.Grants, grantOf(p.ID, "party-a", h.clock.Now()))
			}
			if err := h.ledger.Commit(context.Background(), move); err != nil {
				t.Fatal(err)
			}
		}
		grant(young[:15]...)
		grant(old...)
		expect("grants", 20, 15)
		h.object(young[0].ID, young[1].ID)
		expect("objections are seen later", 20, 15)
		h.forgetReach()
		expect("objections", 20, 13)
		h.pass(time.Second)
		grant(young[1])
		expect("granted again", 20, 14)
		h.erase(young[2])
		young[3].Line = contact.Fixed
		h.forgetReach()
		expect("erased and fixed line", 20, 12)
		h.accept(h.job("other", "party-b"))
		h.run()
		h.awaitState("other", "closed")
		h.forgetReach()
		expect("bound to another, all but the one who would not have it", 20, 1)
	})
}

// Ensure that what is wrong with a question is said, and that a directory that
// fails is an error.
func TestDialer_CountSegment_Faults(t *testing.T) {
	in(t, plan{people: 4}, func(h *house) {
		_, faults, err := h.dialer().CountSegment(t.Context(), dialer.SegmentQuestion{
			Segment: dialer.Segment{"shoe_size": {"42"}}, Party: "nobody", Round: "never",
		})
		var fields []string
		for _, fault := range faults {
			fields = append(fields, fault.Field)
		}
		if want := []string{"segment.shoe_size", "party", "round", "channel"}; err != nil || !slices.Equal(fields, want) {
			t.Errorf("%v, %v", fields, err)
		}
		sick := errors.New("sick")
		h.directory.sick.Store(&sick)
		if _, _, err := h.dialer().CountSegment(t.Context(), dialer.SegmentQuestion{}); err == nil {
			t.Error("a directory that cannot be read was counted")
		}
	})
}

// Ensure that a plan which goes by columns takes in those whom a correction has
// brought into the segment, and leaves out those whom one has taken out.
func TestDialer_PlanByColumns(t *testing.T) {
	in(t, plan{people: 20}, func(h *house) {
		young, old := h.spread()
		for p, band := range map[*person]string{young[0]: "65+", old[0]: "18-24", old[1]: "18-24"} {
			if _, err := h.dialer().Rectify(t.Context(), p.number, dialer.Correction{Values: map[string]string{"age_band": band}}, asked); err != nil {
				t.Fatal(err)
			}
		}
		job := h.job("young", "party-a")
		job.Segment = dialer.Segment{"age_band": {"18-24"}}
		h.accept(job)
		h.run()
		if b := h.awaitState(job.ID, "closed").Balance; b.Considered != 11 || b.Final["delivered"] != 11 {
			t.Errorf("closed with %+v", b)
		}
		recipients := h.recipients(job.ID)
		for p, want := range map[*person]bool{young[0]: false, young[1]: true, old[0]: true, old[1]: true, old[2]: false} {
			if _, drawn := recipients[p.ID]; drawn != want {
				t.Errorf("%s is drawn: %t", p.ID, drawn)
			}
		}
	})
}
