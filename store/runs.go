package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/hustings/hustings/consent/contact"
)

// merger yields the records of all runs in order of ID, then ordinal.
type merger struct {
	heap []*runReader // the least record first
	all  []*runReader
}

// runReader is a run at one record.
type runReader struct {
	file    *os.File
	in      *bufio.Reader
	head    [runHead]byte
	row     []byte // valid until advance
	ordinal uint64
}

// mergeBuffer is read from each run at a time.
const mergeBuffer = 256 << 10

func newMerger(runs []string) (*merger, error) {
	m := new(merger)
	for _, path := range runs {
		f, err := os.Open(path)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open run: %w", err), m.close())
		}
		r := &runReader{file: f, in: bufio.NewReaderSize(f, mergeBuffer)}
		m.all = append(m.all, r)
		more, err := r.advance()
		if err != nil {
			return nil, errors.Join(err, m.close())
		}
		if more {
			m.heap = append(m.heap, r)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m, nil
}

func (r *runReader) advance() (bool, error) {
	if _, err := io.ReadFull(r.in, r.head[:]); errors.Is(err, io.EOF) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("read run: %w", err)
	}
	r.ordinal = binary.BigEndian.Uint64(r.head[contact.IDSize:])
	length := int(binary.BigEndian.Uint16(r.head[runHead-2:]))
	r.row = slices.Grow(r.row[:0], length)[:length]
	if _, err := io.ReadFull(r.in, r.row); err != nil {
		return false, fmt.Errorf("read run: %w", err)
	}
	return true, nil
}

// key is the part of the head by which records are sorted.
func (r *runReader) key() []byte { return r.head[:contact.IDSize+8] }

func (r *runReader) id() contact.ID { return contact.ID(r.head[:contact.IDSize]) }

// least returns the run whose record comes next, nil at the end.
func (m *merger) least() *runReader {
	if len(m.heap) == 0 {
		return nil
	}
	return m.heap[0]
}

// next moves on to the record after the least one.
func (m *merger) next() error {
	more, err := m.heap[0].advance()
	if err != nil {
		return err
	}
	if !more {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	m.sink(0)
	return nil
}

func (m *merger) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(m.heap) {
			return
		}
		if right := child + 1; right < len(m.heap) && bytes.Compare(m.heap[right].key(), m.heap[child].key()) < 0 {
			child = right
		}
		if bytes.Compare(m.heap[i].key(), m.heap[child].key()) <= 0 {
			return
		}
		m.heap[i], m.heap[child] = m.heap[child], m.heap[i]
		i = child
	}
}

func (m *merger) close() error {
	var errs []error
	for _, r := range m.all {
		errs = append(errs, r.file.Close())
	}
	return errors.Join(errs...)
}
