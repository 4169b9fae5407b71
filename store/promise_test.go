package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that a move is in the file when its caller is answered, and not a
// moment later: what is built on it may be a message to somebody.
func TestLedger_Commit_DurableWhenAnswered(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	for i := range 100 {
		key := fmt.Sprint(i)
		if err := ledger.Commit(t.Context(), put(dialer.BucketInbound, key, "made")); err != nil {
			t.Fatal(err)
		}
		if mustGet(t, ledger, dialer.BucketInbound, key) == nil {
			t.Fatalf("move %d was answered and is not in the file", i)
		}
	}
}

// Ensure that a sealed number which was moved into another contact's row does
// not open there: nobody is dialled by a row that somebody has changed.
func TestDirectory_Number_Moved(t *testing.T) {
	t.Parallel()
	keys := storetest.MustMakeKeys(t)
	path := filepath.Join(t.TempDir(), "directory.db")
	builder, err := store.NewDirectoryBuilder(store.DirectoryBuilderOptions{Path: path, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	_, err = builder.Source("list", time.Time{})
	one, other := keys.Identity.ID(fictional(t, 1)), keys.Identity.ID(fictional(t, 2))
	err = errors.Join(err, builder.Add(&dialer.Contact{ID: one}, fictional(t, 1)), builder.Add(&dialer.Contact{ID: other}, fictional(t, 2)))
	if _, built := builder.Build(t.Context(), nil); err != nil || built != nil {
		t.Fatal(err, built)
	}
	err = update(path, func(tx *bolt.Tx) error {
		rows := tx.Bucket([]byte("contact"))
		return rows.Put(other[:], bytes.Clone(rows.Get(one[:])))
	})
	if err != nil {
		t.Fatal(err)
	}
	directory, err := store.OpenDirectory(path, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = directory.Close() })
	if number, err := directory.Number(one); err != nil || number != fictional(t, 1) {
		t.Errorf("its own row: %v", err)
	}
	if number, err := directory.Number(other); err == nil {
		t.Errorf("another's row opens as %s", number)
	}
}
