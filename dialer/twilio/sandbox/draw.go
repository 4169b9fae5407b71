package sandbox

import (
	"encoding/binary"
	"encoding/hex"
	"time"
)

// mix is a bijection of 64 bits whose results look random (the finaliser of
// splitmix64). Equal inputs give equal results, different ones never do.
func mix(value uint64) uint64 {
	value += 0x9e3779b97f4a7c15
	value = (value ^ value>>30) * 0xbf58476d1ce4e5b9
	value = (value ^ value>>27) * 0x94d049bb133111eb
	return value ^ value>>31
}

// mint makes a message sid from the log's sequence. The second half is a
// bijection of the sequence alone, so a sid stays unique even where a log is
// continued with another seed.
func mint(seed, sequence uint64) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], mix(seed^mix(sequence)))
	binary.BigEndian.PutUint64(raw[8:], mix(sequence))
	return "SM" + hex.EncodeToString(raw[:])
}

// draws is a stream of numbers that depends on the seed and a text alone.
type draws struct{ state uint64 }

// drawFor starts the stream of a seed and a text, such as a phone number.
func drawFor(seed uint64, text string) draws {
	hash := uint64(14695981039346656037) // FNV-1a
	for at := range len(text) {
		hash = (hash ^ uint64(text[at])) * 1099511628211
	}
	return draws{state: mix(seed ^ mix(hash))}
}

// next returns the next number of the stream.
func (stream *draws) next() uint64 {
	stream.state = mix(stream.state)
	return stream.state
}

// share returns a number in [0, 1).
func (stream *draws) share() float64 {
	return float64(stream.next()>>11) / (1 << 53)
}

// between returns a duration in [low, high).
func (stream *draws) between(low, high time.Duration) time.Duration {
	return low + time.Duration(stream.share()*float64(high-low))
}

// pick returns an index in [0, count).
func (stream *draws) pick(count int) int {
	return int(stream.share() * float64(count))
}
