package dialer

import "bytes"

// ascending is a reading transaction for whoever asks about many contacts in the
// order of their IDs. Most tables have rows of few contacts; between two rows
// nobody need be looked for, and where that is it remembers.
type ascending struct {
	Tx
	gaps [bucketCount]gap
}

// gap is where a table has no row: from a key on, up to the next row.
type gap struct {
	known     bool
	from      []byte
	to, value []byte // nil where no row follows
}

// First returns the first row from the key on.
func (a *ascending) First(bucket Bucket, from []byte) (key, value []byte) {
	g := &a.gaps[bucket]
	if g.known && bytes.Compare(from, g.from) >= 0 && (g.to == nil || bytes.Compare(from, g.to) <= 0) {
		return g.to, g.value
	}
	g.known, g.from = true, append(g.from[:0], from...)
	g.to, g.value = a.Tx.First(bucket, from)
	return g.to, g.value
}

// Get returns the row's value, nil where there is none.
func (a *ascending) Get(bucket Bucket, key []byte) []byte {
	found, value := a.First(bucket, key)
	if !bytes.Equal(found, key) {
		return nil
	}
	return value
}
