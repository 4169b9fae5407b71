package dialer_test

import (
	"testing"

	"github.com/hustings/hustings/dialer"
)

// worked is a house with a campaign in which everything has happened.
func (h *house) worked() {
	h.t.Helper()
	h.carrier.answers(func(number int, _ dialer.Request) reply {
		switch number {
		case 1:
			return answered(dialer.Refused, 21211, dialer.NoEffect)
		case 2:
			return unclear(false)
		case 3:
			return answered(dialer.Withdrawn, 20429, dialer.EffectThrottle)
		}
		return delivered()
	})
	job := h.accept(h.job("first", "party-a"))
	h.run()
	h.awaitState(job.ID, "closed")
	h.halt()
}

// Ensure that the rows that stand for a contact's will, for caps and for packs
// cannot be lost without the check noticing, either.
func TestCheckBooks_FindsLostBasis(t *testing.T) {
	in(t, plan{people: 8, speed: 600}, func(h *house) {
		h.worked()
		h.view(func(tx dialer.Tx) {
			for bucket, rows := range map[dialer.Bucket]int{
				dialer.BucketHistory: 7, dialer.BucketBalance: 1, dialer.BucketWording: 1, dialer.BucketPack: 1, dialer.BucketGrant: 7,
			} {
				found := 0
				for key := range tx.Rows(bucket, nil) {
					if len(dialer.CheckBooks(holedTx{tx, bucket, string(key)})) > 0 {
						found++
					}
				}
				// A contact who was never reached has a grant that nobody relied on.
				if found < rows {
					t.Errorf("%d rows of table %s can be lost with notice, want %d", found, bucket, rows)
				}
			}
		})
	})
}

// Ensure that nothing of what an intent has fixed can be changed afterwards, nor
// what counters, caps and reports are made of.
func TestCheckBooks_FindsChangedRows(t *testing.T) {
	in(t, plan{people: 3, speed: 600}, func(h *house) {
		h.worked()
		h.view(func(tx dialer.Tx) {
			if faults := dialer.CheckBooks(tx); len(faults) > 0 {
				t.Fatal(faults)
			}
			for _, of := range []struct {
				bucket dialer.Bucket
				bytes  int // how many of the row's first bytes are all watched
			}{
				{dialer.BucketAttempt, dialer.IntentPart + 1},
				{dialer.BucketAudit, 32},
				{dialer.BucketAuditBody, 40},
				{dialer.BucketHistory, 16},
				{dialer.BucketName, 4},
				{dialer.BucketSpent, 4},
			} {
				for key, row := range tx.Rows(of.bucket, nil) {
					for at := range min(of.bytes, len(row)) {
						changed := forgedTx{tx, of.bucket, func(k, row []byte) []byte {
							if string(k) == string(key) {
								row[at] ^= 0x40
							}
							return row
						}}
						if len(dialer.CheckBooks(changed)) == 0 {
							t.Errorf("byte %d of a row of table %s can be changed unnoticed", at, of.bucket)
						}
					}
				}
			}
		})
	})
}
