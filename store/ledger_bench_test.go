package store_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

// attemptMove is what the dialer commits for an attempt, in size and in order
// of keys: three rows, ascending.
type attemptMove struct {
	sequence *uint64 // the committer's alone
	keys     [3][8]byte
	values   [3][100]byte
}

func (m *attemptMove) Apply(tx dialer.Tx) {
	*m.sequence++
	for i, bucket := range [...]dialer.Bucket{dialer.BucketAttempt, dialer.BucketOpen, dialer.BucketAudit} {
		binary.BigEndian.PutUint64(m.keys[i][:], *m.sequence)
		tx.Put(bucket, m.keys[i][:], m.values[i][:32+i*30])
	}
}

func BenchmarkLedgerCommit(b *testing.B) {
	for _, goroutines := range []int{1, 64, 256, 600} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			var transactions atomic.Int64
			ledger, err := store.OpenLedger(filepath.Join(b.TempDir(), "ledger.db"), store.LedgerOptions{
				OnCommit: func(store.CommitStats) { transactions.Add(1) },
			})
			if err != nil {
				b.Fatal(err)
			}
			var sequence uint64
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range goroutines {
				all.Go(func() {
					m := attemptMove{sequence: &sequence}
					for left.Add(-1) >= 0 {
						if err := ledger.Commit(context.Background(), &m); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "moves/s")
			b.ReportMetric(float64(b.N)/float64(transactions.Load()), "moves/tx")
			if err := ledger.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
