package dialer

import (
	"testing"
	"time"
)

// Ensure that an order which was forgotten for its age does not become young again
// with a clock that is set back.
func TestBooks_First_ClockSetBack(t *testing.T) {
	b := books{new(memoryTx)}
	old, other, young := NewOrder(OrderResume, "a", "op-anne", ""), NewOrder(OrderResume, "b", "op-anne", ""), NewOrder(OrderResume, "c", "op-anne", "")
	other.At, young.At = old.At.Add(orderLife+time.Second), old.At.Add(orderLife+2*time.Second)
	for _, o := range []*Order{&old, &other} {
		if refusal := b.first(o, o.At); refusal != nil {
			t.Fatal(refusal)
		}
	}
	if refusal := b.first(&old, old.At.Add(time.Minute)); refusal == nil {
		t.Error("an order was good twice")
	}
	if refusal := b.first(&young, old.At.Add(time.Minute)); refusal != nil {
		t.Errorf("a new order after the clock was set back: %v", refusal)
	}
}
