package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// mustBackUp makes a backup of the store, which nobody has open.
func mustBackUp(t *testing.T, paths store.Paths, keys *store.Keys) string {
	t.Helper()
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "backup")
	made, err := store.Backup(t.Context(), store.BackupOptions{
		Folder: folder, Ledger: ledger, Directory: paths.Directory, At: time.Date(2027, 3, 9, 9, 0, 0, 0, time.UTC), By: "op-anne",
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
	if len(made.Files) != 2 {
		t.Fatalf("the backup: %+v", made)
	}
	return folder
}

// contents reads all files of a folder, but for the reserve.
func contents(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == "journal.reserve" {
			continue
		}
		if files[entry.Name()], err = os.ReadFile(filepath.Join(folder, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// Ensure that a backup that is made while moves go on is one state of the ledger,
// whole, marked as what it is, and that it comes back as it was; that what was in
// the way is kept, and that journal and mark are not touched.
func TestBackup_Restore(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	if err := store.NewWitness(paths.Mark).Keep(dialer.Mark{Count: 7}); err != nil {
		t.Fatal(err)
	}
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	busy := make(chan struct{})
	go func() {
		defer close(busy)
		for i := byte(0); ctx.Err() == nil; i++ { // both rows, or neither
			_ = ledger.Commit(ctx, move(func(tx dialer.Tx) {
				tx.Put(dialer.BucketMeta, []byte("a"), []byte{i})
				tx.Put(dialer.BucketClaim, []byte("b"), []byte{i})
			}))
		}
	}()
	folder := filepath.Join(t.TempDir(), "backup")
	var done, total int64
	_, err = store.Backup(t.Context(), store.BackupOptions{
		Folder: folder, Ledger: ledger, Directory: paths.Directory, At: time.Now(),
		Progress: func(d, n int64) {
			if d < done || d > n {
				t.Errorf("%d of %d after %d of %d", d, n, done, total)
			}
			done, total = d, n
		},
	})
	cancel()
	<-busy
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
	if done != total || done == 0 {
		t.Errorf("at the end %d of %d bytes were done", done, total)
	}
	before := contents(t, filepath.Dir(paths.Ledger))
	restored, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	after, backup := contents(t, filepath.Dir(paths.Ledger)), contents(t, folder)
	for _, name := range []string{"ledger.db", "directory.db"} {
		aside := slices.IndexFunc(restored.Aside, func(path string) bool { return strings.HasPrefix(filepath.Base(path), name+".before-restore-") })
		if aside < 0 || !bytes.Equal(after[filepath.Base(restored.Aside[aside])], before[name]) {
			t.Errorf("%s was not kept aside as it was: %v", name, restored.Aside)
		}
		if !bytes.Equal(after[name], backup[name]) {
			t.Errorf("%s is not the backup's", name)
		}
	}
	for _, name := range []string{"objections.journal", "ledger.mark"} {
		if !bytes.Equal(after[name], before[name]) || backup[name] != nil {
			t.Errorf("%s was touched, or is in the backup", name)
		}
	}
	reopened := storetest.MustOpenLedgerAt(t, paths.Ledger, store.LedgerOptions{Keys: keys})
	err = reopened.View(func(tx dialer.Tx) error {
		if a, b := tx.Get(dialer.BucketMeta, []byte("a")), tx.Get(dialer.BucketClaim, []byte("b")); !bytes.Equal(a, b) {
			t.Errorf("the backup has half a move: %v and %v", a, b)
		}
		if tx.Get(dialer.BucketMeta, []byte(dialer.MetaBackup)) == nil {
			t.Error("nothing says that it is a backup")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Ensure that what is no whole backup of this store is refused, with nothing
// changed and nothing left behind.
func TestRestore_Refuses(t *testing.T) {
	t.Parallel()
	change := func(t *testing.T, folder string, change func(*store.Manifest)) {
		t.Helper()
		path := filepath.Join(folder, "manifest.json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m := new(store.Manifest)
		if err := json.Unmarshal(text, m); err != nil {
			t.Fatal(err)
		}
		change(m)
		if text, err = json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, folder string)
		want  string
	}{
		{"NoManifest", func(t *testing.T, folder string) { must(t, os.Remove(filepath.Join(folder, "manifest.json"))) }, "it has no manifest.json"},
		{"NotJSON", func(t *testing.T, folder string) {
			must(t, os.WriteFile(filepath.Join(folder, "manifest.json"), []byte("{"), 0o600))
		}, "cannot be read"},
		{"Newer", func(t *testing.T, folder string) { change(t, folder, func(m *store.Manifest) { m.LedgerSchema++ }) }, "a newer program has made it"},
		{"NoLedger", func(t *testing.T, folder string) {
			change(t, folder, func(m *store.Manifest) { m.Files = m.Files[1:] })
		}, "names no ledger"},
		{"LedgerGone", func(t *testing.T, folder string) { must(t, os.Remove(filepath.Join(folder, "ledger.db"))) }, "no such file"},
		{"LedgerChanged", func(t *testing.T, folder string) {
			must(t, spoil(filepath.Join(folder, "ledger.db"), 9000, 9001))
		}, "the manifest wants"},
		{"LedgerCut", func(t *testing.T, folder string) { must(t, os.Truncate(filepath.Join(folder, "ledger.db"), 8192)) }, "the manifest wants"},
		{"DirectoryChanged", func(t *testing.T, folder string) {
			must(t, spoil(filepath.Join(folder, "directory.db"), 9000, 9001))
		}, "the manifest wants"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			paths, keys := mustMakeStore(t)
			folder := mustBackUp(t, paths, keys)
			test.spoil(t, folder)
			mustRefuse(t, store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys}, test.want)
		})
	}
	t.Run("OtherKeys", func(t *testing.T) {
		t.Parallel()
		paths, keys := mustMakeStore(t)
		mustRefuse(t, store.RestoreOptions{Folder: mustBackUp(t, paths, keys), Paths: paths, Keys: storetest.MustMakeKeys(t)}, "another identity key")
	})
	t.Run("Unmarked", func(t *testing.T) {
		t.Parallel()
		paths, keys := mustMakeStore(t)
		folder := mustBackUp(t, paths, keys)
		ledger := filepath.Join(folder, "ledger.db")
		must(t, update(ledger, func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("backup")) }))
		change(t, folder, func(m *store.Manifest) { m.Files[0] = store.DescribeFile(t, ledger) })
		mustRefuse(t, store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys}, "not marked as a backup")
	})
	t.Run("InUse", func(t *testing.T) {
		t.Parallel()
		paths, keys := mustMakeStore(t)
		folder := mustBackUp(t, paths, keys)
		storetest.MustOpenLedgerAt(t, paths.Ledger, store.LedgerOptions{Keys: keys})
		mustRefuse(t, store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys}, "stop it first")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustRefuse fails the test unless the restore is refused for that reason and
// leaves everything as it was.
func mustRefuse(t *testing.T, options store.RestoreOptions, want string) {
	t.Helper()
	before := contents(t, filepath.Dir(options.Paths.Ledger))
	_, err := store.Restore(t.Context(), options)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	after := contents(t, filepath.Dir(options.Paths.Ledger))
	for name := range after {
		if !bytes.Equal(before[name], after[name]) {
			t.Errorf("%s was changed, or is new", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
}

// Ensure that a ledger too damaged to be opened can be replaced: that is what a
// backup is for.
func TestRestore_DamagedLedger(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	folder := mustBackUp(t, paths, keys)
	must(t, spoil(paths.Ledger, 0, 8192))
	if _, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys}); err == nil {
		t.Fatal("the ledger is not damaged enough")
	}
	if _, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys}); err != nil {
		t.Fatal(err)
	}
	storetest.MustOpenLedgerAt(t, paths.Ledger, store.LedgerOptions{Keys: keys})
}

// Ensure that a store of which nothing is left but the keys comes back, and that
// the present directory stays where that is wanted.
func TestRestore_EmptyAndPart(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	folder := mustBackUp(t, paths, keys)
	must(t, os.WriteFile(paths.Directory, []byte("another"), 0o600))
	if _, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: paths, Keys: keys, KeepDirectory: true}); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(paths.Directory); err != nil || string(kept) != "another" {
		t.Errorf("the directory was replaced: %v", err)
	}
	empty := store.PathsIn(filepath.Join(t.TempDir(), "new", "data"))
	restored, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: empty, Keys: keys})
	if err != nil || len(restored.Aside) != 0 {
		t.Fatalf("into an empty place: %v, %v", restored, err)
	}
	storetest.MustBeSound(t, empty.Ledger)
	storetest.MustBeSound(t, empty.Directory)
}
