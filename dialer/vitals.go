package dialer

import (
	"fmt"
	"time"
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
	// Queued is how many segments of each sender the carrier may have queued.
	Queued map[string]int
}

// Vitals returns them.
func (d *Dialer) Vitals() (Vitals, error) {
	v := Vitals{InFlight: int(d.gate.flights.Load()), Queued: d.backlog.lengths(d.clock.Now())}
	if at := d.caughtUpAt.Load(); at != 0 {
		v.CaughtUpAt = time.Unix(0, at)
	}
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
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
