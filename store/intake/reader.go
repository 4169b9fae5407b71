package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Reader reads one list, row by row. It is used by one goroutine at a time.
type Reader struct {
	name    string
	columns Columns
	source  *source
	window  *window
	format  format
	header  header
	split   splitter
	raw     []byte // the current row as it stands in the file
	line    int    // physical line on which the window's pending bytes begin
	counts  Counts
	ended   error
}

// Counts tell what became of a list's rows. Every row that is not blank is
// either read or refused.
type Counts struct {
	// Rows were returned by Next, Refused were not believed.
	Rows, Refused int
	// Blank lines and rows of nothing but delimiters hold nothing to refuse.
	Blank int
	// Recoded fields stood as Windows-1252 in a list that is otherwise UTF-8.
	Recoded int
}

// Open finds out how the list is written and reads its header line. The name
// is for errors. A list with a column that is not declared, or without a
// required one, is refused. Whoever opened r closes it, after the Reader.
func Open(name string, r io.Reader, columns Columns) (*Reader, error) {
	source, err := openSource(name, r)
	if err != nil {
		return nil, err
	}
	reader := &Reader{name: name, columns: columns, source: source, window: newWindow(source), line: 1}
	if err := reader.readHeader(); err != nil {
		reader.Close()
		return nil, err
	}
	return reader, nil
}

// Close frees what decompression holds. It does not close the list itself.
func (r *Reader) Close() { r.source.close() }

// Counts returns what was read and refused so far.
func (r *Reader) Counts() Counts { return r.counts }

// Has tells whether the list has the declared column of this index.
func (r *Reader) Has(column int) bool { return r.header.place[column] >= 0 }

// Synthetic tells whether the list says that it is of invented people: see
// [SyntheticMark].
func (r *Reader) Synthetic() bool { return r.header.synthetic }

// Next returns the next row, which is valid until the following call. After a
// *RowError reading goes on; any other error ends the list, and io.EOF is the
// one that tells it was read whole.
func (r *Reader) Next() (Row, error) {
	if r.ended != nil {
		return Row{}, r.ended
	}
	line, refusal, err := r.advance()
	if err != nil {
		r.ended = err
		return Row{}, err
	}
	if refusal == nil {
		refusal = r.check(line)
	}
	if refusal != nil {
		r.counts.Refused++
		return Row{}, refusal
	}
	r.counts.Rows++
	return Row{Line: line, reader: r}, nil
}

func (r *Reader) readHeader() error {
	for len(r.window.pending()) < firstWindow && r.window.more() {
	}
	if err := r.window.err; err != nil && !errors.Is(err, io.EOF) {
		return r.unreadable()
	}
	var err error
	if r.format, err = detectFormat(r.name, r.window.pending()); err != nil {
		return err
	}
	r.window.pass(r.format.bom + r.format.preamble)
	if r.format.preamble > 0 {
		r.line++
	}
	r.split.delimiter, r.split.lineEnd = r.format.delimiter, r.format.lineEnd
	line, refusal, err := r.advance()
	if errors.Is(err, io.EOF) {
		return &FileError{File: r.name, Reason: "holds blank lines only", Hint: "the first line must name the columns"}
	}
	if err != nil {
		return err
	}
	if refusal == nil && len(r.split.fields) > MaxColumns {
		refusal = r.refuse(line, 0, fmt.Sprintf("more than %d columns", MaxColumns), "")
	}
	if refusal == nil {
		refusal = r.decode(line)
	}
	if refusal != nil {
		return &FileError{File: r.name, Line: line, Reason: "header: " + refusal.Reason, Hint: refusal.Hint}
	}
	titles := make([]string, len(r.split.fields))
	for i, field := range r.split.fields {
		titles[i] = string(bytes.TrimSpace(field))
	}
	r.counts = Counts{}
	r.header, err = r.columns.resolve(r.name, line, titles)
	return err
}

// advance splits the next row that is not blank and moves behind it.
func (r *Reader) advance() (line int, refusal *RowError, err error) {
	for {
		line = r.line
		length, size, err := r.physicalLine()
		if errors.Is(err, errRowTooLong) {
			r.skipLine()
			return line, r.refuse(line, 0, fmt.Sprintf("longer than %d bytes", MaxRow), ""), nil
		}
		if err != nil {
			return line, nil, err
		}
		text := r.window.pending()[:length]
		if bytes.IndexByte(text, '"') >= 0 {
			refusal, err = r.quotedRow(size)
			return line, refusal, err
		}
		r.window.pass(size)
		r.line++
		if !r.blank(text) {
			r.raw = text
			r.split.splitPlain(text)
			return line, nil, nil
		}
		r.counts.Blank++
	}
}

// quotedRow splits a row that holds quotes. Where they make no sense, the row
// is taken to end with its first physical line, of the given size.
func (r *Reader) quotedRow(size int) (*RowError, error) {
	line := r.line
	for {
		pending := r.window.pending()
		n, reason, v := r.split.splitQuoted(pending, errors.Is(r.window.err, io.EOF))
		if v == partial {
			if r.window.more() || errors.Is(r.window.err, io.EOF) {
				continue
			}
			if r.window.err != nil {
				return nil, r.unreadable()
			}
			n, reason, v = 0, "a quote is opened and the row is longer than 1 MiB", broken
		}
		if v == broken {
			r.window.pass(size)
			r.line++
			if n == MaxColumns {
				return r.refuse(line, 0, fmt.Sprintf("more than %d columns", MaxColumns), ""), nil
			}
			return r.refuse(line, n+1, reason, "put two quotes for one inside a quoted field; the next line is read as a new row"), nil
		}
		r.raw = pending[:n]
		r.window.pass(n)
		r.line += bytes.Count(r.raw, []byte{r.format.lineEnd})
		return nil, nil
	}
}

var errRowTooLong = errors.New("row too long")

// physicalLine finds the end of the line that the window begins with: its
// length, and its size with the line end.
func (r *Reader) physicalLine() (length, size int, err error) {
	from := 0
	for {
		pending := r.window.pending()
		if at := bytes.IndexByte(pending[from:], r.format.lineEnd); at >= 0 {
			return from + at, from + at + 1, nil
		}
		from = len(pending)
		switch {
		case r.window.more():
		case r.window.err == nil:
			return 0, 0, errRowTooLong
		case !errors.Is(r.window.err, io.EOF):
			return 0, 0, r.unreadable()
		case from == 0:
			return 0, 0, io.EOF
		default:
			return from, from, nil
		}
	}
}

// skipLine moves behind a line that is too long to be held.
func (r *Reader) skipLine() {
	r.line++
	for {
		pending := r.window.pending()
		if at := bytes.IndexByte(pending, r.format.lineEnd); at >= 0 {
			r.window.pass(at + 1)
			return
		}
		r.window.pass(len(pending))
		if !r.window.more() {
			return
		}
	}
}

func (r *Reader) unreadable() error {
	return &FileError{File: r.name, Line: r.line, Reason: "read", Hint: hintFor(r.window.err), Err: r.window.err}
}
