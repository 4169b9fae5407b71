package intake

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// A compressed file of a few kilobytes can hold terabytes. Lists expand 5 to
// 60 times, the most regular ones included; what is small may expand as it
// likes, since it cannot hurt.
const (
	expansionRatio = 250
	expansionFree  = 4 << 20
	expansionTotal = 64 << 30
)

// zstdWindow is what the strongest common level (19) asks for. Files packed
// with a longer window would have the sender decide how much memory is used.
const zstdWindow = 8 << 20

var errExpansion = errors.New("the file expands beyond any plausible list")

// source yields a list's plain bytes and gives up on a file that expands
// without measure.
type source struct {
	packed  counter
	plain   io.Reader
	close   func()
	isPlain bool
	out     int64
	total   int64
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// openSource finds out how the file is compressed. It reads a few bytes.
func openSource(name string, r io.Reader) (*source, error) {
	s := &source{packed: counter{r: r}, close: func() {}, total: expansionTotal}
	buffered := bufio.NewReaderSize(&s.packed, 64<<10)
	magic, err := buffered.Peek(8)
	if err != nil && err != io.EOF {
		return nil, &FileError{File: name, Reason: "read the beginning", Err: err}
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, &FileError{File: name, Reason: "open as gzip", Hint: "the file is damaged: send it again", Err: err}
		}
		s.plain = unpacked
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		unpacked, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, &FileError{File: name, Reason: "open as zstd", Hint: "the file is damaged: send it again", Err: err}
		}
		s.plain, s.close = unpacked, unpacked.Close
	default:
		s.plain, s.isPlain = buffered, true
	}
	return s, nil
}

// Read reads plain bytes. Its errors say what to do about them.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.plain.Read(p)
	if s.isPlain {
		return n, err
	}
	s.out += int64(n)
	if s.out > s.total || (s.out > expansionFree && s.out > expansionRatio*s.packed.n) {
		return 0, fmt.Errorf("%w: %d bytes became more than %d", errExpansion, s.packed.n, s.out)
	}
	return n, err
}

// hintFor tells the sender what to do about a file that could not be read to
// its end.
func hintFor(err error) string {
	switch {
	case errors.Is(err, errExpansion):
		return "send it uncompressed or in parts if it is meant"
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return "compress it at level 19 or below, without --long"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the file is cut short: send it again"
	default:
		return "the file is damaged or could not be read: send it again"
	}
}
