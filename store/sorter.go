package store

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hustings/hustings/consent/contact"
)

// An import sorts more rows than fit into memory. What fits is sorted and
// written to a file of its own, a run; Build then merges the runs. Rows are
// sealed before they get here.
//
//	record   ID (16)  ordinal (8)  length of the row (2)  row
const runHead = contact.IDSize + 8 + 2

// runRowMost is the longest row that a record can hold.
const runRowMost = 1<<16 - 1

// sortMemory is what is sorted at a time unless somebody says otherwise: a list
// of 28 million rows becomes some 80 runs.
const sortMemory = 64 << 20

// sorter collects records and spills them as sorted runs into dir. While one
// half of its memory is sorted and written, the other one fills.
type sorter struct {
	dir      string
	memory   int   // bytes that records and their index may take, both halves
	filling  *half // nil once there is nothing to come
	spare    *half // nil while it is spilled
	spilling chan spilled
	runs     []string
	count    uint64
}

// half is the records that become one run.
type half struct {
	records []byte
	index   []place
}

// place is where a record stands. The ID's 16 bytes as two numbers sort faster
// than as bytes; the offset grows with the ordinal, so that the first added
// comes first.
type place struct {
	high, low uint64
	offset    uint32
}

const placeSize = 24

// spilled is a half that is free again.
type spilled struct {
	half *half
	err  error
}

func newSorter(dir string, memory int) *sorter {
	return &sorter{dir: dir, memory: memory, filling: new(half), spare: new(half), spilling: make(chan spilled, 1)}
}

func (s *sorter) add(id contact.ID, row []byte) error {
	if s.filling == nil {
		return errBuilt
	}
	if len(row) > runRowMost {
		return fmt.Errorf("the row has %d bytes, %d at most fit", len(row), runRowMost)
	}
	h := s.filling
	if len(h.records)+runHead+len(row)+placeSize*(len(h.index)+1) > s.memory/2 && len(h.index) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
		h = s.filling
	}
	h.index = append(h.index, place{
		high: binary.BigEndian.Uint64(id[:8]), low: binary.BigEndian.Uint64(id[8:]), offset: uint32(len(h.records)),
	})
	h.records = append(h.records, id[:]...)
	h.records = binary.BigEndian.AppendUint64(h.records, s.count)
	h.records = binary.BigEndian.AppendUint16(h.records, uint16(len(row)))
	h.records = append(h.records, row...)
	s.count++
	return nil
}

// spill has what is held written as one run, beside the caller, once the run
// before it is.
func (s *sorter) spill() error {
	if err := s.wait(); err != nil {
		return err
	}
	full, path := s.filling, filepath.Join(s.dir, fmt.Sprintf("run.%05d", len(s.runs)))
	s.filling, s.spare = s.spare, nil
	s.runs = append(s.runs, path)
	go func() { s.spilling <- spilled{full, full.write(path)} }()
	return nil
}

// wait returns once no run is being written.
func (s *sorter) wait() error {
	if s.spare != nil || s.filling == nil {
		return nil
	}
	done := <-s.spilling
	s.spare = done.half
	return done.err
}

// finish writes what is still held and lets go of the memory. A second finish
// does nothing.
func (s *sorter) finish() error {
	defer s.drop()
	if s.filling == nil || len(s.filling.index) == 0 {
		return s.wait()
	}
	if err := s.spill(); err != nil {
		return err
	}
	return s.wait()
}

// drop lets go of the memory once nobody writes it to disk.
func (s *sorter) drop() {
	_ = s.wait() // whoever drops the records does not need them
	s.filling, s.spare = nil, nil
}

// write sorts the records into a file and makes room for others.
func (h *half) write(path string) (err error) {
	slices.SortFunc(h.index, func(a, b place) int {
		if a.high != b.high {
			return cmp.Compare(a.high, b.high)
		}
		return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.offset, b.offset))
	})
	// Not synced: an import that is killed starts over.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create run: %w", err)
	}
	defer func() {
		if closed := f.Close(); err == nil && closed != nil {
			err = fmt.Errorf("close run: %w", closed)
		}
	}()
	out := bufio.NewWriterSize(f, 1<<20)
	for _, at := range h.index {
		record := h.records[at.offset:]
		length := int(binary.BigEndian.Uint16(record[runHead-2:]))
		if _, err := out.Write(record[:runHead+length]); err != nil {
			return fmt.Errorf("write run: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	h.records, h.index = h.records[:0], h.index[:0]
	return nil
}
