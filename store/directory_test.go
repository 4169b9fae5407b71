package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

var attributes = []dialer.Attribute{
	{Name: "gender", Values: []string{"f", "m"}},
	{Name: "age", Values: []string{"18-24", "25-34", "35-49", "50-64", "65+"}},
	{Name: "department", Values: []string{"75", "972", "974"}},
}

func territory(tb testing.TB, code string) *contact.Territory {
	tb.Helper()
	found, known := contact.FindTerritory(code)
	if !known {
		tb.Fatalf("no territory %s", code)
	}
	return found
}

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return location
}

// sameContact compares contacts, zones by their names.
var sameContact = cmp.Options{
	cmp.Comparer(func(a, b *time.Location) bool {
		return (a == nil) == (b == nil) && (a == nil || a.String() == b.String())
	}),
	cmp.Comparer(func(a, b *contact.Territory) bool { return a == b }),
}

// contacts are rows with every field both set and unset, some of them wide.
func contacts(tb testing.TB, keys *store.Keys) (rows []storetest.Row) {
	tb.Helper()
	for i, c := range []dialer.Contact{
		{Values: []uint16{0, 0, 0}},
		{Line: contact.Mobile, Territory: territory(tb, "FR-75"), BirthYear: 1931, Values: []uint16{1, 5, 1}},
		{Line: contact.Fixed, Territory: territory(tb, "FR-972"), Zone: zone(tb, "America/Martinique"), BirthYear: 2009, Values: []uint16{2, 1, 2}},
		{Line: contact.Pager, Zone: zone(tb, "Asia/Kathmandu"), Values: []uint16{0, 3, 0}},
	} {
		number := fictional(tb, i)
		c.ID = keys.Identity.ID(number)
		rows = append(rows, storetest.Row{Contact: c, Number: number})
	}
	return rows
}

// Ensure that contacts and numbers come back as they were added, and nobody
// else.
func TestDirectory_Contact(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	rows := contacts(t, keys)
	directory := storetest.MustBuildDirectory(t, keys, attributes, rows...)
	row := dialer.Contact{Values: []uint16{9, 9, 9, 9, 9}}
	for _, want := range rows {
		if found, err := directory.Contact(want.Contact.ID, &row); !found || err != nil {
			t.Fatal(found, err)
		}
		if diff := cmp.Diff(want.Contact, row, sameContact); diff != "" {
			t.Error(diff)
		}
		if number, err := directory.Number(want.Contact.ID); err != nil || number != want.Number {
			t.Errorf("another number came back, %v", err)
		}
	}
	stranger := keys.Identity.ID(fictional(t, 99))
	for _, id := range []contact.ID{stranger, {}, contact.ID(bytes.Repeat([]byte{0xff}, 16))} {
		if found, err := directory.Contact(id, &row); found || err != nil {
			t.Errorf("%s: got %t, %v", id, found, err)
		}
		if _, err := directory.Number(id); !errors.Is(err, dialer.ErrUnknownContact) {
			t.Errorf("%s: got %v", id, err)
		}
	}
	if directory.Count() != 4 || directory.BuiltAt().IsZero() || len(directory.Sources()) != 1 || len(directory.Attributes()) != 3 {
		t.Error("the head is not as built")
	}
	if err := directory.Warm(t.Context()); err != nil {
		t.Error(err)
	}
}

// Ensure that all contacts are gone through in order, as far as wanted.
func TestDirectory_Contacts(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	directory := storetest.MustBuildDirectory(t, keys, attributes, contacts(t, keys)...)
	for stop := 1; stop <= 4; stop++ {
		var last contact.ID
		n := 0
		err := directory.Contacts(func(c *dialer.Contact) bool {
			if bytes.Compare(last[:], c.ID[:]) >= 0 {
				t.Errorf("%s comes after %s", c.ID, last)
			}
			last = c.ID
			n++
			return n < stop
		})
		if err != nil || n != stop {
			t.Errorf("got %d contacts, %v; want %d", n, err, stop)
		}
	}
}

// Ensure that a look-up stays off the heap.
func TestDirectory_Contact_Allocations(t *testing.T) {
	keys := storetest.MustMakeKeys(t)
	rows := contacts(t, keys)
	directory := storetest.MustBuildDirectory(t, keys, attributes, rows...)
	row := dialer.Contact{Values: make([]uint16, 0, 3)}
	allocations := testing.AllocsPerRun(1000, func() {
		if found, err := directory.Contact(rows[2].Contact.ID, &row); !found || err != nil {
			t.Error(found, err)
		}
	})
	if allocations != 0 && !raceDetector { // which empties pools at random
		t.Errorf("a look-up allocates %v times", allocations)
	}
}

// Ensure that no file of an import holds a number, and nothing is left of its
// working files.
func TestDirectoryBuilder_NoNumberInClear(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	dir := t.TempDir()
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: filepath.Join(dir, "directory.db"), Keys: keys, Memory: 200})
	var forms [][]byte
	for i := range 50 {
		number := fictional(t, i)
		digits := number.E164()[1:]
		value, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		forms = append(forms, []byte(digits), binary.BigEndian.AppendUint64(nil, value)[2:], binary.LittleEndian.AppendUint64(nil, value)[:6])
		if err := builder.Add(&dialer.Contact{ID: keys.Identity.ID(number)}, number); err != nil {
			t.Fatal(err)
		}
	}
	files := 0
	look := func() {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			files++
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: mode %s, %v", path, info.Mode(), err)
			}
			for _, form := range forms {
				if bytes.Contains(content, form) {
					t.Errorf("%s holds a number", path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if look(); files < 10 {
		t.Errorf("looked into %d files only", files)
	}
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	files = 0
	if look(); files != 1 {
		t.Errorf("%d files are left, want the directory only", files)
	}
}

func mustBegin(tb testing.TB, options store.DirectoryBuilderOptions) *store.DirectoryBuilder {
	tb.Helper()
	builder, err := store.NewDirectoryBuilder(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := builder.Abort(); err != nil {
			tb.Error(err)
		}
	})
	if _, err := builder.Source("list", time.Time{}); err != nil {
		tb.Fatal(err)
	}
	return builder
}
