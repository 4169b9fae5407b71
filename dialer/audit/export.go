package audit

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Entry is one line of the log.
type Entry struct {
	// Sequence counts the entries of all years from 1, with no gap.
	Sequence uint64 `json:"sequence"`
	Leaf     Leaf   `json:"leaf"`
	// Text is what the leaf is the hash of, its salt included; empty where it was
	// deleted.
	Text []byte `json:"text,omitempty"`
}

// MarshalText writes hexadecimal digits.
func (l Leaf) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(l[:])), nil }

// UnmarshalText reads them.
func (l *Leaf) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(l)) {
		return fmt.Errorf("a leaf has %d hexadecimal digits, not %d", hex.EncodedLen(len(l)), len(text))
	}
	_, err := hex.Decode(l[:], text)
	return err
}

// Year says with which entry the tree of a year begins.
type Year struct {
	Year  int    `json:"year"`
	First uint64 `json:"first"`
}

// Header is what an export begins with.
type Header struct {
	Origin string `json:"origin"`
	// Key is the public half of the key that signs the log's checkpoints. Whoever
	// checks an export takes it from elsewhere.
	Key   string `json:"key"`
	Years []Year `json:"years"`
}

// Line is one line of an export, in JSON: just one of these.
type Line struct {
	Header *Header `json:"header,omitempty"`
	Entry  *Entry  `json:"entry,omitempty"`
	// Checkpoint is a signed note.
	Checkpoint string `json:"checkpoint,omitempty"`
	Proof      *Proof `json:"proof,omitempty"`
}

// kinds counts what the line is.
func (l *Line) kinds() (n int) {
	for _, there := range [...]bool{l.Header != nil, l.Entry != nil, l.Checkpoint != "", l.Proof != nil} {
		if there {
			n++
		}
	}
	return n
}

// maxLine bounds a line of an export, in bytes.
const maxLine = 1 << 20

// errTwice is why a line is refused that says two things, or none.
var errTwice = errors.New("want one of header, entry, checkpoint and proof")

// Read reads an export line by line. An error names the line, and is the last that
// is yielded.
func Read(from io.Reader) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		lines := bufio.NewScanner(from)
		lines.Buffer(make([]byte, 0, 64<<10), maxLine)
		number := 0
		for lines.Scan() {
			number++
			line := new(Line)
			decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
			decoder.DisallowUnknownFields()
			err := decoder.Decode(line)
			if err == nil && (line.kinds() != 1 || decoder.More()) {
				err = errTwice
			}
			if err != nil {
				yield(nil, fmt.Errorf("line %d: %w", number, err))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, fmt.Errorf("line %d: %w", number+1, err))
		}
	}
}
