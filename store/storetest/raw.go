package storetest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// rawRows is how many rows a transaction of the raw load has: with more of them
// bbolt takes more memory and becomes no faster.
const rawRows = 500_000

// RawLoad returns how long bbolt takes to write the rows of a directory, in
// their order, into a file of its own: see RawCopy.
func RawLoad(tb testing.TB, directory string) time.Duration {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "raw.db")
	took, err := RawCopy(directory, path)
	if err != nil {
		tb.Fatal(err)
	}
	_ = os.Remove(path) // nobody reads it
	return took
}

// RawCopy returns how long bbolt takes to write the rows of the directory, in
// their order, into a new file at path, and to sync that: what an import cannot
// do without. The rows are read into memory part by part, off the clock.
func RawCopy(directory, path string) (took time.Duration, err error) {
	from, err := bolt.Open(directory, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("open the directory: %w", err)
	}
	defer func() { _ = from.Close() }() // only read
	info, err := os.Stat(directory)
	if err != nil {
		return 0, fmt.Errorf("look at the directory: %w", err)
	}
	to, err := bolt.Open(path, 0o600, &bolt.Options{
		FreelistType: bolt.FreelistMapType, NoSync: true, NoGrowSync: true, InitialMmapSize: int(2 * info.Size()),
	})
	if err != nil {
		return 0, fmt.Errorf("make a file: %w", err)
	}
	defer func() { _ = to.Close() }() // it is synced
	return rawLoad(from, to)
}

func rawLoad(from, to *bolt.DB) (took time.Duration, err error) {
	table := []byte("contact")
	err = from.View(func(read *bolt.Tx) error {
		cursor := read.Bucket(table).Cursor()
		key, value := cursor.First()
		for key != nil {
			var keys, values [][]byte
			for ; key != nil && len(keys) < rawRows; key, value = cursor.Next() {
				keys, values = append(keys, append([]byte(nil), key...)), append(values, append([]byte(nil), value...))
			}
			began := time.Now()
			if err := to.Update(func(write *bolt.Tx) error {
				rows, err := write.CreateBucketIfNotExists(table)
				if err != nil {
					return err
				}
				rows.FillPercent = 1
				for i := range keys {
					if err := rows.Put(keys[i], values[i]); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
			took += time.Since(began)
		}
		return nil
	})
	if err != nil {
		return took, err
	}
	began := time.Now()
	err = to.Sync()
	return took + time.Since(began), err
}
