package country

import "math/bits"

// The streams that are drawn apart, so that whether somebody consented does not
// change where that person lives.
const (
	streamRow uint64 = iota + 1
	streamPerson
	streamWriting
	streamConsent
	streamObjection
	streamNumbers
)

// draws are the random numbers of one row: SplitMix64 (Steele, Lea and Flood,
// 2014), begun at a place that no other row or stream begins at.
type draws struct{ state uint64 }

func drawsOf(seed, stream, row uint64) draws {
	return draws{mix(seed^mix(stream)) + mix(row)}
}

func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *draws) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mix(d.state)
}

// below returns a number from 0 to n-1.
func (d *draws) below(n uint64) uint64 {
	high, _ := bits.Mul64(d.next(), n)
	return high
}

// often returns true so many times in a thousand.
func (d *draws) often(perMille uint64) bool { return d.below(1000) < perMille }

// pick returns one of the choices.
func pick[T any](d *draws, choices ...T) T { return choices[d.below(uint64(len(choices)))] }
