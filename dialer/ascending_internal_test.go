package dialer

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// Ensure that what is remembered of gaps never changes an answer, in whatever order
// is asked.
func TestAscending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tx := new(memoryTx)
		key := rapid.SliceOfN(rapid.ByteRange('a', 'd'), 1, 3)
		for _, row := range rapid.SliceOfN(key, 0, 12).Draw(t, "rows") {
			tx.Put(BucketGrant, row, append([]byte("row "), row...))
		}
		a := &ascending{Tx: tx}
		for _, asked := range rapid.SliceOfN(key, 1, 40).Draw(t, "asked") {
			found, value := a.First(BucketGrant, asked)
			if want, row := tx.First(BucketGrant, asked); !bytes.Equal(found, want) || !bytes.Equal(value, row) {
				t.Fatalf("from %s on: %s, %s, want %s, %s", asked, found, value, want, row)
			}
			if got, want := a.Get(BucketGrant, asked), tx.Get(BucketGrant, asked); !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Fatalf("%s: %s, want %s", asked, got, want)
			}
		}
	})
}
