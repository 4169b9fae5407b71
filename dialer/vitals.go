package dialer

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/consent"
)

// Vitals are figures that show how the dialer does at this moment.
type Vitals struct {
	// InFlight is how many requests have begun and not ended, InDoubt how many
	// attempts wait to be looked up at the carrier.
	InFlight int
	InDoubt  uint64
	// CaughtUpAt is the real instant at which the carrier has last told what
	// texts it holds, zero before the first time.
	CaughtUpAt time.Time
	// Limit is how many requests may be under way at once, as the carrier is felt to
	// allow.
	Limit int
	// Queued is how many segments of each sender the carrier may have queued, or how
	// many of its calls are under way; Granted how much the pacer has granted to each
	// since the start, and Rates what the carrier grants each in a second.
	Queued  map[string]int
	Granted map[string]uint64
	Rates   map[string]float64
	// Decisions counts those before an attempt, by their reason, since the start.
	Decisions map[consent.Reason]uint64
	// Due is how many recipients wait whose own instant has come, DueMost at most.
	Due int
}

// DueMost is up to how many recipients are counted that are due.
const DueMost = 10_000

// tallies count what is done, for whoever measures.
type tallies struct {
	decisions [256]atomic.Uint64
	granted   sync.Map // of *atomic.Uint64, by sender
	limit     atomic.Int64
}

func (t *tallies) decided(reason consent.Reason) { t.decisions[reason].Add(1) }

func (t *tallies) grants(sender string, units int) {
	count, found := t.granted.Load(sender)
	if !found {
		count, _ = t.granted.LoadOrStore(sender, new(atomic.Uint64))
	}
	count.(*atomic.Uint64).Add(uint64(units))
}

// into fills in what was counted.
func (t *tallies) into(v *Vitals) {
	v.Limit, v.Granted, v.Decisions = int(t.limit.Load()), map[string]uint64{}, map[consent.Reason]uint64{}
	t.granted.Range(func(sender, count any) bool {
		v.Granted[sender.(string)] = count.(*atomic.Uint64).Load()
		return true
	})
	for reason := range t.decisions {
		if n := t.decisions[reason].Load(); n > 0 {
			v.Decisions[consent.Reason(reason)] = n
		}
	}
}

// Vitals returns them.
func (d *Dialer) Vitals() (Vitals, error) {
	v := Vitals{InFlight: int(d.gate.flights.Load()), Queued: d.backlog.lengths(d.clock.Now())}
	if at := d.caughtUpAt.Load(); at != 0 {
		v.CaughtUpAt = time.Unix(0, at)
	}
	d.tallies.into(&v)
	v.Rates = map[string]float64{}
	for _, sender := range d.registry.Senders {
		v.Rates[sender.ID] = sender.rate()
	}
	now := d.clock.Now()
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for key := range b.Rows(BucketDue, nil) {
			if at, _, ok := readDueKey(key); !ok || at.After(now) || v.Due == DueMost {
				break
			}
			v.Due++
		}
		for key := range b.Rows(BucketBalance, nil) {
			balance := b.balance(readCampaignKey(key))
			v.InDoubt += balance.Recipients[RecipientInDoubt]
		}
		return nil
	})
	if err != nil {
		return v, fmt.Errorf("count attempts in doubt: %w", err)
	}
	return v, nil
}
