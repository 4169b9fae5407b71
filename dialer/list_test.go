package dialer_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// under lets the house work by a pack of its own: the French one with one more
// rule about a list.
func (h *house) under(rule consent.RuleFile) {
	h.t.Helper()
	file := consent.PackFile{
		Pack: "FR-OWN", Title: "own", Version: "2027-01-01", Extends: "FR", Overlay: true,
		ValidFrom: "2026-01-01", ValidTo: "2028-12-31", Rules: []consent.RuleFile{rule},
	}
	pack, err := consent.NewPack(file, h.pack)
	if err != nil {
		h.t.Fatal(err)
	}
	h.pack = pack
	h.restart()
}

// listRule asks for the list OUTSIDE, no older than two days.
func listRule(params map[string]any) consent.RuleFile {
	all := map[string]any{"name": "OUTSIDE", "max_age": "2d", "on_stale": "defer"}
	maps.Copy(all, params)
	return consent.RuleFile{ID: "FR-OL1", Kind: "suppression_list", Force: "house", Channels: []string{"sms"}, Params: all, Source: "test"}
}

// replace puts a list of people in force.
func (h *house) replace(fileDate time.Time, people ...*person) error {
	file := dialer.ListFile{Name: "OUTSIDE", FileDate: fileDate, Source: "test", ImportedAt: h.clock.Now(), Operator: "op-anne"}
	return h.dialer().ReplaceList(context.Background(), file, listOf(people, nil), func(uint64) {})
}

// listOf yields a row for each of the people, and then fails.
func listOf(people []*person, fails error) iter.Seq2[dialer.ListRow, error] {
	sorted := slices.SortedFunc(slices.Values(people), func(a, b *person) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return func(yield func(dialer.ListRow, error) bool) {
		for _, p := range sorted {
			if !yield(dialer.ListRow{Contact: p.ID}, nil) {
				return
			}
		}
		if fails != nil {
			yield(dialer.ListRow{}, fails)
		}
	}
}

// listed returns the state of the list OUTSIDE.
func (h *house) listed() dialer.ListView {
	h.t.Helper()
	views, err := h.dialer().Lists()
	at := slices.IndexFunc(views, func(v dialer.ListView) bool { return v.Name == "OUTSIDE" })
	if err != nil || at < 0 {
		h.t.Fatalf("lists: %+v, %v", views, err)
	}
	return views[at]
}

// Ensure that nobody is dialled while a list that the rules ask for is missing
// or too old, that nobody who stands on it is, and that dialling goes on by
// itself once it is fresh.
func TestList_MissingStaleFresh(t *testing.T) {
	in(t, plan{people: 30, speed: 60}, func(h *house) {
		h.under(listRule(nil))
		if view := h.listed(); view.State != dialer.ListMissing || view.Rule != "FR-OL1" || view.MaxAge != dialer.Duration(48*time.Hour) {
			t.Errorf("before: %+v", view)
		}
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.await("everybody waits", func() bool { return h.show(job.ID).Balance.Waiting == 30 })
		if err := h.replace(h.clock.Now().Add(-49 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		if view := h.listed(); view.State != dialer.ListStale {
			t.Errorf("after an old file: %+v", view)
		}
		h.pass(time.Minute)
		if h.carrier.began() != 0 {
			t.Errorf("%d were dialled by a stale list", h.carrier.began())
		}
		hit := h.directory.people[:5]
		for _, p := range hit {
			h.carrier.forbid(p.number)
		}
		if err := h.replace(h.clock.Now().Add(-47*time.Hour), hit...); err != nil {
			t.Fatal(err)
		}
		if view := h.listed(); view.State != dialer.ListFresh || view.Rows != 5 || view.Operator != "op-anne" {
			t.Errorf("after a fresh file: %+v", view)
		}
		b := h.awaitState(job.ID, "closed").Balance
		if b.Final["delivered"] != 25 || b.ExcludedLater["SUPPRESSION_HIT"] != 5 {
			t.Errorf("closed with %+v", b)
		}
	})
}

// Ensure that a list is replaced as a whole or not at all, wherever it is cut
// short, and that nothing is left of one that was.
func TestReplaceList_AllOrNothing(t *testing.T) {
	in(t, plan{people: 20}, func(h *house) {
		h.under(listRule(nil))
		people := h.directory.people
		if err := h.replace(tuesday.Add(-24*time.Hour), people[:7]...); err != nil {
			t.Fatal(err)
		}
		file := dialer.ListFile{Name: "OUTSIDE", FileDate: tuesday.Add(-time.Hour)}
		cut := errors.New("cut")
		if err := h.dialer().ReplaceList(t.Context(), file, listOf(people, cut), func(uint64) {}); !errors.Is(err, cut) {
			t.Errorf("a list cut short: %v", err)
		}
		for _, move := range []string{"*dialer.listRowsMove", "*dialer.finishListMove"} {
			h.cutAt(move, 1)
			if err := h.replace(tuesday.Add(-time.Hour), people...); err == nil {
				t.Errorf("cut at %s: no error", move)
			}
			h.ledger.meet.Store(nil)
			if view := h.listed(); view.Rows != 7 || !view.FileDate.Equal(tuesday.Add(-24*time.Hour)) {
				t.Errorf("cut at %s: %+v", move, view)
			}
		}
		h.run()
		h.await("what was cut short is gone", func() bool { return h.rows(dialer.BucketList) == 1+7 })
		if err := h.replace(tuesday.Add(-25*time.Hour), people...); !errors.Is(err, dialer.ErrListOlder) {
			t.Errorf("an older list: %v", err)
		}
		if err := h.replace(tuesday.Add(-time.Hour), people[:3]...); err != nil {
			t.Fatal(err)
		}
		if n := h.rows(dialer.BucketList); n != 1+3 {
			t.Errorf("%d rows are left, want those of the list in force", n)
		}
	})
}

func (h *house) rows(bucket dialer.Bucket) (n int) {
	h.view(func(tx dialer.Tx) {
		for range tx.Rows(bucket, nil) {
			n++
		}
	})
	return n
}

// Ensure that the check of the books misses a row of a list, and that lists may
// have names of which one begins with another.
func TestCheckBooks_Lists(t *testing.T) {
	in(t, plan{people: 6}, func(h *house) {
		for _, name := range []string{"TP", "TPS", "TPS2"} {
			file := dialer.ListFile{Name: name, FileDate: tuesday}
			if err := h.dialer().ReplaceList(t.Context(), file, listOf(h.directory.people, nil), func(uint64) {}); err != nil {
				t.Fatal(err)
			}
		}
		views, err := h.dialer().Lists()
		unused := 0
		for _, view := range views {
			if view.State == dialer.ListUnused && view.Rows == 6 {
				unused++
			}
		}
		if err != nil || unused != 3 || h.rows(dialer.BucketList) != 3*7 {
			t.Errorf("%+v, %v", views, err)
		}
		h.view(func(tx dialer.Tx) {
			for key := range tx.Rows(dialer.BucketList, nil) {
				if len(key) > contact.IDSize && len(dialer.CheckBooks(holedTx{tx, dialer.BucketList, string(key)})) == 0 {
					t.Errorf("row %x can be lost unnoticed", key)
				}
			}
		})
	})
}

// Ensure that a list has the name that the pack gives it, whatever its case, and
// that one which does not bind is refused with the reason.
func TestListOf(t *testing.T) {
	in(t, plan{people: 1}, func(h *house) {
		h.under(listRule(nil))
		if list, err := h.dialer().ListOf("outside"); err != nil || list.Name != "OUTSIDE" {
			t.Errorf("%+v, %v", list, err)
		}
		for name, want := range map[string]error{
			"Bloctel": dialer.ErrListUnused, "internal": dialer.ErrListUnused, "TPS": dialer.ErrNoList,
		} {
			if _, err := h.dialer().ListOf(name); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	})
}
