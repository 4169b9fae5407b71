package intake

import "bytes"

// verdict is what splitting a row came to.
type verdict uint8

const (
	whole   verdict = iota // the row was split
	partial                // the row goes on behind the given bytes
	broken                 // the row's quotes make no sense
)

// splitter cuts rows into fields. The fields point into the given bytes or
// into scratch.
type splitter struct {
	delimiter, lineEnd byte
	fields             [][]byte
	scratch            []byte
}

// splitPlain cuts a line that holds no quotes.
func (s *splitter) splitPlain(line []byte) {
	s.fields, s.scratch = s.fields[:0], s.scratch[:0]
	line = trimReturn(line)
	for len(s.fields) <= MaxColumns {
		at := bytes.IndexByte(line, s.delimiter)
		if at < 0 {
			break
		}
		s.fields = append(s.fields, line[:at])
		line = line[at+1:]
	}
	s.fields = append(s.fields, line)
}

// splitQuoted cuts the row at the beginning of data, which may hold quotes and,
// within them, line ends. It returns the row's length with its line end. A
// quote that is not a field's first byte is taken as it is. atEnd tells that
// nothing follows data. For a broken row it returns the index of the field at
// fault instead.
func (s *splitter) splitQuoted(data []byte, atEnd bool) (n int, reason string, v verdict) {
	s.fields, s.scratch = s.fields[:0], s.scratch[:0]
	at := 0
	for len(s.fields) <= MaxColumns {
		var length int
		if at < len(data) && data[at] == '"' {
			length, reason, v = s.quotedField(data[at:], atEnd)
		} else {
			length, v = s.bareField(data[at:], atEnd)
		}
		if v != whole {
			return len(s.fields), reason, v
		}
		at += length
		if at >= len(data) {
			return len(data), "", whole
		}
		at++
		if data[at-1] == s.lineEnd {
			return at, "", whole
		}
		if at == len(data) && !atEnd {
			return 0, "", partial
		}
	}
	return MaxColumns, "", broken
}

// bareField takes a field up to its delimiter or line end.
func (s *splitter) bareField(data []byte, atEnd bool) (length int, v verdict) {
	length = len(data)
	ended := atEnd
	if at := bytes.IndexByte(data, s.lineEnd); at >= 0 {
		length, ended = at, true
	}
	if at := bytes.IndexByte(data[:length], s.delimiter); at >= 0 {
		s.fields = append(s.fields, data[:at])
		return at, whole
	}
	if !ended {
		return 0, partial
	}
	s.fields = append(s.fields, trimReturn(data[:length]))
	return length, whole
}

// quotedField takes a field in quotes, in which two quotes stand for one.
func (s *splitter) quotedField(data []byte, atEnd bool) (length int, reason string, v verdict) {
	at, doubled, v := closingQuote(data, atEnd)
	if v != whole {
		return 0, "a quote is opened and not closed within 4096 bytes", v
	}
	content := data[1:at]
	at++
	for s.lineEnd == '\n' && at < len(data) && data[at] == '\r' {
		at++
	}
	if at == len(data) && !atEnd {
		return 0, "", partial
	}
	if at < len(data) && data[at] != s.delimiter && data[at] != s.lineEnd {
		return 0, "text follows a closing quote", broken
	}
	s.appendQuoted(content, doubled)
	return at, "", whole
}

// closingQuote finds the quote that ends the field at the beginning of data.
// It looks no farther than a field may reach, so that a file full of open
// quotes costs no more than one without.
func closingQuote(data []byte, atEnd bool) (at int, doubled bool, v verdict) {
	reach := data[:min(len(data), MaxField+2)]
	for at = 1; at < len(reach); at += 2 {
		next := bytes.IndexByte(reach[at:], '"')
		if next < 0 {
			break
		}
		at += next
		if at+1 == len(data) && !atEnd {
			return 0, false, partial
		}
		if at+1 == len(data) || data[at+1] != '"' {
			return at, doubled, whole
		}
		doubled = true
	}
	if len(reach) < MaxField+2 && !atEnd {
		return 0, false, partial
	}
	return 0, false, broken
}

func (s *splitter) appendQuoted(content []byte, doubled bool) {
	if !doubled {
		s.fields = append(s.fields, content)
		return
	}
	from := len(s.scratch)
	for {
		at := bytes.IndexByte(content, '"')
		if at < 0 {
			break
		}
		s.scratch = append(s.scratch, content[:at+1]...)
		content = content[at+2:]
	}
	s.scratch = append(s.scratch, content...)
	s.fields = append(s.fields, s.scratch[from:len(s.scratch):len(s.scratch)])
}

// trimReturn cuts the carriage returns of CRLF, and of the CRCRLF that a
// doubly converted file has.
func trimReturn(field []byte) []byte {
	for len(field) > 0 && field[len(field)-1] == '\r' {
		field = field[:len(field)-1]
	}
	return field
}
