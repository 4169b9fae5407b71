package store

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// load fills a new bbolt file with ascending rows.
type load struct {
	db   *bolt.DB
	tx   *bolt.Tx
	rows *bolt.Bucket
	// cells are the rows' columns, written along with them.
	cells *cellWriter
	n     int
	// held are the rows of this transaction: bbolt refers to them until it has
	// written them.
	held []byte
}

// Within a transaction bbolt looks for each row's place among all those before
// it: larger ones are slower and take more memory, smaller ones write more heads.
const (
	loadRows = 32_000
	loadHeld = 4 << 20
)

func newLoad(path string, rows uint64, attributes []dialer.Attribute) (*load, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoStatistics: true,
		// One sync at the end is enough: the file has no name yet.
		NoSync: true, NoGrowSync: true,
		// Every remapping copies what the transaction holds.
		InitialMmapSize: int(rows)*128 + 1<<20,
	})
	if err != nil {
		return nil, fmt.Errorf("create new file: %w", err)
	}
	return &load{db: db, cells: newCellWriter(attributes), held: make([]byte, 0, loadHeld)}, nil
}

// hold returns a copy of row that stays until its transaction is written.
func (l *load) hold(row []byte) []byte {
	if cap(l.held)-len(l.held) < len(row) {
		l.held = make([]byte, 0, loadHeld) // what is held already stays with its rows
	}
	start := len(l.held)
	l.held = append(l.held, row...)
	return l.held[start:len(l.held):len(l.held)]
}

func (l *load) begin() (err error) {
	if l.tx, err = l.db.Begin(true); err != nil {
		return fmt.Errorf("begin to write: %w", err)
	}
	if l.rows, err = l.tx.CreateBucketIfNotExists(directoryRows); err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	l.rows.FillPercent = 1 // never changed: half-full pages would stay so
	return nil
}

func (l *load) put(id contact.ID, row []byte) error {
	if l.tx == nil {
		if err := l.begin(); err != nil {
			return err
		}
	}
	if err := l.rows.Put(id[:], row); err != nil {
		return fmt.Errorf("write contact %s: %w", id, err)
	}
	if err := l.cells.add(l.tx, row); err != nil {
		return fmt.Errorf("write contact %s: %w", id, err)
	}
	if l.n++; l.n < loadRows {
		return nil
	}
	return l.commit()
}

func (l *load) commit() error {
	tx := l.tx
	l.tx, l.n = nil, 0
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write contacts: %w", err)
	}
	l.held = l.held[:0]
	return nil
}

// finish writes the head and brings all to disk.
func (l *load) finish(head func(*bolt.Tx) error) error {
	if l.tx == nil {
		if err := l.begin(); err != nil {
			return err
		}
	}
	if err := errors.Join(l.cells.finish(l.tx), head(l.tx)); err != nil {
		return err
	}
	if err := l.commit(); err != nil {
		return err
	}
	if err := l.db.Sync(); err != nil {
		return fmt.Errorf("sync new file: %w", err)
	}
	return nil
}

func (l *load) close() error {
	var err error
	if l.tx != nil {
		err = l.tx.Rollback()
		l.tx = nil
	}
	if err := errors.Join(err, l.db.Close()); err != nil {
		return fmt.Errorf("close new file: %w", err)
	}
	return nil
}
