package store

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/hustings/hustings/consent/contact"
)

// SortedRows brings rows into the order of their contacts' IDs, however many
// they are: what does not fit into memory lies in working files. It is for lists
// that go into the ledger, which takes ascending rows many times faster than
// others. It is not safe for concurrent use, and must be closed.
type SortedRows struct {
	sorter *sorter
	failed error
}

// SortedRow is one row with the contact it is about.
type SortedRow struct {
	ID contact.ID
	// Row is valid until the next row is asked for.
	Row []byte
	// Repeated tells that an earlier row is for the same contact.
	Repeated bool
}

// sortedPattern names the working folders.
const sortedPattern = "list-*.sorting"

// NewSortedRows makes a working folder within the given one. Memory bounds what
// is sorted at a time, in bytes; 64 MiB where it is 0.
func NewSortedRows(folder string, memory int) (*SortedRows, error) {
	if memory <= 0 {
		memory = sortMemory
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for working files: %w", err)
	}
	dir, err := os.MkdirTemp(folder, sortedPattern)
	if err != nil {
		return nil, fmt.Errorf("make working folder: %w", err)
	}
	return &SortedRows{sorter: newSorter(dir, memory)}, nil
}

// Add takes one row.
func (s *SortedRows) Add(id contact.ID, row []byte) error {
	if s.failed == nil {
		s.failed = s.sorter.add(id, row)
	}
	return s.failed
}

// Count returns how many rows were added.
func (s *SortedRows) Count() uint64 { return s.sorter.count }

// Rows yields all rows in ascending order of IDs, those of one contact in the
// order in which they were added. An error ends it.
func (s *SortedRows) Rows() iter.Seq2[SortedRow, error] {
	return func(yield func(SortedRow, error) bool) {
		if err := errors.Join(s.failed, s.sorter.finish()); err != nil {
			yield(SortedRow{}, err)
			return
		}
		merged, err := newMerger(s.sorter.runs)
		if err != nil {
			yield(SortedRow{}, err)
			return
		}
		defer func() { _ = merged.close() }() // only read
		var last contact.ID
		for first := true; merged.least() != nil; first = false {
			least := merged.least()
			row := SortedRow{ID: least.id(), Row: least.row}
			row.Repeated = !first && row.ID == last
			if last = row.ID; !yield(row, nil) {
				return
			}
			if err := merged.next(); err != nil {
				yield(SortedRow{}, err)
				return
			}
		}
	}
}

// Close removes the working files. A second Close does nothing.
func (s *SortedRows) Close() error {
	s.failed = errBuilt
	s.sorter.drop()
	if err := os.RemoveAll(s.sorter.dir); err != nil {
		return fmt.Errorf("remove working files: %w", err)
	}
	return nil
}

// RemoveSorted removes the working folders that a killed process has left within
// the given one.
func RemoveSorted(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, sortedPattern))
	if err != nil {
		return fmt.Errorf("look for working folders in %s: %w", folder, err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove a working folder: %w", err)
		}
	}
	return nil
}
