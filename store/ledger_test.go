package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// move is a dialer.Move made of a function.
type move func(dialer.Tx)

func (m move) Apply(tx dialer.Tx) { m(tx) }

// urgentMove is a move that objections stand for.
type urgentMove struct{ move }

func (urgentMove) Urgent() {}

func put(bucket dialer.Bucket, key, value string) move {
	return func(tx dialer.Tx) { tx.Put(bucket, []byte(key), []byte(value)) }
}

func mustGet(t *testing.T, ledger dialer.Ledger, bucket dialer.Bucket, key string) (value []byte) {
	t.Helper()
	err := ledger.View(func(tx dialer.Tx) error {
		value = bytes.Clone(tx.Get(bucket, []byte(key)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Ensure that what was committed is there after the ledger was opened anew, in
// every table.
func TestLedger_Reopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	for bucket := range dialer.Buckets() {
		if err := ledger.Commit(t.Context(), put(bucket, "key", bucket.String())); err != nil {
			t.Fatal(err)
		}
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	again := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	for bucket := range dialer.Buckets() {
		if got := mustGet(t, again, bucket, "key"); string(got) != bucket.String() {
			t.Errorf("table %s: got %q", bucket, got)
		}
	}
}

// Ensure that objections go first, whatever came before them.
func TestLedger_Commit_UrgentFirst(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	var order []string // the committer's alone until all have returned
	busy, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	commit := func(m dialer.Move) {
		all.Go(func() {
			if err := ledger.Commit(context.Background(), m); err != nil {
				t.Error(err)
			}
		})
	}
	commit(move(func(dialer.Tx) { close(busy); <-release }))
	<-busy
	for range 3 {
		commit(move(func(dialer.Tx) { order = append(order, "ordinary") }))
	}
	for ledger.Waiting() < 3 {
		runtime.Gosched()
	}
	commit(urgentMove{func(dialer.Tx) { order = append(order, "urgent") }})
	for ledger.Waiting() < 4 {
		runtime.Gosched()
	}
	close(release)
	all.Wait()
	if want := []string{"urgent", "ordinary", "ordinary", "ordinary"}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
}

// Ensure that a caller who goes away once the move is handed in still learns
// what came of it, and that one who is away beforehand changes nothing.
func TestLedger_Commit_Context(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := ledger.Commit(ctx, move(func(tx dialer.Tx) {
		cancel()
		tx.Put(dialer.BucketInbound, []byte("made"), nil)
	}))
	if err != nil {
		t.Errorf("handed in: got %v", err)
	}
	err = ledger.Commit(ctx, put(dialer.BucketInbound, "not made", ""))
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrStopped) {
		t.Errorf("away beforehand: got %v", err)
	}
	if mustGet(t, ledger, dialer.BucketInbound, "made") == nil || mustGet(t, ledger, dialer.BucketInbound, "not made") != nil {
		t.Error("the wrong move was made")
	}
}

// Ensure that a ledger that failed once fails for ever, tells everybody, and
// keeps nothing of the transaction that failed.
func TestLedger_Commit_Failure(t *testing.T) {
	t.Parallel()
	reason := errors.New("row cannot be read")
	tests := []struct {
		name string
		move move
		want string
	}{
		{"fail", func(tx dialer.Tx) { tx.Fail(reason); tx.Fail(errors.New("later")) }, "row cannot be read"},
		{"panic", func(dialer.Tx) { panic("the sums do not agree") }, "the sums do not agree"},
		{"exit", func(dialer.Tx) { runtime.Goexit() }, "ended the committer"},
		{"no key", func(tx dialer.Tx) { tx.Put(dialer.BucketDue, nil, nil) }, "put row in table due"},
		{"long key", func(tx dialer.Tx) { tx.Put(dialer.BucketDue, make([]byte, bolt.MaxKeySize+1), nil) }, "put row in table due"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ledger.db")
			ledger := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
			err := ledger.Commit(t.Context(), move(func(tx dialer.Tx) {
				tx.Put(dialer.BucketInbound, []byte("part"), nil)
				test.move(tx)
			}))
			if !errors.Is(err, store.ErrStopped) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			<-ledger.Failed()
			if err := ledger.Commit(t.Context(), put(dialer.BucketInbound, "later", "")); !errors.Is(err, store.ErrStopped) {
				t.Errorf("a later move: got %v", err)
			}
			if err := ledger.View(func(dialer.Tx) error { return nil }); !errors.Is(err, store.ErrStopped) {
				t.Errorf("a later view: got %v", err)
			}
			if err := ledger.Close(); err != nil {
				t.Error(err)
			}
			again := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
			if mustGet(t, again, dialer.BucketInbound, "part") != nil {
				t.Error("part of the failed transaction was kept")
			}
		})
	}
}

// Ensure that everybody who waits while a commit fails is told.
func TestLedger_Commit_FailureTellsAll(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	busy, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := ledger.Commit(context.Background(), move(func(dialer.Tx) { close(busy); <-release; panic("failed") }))
		if !errors.Is(err, store.ErrStopped) {
			t.Errorf("the one that failed: got %v", err)
		}
	})
	<-busy
	const waiting = 3000 // several batches
	for i := range waiting {
		all.Go(func() {
			var m dialer.Move = move(func(dialer.Tx) { t.Error("a move was made after the failure") })
			if i%2 == 0 {
				m = urgentMove{m.(move)}
			}
			if err := ledger.Commit(context.Background(), m); !errors.Is(err, store.ErrStopped) {
				t.Errorf("got %v", err)
			}
		})
	}
	for ledger.Waiting() < waiting {
		runtime.Gosched()
	}
	close(release)
	all.Wait()
}

// Ensure that Close makes what was handed in and refuses the rest.
func TestLedger_Close(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	var all sync.WaitGroup
	var mu sync.Mutex
	var made []string
	for i := range 200 {
		all.Go(func() {
			key := fmt.Sprint(i)
			err := ledger.Commit(context.Background(), put(dialer.BucketInbound, key, ""))
			if err != nil && !errors.Is(err, store.ErrStopped) {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				made = append(made, key)
				mu.Unlock()
			}
		})
	}
	for range 2 {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	select {
	case <-ledger.Failed():
		t.Error("closing counts as a failure")
	default:
	}
	again := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
	for _, key := range made {
		if mustGet(t, again, dialer.BucketInbound, key) == nil {
			t.Errorf("%s was acknowledged and is gone", key)
		}
	}
}

// Ensure that a copy made while moves go on is a ledger of one instant.
func TestLedger_WriteTo(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			// Two rows that must agree in every copy.
			err := ledger.Commit(context.Background(), move(func(tx dialer.Tx) {
				tx.Put(dialer.BucketName, []byte("a"), fmt.Append(nil, i))
				tx.Put(dialer.BucketPack, []byte("a"), fmt.Append(nil, i))
			}))
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 5 {
		path := filepath.Join(t.TempDir(), fmt.Sprint("copy", i))
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := ledger.WriteTo(f)
		if err := errors.Join(err, f.Close()); err != nil || n == 0 {
			t.Fatal(n, err)
		}
		copied := storetest.MustOpenLedgerAt(t, path, store.LedgerOptions{})
		if a, b := mustGet(t, copied, dialer.BucketName, "a"), mustGet(t, copied, dialer.BucketPack, "a"); !bytes.Equal(a, b) {
			t.Errorf("got %s and %s", a, b)
		}
	}
	close(stop)
	writer.Wait()
}

// Ensure that the hook is told of every move once.
func TestLedger_OnCommit(t *testing.T) {
	t.Parallel()
	var moves, urgent int
	ledger := storetest.MustOpenLedgerAt(t, filepath.Join(t.TempDir(), "ledger.db"), store.LedgerOptions{
		OnCommit: func(s store.CommitStats) {
			moves += s.Moves
			urgent += s.Urgent
			if s.Took <= 0 {
				t.Errorf("took %s", s.Took)
			}
		},
	})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			var m dialer.Move = put(dialer.BucketInbound, fmt.Sprint(i), "")
			if i%4 == 0 {
				m = urgentMove{m.(move)}
			}
			if err := ledger.Commit(context.Background(), m); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if moves != 100 || urgent != 25 {
		t.Errorf("got %d moves, %d urgent; want 100 and 25", moves, urgent)
	}
}
