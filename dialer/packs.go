package dialer

import (
	"time"

	"github.com/hustings/hustings/consent"
)

// Pack returns the rules in force.
func (d *Dialer) Pack() *consent.Pack { return d.pack.Load() }

// UsePack puts other rules in force, for all campaigns, those at work included:
// every decision from now on is made by them. Groups of zones that waited for an
// hour of the old rules are asked about again.
func (d *Dialer) UsePack(pack *consent.Pack) {
	d.mu.Lock()
	d.pack.Store(pack)
	for number, c := range d.compiled {
		d.compiled[number] = c.under(pack)
	}
	d.mu.Unlock()
	d.heedPack(d.clock.Now())
	d.wake()
}

// heedPack halts all dialling outside the life of the rules in force (E9).
func (d *Dialer) heedPack(now time.Time) {
	from, to := d.pack.Load().Valid()
	d.Halt(HaltPack, now.Before(from) || !now.Before(to))
}

// underway returns the campaign as it is at work now: its rules may have been
// changed since the slot was granted.
func (d *Dialer) underway(c *campaign) *campaign {
	if now := d.campaignOf(c.number); now != nil {
		return now
	}
	return c
}
