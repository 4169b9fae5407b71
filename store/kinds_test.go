package store_test

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// mustBuildKinds builds a directory of contacts and opens it.
func mustBuildKinds(t *testing.T, path string, keys *store.Keys, contacts []dialer.Contact) *store.Directory {
	t.Helper()
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: counted})
	number := fictional(t, 1)
	for i := range contacts {
		contacts[i].ID, contacts[i].Values = spread(i), make([]uint16, len(counted))
		if err := builder.Add(&contacts[i], number); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return mustOpenBench(t, path, keys)
}

func mustFind(t *testing.T, code string) *contact.Territory {
	t.Helper()
	territory, known := contact.FindTerritory(code)
	if !known {
		t.Fatalf("no territory %s", code)
	}
	return territory
}

// kindsOf returns the tally of the rows as a table.
func kindsOf(t *testing.T, directory *store.Directory, rows dialer.RowSet) map[dialer.Kind]uint64 {
	t.Helper()
	kinds, err := directory.Tally(rows)
	if err != nil {
		t.Fatal(err)
	}
	tally := map[dialer.Kind]uint64{}
	for _, kind := range kinds {
		if tally[kind.Kind] > 0 {
			t.Errorf("%+v is told twice", kind)
		}
		tally[kind.Kind] = kind.Count
	}
	return tally
}

// Ensure that a set is counted by kinds, over the ends of chunks, without those who
// name a person, and that kinds are taken out of it; and that the check agrees.
func TestDirectory_Tally(t *testing.T) {
	t.Parallel()
	keys, path := storetest.MustMakeKeys(t), filepath.Join(t.TempDir(), "directory.db")
	places := []*contact.Territory{nil, mustFind(t, "FR-75"), mustFind(t, "FR-974")}
	zones := []*time.Location{nil, places[1].Zones[0]}
	contacts := make([]dialer.Contact, 1<<16+1000)
	for i := range contacts {
		contacts[i] = dialer.Contact{
			Line: []contact.LineType{contact.Mobile, contact.Fixed}[i%2], Territory: places[i/2%3], Zone: zones[i/6%2], BirthYear: i / 12 % 3 * 1000,
		}
		if i%7 == 0 {
			contacts[i].Person = contact.PersonID{1, byte(i)}
		}
	}
	directory := mustBuildKinds(t, path, keys, contacts)
	rows, err := directory.Select(nil, contact.LineType.TakesText)
	if err != nil {
		t.Fatal(err)
	}
	want, all := map[dialer.Kind]uint64{}, rows.Count()
	for i := range contacts {
		if contacts[i].Person.IsZero() {
			want[contacts[i].Kind()] += map[contact.LineType]uint64{contact.Mobile: 1}[contacts[i].Line]
		}
	}
	if got := kindsOf(t, directory, rows); len(got) != 36 || !equal(got, want) {
		t.Errorf("tally %v, want %v", got, want)
	}

	kinds, _ := directory.Tally(rows)
	struck, left := make([]bool, len(kinds)), all
	for i, kind := range kinds {
		if struck[i] = kind.Territory == places[1]; struck[i] {
			left -= kind.Count
			want[kind.Kind] = 0
		}
	}
	if err := directory.Strike(rows, struck); err != nil {
		t.Fatal(err)
	}
	if got := kindsOf(t, directory, rows); rows.Count() != left || left == all || !equal(got, want) {
		t.Errorf("%d of %d rows are left, want %d, of kinds %v, want %v", rows.Count(), all, left, got, want)
	}
	mustAgree(t, path, 0)
}

func equal(a, b map[dialer.Kind]uint64) bool {
	for kind, count := range a {
		if b[kind] != count {
			return false
		}
	}
	return true
}

// Ensure that rows of more kinds than there are numbers are in no tally and are never
// taken out, and that the check agrees.
func TestDirectory_Tally_TooMany(t *testing.T) {
	t.Parallel()
	keys, path := storetest.MustMakeKeys(t), filepath.Join(t.TempDir(), "directory.db")
	lines := []contact.LineType{contact.Mobile, contact.Fixed, contact.FixedOrMobile, contact.InternetLine, contact.TollFree, contact.Pager, contact.PremiumRate}
	contacts := make([]dialer.Contact, 7*9_999)
	for i := range contacts {
		contacts[i] = dialer.Contact{Line: lines[i%7], BirthYear: 1 + i/7}
	}
	directory := mustBuildKinds(t, path, keys, contacts)
	rows, err := directory.Select(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := directory.Tally(rows)
	if err != nil || len(kinds) != math.MaxUint16 {
		t.Fatalf("%d kinds, %v", len(kinds), err)
	}
	struck := make([]bool, len(kinds))
	for i := range struck {
		struck[i] = true
	}
	if err := directory.Strike(rows, struck); err != nil || rows.Count() != uint64(len(contacts)-len(kinds)) {
		t.Errorf("%d rows are left, %v", rows.Count(), err)
	}
	mustAgree(t, path, 0)
}

// Ensure that the check finds a row whose kind is another one, and that neither a
// damaged number nor a missing table is taken for a tally.
func TestCheck_Kinds(t *testing.T) {
	t.Parallel()
	keys, path := storetest.MustMakeKeys(t), filepath.Join(t.TempDir(), "directory.db")
	contacts := []dialer.Contact{{Line: contact.Mobile, BirthYear: 1950}, {Line: contact.Fixed}, {Line: contact.Mobile, Person: contact.PersonID{1}}}
	if err := mustBuildKinds(t, path, keys, contacts).Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cells    []byte
		findings int
		readable bool
	}{
		"as built":     {[]byte{0, 1, 0, 2, 0, 0}, 0, true},
		"exchanged":    {[]byte{0, 2, 0, 1, 0, 0}, 2, true},
		"a person's":   {[]byte{0, 1, 0, 2, 0, 1}, 1, true},
		"left out":     {[]byte{0, 0, 0, 2, 0, 0}, 1, true},
		"never given":  {[]byte{0, 9, 0, 2, 0, 0}, 1, false},
		"of two rows":  {[]byte{0, 1, 0, 2}, 1, false},
		"of four rows": {[]byte{0, 1, 0, 2, 0, 0, 0, 0}, 1, false},
	} {
		mustChange(t, path, func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("cell")).Put([]byte{0, 0, 0, 0, 0xff, 0xff}, test.cells)
		})
		t.Log(name)
		mustAgree(t, path, test.findings)
		directory := mustOpenBench(t, path, keys)
		rows, err := directory.Select(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := directory.Tally(rows); (err == nil) != test.readable {
			t.Errorf("%s: %v", name, err)
		}
		if err := directory.Close(); err != nil {
			t.Fatal(err)
		}
	}
	mustChange(t, path, func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("kind")) })
	directory := mustOpenBench(t, path, keys)
	if kinds, err := directory.Tally(dialer.NewRowSet(3)); err != nil || len(kinds) > 0 {
		t.Errorf("a directory of an older program: %v, %v", kinds, err)
	}
}
