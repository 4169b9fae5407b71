package dialer

import (
	"sync"
	"time"
)

// rates tells how many attempts a second each campaign makes, in real time,
// from its counter: nothing is added to the path for it.
type rates struct {
	mu    sync.Mutex
	known map[uint32]*rate
}

type rate struct {
	mark     uint64
	attempts uint64
	at       time.Time
	perSec   float64
}

// rateWindow is how long a rate is measured before it is told.
const rateWindow = time.Second

// note takes in a campaign's counters, and tells whether anything has changed.
func (r *rates) note(campaign uint32, mark, attempts uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	known := r.known[campaign]
	if known == nil {
		if r.known == nil {
			r.known = map[uint32]*rate{}
		}
		r.known[campaign] = &rate{mark: mark, attempts: attempts, at: now}
		return true
	}
	if since := now.Sub(known.at); since >= rateWindow {
		known.perSec = float64(attempts-min(attempts, known.attempts)) / since.Seconds()
		known.attempts, known.at = attempts, now
	}
	changed := known.mark != mark
	known.mark = mark
	return changed
}

func (r *rates) of(campaign uint32) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.known[campaign]; known != nil {
		return known.perSec
	}
	return 0
}
