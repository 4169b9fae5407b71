package country

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// chunk is how much of a list is put together before it is written.
const chunk = 1 << 20

// list is a list that is to be written: rows from one to before another.
type list struct {
	name, header, lineEnd string
	from, to              uint64
	row                   func(to []byte, row uint64) []byte
}

// write writes the list into a folder, packed as its name says.
func (l list) write(stopped func() error, dir string) (err error) {
	file, err := os.Create(filepath.Join(dir, l.name))
	if err != nil {
		return fmt.Errorf("create a list: %w", err)
	}
	packed, err := pack(l.name, file)
	if err == nil {
		err = l.writeRows(stopped, packed)
		if closed := packed.Close(); err == nil {
			err = closed
		}
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", l.name, err)
	}
	return nil
}

func (l list) writeRows(stopped func() error, to io.Writer) error {
	text := make([]byte, 0, chunk+64<<10)
	text = append(append(text, l.header...), l.lineEnd...)
	for row := l.from; row < l.to; row++ {
		text = l.row(text, row)
		if len(text) < chunk && row&0xfffff != 0 {
			continue
		}
		if err := stopped(); err != nil {
			return err
		}
		if _, err := to.Write(text); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		text = text[:0]
	}
	_, err := to.Write(text)
	return err
}

// pack returns what compresses into w, by the file's name.
func pack(name string, w io.Writer) (io.WriteCloser, error) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return gzip.NewWriterLevel(w, gzip.BestSpeed)
	case strings.HasSuffix(name, ".zst"):
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	default:
		return unpacked{w}, nil
	}
}

type unpacked struct{ io.Writer }

func (unpacked) Close() error { return nil }
