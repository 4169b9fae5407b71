package dialer

import (
	"strings"
	"unicode/utf16"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// TextSize is how a carrier counts a text: by encoding and by segments, each of
// which it sends and charges.
type TextSize struct {
	// Encoding is "GSM-7" or "UCS-2".
	Encoding string
	Segments int
	// Odd is the first character that GSM-7 does not have, which makes the
	// whole text UCS-2 and more than halves what a segment holds; 0 for none.
	Odd rune
}

// The GSM 03.38 alphabet, and the characters that take an escape and so count
// twice.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmTwice = "\f^{}\\[~]|€"
)

// How many units a text may have in one segment, and each segment of a longer
// one, whose header takes some.
const (
	gsmSingle, gsmPart   = 160, 153
	ucs2Single, ucs2Part = 70, 67
)

// MeasureText counts a text's segments as Twilio does. What people see as one
// character is never split between two segments: neither an escape and what it
// stands before, nor the halves of a pair, nor a letter and its accent, nor the
// parts of an emoji.
func MeasureText(text string) TextSize {
	for _, r := range text {
		if gsmUnits(r) == 0 {
			return TextSize{Encoding: "UCS-2", Segments: ucs2Segments(text), Odd: r}
		}
	}
	return TextSize{Encoding: "GSM-7", Segments: gsmSegments(text)}
}

// gsmUnits is how many septets a character takes, 0 if GSM-7 does not have it.
func gsmUnits(r rune) int {
	switch {
	case strings.ContainsRune(gsmBasic, r):
		return 1
	case strings.ContainsRune(gsmTwice, r):
		return 2
	default:
		return 0
	}
}

func gsmSegments(text string) int {
	fill := filling{single: gsmSingle, part: gsmPart}
	for _, r := range text {
		fill.add(gsmUnits(r))
	}
	return fill.segments()
}

func ucs2Segments(text string) int {
	fill := filling{single: ucs2Single, part: ucs2Part}
	for characters := graphemes.FromString(text); characters.Next(); {
		character := characters.Value()
		if units := ucs2Units(character); units <= ucs2Part && character != "\r\n" {
			fill.add(units)
			continue
		}
		for _, r := range character { // a line's end is two characters, and what no segment holds is split
			fill.add(ucs2Units(string(r)))
		}
	}
	return fill.segments()
}

func ucs2Units(character string) int {
	units := 0
	for _, r := range character {
		units += max(1, utf16.RuneLen(r))
	}
	return units
}

// filling fills one segment after the other. What fits into a single one needs
// no header, and so has more room.
type filling struct {
	single, part       int
	total, full, inUse int
}

func (f *filling) add(units int) {
	f.total += units
	if f.inUse += units; f.inUse > f.part {
		f.full, f.inUse = f.full+1, units
	}
}

func (f *filling) segments() int {
	if f.total <= f.single {
		return 1
	}
	return f.full + 1
}
