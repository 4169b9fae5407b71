package dialer_test

import (
	"encoding/binary"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
)

// forgedTx is a transaction in which one table's rows read otherwise.
type forgedTx struct {
	dialer.Tx
	bucket dialer.Bucket
	forge  func(key, row []byte) []byte
}

// Get returns the row as it was forged.
func (t forgedTx) Get(bucket dialer.Bucket, key []byte) []byte {
	row := t.Tx.Get(bucket, key)
	if bucket == t.bucket && row != nil {
		return t.forge(key, slices.Clone(row))
	}
	return row
}

// Rows yields the rows as they were forged.
func (t forgedTx) Rows(bucket dialer.Bucket, from []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for key, row := range t.Tx.Rows(bucket, from) {
			if bucket == t.bucket {
				row = t.forge(key, slices.Clone(row))
			}
			if !yield(key, row) {
				return
			}
		}
	}
}

// Ensure that a contact who was reached twice on one day is found, by the caps of
// the very pack that the attempts relied on, and that nobody is found where the
// caps were kept.
func TestCheckCaps(t *testing.T) {
	in(t, plan{people: 6, speed: 600}, func(h *house) {
		first := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(first.ID, "closed")
		second := h.accept(h.job("second", "party-a"))
		h.awaitState(second.ID, "closed")
		h.halt()
		packs := map[string]*consent.Pack{h.pack.Version(): h.pack}
		h.view(func(tx dialer.Tx) {
			if faults := dialer.CheckCaps(tx, h.directory, packs); len(faults) > 0 {
				t.Errorf("caps that were kept: %q", faults)
			}
			// Every second attempt moves to the minute after the first one.
			forged := forgedTx{tx, dialer.BucketHistory, func(_, row []byte) []byte {
				const head, entry = 8, 8 + 8 + 2 + len("party-a")
				at := binary.BigEndian.Uint64(row[head+8:])
				binary.BigEndian.PutUint64(row[head+entry+8:], at+uint64(time.Minute))
				return row
			}}
			faults := dialer.CheckCaps(forged, h.directory, packs)
			if len(faults) != 6 || !strings.Contains(faults[0], "FR-F2") {
				t.Errorf("two on one day: %q", faults)
			}
			if faults := dialer.CheckCaps(forged, h.directory, nil); len(faults) > 0 {
				t.Errorf("without the pack: %q", faults)
			}
		})
	})
}
