package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// marked is a row's value that can be found in a file.
func marked(i int) []byte { return fmt.Appendf(nil, "row %04d that may be looked for", i) }

// mustFillLedger writes rows and deletes every other of them.
func mustFillLedger(tb testing.TB, path string, keys *store.Keys) {
	tb.Helper()
	ledger, err := store.OpenLedger(path, store.LedgerOptions{Keys: keys})
	if err != nil {
		tb.Fatal(err)
	}
	for _, act := range []func(dialer.Tx, []byte, int){
		func(tx dialer.Tx, key []byte, i int) { tx.Put(dialer.BucketGrant, key, marked(i)) },
		func(tx dialer.Tx, key []byte, i int) {
			if i%2 == 0 {
				tx.Delete(dialer.BucketGrant, key)
			}
		},
	} {
		err := ledger.Commit(tb.Context(), moveFunc(func(tx dialer.Tx) {
			for i := range 2000 {
				act(tx, fmt.Appendf(nil, "%04d", i), i)
			}
		}))
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := ledger.Close(); err != nil {
		tb.Fatal(err)
	}
}

type moveFunc func(dialer.Tx)

func (f moveFunc) Apply(tx dialer.Tx) { f(tx) }

// rowsOf returns all rows of a ledger, by table and key.
func rowsOf(tb testing.TB, path string, keys *store.Keys) map[string]string {
	tb.Helper()
	ledger := storetest.MustOpenLedgerAt(tb, path, store.LedgerOptions{Keys: keys})
	rows := map[string]string{}
	err := ledger.View(func(tx dialer.Tx) error {
		for bucket := range dialer.Buckets() {
			for key, row := range tx.Rows(bucket, nil) {
				rows[bucket.String()+" "+string(key)] = string(row)
			}
		}
		return nil
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		tb.Fatal(err)
	}
	return rows
}

// Ensure that compaction keeps every row, leaves no byte of a deleted one in
// either file, and lets go of those whom the directory must not hold.
func TestCompact(t *testing.T) {
	t.Parallel()
	paths := store.PathsIn(t.TempDir())
	keys := storetest.MustMakeKeys(t)
	mustFillLedger(t, paths.Ledger, keys)
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: paths.Directory, Keys: keys})
	for i := range 50 {
		number := fictional(t, i)
		if err := builder.Add(&dialer.Contact{ID: keys.Identity.ID(number)}, number); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	gone := keys.Identity.ID(fictional(t, 7))
	directory, err := os.ReadFile(paths.Directory)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(directory, gone[:])
	sealed := directory[at+contact.IDSize : at+contact.IDSize+8]
	before := rowsOf(t, paths.Ledger, keys)
	if file, err := os.ReadFile(paths.Ledger); err != nil || !bytes.Contains(file, marked(1500)) {
		t.Fatalf("a deleted row has left nothing behind: the test shows nothing; %v", err)
	}

	done, err := store.Compact(t.Context(), store.CompactOptions{
		Paths: paths, Keys: keys, Erased: func(dialer.Tx) map[contact.ID]bool { return map[contact.ID]bool{gone: true} },
	})
	if err != nil || done.Erased != 1 || done.LedgerAfter >= done.LedgerBefore {
		t.Errorf("%+v, %v", done, err)
	}
	after := rowsOf(t, paths.Ledger, keys)
	if !maps.Equal(before, after) || len(after) < 1000 {
		t.Errorf("%d rows became %d, or others", len(before), len(after))
	}
	for i := 0; i < 2000; i += 2 {
		mustNotHold(t, paths.Ledger, marked(i))
	}
	mustNotHold(t, paths.Directory, gone[:])
	mustNotHold(t, paths.Directory, sealed)
	storetest.MustBeSound(t, paths.Directory)
}

// mustNotHold reads a file raw.
func mustNotHold(tb testing.TB, path string, text []byte) {
	tb.Helper()
	if file, err := os.ReadFile(path); err != nil || bytes.Contains(file, text) {
		tb.Errorf("%s holds %q, %v", filepath.Base(path), text, err)
	}
}

// Ensure that a store in use is not compacted, and that a compaction which ends
// early leaves the ledger as it was and nothing beside it.
func TestCompact_Refused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paths := store.PathsIn(dir)
	keys := storetest.MustMakeKeys(t)
	mustFillLedger(t, paths.Ledger, keys)
	inUse, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Compact(t.Context(), store.CompactOptions{Paths: paths, Keys: keys}); err == nil || !strings.Contains(err.Error(), "has this store open") {
		t.Errorf("a store in use: %v", err)
	}
	if err := inUse.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(paths.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Compact(canceled, store.CompactOptions{Paths: paths, Keys: keys}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	after, err := os.ReadFile(paths.Ledger)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the ledger has changed, %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
