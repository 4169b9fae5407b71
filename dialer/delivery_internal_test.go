package dialer

import (
	"testing"
	"time"
)

// Ensure that a server that does not answer is tried ever more seldom, and given up
// after three days; and that one that does is not tried again.
func TestDelivery_Tried(t *testing.T) {
	t.Parallel()
	at := someInstant
	one := Delivery{ID: "x"}
	var waits []time.Duration
	for one = one.tried(at, "nobody there"); !one.over(); one = one.tried(at, "nobody there") {
		waits = append(waits, one.Next.Sub(at))
		at = one.Next
		if len(waits) > 100 {
			t.Fatal("it is never given up")
		}
	}
	if waits[0] != deliveryFirst || waits[1] != 2*deliveryFirst || waits[len(waits)-1] != deliveryLast {
		t.Errorf("it is tried after %v", waits)
	}
	if span := one.GivenUp.Sub(one.First); span < deliveryLimit || span > deliveryLimit+deliveryLast || one.Error == "" {
		t.Errorf("it is given up after %v: %+v", span, one)
	}
	good := Delivery{ID: "y"}.tried(at, "")
	if good.Delivered != at || !good.over() || !good.Next.IsZero() {
		t.Errorf("taken at once: %+v", good)
	}
}
