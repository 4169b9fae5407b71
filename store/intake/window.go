package intake

import "io"

// The limits of what a list may hold. They are far above any real list and
// bound the memory that the worst one can take.
const (
	// MaxRow is the greatest length of a row in bytes.
	MaxRow = 1 << 20
	// MaxField is the greatest length of a field in bytes, as it stands in the
	// file.
	MaxField = 4 << 10
	// MaxColumns is the greatest number of columns.
	MaxColumns = 200
)

const (
	firstWindow = 64 << 10
	emptyReads  = 100 // A reader that returns nothing this often in a row is stuck.
)

// window holds the part of a list that is being looked at: at least the
// current row, at most MaxRow bytes.
type window struct {
	source     io.Reader
	data       []byte
	start, end int
	err        error // io.EOF, or why no more can be read.
}

func newWindow(source io.Reader) *window {
	return &window{source: source, data: make([]byte, firstWindow)}
}

// pending returns the bytes that were read and not yet passed.
func (w *window) pending() []byte { return w.data[w.start:w.end] }

// pass moves on by n pending bytes. What they held must not be used after the
// next call of more.
func (w *window) pass(n int) { w.start += n }

// more reads more bytes behind the pending ones. It returns false where there
// are none (see err) or where the window is full.
func (w *window) more() bool {
	if w.err != nil || w.end-w.start >= MaxRow {
		return false
	}
	if w.start > 0 {
		w.end = copy(w.data, w.pending())
		w.start = 0
	}
	if w.end == len(w.data) {
		grown := make([]byte, min(2*len(w.data), MaxRow))
		copy(grown, w.data)
		w.data = grown
	}
	for range emptyReads {
		n, err := w.source.Read(w.data[w.end:])
		w.end += n
		if err != nil {
			w.err = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	w.err = io.ErrNoProgress
	return false
}
