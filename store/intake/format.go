package intake

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// format is how a list's text is written, decided once from its first block.
type format struct {
	bom       int // length of the byte order mark
	preamble  int // length of Excel's line "sep=;", line end included
	delimiter byte
	lineEnd   byte // '\n', which stands for CRLF too, or '\r' alone
	utf8      bool // otherwise Windows-1252, of which Latin-1's text is a part
}

// foreign are the beginnings of files that people send instead of a list.
var foreign = []struct{ magic, reason, hint string }{
	{"\xff\xfe", "is written in UTF-16", "save it as \"CSV UTF-8\", or convert it with iconv -f UTF-16 -t UTF-8"},
	{"\xfe\xff", "is written in UTF-16", "save it as \"CSV UTF-8\", or convert it with iconv -f UTF-16 -t UTF-8"},
	{"PK\x03\x04", "is a zip archive or an Excel workbook", "save the sheet as CSV, or unpack the archive, and send that"},
	{"\xd0\xcf\x11\xe0", "is an old Excel workbook", "save the sheet as CSV and send that"},
	{"\x1f\x8b", "is compressed twice", "compress it once, with gzip or zstd"},
	{"\x28\xb5\x2f\xfd", "is compressed twice", "compress it once, with gzip or zstd"},
	{"BZh9", "is compressed with bzip2", "send it plain, or compressed with gzip or zstd"},
	{"\xfd7zXZ", "is compressed with xz", "send it plain, or compressed with gzip or zstd"},
	{"%PDF-", "is a PDF document", "export the list as CSV and send that"},
}

const byteOrderMark = "\xef\xbb\xbf"

// detectFormat looks at a list's first block. The block may end anywhere.
func detectFormat(name string, block []byte) (format, error) {
	if len(block) == 0 {
		return format{}, &FileError{File: name, Reason: "is empty", Hint: "the first line must name the columns"}
	}
	for _, f := range foreign {
		if bytes.HasPrefix(block, []byte(f.magic)) {
			return format{}, &FileError{File: name, Reason: f.reason, Hint: f.hint}
		}
	}
	if bytes.IndexByte(block, 0) >= 0 {
		return format{}, &FileError{
			File: name, Reason: "holds NUL bytes: it is not text, or is written in UTF-16",
			Hint: "save it as \"CSV UTF-8\", or convert it with iconv -f UTF-16 -t UTF-8",
		}
	}
	var f format
	if bytes.HasPrefix(block, []byte(byteOrderMark)) {
		f.bom = len(byteOrderMark)
		block = block[f.bom:]
	}
	f.utf8 = looksLikeUTF8(block)
	f.lineEnd = '\n'
	if bytes.IndexByte(block, '\n') < 0 && bytes.IndexByte(block, '\r') >= 0 {
		f.lineEnd = '\r'
	}
	f.delimiter, f.preamble = preamble(block, f.lineEnd)
	if f.preamble == 0 {
		f.delimiter = guessDelimiter(block, f.lineEnd)
	}
	return f, nil
}

// looksLikeUTF8 weighs what is UTF-8 beyond ASCII against what cannot be. The
// byte order mark is not asked: programs put it before any charset.
func looksLikeUTF8(block []byte) bool {
	good, bad := 0, 0
	for len(block) > 0 {
		if block[0] < utf8.RuneSelf {
			block = block[1:]
			continue
		}
		if !utf8.FullRune(block) {
			break
		}
		r, size := utf8.DecodeRune(block)
		if r == utf8.RuneError && size == 1 {
			bad++
		} else {
			good++
		}
		block = block[size:]
	}
	return bad == 0 || good > bad
}

// preamble recognises the line by which Excel is told the delimiter.
func preamble(block []byte, lineEnd byte) (delimiter byte, length int) {
	end := bytes.IndexByte(block, lineEnd)
	if end < 0 {
		return 0, 0
	}
	line := bytes.ToLower(bytes.Trim(block[:end], "\"\r "))
	if len(line) != len("sep=;") || !bytes.HasPrefix(line, []byte("sep=")) || !strings.ContainsRune(";,\t|", rune(line[4])) {
		return 0, 0
	}
	return line[4], end + 1
}

// guessDelimiter takes the candidate that stands most often in the header
// line, outside quotes. A list of one column has none, and any will do.
func guessDelimiter(block []byte, lineEnd byte) byte {
	const candidates = ";\t,"
	var count [len(candidates)]int
	quoted := false
	for _, b := range block {
		if b == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		if b == lineEnd {
			break
		}
		for i := range candidates {
			if b == candidates[i] {
				count[i]++
			}
		}
	}
	best := 0
	for i := range count {
		if count[i] > count[best] {
			best = i
		}
	}
	return candidates[best]
}
