package dialer

import "container/heap"

// turn is a place in a fair order: where on the order's scale, in segments, its
// last message began and ended. What joins anew, or after it had nothing to do,
// begins where the others are: what was not wanted is not saved up.
type turn struct {
	begin, end uint64
	// number settles ties: the lower one is first.
	number uint64
	// place is where in the order it stands, counted from 1; 0 for nowhere.
	place int
}

func (t *turn) at() *turn { return t }

// waits tells whether the turn stands in its order.
func (t *turn) waits() bool { return t.place > 0 }

// turns is the fair order of those that have something to do (start-time fair
// queueing): next is whoever's message would begin first. Between any two that
// wait throughout, what they were served never differs by more than one message
// of each and a slice, however long the messages are. Every step is logarithmic in
// how many wait.
type turns[T interface{ at() *turn }] struct {
	// slice is how many segments one is served in a row; 0 for one message.
	slice uint64
	now   uint64
	heads []T // a heap
}

// join puts one into the order.
func (q *turns[T]) join(one T) {
	if t := one.at(); !t.waits() {
		t.begin = max(q.now, t.end)
		heap.Push(q, one)
	}
}

// leave takes one out of the order.
func (q *turns[T]) leave(one T) {
	if t := one.at(); t.waits() {
		heap.Remove(q, t.place-1)
	}
}

// serve books a message of so many segments on one that waits.
func (q *turns[T]) serve(one T, segments int) {
	t := one.at()
	q.now = t.begin
	t.end = t.begin + uint64(segments)
	t.begin = t.end
	heap.Fix(q, t.place-1)
}

// first is whose turn it is; ask only an order that is not empty.
func (q *turns[T]) first() T { return q.heads[0] }

// Len, Less, Swap, Push and Pop make the order a heap.
func (q *turns[T]) Len() int { return len(q.heads) }

func (q *turns[T]) Less(i, j int) bool {
	a, b := q.heads[i].at(), q.heads[j].at()
	first, second := a.begin/max(1, q.slice), b.begin/max(1, q.slice)
	return first < second || (first == second && a.number < b.number)
}

func (q *turns[T]) Swap(i, j int) {
	q.heads[i], q.heads[j] = q.heads[j], q.heads[i]
	q.heads[i].at().place, q.heads[j].at().place = i+1, j+1
}

func (q *turns[T]) Push(one any) {
	q.heads = append(q.heads, one.(T))
	one.(T).at().place = len(q.heads)
}

func (q *turns[T]) Pop() any {
	last := q.heads[len(q.heads)-1]
	var none T
	q.heads[len(q.heads)-1] = none
	q.heads = q.heads[:len(q.heads)-1]
	last.at().place = 0
	return last
}
