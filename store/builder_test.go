package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that an import which ends early, however it ends, leaves the old
// directory, and that nothing of it is left at the next start.
func TestDirectoryBuilder_EndsEarly(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name  string
		leave bool // whether working files are left, as by a kill
		end   func(*store.DirectoryBuilder) error
	}{
		{"aborted", false, func(b *store.DirectoryBuilder) error {
			if err := b.Abort(); err != nil {
				return err
			}
			_, err := b.Build(context.Background(), nil)
			return err
		}},
		{"canceled", false, func(b *store.DirectoryBuilder) error { _, err := b.Build(canceled, nil); return err }},
		{"killed", true, func(b *store.DirectoryBuilder) error { b.Still(); return errors.New("killed") }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "directory.db")
			first := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys})
			if err := first.Add(&dialer.Contact{ID: contact.ID{1}}, fictional(t, 1)); err != nil {
				t.Fatal(err)
			}
			if _, err := first.Build(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			second := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys, Memory: 1})
			for i := range byte(100) {
				if err := second.Add(&dialer.Contact{ID: contact.ID{2, i}}, fictional(t, int(i))); err != nil {
					t.Fatal(err)
				}
			}
			if err := test.end(second); err == nil {
				t.Error("no error")
			}
			entries, err := os.ReadDir(dir)
			if err != nil || (len(entries) > 1) != test.leave {
				t.Errorf("left: %v, %v", entries, err)
			}
			directories, err := store.OpenDirectories(path, keys, nil)
			if err != nil {
				t.Fatal(err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("left after the next start: %v, %v", entries, err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the directory has changed, %v", err)
			}
			if err := directories.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Ensure that a row that cannot be kept is refused by itself, without its
// number.
func TestDirectoryBuilder_Add_Refused(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	path := filepath.Join(t.TempDir(), "directory.db")
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: attributes[:1]})
	number := fictional(t, 1)
	good := dialer.Contact{ID: contact.ID{1}, Values: []uint16{1}}
	tests := []struct {
		name   string
		change func(*dialer.Contact, *contact.Number)
		want   string
	}{
		{"nobody", func(c *dialer.Contact, _ *contact.Number) { c.ID = contact.ID{} }, "no ID"},
		{"no number", func(_ *dialer.Contact, n *contact.Number) { *n = contact.Number{} }, "there is none"},
		{"values", func(c *dialer.Contact, _ *contact.Number) { c.Values = nil }, "0 values for 1 declared attributes"},
		{"value", func(c *dialer.Contact, _ *contact.Number) { c.Values = []uint16{3} }, "attribute gender has no value 3"},
		{"year", func(c *dialer.Contact, _ *contact.Number) { c.BirthYear = -1 }, "birth year"},
		{"source", func(c *dialer.Contact, _ *contact.Number) { c.Source = 1 }, "source 1 was not named"},
		{"territory", func(c *dialer.Contact, _ *contact.Number) { c.Territory = &contact.Territory{Code: "XX-1"} }, `territory "XX-1" is not known`},
		{"zone", func(c *dialer.Contact, _ *contact.Number) { c.Zone = time.Local }, `zone "Local"`},
	}
	for _, test := range tests {
		row, n := good, number
		test.change(&row, &n)
		err := builder.Add(&row, n)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), number.E164()[1:]) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	if err := builder.Add(&good, number); err != nil {
		t.Error(err)
	}
	if counts, err := builder.Build(t.Context(), nil); err != nil || counts != (store.Counts{Added: 1, Total: 1}) {
		t.Errorf("got %+v, %v", counts, err)
	}
	if err := builder.Add(&good, number); err == nil {
		t.Error("added after Build")
	}
}

// Ensure that an import is refused that would take values from contacts
// unasked, or seal numbers with other keys.
func TestNewDirectoryBuilder_Refused(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	old := storetest.MustBuildDirectory(t, keys, attributes, contacts(t, keys)...)
	path := filepath.Join(t.TempDir(), "directory.db")
	fewer := []dialer.Attribute{attributes[0], {Name: "age", Values: []string{"18-24"}}}
	tests := []struct {
		name    string
		options store.DirectoryBuilderOptions
		want    string
	}{
		{"no keys", store.DirectoryBuilderOptions{}, "no keys"},
		{"other keys", store.DirectoryBuilderOptions{Keys: storetest.MustMakeKeys(t), Old: old, Attributes: attributes}, "another identity key"},
		{"undeclared", store.DirectoryBuilderOptions{Keys: keys, Old: old, Attributes: fewer}, `value "25-34" of attribute "age"`},
	}
	for _, test := range tests {
		test.options.Path = path
		if _, err := store.NewDirectoryBuilder(test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: path, Keys: keys, Old: old, Attributes: fewer, DropUndeclared: true})
	if counts, err := builder.Build(t.Context(), nil); err != nil || counts.Kept != 4 {
		t.Fatalf("got %+v, %v", counts, err)
	}
	directory, err := store.OpenDirectory(path, keys, attributes)
	if err != nil {
		t.Fatal(err)
	}
	var row dialer.Contact
	if _, err := directory.Contact(contacts(t, keys)[1].Contact.ID, &row); err != nil || !slices.Equal(row.Values, []uint16{1, 0, 0}) {
		t.Errorf("got %v, %v; want what is still declared only", row.Values, err)
	}
	if err := directory.Close(); err != nil {
		t.Error(err)
	}
}
