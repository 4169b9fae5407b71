package country

// Ranges of the French plan, of ten million numbers each and without the
// leading zero: enough for MaxContacts people.
var (
	mobileRanges   = []uint64{60, 61, 62, 64, 65, 66, 67, 68, 73, 74, 75, 76, 77, 78, 79}
	landlineRanges = []uint64{14, 20, 32, 38, 44, 47, 49, 53}
)

const rangeSize = 10_000_000

// numbering deals each row a number of its own, scattered over the ranges:
// x -> a*x + b modulo the count of numbers, which hits each once.
type numbering struct {
	ranges []uint64
	a, b   uint64
}

func newNumbering(ranges []uint64, d *draws) numbering {
	count := uint64(len(ranges)) * rangeSize
	a := count/5*3 + d.below(count/10) // about the golden section, which spreads neighbours well
	for divisor(a, count) != 1 {
		a++
	}
	return numbering{ranges, a, d.below(count)}
}

func divisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// number returns the nine national digits of the row's number.
func (n *numbering) number(row uint64) uint64 {
	at := (n.a*row + n.b) % (uint64(len(n.ranges)) * rangeSize) // below 2^62 for every row of a list
	return n.ranges[at/rangeSize]*rangeSize + at%rangeSize
}

const nationalDigits = 9

func digitsOf(number uint64) (digits [nationalDigits]byte) {
	for i := nationalDigits - 1; i >= 0; i-- {
		digits[i] = byte('0' + number%10)
		number /= 10
	}
	return digits
}

// appendNumber puts a number down in one of the ways in which people do.
func appendNumber(to []byte, d *draws, number uint64) []byte {
	digits := digitsOf(number)
	switch at := d.below(100); {
	case at < 25:
		return append(append(to, '0'), digits[:]...)
	case at < 45:
		return append(append(to, "+33"...), digits[:]...)
	case at < 60:
		return appendPairs(append(to, '0'), digits, ' ')
	case at < 70:
		return appendPairs(append(to, '0'), digits, '.')
	case at < 78:
		return appendPairs(append(to, '0'), digits, '-')
	case at < 88:
		return appendPairs(append(to, "+33 "...), digits, ' ')
	case at < 94:
		return append(append(to, "0033"...), digits[:]...)
	default:
		return appendPairs(append(to, "+33 (0)"...), digits, ' ')
	}
}

func appendPairs(to []byte, digits [nationalDigits]byte, separator byte) []byte {
	for i, digit := range digits {
		if i%2 == 1 {
			to = append(to, separator)
		}
		to = append(to, digit)
	}
	return to
}
