package dialer

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"

	"github.com/hustings/hustings/consent/contact"
)

// rank is where the contact stands in the campaign's own random order.
func (s *survey) rank(id contact.ID) uint64 {
	s.mac.Reset()
	s.mac.Write(id[:])
	var sum [sha256.Size]byte
	return binary.BigEndian.Uint64(s.mac.Sum(sum[:0]))
}

// drawn is one contact in the random order.
type drawn struct {
	rank    uint64
	id      contact.ID
	person  contact.PersonID
	zone    uint8
	counted bool
}

// draw keeps the contacts of the lowest ranks: those under the threshold that
// lets just size of them through. It is a heap with the highest rank on top.
type draw struct {
	size int
	kept []drawn
}

func (d *draw) offer(one drawn) {
	switch {
	case d.size == 0:
	case len(d.kept) < d.size:
		heap.Push(d, one)
	case one.rank < d.kept[0].rank:
		d.kept[0] = one
		heap.Fix(d, 0)
	}
}

// shrink lets go of the highest ranks until size are left.
func (d *draw) shrink(size int) {
	for len(d.kept) > size {
		heap.Pop(d)
	}
}

// Len, Less, Swap, Push and Pop make the draw a heap.
func (d *draw) Len() int           { return len(d.kept) }
func (d *draw) Less(i, j int) bool { return d.kept[i].rank > d.kept[j].rank }
func (d *draw) Swap(i, j int)      { d.kept[i], d.kept[j] = d.kept[j], d.kept[i] }
func (d *draw) Push(x any)         { d.kept = append(d.kept, x.(drawn)) }
func (d *draw) Pop() any {
	last := d.kept[len(d.kept)-1]
	d.kept = d.kept[:len(d.kept)-1]
	return last
}
