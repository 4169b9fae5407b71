package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that a second process is refused, with the first one's name.
func TestOpenLedger_Locked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	_, err := store.OpenLedger(path, store.LedgerOptions{LockTimeout: time.Millisecond})
	if want := fmt.Sprintf("(pid %d, started ", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if _, err := store.Check(t.Context(), store.CheckOptions{Paths: store.Paths{Ledger: path}}); err == nil {
		t.Error("checked while open")
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(path + ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
}

// Ensure that a start that was killed while it made the ledger leaves nothing
// that stands in the way, or stays.
func TestOpenLedger_Leftover(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	for _, leftover := range []string{path + ".123.tmp", path + ".owner", path + ".owner.tmp"} {
		if err := os.WriteFile(leftover, []byte("left over"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{}).Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Ensure that a file that this program must not write is refused.
func TestOpenLedger_Refused(t *testing.T) {
	t.Parallel()
	keys, others := storetest.MustMakeKeys(t), storetest.MustMakeKeys(t)
	tests := []struct {
		name    string
		prepare func(*bolt.Tx) error
		keys    *store.Keys
		want    string
	}{
		{"newer", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 0, 0, 9})
		}, keys, "schema 9 and this program knows 2 at most"},
		{"no schema", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("meta")).Delete([]byte("schema"))
		}, keys, "does not tell its schema"},
		{"no ledger", func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("meta")) }, keys, "is no ledger"},
		{"other identity key", nil, others, "another identity key: restore the right identity.key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ledger.db")
			ledger, err := store.OpenLedger(path, store.LedgerOptions{Keys: keys})
			if err != nil {
				t.Fatal(err)
			}
			if err := ledger.Close(); err != nil {
				t.Fatal(err)
			}
			if test.prepare != nil {
				mustUpdate(t, path, test.prepare)
			}
			if _, err := store.OpenLedger(path, store.LedgerOptions{Keys: test.keys}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// Ensure that a ledger says nothing of the seal key, and that what an older program has
// written of it stands in nobody's way.
func TestOpenLedger_OtherSealKey(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	path := filepath.Join(t.TempDir(), "ledger.db")
	check := []byte("key_check.seal")
	ledger := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{Keys: keys})
	if got := mustGet(t, ledger, dialer.BucketMeta, string(check)); got != nil {
		t.Errorf("a new ledger has the check value %x", got)
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	mustUpdate(t, path, func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Put(check, []byte("that of an older key")) })
	storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{Keys: keys.Turned()})
}

// Ensure that a ledger of an older program gets the tables that it lacks, keeps
// its rows, and is refused by that program from then on.
func TestOpenLedger_Older(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	if err := ledger.Commit(t.Context(), put(dialer.BucketDue, "a", "kept")); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	mustUpdate(t, path, func(tx *bolt.Tx) error {
		return errors.Join(tx.DeleteBucket([]byte("copy")), tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 0, 0, 1}))
	})
	ledger = storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	if err := ledger.Commit(t.Context(), put(dialer.BucketCopy, "b", "new")); err != nil {
		t.Fatal(err)
	}
	if got := mustGet(t, ledger, dialer.BucketDue, "a"); string(got) != "kept" {
		t.Errorf("the row is %q, want what it was", got)
	}
	if got := mustGet(t, ledger, dialer.BucketMeta, "schema"); !bytes.Equal(got, []byte{0, 0, 0, 2}) {
		t.Errorf("the schema is %x, want 2", got)
	}
}

// Ensure that a ledger that was cut short, anywhere, is refused with a reason.
func TestOpenLedger_CutShort(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	for i := range 2000 {
		key := fmt.Sprint(i)
		if i%500 == 499 {
			key = strings.Repeat("k", 1000+i)
		}
		ledger.SkipSync()
		if err := ledger.Commit(t.Context(), put(dialer.BucketDue, key, strings.Repeat("v", 300))); err != nil {
			t.Fatal(err)
		}
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := bytes.LastIndexFunc(whole, func(r rune) bool { return r != 0 })
	for size := 0; size < used; size += 40_000 {
		cut := filepath.Join(t.TempDir(), "ledger.db")
		if err := os.WriteFile(cut, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenLedger(cut, store.LedgerOptions{}); err == nil {
			t.Errorf("cut to %d bytes: opened", size)
		} else if size > 0 && !strings.Contains(err.Error(), "restore it from backup") {
			t.Errorf("cut to %d bytes: got %v", size, err)
		}
	}
}

func mustUpdate(t *testing.T, path string, change func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}
