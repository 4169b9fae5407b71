package storetest

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Size is what a table takes.
type Size struct {
	Rows uint64
	// Bytes are those of its pages, Used those of rows, keys and values alone.
	Bytes, Used uint64
}

// Sizes returns what each table of a bbolt file takes. Nobody may have the file
// open for writing.
func Sizes(path string) (map[string]Size, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: 1e9})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = db.Close() }() // only read
	sizes := map[string]Size{}
	err = db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			stats := bucket.Stats()
			const header = 16 // of each row in its page
			size := Size{Rows: uint64(stats.KeyN), Bytes: uint64(stats.LeafAlloc + stats.BranchAlloc)}
			size.Used = uint64(max(stats.LeafInuse-header*(stats.KeyN+stats.LeafPageN), 0))
			sizes[string(name)] = size
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("measure the tables of %s: %w", path, err)
	}
	return sizes, nil
}
