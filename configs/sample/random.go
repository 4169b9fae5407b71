package sample

import "math/bits"

// random is SplitMix64 (Steele, Lea and Flood, 2014). It stands here because
// the committed files depend on every bit of it.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (r *random) below(n int) int {
	high, _ := bits.Mul64(r.next(), uint64(n))
	return int(high)
}

// often returns true so many times in a thousand.
func (r *random) often(perMille int) bool { return r.below(1000) < perMille }

// pick returns one of the choices.
func pick[T any](r *random, choices ...T) T { return choices[r.below(len(choices))] }

// shuffle puts the elements in random order.
func shuffle[T any](r *random, elements []T) {
	for i := len(elements) - 1; i > 0; i-- {
		j := r.below(i + 1)
		elements[i], elements[j] = elements[j], elements[i]
	}
}
