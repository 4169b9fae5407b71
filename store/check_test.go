package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// mustMakeStore makes a sound store of everything: three contacts, of whom two
// objected.
func mustMakeStore(t *testing.T) (store.Paths, *store.Keys) {
	t.Helper()
	paths := store.PathsIn(t.TempDir())
	keys, err := store.LoadOrCreateKeys(paths.Keys, false)
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	journal, err := store.OpenJournal(paths.Journal)
	if err != nil {
		t.Fatal(err)
	}
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: paths.Directory, Keys: keys})
	for i := range 3 {
		number := fictional(t, i)
		id := keys.Identity.ID(number)
		if err := builder.Add(&dialer.Contact{ID: id}, number); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		e := entry(i)
		e.ID = id
		if err := journal.Append(e); err != nil {
			t.Fatal(err)
		}
		objection := move(func(tx dialer.Tx) { tx.Put(dialer.BucketObjection, append(bytes.Clone(id[:]), 0), nil) })
		if err := ledger.Commit(t.Context(), urgentMove{objection}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(journal.Close(), ledger.Close()); err != nil {
		t.Fatal(err)
	}
	return paths, keys
}

// update changes a bbolt file behind the store's back.
func update(path string, change func(*bolt.Tx) error) error {
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(change), db.Close())
}

// spoil overwrites a file from one offset to another.
func spoil(path string, from, to int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(to-from)), from)
	return errors.Join(err, f.Close())
}

func sound(store.Paths, *store.Keys) error { return nil }

// damages are stores and what the check must find in them.
func damages(t *testing.T) []damage {
	t.Helper()
	return []damage{
		{"sound", sound, nil, ""},
		{"sound books", sound, func(tx dialer.Tx) []string {
			for range tx.Rows(dialer.BucketObjection, nil) {
				return nil
			}
			return []string{"no row is seen"}
		}, ""},
		{"books", sound, func(dialer.Tx) []string { return []string{"campaign 1: the sums differ"} }, "ledger: campaign 1: the sums differ"},
		{"torn journal", func(p store.Paths, _ *store.Keys) error {
			info, err := os.Stat(p.Journal)
			return errors.Join(err, os.Truncate(p.Journal, info.Size()-1))
		}, nil, ""},
		{"no directory", func(p store.Paths, _ *store.Keys) error { return os.Remove(p.Directory) }, nil, ""},
		{"no ledger", func(p store.Paths, _ *store.Keys) error { return os.Remove(p.Ledger) }, nil, "ledger: there is no file"},
		{"no journal", func(p store.Paths, _ *store.Keys) error { return os.Remove(p.Journal) }, nil, "journal: open:"},
		{"journal damaged", func(p store.Paths, _ *store.Keys) error { return spoil(p.Journal, 40, 41) }, nil, "journal: damaged at offset 22"},
		{"no ledger, journal damaged", func(p store.Paths, _ *store.Keys) error {
			return errors.Join(os.Remove(p.Ledger), spoil(p.Journal, 40, 41))
		}, nil, "journal: damaged at offset 22"},
		{"objection lost", func(p store.Paths, k *store.Keys) error {
			id := k.Identity.ID(fictional(t, 1))
			return update(p.Ledger, func(tx *bolt.Tx) error {
				return tx.Bucket([]byte("objection")).Delete(append(id[:], 0))
			})
		}, nil, "journal: the objection of"},
		{"ledger pages", func(p store.Paths, _ *store.Keys) error { return spoil(p.Ledger, 2*4096, 40*4096) }, nil, "ledger: "},
		{"ledger cut", func(p store.Paths, _ *store.Keys) error { return os.Truncate(p.Ledger, 3*4096) }, nil, "ledger: "},
		{"ledger is none", func(p store.Paths, _ *store.Keys) error { return os.WriteFile(p.Ledger, []byte("text"), 0o600) }, nil, "ledger: open:"},
		{"directory pages", func(p store.Paths, _ *store.Keys) error { return spoil(p.Directory, 2*4096, 6*4096) }, nil, "directory: "},
		{"count", func(p store.Paths, k *store.Keys) error {
			id := k.Identity.ID(fictional(t, 1))
			return update(p.Directory, func(tx *bolt.Tx) error { return tx.Bucket([]byte("contact")).Delete(id[:]) })
		}, nil, "directory: it has 2 contacts and says that it has 3"},
		{"key of no contact", func(p store.Paths, _ *store.Keys) error {
			return update(p.Directory, func(tx *bolt.Tx) error { return tx.Bucket([]byte("contact")).Put([]byte{1}, nil) })
		}, nil, "directory: a row has no contact's key"},
		{"another's number", func(p store.Paths, k *store.Keys) error {
			builder, err := store.NewDirectoryBuilder(store.DirectoryBuilderOptions{Path: p.Directory, Keys: k})
			if err != nil {
				return err
			}
			_, named := builder.Source("list", time.Time{})
			added := builder.Add(&dialer.Contact{ID: contact.ID{1}}, fictional(t, 9))
			_, built := builder.Build(context.Background(), nil)
			return errors.Join(named, added, built)
		}, nil, "has the number of another contact"},
	}
}

type damage struct {
	name   string
	damage func(store.Paths, *store.Keys) error
	books  func(dialer.Tx) []string
	want   string // in a finding; empty for none
}

// Ensure that the check finds what is wrong, in each part of a store, and
// nothing in a sound one.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, test := range damages(t) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			paths, keys := mustMakeStore(t)
			if err := test.damage(paths, keys); err != nil {
				t.Fatal(err)
			}
			findings, err := store.Check(t.Context(), store.CheckOptions{Paths: paths, Keys: keys, Full: true, Books: test.books})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, finding := range findings {
				found = found || strings.Contains(finding.String(), test.want)
			}
			if (len(findings) > 0) != (test.want != "") || test.want != "" && !found {
				t.Errorf("got %v, want %q", findings, test.want)
			}
		})
	}
}

// Ensure that wrong keys are found, and that a check can be called off.
func TestCheck_Keys(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	findings, err := store.Check(t.Context(), store.CheckOptions{Paths: paths, Keys: storetest.MustMakeKeys(t)})
	if err != nil || len(findings) != 2 || !strings.Contains(findings[0].Text, "another identity key") {
		t.Errorf("got %v, %v", findings, err)
	}
	asked := 0
	_, err = store.Check(t.Context(), store.CheckOptions{Paths: paths, Keys: keys, Objected: func(_ dialer.Tx, e store.JournalEntry) bool {
		asked++
		return e.Way == "sms"
	}})
	if err != nil || asked != 2 {
		t.Errorf("asked for %d entries, %v; want 2", asked, err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Check(canceled, store.CheckOptions{Paths: paths, Keys: keys}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Ensure that the check changes nothing.
func TestCheck_ReadsOnly(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	read := func() (all []byte) {
		for _, path := range []string{paths.Ledger, paths.Directory, paths.Journal} {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, content...)
		}
		files, err := os.ReadDir(filepath.Dir(paths.Ledger))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			all = append(all, file.Name()...)
		}
		return all
	}
	before := read()
	if findings, err := store.Check(t.Context(), store.CheckOptions{Paths: paths, Keys: keys}); err != nil || len(findings) > 0 {
		t.Errorf("got %v, %v", findings, err)
	}
	if !bytes.Equal(before, read()) {
		t.Error("the files have changed")
	}
}
