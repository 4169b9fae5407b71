package store

import (
	"bytes"
	"fmt"
	"iter"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
)

// bucketKeys are the tables' names in the file, by dialer.Bucket.
var bucketKeys = func() (names [][]byte) {
	for b := range dialer.Buckets() {
		names = append(names, []byte(b.String()))
	}
	return names
}()

// fillPercent is how full pages are left in tables that grow at their end. The
// usual half would waste the other half for ever, since nothing is inserted
// between. Rows of attempts still grow a little once the carrier has answered.
// Grants and outside lists come sorted, millions at a time, and few are inserted
// between afterwards.
var fillPercent = map[dialer.Bucket]float64{
	dialer.BucketAttempt:   0.9,
	dialer.BucketAudit:     1,
	dialer.BucketAuditBody: 1,
	dialer.BucketGrant:     0.9,
	dialer.BucketList:      0.9,
}

// writtenLate are the tables in which most moves of a transaction change the
// same few rows: the sequences, and the balances of the campaigns that run. Such
// a row is put once, with its last value, when the transaction ends.
var writtenLate = map[dialer.Bucket]bool{dialer.BucketMeta: true, dialer.BucketBalance: true}

// tx is a dialer.Tx over a bbolt transaction. One value serves many
// transactions, one after the other; tables are opened when first used.
type tx struct {
	bolt   *bolt.Tx
	tables []table
	err    error
}

type table struct {
	bucket *bolt.Bucket
	cursor *bolt.Cursor // for Get, which bbolt would make anew each time
	// idle are cursors for Rows that nobody uses now.
	idle []*bolt.Cursor
	// changes counts Put and Delete. A cursor is invalid after either, so that
	// Rows finds its place again when the count has moved.
	changes uint
	// late are the rows that were put and are not in the bucket yet; nil where
	// the table is not written late.
	late map[string]*lateRow
}

type lateRow struct{ value []byte }

func newTx() *tx { return &tx{tables: make([]table, len(bucketKeys))} }

func (t *tx) begin(btx *bolt.Tx) { t.bolt, t.err = btx, nil }

// end forgets the transaction, so that nothing can hold or use it afterwards.
func (t *tx) end() {
	t.bolt = nil
	clear(t.tables)
}

func (t *tx) table(b dialer.Bucket) *table {
	opened := &t.tables[b]
	if opened.bucket == nil {
		if t.bolt == nil {
			panic("store: a transaction was used after its end")
		}
		opened.bucket = t.bolt.Bucket(bucketKeys[b])
		if opened.bucket == nil {
			return opened // an older file, open for reading only: no rows
		}
		opened.cursor = opened.bucket.Cursor()
		if fill, set := fillPercent[b]; set {
			opened.bucket.FillPercent = fill
		}
		if writtenLate[b] && t.bolt.Writable() {
			opened.late = map[string]*lateRow{}
		}
	}
	return opened
}

// Get returns the row's value, nil where there is none.
func (t *tx) Get(b dialer.Bucket, key []byte) []byte {
	opened := t.table(b)
	if opened.bucket == nil {
		return nil
	}
	if row := opened.late[string(key)]; row != nil {
		return row.value
	}
	found, value := opened.cursor.Seek(key)
	if found == nil || !bytes.Equal(found, key) {
		return nil
	}
	return value
}

// First returns the first row from the key on, nil where there is none.
func (t *tx) First(b dialer.Bucket, from []byte) (key, value []byte) {
	opened := t.table(b)
	if opened.bucket == nil {
		return nil, nil
	}
	t.settle(b)
	return opened.cursor.Seek(from)
}

// Rows yields the rows from the key on, in ascending order. Rows may be put and
// deleted on the way; those ahead are seen as they then are.
func (t *tx) Rows(b dialer.Bucket, from []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		opened := t.table(b)
		if opened.bucket == nil {
			return
		}
		t.settle(b)
		cursor := opened.borrow()
		defer opened.giveBack(cursor)
		key, value := cursor.Seek(from)
		for key != nil {
			changes := opened.changes
			if !yield(key, value) {
				return
			}
			if t.bolt == nil {
				panic("store: rows were read after their transaction's end")
			}
			if opened.changes == changes {
				key, value = cursor.Next()
			} else {
				t.settle(b)
				key, value = after(cursor, key)
			}
		}
	}
}

// borrow returns a cursor that is nobody else's until it is given back.
func (t *table) borrow() *bolt.Cursor {
	last := len(t.idle) - 1
	if last < 0 {
		return t.bucket.Cursor()
	}
	cursor := t.idle[last]
	t.idle = t.idle[:last]
	return cursor
}

func (t *table) giveBack(cursor *bolt.Cursor) { t.idle = append(t.idle, cursor) }

// after returns the first row behind key, whether or not key is still there.
func after(cursor *bolt.Cursor, key []byte) ([]byte, []byte) {
	found, value := cursor.Seek(key)
	if found != nil && bytes.Equal(found, key) {
		return cursor.Next()
	}
	return found, value
}

// Put sets a row.
func (t *tx) Put(b dialer.Bucket, key, value []byte) {
	opened := t.change(b, "put")
	if value == nil {
		value = []byte{} // a row without content is still a row: Get must not return nil
	}
	switch row := opened.late[string(key)]; {
	case row != nil:
		row.value = value
	case opened.late != nil:
		opened.late[string(key)] = &lateRow{value}
	default:
		t.put(b, key, value)
	}
}

func (t *tx) put(b dialer.Bucket, key, value []byte) {
	if err := t.tables[b].bucket.Put(key, value); err != nil {
		t.Fail(fmt.Errorf("put row in table %s: %w", b, err))
	}
}

// settle puts what waits to be written late.
func (t *tx) settle(b dialer.Bucket) {
	late := t.tables[b].late
	for key, row := range late {
		t.put(b, []byte(key), row.value)
	}
	clear(late)
}

// finish puts all that waits to be written late: the transaction ends.
func (t *tx) finish() {
	for b := range writtenLate {
		t.settle(b)
	}
}

// Delete removes a row; none there is no fault.
func (t *tx) Delete(b dialer.Bucket, key []byte) {
	t.settle(b)
	if err := t.change(b, "deleted").bucket.Delete(key); err != nil {
		t.Fail(fmt.Errorf("delete row in table %s: %w", b, err))
	}
}

func (t *tx) change(b dialer.Bucket, what string) *table {
	opened := t.table(b)
	if !t.bolt.Writable() {
		panic(fmt.Sprintf("store: a row of table %s was %s in a View", b, what))
	}
	opened.changes++
	return opened
}

// Fail makes the transaction fail; the first reason is kept.
func (t *tx) Fail(err error) {
	if t.err == nil {
		t.err = err
	}
}
