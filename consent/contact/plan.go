package contact

import "bytes"

// The library needs some twenty microseconds a number, since it asks one
// regular expression after the other. The countries that have packs therefore
// have the same answers as a table: an automaton over the digits of E.164,
// made from the library's own metadata (see plan_table.go). It decides or
// hands over to the library; it never decides otherwise than the library does.

//go:generate go test -run TestPlanTable -update .

// block is where the digits read so far lead: the index of a row of blocks, or
// the complement of an index of lines where no further digit matters.
type block int16

// The lines that are none.
const (
	askLibrary block = ^iota // The table does not know.
	dropTrunk                // The digit just read is a national prefix, as in "+33 (0)6".
)

// home is how numbers are written within a region.
type home struct {
	region string
	// code is the country calling code, abroad the prefix for calls to other
	// countries, trunk the national prefix; trunk is empty where there is none.
	code, abroad, trunk []byte
	// longest is the number of digits of the plan's longest number, without the
	// country code.
	longest int
}

func homeOf(region string) *home {
	for i := range homes {
		if homes[i].region == region {
			return &homes[i]
		}
	}
	return nil
}

// longestCode is the longest country calling code, longestWritten the most
// digits that are read: an E.164 number with a prefix for calls abroad and a
// national prefix.
const (
	longestCode    = 3
	longestWritten = maxE164 + 4
)

// dialled holds a number's digits as values from 0 to 9, with room for a
// country code before them.
type dialled struct {
	digits   [longestCode + longestWritten]byte
	from, to int
	plus     bool
}

// parsePlanned reads a number that the table knows. It is false for every other
// one and for every unusual way of writing, about which the library decides.
func parsePlanned[Text ~string | ~[]byte](text Text, region string) (Number, Line, bool) {
	d := dialled{from: longestCode, to: longestCode}
	if !readDialled(&d, text) || !d.plus && !d.goAbroad(region) {
		return Number{}, Line{}, false
	}
	found, read := d.look()
	if found == dropTrunk {
		d.dropDigit(read - 1)
		found, _ = d.look()
	}
	if found == askLibrary || found == dropTrunk {
		return Number{}, Line{}, false
	}
	return d.number(), lines[^found], true
}

// longestText is the longest text that is read here: a number with a sign
// before and after each digit.
const longestText = 3 * longestWritten

// readDialled takes the digits from a text that has nothing else but a plus sign
// before them and the signs that people usually write between them.
func readDialled[Text ~string | ~[]byte](d *dialled, text Text) bool {
	if len(text) > longestText {
		return false
	}
	for i := 0; i < len(text); i++ {
		switch sign := text[i]; {
		case sign >= '0' && sign <= '9':
			if d.to == len(d.digits) {
				return false
			}
			d.digits[d.to] = sign - '0'
			d.to++
		case sign == ' ' || sign == '.' || sign == '-' || sign == '(' || sign == ')' || sign == '/':
		case sign == 0xC2 && i+1 < len(text) && text[i+1] == 0xA0: // no-break space
			i++
		case sign == '+' && d.to == d.from && !d.plus:
			d.plus = true
		default:
			return false
		}
	}
	return true
}

// goAbroad brings digits that were written without a plus sign into the form
// that follows one.
func (d *dialled) goAbroad(region string) bool {
	at := homeOf(region)
	if at == nil {
		return false
	}
	written := d.digits[d.from:d.to]
	switch {
	case bytes.HasPrefix(written, at.abroad):
		d.from += len(at.abroad)
		return true
	case bytes.HasPrefix(written, at.code):
		// A plus sign that got lost, unless it is a shorter number's beginning.
		return len(written) > at.longest
	case len(at.trunk) > 0 && bytes.HasPrefix(written, at.trunk):
		d.from += len(at.trunk)
	}
	d.from -= len(at.code)
	copy(d.digits[d.from:], at.code)
	return true
}

// look follows the digits through the table as far as they matter and tells how
// many were read.
func (d *dialled) look() (found block, read int) {
	written := d.digits[d.from:d.to]
	if len(written) > maxE164 {
		return askLibrary, 0
	}
	found = beginnings[len(written)]
	for found >= 0 {
		found = blocks[found][written[read]]
		read++
	}
	return found, read
}

func (d *dialled) dropDigit(place int) {
	written := d.digits[d.from:d.to]
	copy(written[1:place+1], written[:place])
	d.from++
}

func (d *dialled) number() Number {
	var n Number
	for _, digit := range d.digits[d.from:d.to] {
		n.digits = n.digits*10 + uint64(digit)
	}
	return n
}
