// Package storetest opens stores for tests: real files in a temporary folder,
// checked page by page when the test ends.
package storetest

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

// MustMakeKeys returns new keys.
func MustMakeKeys(tb testing.TB) *store.Keys {
	tb.Helper()
	keys, err := store.LoadOrCreateKeys(filepath.Join(tb.TempDir(), "keys"), false)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// MustOpenLedger returns a new ledger. When the test ends it is closed and its
// pages are checked.
func MustOpenLedger(tb testing.TB) *store.Ledger {
	tb.Helper()
	return MustOpenLedgerAt(tb, filepath.Join(tb.TempDir(), "ledger.db"), store.LedgerOptions{})
}

// MustOpenLedgerAt opens the ledger at path as MustOpenLedger does, and makes
// it where there is none. The test may close it before it ends.
func MustOpenLedgerAt(tb testing.TB, path string, options store.LedgerOptions) *store.Ledger {
	tb.Helper()
	ledger, err := store.OpenLedger(path, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			tb.Error(err)
		}
		MustBeSound(tb, path)
	})
	return ledger
}

// MustBeSound fails the test where the pages of the bbolt file are not sound.
func MustBeSound(tb testing.TB, path string) {
	tb.Helper()
	faults, err := store.CheckPages(path)
	if err != nil {
		tb.Error(err)
	}
	for _, fault := range faults {
		tb.Errorf("%s: %s", filepath.Base(path), fault)
	}
}

// MustOpenJournal returns a new objection journal, which is closed when the
// test ends.
func MustOpenJournal(tb testing.TB) *store.Journal {
	tb.Helper()
	journal, err := store.OpenJournal(filepath.Join(tb.TempDir(), "objections.journal"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := journal.Close(); err != nil {
			tb.Error(err)
		}
	})
	return journal
}

// Row is one row of an import.
type Row struct {
	Contact dialer.Contact
	Number  contact.Number
}

// MustBuildDirectory returns a directory that holds the rows, which is closed
// when the test ends. A row without an ID gets that of its number, and all come
// from one source.
func MustBuildDirectory(tb testing.TB, keys *store.Keys, attributes []dialer.Attribute, rows ...Row) *store.Directory {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "directory.db")
	builder, err := store.NewDirectoryBuilder(store.DirectoryBuilderOptions{Path: path, Keys: keys, Attributes: attributes})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := builder.Source("test", time.Time{}); err != nil {
		tb.Fatal(err)
	}
	for _, row := range rows {
		if row.Contact.ID == (contact.ID{}) {
			row.Contact.ID = keys.Identity.ID(row.Number)
		}
		if err := builder.Add(&row.Contact, row.Number); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := builder.Build(tb.Context(), nil); err != nil {
		tb.Fatal(err)
	}
	directory, err := store.OpenDirectory(path, keys, attributes)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := directory.Close(); err != nil {
			tb.Error(err)
		}
	})
	return directory
}

// ConfirmKeys makes the keys of a store that is not there yet, and a backup of them that
// somebody has opened, as a daemon with a real carrier wants it.
func ConfirmKeys(tb testing.TB, paths store.Paths) {
	tb.Helper()
	keys, err := store.LoadOrCreateKeys(paths.Keys, false)
	if err != nil {
		tb.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		tb.Fatal(err)
	}
	var backup bytes.Buffer
	if err := keys.Backup(&backup, identity.Recipient()); err != nil {
		tb.Fatal(err)
	}
	if _, err := keys.Confirm(paths.KeysConfirmed, backup.Bytes(), time.Now(), identity); err != nil {
		tb.Fatal(err)
	}
}
