package sample

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// list is a CSV file that is being written, with what lies between its rows
// and the disk.
type list struct {
	csv    *csv.Writer
	layers []io.Closer
	name   string
}

// createList makes a list in UTF-8 with commas.
func createList(dir, name string, header ...string) (*list, error) {
	l, _, err := openList(dir, name, func(w io.Writer) io.WriteCloser { return keepOpen{w} })
	if err != nil {
		return nil, err
	}
	return l, l.write(header...)
}

// createPackedList makes a list in UTF-8 with commas, compressed with gzip.
func createPackedList(dir, name string, header ...string) (*list, error) {
	l, _, err := openList(dir, name, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	if err != nil {
		return nil, err
	}
	return l, l.write(header...)
}

// createSpreadsheetList makes a list as spreadsheets on French machines do:
// Windows-1252 with semicolons, and yet a byte order mark before it.
func createSpreadsheetList(dir, name string, header ...string) (*list, error) {
	l, plain, err := openList(dir, name, func(w io.Writer) io.WriteCloser {
		return transform.NewWriter(w, charmap.Windows1252.NewEncoder())
	})
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(plain, "\xef\xbb\xbf"); err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	l.csv.Comma, l.csv.UseCRLF = ';', true
	return l, l.write(header...)
}

// openList returns the list and, beneath its encoding, the file's own buffer.
func openList(dir, name string, encode func(io.Writer) io.WriteCloser) (*list, io.Writer, error) {
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, nil, fmt.Errorf("create %s: %w", name, err)
	}
	buffered := bufio.NewWriter(file)
	encoded := encode(buffered)
	return &list{csv: csv.NewWriter(encoded), layers: []io.Closer{encoded, flusher{buffered}, file}, name: name}, buffered, nil
}

func (l *list) write(fields ...string) error {
	if err := l.csv.Write(fields); err != nil {
		return fmt.Errorf("write %s: %w", l.name, err)
	}
	return nil
}

// close writes out what is buffered, layer by layer down to the file. All are
// closed even if one fails.
func (l *list) close() error {
	l.csv.Flush()
	faults := []error{l.csv.Error()}
	for _, layer := range l.layers {
		faults = append(faults, layer.Close())
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("write %s: %w", l.name, err)
	}
	return nil
}

// keepOpen is the encoding of a list that has none.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

type flusher struct{ buffered *bufio.Writer }

func (f flusher) Close() error { return f.buffered.Flush() }
