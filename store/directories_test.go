package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that a directory is refused with a wrong key, by an older program, or
// where it is none.
func TestOpenDirectory_Refused(t *testing.T) {
	t.Parallel()
	keys, others := storetest.MustMakeKeys(t), storetest.MustMakeKeys(t)
	path := filepath.Join(t.TempDir(), "directory.db")
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys})
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenDirectory(path, others, nil); err == nil || !strings.Contains(err.Error(), "another identity key") {
		t.Errorf("other keys: got %v", err)
	}
	if _, err := store.OpenDirectory(path+"x", keys, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	tests := []struct {
		name   string
		change func(meta *bolt.Bucket) error
		want   string
	}{
		{"territory", func(meta *bolt.Bucket) error {
			return meta.Put([]byte("tables"), []byte(`{"territories":["FR-979"]}`))
		}, `territory "FR-979" is not known`},
		{"zone", func(meta *bolt.Bucket) error {
			return meta.Put([]byte("tables"), []byte(`{"zones":["Europe/Lutece"]}`))
		}, "Europe/Lutece"},
		{"tables", func(meta *bolt.Bucket) error { return meta.Put([]byte("tables"), []byte("{")) }, "read tables"},
		{"newer", func(meta *bolt.Bucket) error { return meta.Put([]byte("schema"), []byte{0, 0, 0, 3}) }, "newer program"},
	}
	for _, test := range tests { // one file, changed step by step
		mustUpdate(t, path, func(tx *bolt.Tx) error { return test.change(tx.Bucket([]byte("meta"))) })
		if _, err := store.OpenDirectory(path, keys, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	mustUpdate(t, path, func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("meta")) })
	if _, err := store.OpenDirectory(path, keys, nil); err == nil || !strings.Contains(err.Error(), "is no directory") {
		t.Errorf("got %v", err)
	}
}

// Ensure that a damaged row is an error and never a contact, and that a sealed
// number opens in its own row only.
func TestDirectory_Damaged(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	rows := contacts(t, keys)
	path := filepath.Join(t.TempDir(), "directory.db")
	build := func() {
		builder := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: attributes})
		for _, row := range rows {
			if err := builder.Add(&row.Contact, row.Number); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := builder.Build(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	id, other := rows[1].Contact.ID, rows[2].Contact.ID
	tests := []struct {
		name    string
		change  func(row, other []byte) []byte
		contact bool // whether the facts are damaged, too
	}{
		{"empty", func(row, _ []byte) []byte { return nil }, true},
		{"short", func(row, _ []byte) []byte { return row[:20] }, true},
		{"cut", func(row, _ []byte) []byte { return row[1:] }, true},
		{"longer", func(row, _ []byte) []byte { return append([]byte{1}, row...) }, true},
		{"territory", func(row, _ []byte) []byte { row[1] = 0x7f; return row }, true},
		{"zone", func(row, _ []byte) []byte { row[2] = 0x7f; return row }, true},
		{"value", func(row, _ []byte) []byte { row[len(row)-25] = 0x7f; return row }, true},
		{"endless", func(row, _ []byte) []byte {
			for i := range row {
				row[i] = 0xff
			}
			return row
		}, true},
		{"sealed", func(row, _ []byte) []byte { row[len(row)-1] ^= 1; return row }, false},
		{"other's number", func(row, other []byte) []byte { return append(row[:len(row)-24], other[len(other)-24:]...) }, false},
	}
	for _, test := range tests {
		build()
		mustUpdate(t, path, func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte("contact"))
			return b.Put(id[:], test.change(bytes.Clone(b.Get(id[:])), bytes.Clone(b.Get(other[:]))))
		})
		directory, err := store.OpenDirectory(path, keys, attributes)
		if err != nil {
			t.Fatal(err)
		}
		var row dialer.Contact
		if _, err := directory.Contact(id, &row); (err != nil) != test.contact {
			t.Errorf("%s: contact: got %v", test.name, err)
		}
		if err := directory.Contacts(func(*dialer.Contact) bool { return true }); (err != nil) != test.contact {
			t.Errorf("%s: contacts: got %v", test.name, err)
		}
		if number, err := directory.Number(id); test.name != "cut" && test.name != "longer" && test.contact == false && (err == nil || !number.IsZero()) {
			t.Errorf("%s: number: got %v", test.name, err)
		}
		findings, err := store.Check(t.Context(), store.CheckOptions{Paths: store.Paths{Directory: path}, Keys: keys, Full: true})
		if err != nil || !strings.Contains(fmt.Sprint(findings), "directory: ") {
			t.Errorf("%s: the check found %v, %v", test.name, findings, err)
		}
		if err := directory.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Ensure that contacts are read under today's declaration of attributes,
// whatever the file was built with.
func TestOpenDirectory_Attributes(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	rows := contacts(t, keys)
	path := filepath.Join(t.TempDir(), "directory.db")
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: attributes})
	for _, row := range rows {
		if err := builder.Add(&row.Contact, row.Number); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name       string
		attributes []dialer.Attribute
		values     []uint16 // of rows[2]: m, 18-24, 972
		undeclared string
	}{
		{"same", attributes, []uint16{2, 1, 2}, "[]"},
		{"the file's", nil, []uint16{2, 1, 2}, "[]"},
		{"a value more", []dialer.Attribute{attributes[0], attributes[1], {Name: "department", Values: []string{"01", "75", "972", "974"}}}, []uint16{2, 1, 3}, "[]"},
		{"one more, other order", []dialer.Attribute{attributes[2], {Name: "income", Values: []string{"1"}}, attributes[1], attributes[0]}, []uint16{2, 0, 1, 2}, "[]"},
		{"one less", attributes[1:], []uint16{1, 2}, `[attribute "gender"]`},
		{"a value less", []dialer.Attribute{{Name: "gender", Values: []string{"f"}}, attributes[1], attributes[2]}, []uint16{0, 1, 2}, `[value "m" of attribute "gender"]`},
		{"none", []dialer.Attribute{}, nil, `[attribute "gender" attribute "age" attribute "department"]`},
	}
	for _, test := range tests {
		directory, err := store.OpenDirectory(path, keys, test.attributes)
		if err != nil {
			t.Fatal(err)
		}
		var row dialer.Contact
		if found, err := directory.Contact(rows[2].Contact.ID, &row); !found || err != nil {
			t.Fatal(found, err)
		}
		if diff := cmp.Diff(test.values, row.Values); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if got := fmt.Sprint(directory.Undeclared()); got != test.undeclared {
			t.Errorf("%s: undeclared %s, want %s", test.name, got, test.undeclared)
		}
		if err := directory.Close(); err != nil {
			t.Error(err)
		}
	}
}

// readAll reads every contact in every way.
func readAll(t *testing.T, directories *store.Directories, rows []storetest.Row) {
	t.Helper()
	var row dialer.Contact
	for _, want := range rows {
		if found, err := directories.Contact(want.Contact.ID, &row); !found || err != nil {
			t.Error(found, err)
		}
		if number, err := directories.Number(want.Contact.ID); number != want.Number || err != nil {
			t.Error(err)
		}
	}
	n := 0
	if err := directories.Contacts(func(*dialer.Contact) bool { n++; return true }); n != len(rows) || err != nil {
		t.Error(n, err)
	}
}

// Ensure that readers never miss a contact while imports put new files in
// place, and that a closed directory says so.
func TestDirectories_Reload(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	path := filepath.Join(t.TempDir(), "directory.db")
	directories, err := store.OpenDirectories(path, keys, attributes)
	if err != nil {
		t.Fatal(err)
	}
	rows := contacts(t, keys)
	var row dialer.Contact
	if found, err := directories.Contact(rows[0].Contact.ID, &row); found || err != nil {
		t.Errorf("before the first import: got %t, %v", found, err)
	}
	if _, err := directories.Number(rows[0].Contact.ID); !errors.Is(err, dialer.ErrUnknownContact) {
		t.Errorf("before the first import: got %v", err)
	}
	if err := directories.Contacts(func(*dialer.Contact) bool { t.Error("a contact"); return true }); err != nil {
		t.Error(err)
	}
	rebuild := func() {
		builder := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: attributes, Old: directories.Current()})
		for _, row := range rows {
			if err := builder.Add(&row.Contact, row.Number); err != nil {
				t.Error(err)
			}
		}
		if _, err := builder.Build(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := directories.Reload(); err != nil {
			t.Error(err)
		}
	}
	rebuild()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					readAll(t, directories, rows)
				}
			}
		})
	}
	for range 10 {
		rebuild()
	}
	close(stop)
	readers.Wait()
	for range 2 {
		if err := directories.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := directories.Contact(rows[0].Contact.ID, &row); err == nil {
		t.Error("a closed directory was read")
	}
	if err := directories.Reload(); err == nil {
		t.Error("a closed directory was reloaded")
	}
}
