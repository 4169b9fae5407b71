package dialer_test

import (
	"iter"
	"testing"

	"github.com/hustings/hustings/dialer"
)

// holedTx is a transaction in which one row is missing.
type holedTx struct {
	dialer.Tx
	bucket dialer.Bucket
	key    string
}

// Get does not find the row.
func (t holedTx) Get(bucket dialer.Bucket, key []byte) []byte {
	if bucket == t.bucket && string(key) == t.key {
		return nil
	}
	return t.Tx.Get(bucket, key)
}

// First passes over the row.
func (t holedTx) First(bucket dialer.Bucket, from []byte) (key, value []byte) {
	for key, value = range t.Rows(bucket, from) {
		return key, value
	}
	return nil, nil
}

// Rows passes over the row.
func (t holedTx) Rows(bucket dialer.Bucket, from []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for key, row := range t.Tx.Rows(bucket, from) {
			if bucket == t.bucket && string(key) == t.key {
				continue
			}
			if !yield(key, row) {
				return
			}
		}
	}
}

// Ensure that no row of the books can be lost without the check noticing.
func TestCheckBooks_FindsLostRows(t *testing.T) {
	in(t, plan{people: 30, inFlight: 3}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			switch number {
			case 1:
				return answered(dialer.Refused, 21211, dialer.NoEffect)
			case 2:
				return unclear(false)
			case 3:
				return accepted()
			}
			return delivered()
		})
		job := h.accept(h.job("first", "party-a"))
		h.inbound(h.directory.people[0], "je vais stop ou encore", false) // waits for a person
		h.run()
		h.await("all but three are done", func() bool {
			b := h.show(job.ID).Balance
			return b.Final["delivered"] == 26 && b.Waiting == 1 && b.InDoubt+b.Placed == 2
		})
		h.halt()
		h.view(func(tx dialer.Tx) {
			for _, bucket := range []dialer.Bucket{
				dialer.BucketName, dialer.BucketCampaign, dialer.BucketExclusion, dialer.BucketRecipient, dialer.BucketAttempt,
				dialer.BucketOpen, dialer.BucketDue, dialer.BucketClaim, dialer.BucketAudit, dialer.BucketWording,
				dialer.BucketSpent,
			} {
				rows := 0
				for key := range tx.Rows(bucket, nil) {
					rows++
					if faults := dialer.CheckBooks(holedTx{tx, bucket, string(key)}); len(faults) == 0 {
						t.Errorf("row %d of table %s can be lost unnoticed", rows, bucket)
					}
				}
				if rows == 0 {
					t.Errorf("table %s has no row to lose", bucket)
				}
			}
		})
	})
}
