package intake

import (
	"encoding/binary"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// printableASCII tells whether text holds printable ASCII only, eight bytes at
// a time. Nearly every row does, and then nothing is left to decode or check.
func printableASCII(text []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(text) >= 8 {
		word := binary.LittleEndian.Uint64(text)
		controls := word - ones*0x20           // The top bit of a byte is set where it was below 0x20 ...
		deletes := (word ^ ones*0x7f) - ones   // ... where it was 0x7f ...
		if (word|controls|deletes)&tops != 0 { // ... or where it was not ASCII.
			return false
		}
		text = text[8:]
	}
	for _, b := range text {
		if b < 0x20 || b >= 0x7f {
			return false
		}
	}
	return true
}

// hasControl tells whether a field holds a control character other than those
// that can stand in quotes. Nothing that people write does, and it could forge
// lines in whatever prints it.
func hasControl(field []byte) bool {
	for _, b := range field {
		if (b < 0x20 && b != '\t' && b != '\n' && b != '\r') || b == 0x7f {
			return true
		}
	}
	return false
}

// decode returns field in UTF-8, appended to scratch where it must be
// rewritten. Every byte has a meaning in Windows-1252, so this cannot fail.
func decode(field, scratch []byte, isUTF8 bool) (decoded, rest []byte, rewritten bool) {
	if printableASCII(field) || (isUTF8 && utf8.Valid(field)) {
		return field, scratch, false
	}
	from := len(scratch)
	for _, b := range field {
		scratch = utf8.AppendRune(scratch, charmap.Windows1252.DecodeByte(b))
	}
	return scratch[from:len(scratch):len(scratch)], scratch, true
}
