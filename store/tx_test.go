package store_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that a row without content is a row, and that there is none after it
// was deleted.
func TestTx_Get_Empty(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	for _, value := range [][]byte{nil, {}} {
		err := ledger.Commit(t.Context(), move(func(tx dialer.Tx) {
			tx.Put(dialer.BucketInbound, []byte("a"), value)
			if got := tx.Get(dialer.BucketInbound, []byte("a")); got == nil || len(got) != 0 {
				t.Errorf("got %v, want an empty value", got)
			}
			if got := tx.Get(dialer.BucketInbound, []byte("")); got != nil {
				t.Errorf("got %v for no key", got)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		if got := mustGet(t, ledger, dialer.BucketInbound, "b"); got != nil {
			t.Errorf("got %v where there is no row", got)
		}
	}
}

// Ensure that rows can be deleted, put and looked up while they are gone
// through, and that each is seen once.
func TestTx_Rows_Change(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	const rows = 5000 // several pages, two levels
	err := ledger.Commit(t.Context(), move(func(tx dialer.Tx) {
		for i := range rows {
			tx.Put(dialer.BucketDue, key(i), []byte("waiting"))
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	var seen []int
	err = ledger.Commit(t.Context(), move(func(tx dialer.Tx) {
		for k := range tx.Rows(dialer.BucketDue, key(10)) {
			i := int(binary.BigEndian.Uint32(k))
			seen = append(seen, i)
			tx.Delete(dialer.BucketDue, k)
			tx.Delete(dialer.BucketDue, key(i-1))
			tx.Put(dialer.BucketDue, key(i-5), []byte("again"))
			tx.Get(dialer.BucketDue, key(rows-1))
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]int, 0, rows)
	for i := 10; i < rows; i++ {
		want = append(want, i)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("saw %d rows, want %d, each once and in order", len(seen), len(want))
	}
}

// Ensure that a row cannot be changed in a View, nor a transaction be used
// after its end.
func TestLedger_View_Misuse(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	var kept dialer.Tx
	view := func(read func(dialer.Tx)) func() {
		return func() { _ = ledger.View(func(tx dialer.Tx) error { read(tx); return nil }) }
	}
	tests := []struct {
		name string
		do   func()
	}{
		{"put", view(func(tx dialer.Tx) { tx.Put(dialer.BucketDue, []byte("a"), nil) })},
		{"delete", view(func(tx dialer.Tx) { tx.Delete(dialer.BucketDue, []byte("a")) })},
		{"kept", func() {
			view(func(tx dialer.Tx) { kept = tx })()
			kept.Get(dialer.BucketDue, []byte("a"))
		}},
	}
	for _, test := range tests {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", test.name)
				}
			}()
			test.do()
		}()
	}
	reason := errors.New("reason")
	if err := ledger.View(func(tx dialer.Tx) error { tx.Fail(reason); return nil }); !errors.Is(err, reason) {
		t.Errorf("Fail: got %v", err)
	}
}

// Ensure that a row which is put late is seen at once by whoever asks, is gone
// when it was deleted, and is in the file in the end.
func TestTx_Put_Late(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	commit := func(apply func(dialer.Tx)) {
		t.Helper()
		if err := ledger.Commit(t.Context(), move(apply)); err != nil {
			t.Fatal(err)
		}
	}
	key := func(i byte) []byte { return []byte{'k', i} }
	commit(func(tx dialer.Tx) {
		for i := range byte(5) {
			tx.Put(dialer.BucketBalance, key(i), []byte("old"))
		}
	})
	commit(func(tx dialer.Tx) {
		for i := range byte(3) {
			tx.Put(dialer.BucketBalance, key(i), []byte("new"))
			if got := tx.Get(dialer.BucketBalance, key(i)); string(got) != "new" {
				t.Errorf("row %d is %q once it was put", i, got)
			}
		}
		tx.Put(dialer.BucketBalance, key(1), []byte("newer"))
		tx.Delete(dialer.BucketBalance, key(2))
		if got := tx.Get(dialer.BucketBalance, key(2)); got != nil {
			t.Errorf("the deleted row is %q", got)
		}
		var rows []string
		for k, v := range tx.Rows(dialer.BucketBalance, key(0)) {
			rows = append(rows, string(v))
			if k[1] == 0 {
				tx.Put(dialer.BucketBalance, key(4), []byte("ahead"))
			}
		}
		if want := []string{"new", "newer", "old", "ahead"}; !slices.Equal(rows, want) {
			t.Errorf("rows are %q, want %q", rows, want)
		}
		tx.Put(dialer.BucketBalance, key(5), []byte("last"))
	})
	for i, want := range []string{"new", "newer", "", "old", "ahead", "last"} {
		if got := mustGet(t, ledger, dialer.BucketBalance, string(key(byte(i)))); string(got) != want {
			t.Errorf("row %d is %q in the end, want %q", i, got, want)
		}
	}
}
