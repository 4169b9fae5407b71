package store_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/store"
)

// Ensure that rows come out in the order of their contacts, none lost and none
// twice, whether they fit into memory or not, and that nothing is left of them.
func TestSortedRows(t *testing.T) {
	t.Parallel()
	for _, memory := range []int{0, 1 << 10} {
		dir := t.TempDir()
		rows, err := store.NewSortedRows(dir, memory)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		const most = 400
		added := map[contact.ID][]byte{}
		repeated := 0
		for i := range 1000 {
			var id contact.ID
			binary.BigEndian.PutUint32(id[:], random.Uint32N(most))
			row := binary.BigEndian.AppendUint32(nil, uint32(i))
			if added[id] != nil {
				repeated++
			} else {
				added[id] = row
			}
			if err := rows.Add(id, row); err != nil {
				t.Fatal(err)
			}
		}
		var last contact.ID
		count, again := 0, 0
		for row, err := range rows.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			if count++; bytes.Compare(row.ID[:], last[:]) < 0 {
				t.Fatalf("%s comes after %s", row.ID, last)
			}
			last = row.ID
			if row.Repeated {
				again++
			} else if !bytes.Equal(row.Row, added[row.ID]) {
				t.Errorf("the first row of %s is another one", row.ID)
			}
		}
		if count != 1000 || rows.Count() != 1000 || again != repeated {
			t.Errorf("%d rows of %d came out, %d of them repeated, want 1000 and %d", count, rows.Count(), again, repeated)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
		if err := rows.Add(last, nil); err == nil {
			t.Error("a row was added after the end")
		}
	}
}
