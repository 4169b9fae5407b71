package storetest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// sealedSize is how long a sealed number is, at the end of its row.
const sealedSize = 24

// MustReadSealed returns the sealed numbers of a directory file, as they stand in it.
func MustReadSealed(tb testing.TB, path string) (sealed [][]byte) {
	tb.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	err = db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("contact")).ForEach(func(_, row []byte) error {
			sealed = append(sealed, bytes.Clone(row[len(row)-sealedSize:]))
			return nil
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		tb.Fatal(err)
	}
	return sealed
}
