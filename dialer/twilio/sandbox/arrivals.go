package sandbox

import "sync"

// arrival is the place of a create request among all of them over the life of the
// log, and among those to the same number, each from 1. Inbound texts are
// numbered in the same way.
type arrival struct{ number, nth int }

// arrivals numbers requests or texts in the order in which the log has them.
type arrivals struct {
	mutex sync.Mutex
	all   int
	of    map[string]int // by the person's number
}

func newArrivals() *arrivals { return &arrivals{of: map[string]int{}} }

// count numbers one more. It needs the lock.
func (seen *arrivals) count(person string) arrival {
	seen.all++
	seen.of[person]++
	return arrival{seen.all, seen.of[person]}
}

// next numbers one more, after it has been recorded under the lock. It fails only
// if recording does.
func (seen *arrivals) next(person string, record func() error) (arrival, error) {
	seen.mutex.Lock()
	defer seen.mutex.Unlock()
	if err := record(); err != nil {
		return arrival{}, err
	}
	return seen.count(person), nil
}
