package intake

import (
	"bytes"
	"fmt"
)

// Row is one row of a list. It and the bytes that it returns are valid until
// the Reader's next call of Next.
type Row struct {
	// Line is the physical line on which the row starts.
	Line   int
	reader *Reader
}

// Bytes returns the field of the declared column of this index, in UTF-8 and
// without surrounding space. It is empty where the list has no such column.
func (r Row) Bytes(column int) []byte {
	place := r.reader.header.place[column]
	if place < 0 {
		return nil
	}
	return bytes.TrimSpace(r.reader.split.fields[place])
}

// Text returns what Bytes does, as a string that stays valid.
func (r Row) Text(column int) string { return string(r.Bytes(column)) }

// Refuse returns a refusal of this row for what stands in the declared column
// of this index. The reason must not hold the field's content: see Shape. It
// may be called later than the row's fields may be read, by any goroutine.
func (r Row) Refuse(column int, reason, hint string) *RowError {
	e := r.reader.refuse(r.Line, r.reader.header.place[column]+1, reason, hint)
	e.Field = r.reader.columns.List[column].Name
	return e
}

// check tells why a split row cannot be believed, and brings its fields to
// UTF-8.
func (r *Reader) check(line int) *RowError {
	fields := r.split.fields
	if len(fields) > MaxColumns {
		return r.refuse(line, 0, fmt.Sprintf("more than %d columns", MaxColumns), "")
	}
	for len(fields) > r.header.width && len(bytes.TrimSpace(fields[len(fields)-1])) == 0 {
		fields = fields[:len(fields)-1] // Spreadsheets leave delimiters behind where a column was deleted.
	}
	if len(fields) != r.header.width {
		return r.refuse(line, 0, fmt.Sprintf("%s, want %d", counted(len(r.split.fields), "column"), r.header.width),
			"a field that holds the delimiter must stand in quotes")
	}
	return r.decode(line)
}

// decode brings the fields to UTF-8 and refuses what nobody writes.
func (r *Reader) decode(line int) *RowError {
	if len(r.raw) > MaxField {
		for i, field := range r.split.fields {
			if len(field) > MaxField {
				return r.refuse(line, i+1, fmt.Sprintf("longer than %d bytes", MaxField), "")
			}
		}
	}
	if printableASCII(trimReturn(bytes.TrimSuffix(r.raw, []byte{r.format.lineEnd}))) {
		return nil
	}
	for i, field := range r.split.fields {
		if hasControl(field) {
			return r.refuse(line, i+1, "holds a control character", "remove it: it cannot be seen on a screen")
		}
		decoded, scratch, rewritten := decode(field, r.split.scratch, r.format.utf8)
		r.split.fields[i], r.split.scratch = decoded, scratch
		if rewritten && r.format.utf8 {
			r.counts.Recoded++
		}
	}
	return nil
}

// blank tells whether a line holds nothing but delimiters and space.
func (r *Reader) blank(line []byte) bool {
	for _, b := range line {
		if b != r.format.delimiter && b != ' ' && b != '\r' && b != '\t' {
			return false
		}
	}
	return true
}

// refuse makes a refusal; column is the place in the file from 1, or 0 for the
// whole row.
func (r *Reader) refuse(line, column int, reason, hint string) *RowError {
	e := &RowError{File: r.name, Line: line, Column: column, Reason: reason, Hint: hint}
	for i, place := range r.header.place {
		if column > 0 && place == column-1 {
			e.Field = r.columns.List[i].Name
		}
	}
	return e
}
