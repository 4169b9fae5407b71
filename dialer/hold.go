package dialer

import (
	"context"
	"fmt"
	"time"
)

// HoldReason is why the dialer holds a campaign by its own judgement. Faults of
// the line are none: they open the breaker, which closes by itself. A held campaign
// goes on when an operator says so.
type HoldReason string

// The reasons.
const (
	// HoldOptOuts: more of those who were reached object than is usual.
	HoldOptOuts HoldReason = "opt_out_rate"
	// HoldFiltering: carriers drop more of the messages than is usual.
	HoldFiltering HoldReason = "carrier_filtering"
	// HoldSpending: money goes faster than the sender's rate can explain.
	HoldSpending HoldReason = "spend_velocity"
	// HoldTariff: a message has cost more than the tariff says is the most.
	HoldTariff HoldReason = "over_tariff"
	// HoldContent: the text, the segment or the sender is not what the rules and the
	// registry allow any more.
	HoldContent HoldReason = "content"
	// HoldRefused: the carrier refuses the campaign, its sender or the account.
	HoldRefused HoldReason = "carrier_refused"
)

// HoldNote is one time for which the dialer held a campaign.
type HoldNote struct {
	Reason HoldReason `json:"reason"`
	// Detail is the figures or the rule.
	Detail string    `json:"detail"`
	At     time.Time `json:"at"`
	// Ended is when it was over, and By whose order that was and why.
	Ended time.Time `json:"ended,omitzero"`
	By    string    `json:"by,omitempty"`
}

// note keeps in the record that a hold begins or ends with the move.
func (m *stateMove) note(record *campaignRecord) {
	if m.to == CampaignHeld {
		record.Held, record.Hold = true, m.hold
		record.Holds = append(record.Holds, HoldNote{Reason: m.hold, Detail: m.detail, At: m.at})
		return
	}
	if n := len(record.Holds); m.was == CampaignHeld && n > 0 {
		record.Hold, record.Holds[n-1].Ended, record.Holds[n-1].By = "", m.at, m.detail
	}
}

// hold stops a campaign by the dialer's own judgement. A named operator lets
// it go on; a test is over.
func (d *Dialer) hold(ctx context.Context, c *campaign, reason HoldReason, detail string) error {
	move := &stateMove{number: c.number, from: diallingStates, to: CampaignHeld, hold: reason, detail: detail, audited: true}
	if c.isTest() { // it has told what it was for
		move.to, move.hold, move.ending = CampaignClosing, "", EndingCancelled
	}
	return d.turn(ctx, c.job.ID, move)
}

// Limits say when the dialer holds a campaign. A limit whose window is 0 never
// does.
type Limits struct {
	OptOuts   ShareLimit
	Filtering ShareLimit
	Spending  SpendLimit
}

// ShareLimit is the share of the messages in a window that may end badly.
type ShareLimit struct {
	// Window is campaign time.
	Window time.Duration
	Share  float64
	// Minimum is how many messages there must be before anybody judges.
	Minimum int
}

// SpendLimit is how much faster money may go than the sender's rate and the tariff
// explain.
type SpendLimit struct {
	Window time.Duration
	Factor float64
	// Minimum is how much must have been spent before anybody judges.
	Minimum Money
}

// reading is what the limits are held against, as it was at an instant.
type reading struct {
	At       time.Time `json:"at"`
	Attempts uint64    `json:"attempts"`
	OptOuts  uint64    `json:"opt_outs"`
	Filtered uint64    `json:"filtered"`
	Reserved Money     `json:"reserved"`
}

func (b *balance) reading(at time.Time) reading {
	return reading{at, b.Attempts, b.OptOuts, b.Filtered, b.Reserved}
}

// readings are a campaign's of late, the oldest first. The first of all is in the
// ledger, from when an operator or the calendar last let the campaign go: what was
// before has had its answer. They belong to the steward's goroutine.
type readings []reading

// readingsKept is how finely a window slides: in so many parts.
const readingsKept = 60

// take adds the newest reading, and lets go of what no window reaches any more.
func (r *readings) take(first, now reading, longest time.Duration) {
	if len(*r) == 0 || (*r)[0].At.Before(first.At) {
		*r = append((*r)[:0], first)
	}
	if last := (*r)[len(*r)-1]; now.At.Sub(last.At) < longest/readingsKept {
		return
	}
	*r = append(*r, now)
	for len(*r) > 1 && !(*r)[1].At.After(now.At.Add(-longest)) {
		*r = (*r)[1:]
	}
}

// within is what has happened since the window began.
func (r readings) within(now reading, window time.Duration) (span time.Duration, gone reading) {
	from := r[0]
	for _, older := range r {
		if older.At.After(now.At.Add(-window)) {
			break
		}
		from = older
	}
	return now.At.Sub(from.At), reading{
		Attempts: now.Attempts - min(from.Attempts, now.Attempts), OptOuts: now.OptOuts - from.OptOuts,
		Filtered: now.Filtered - from.Filtered, Reserved: now.Reserved - from.Reserved,
	}
}

// exceeded tells which limit the campaign has passed, and by which figures; empty
// for none.
func (d *Dialer) exceeded(c *campaign, t tended) (HoldReason, string) {
	limits, now := &d.limits, t.balance.reading(d.clock.Now())
	kept := d.readings[c.number]
	kept.take(t.record.Watched, now, max(limits.OptOuts.Window, limits.Filtering.Window, limits.Spending.Window))
	d.readings[c.number] = kept
	_, gone := kept.within(now, limits.OptOuts.Window)
	if text := limits.OptOuts.passed(gone.OptOuts, gone.Attempts); text != "" {
		return HoldOptOuts, "opt-out rate: " + text
	}
	_, gone = kept.within(now, limits.Filtering.Window)
	if text := limits.Filtering.passed(gone.Filtered, gone.Attempts); text != "" {
		return HoldFiltering, "carrier filtering: " + text
	}
	span, gone := kept.within(now, limits.Spending.Window)
	unit := c.dearest()
	forecast := Money(c.rate() * span.Seconds() * float64(unit.price) / float64(unit.size.Segments))
	if text := limits.Spending.passed(gone.Reserved, forecast, span); text != "" {
		return HoldSpending, "spend velocity: " + text
	}
	return "", ""
}

func (l *ShareLimit) passed(bad, all uint64) string {
	if l.Window == 0 || all < uint64(max(l.Minimum, 1)) || float64(bad) <= l.Share*float64(all) {
		return ""
	}
	return fmt.Sprintf("%d of %d messages within %s, %.1f %%, and the limit is %.1f %%",
		bad, all, l.Window, 100*float64(bad)/float64(all), 100*l.Share)
}

func (l *SpendLimit) passed(spent, forecast Money, span time.Duration) string {
	if l.Window == 0 || spent < l.Minimum || spent <= Money(l.Factor*float64(forecast)) {
		return ""
	}
	return fmt.Sprintf("%s within %s, %g times the forecast %s is the limit", spent, span.Round(time.Second), l.Factor, forecast)
}

// blame counts an objection for the campaign that reached the contact last.
func (b books) blame(o *Objection) {
	h := b.history(o.Contact)
	if o.Way == "list" || len(h.past) == 0 {
		return
	}
	last := h.past[len(h.past)-1]
	a := b.attempt(last.sequence)
	if a == nil || o.At.Before(a.intended) {
		return
	}
	number := a.recipient.campaign()
	if balance := b.balance(number); balance.State != CampaignNone && balance.State != CampaignClosed {
		balance.OptOuts++
		b.putBalance(number, &balance)
	}
}
