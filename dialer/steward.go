package dialer

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// steward moves campaigns from state to state as time passes and work is done:
// it plans, starts, ends and closes them. One goroutine does so, in order of
// acceptance.
func (d *Dialer) steward(ctx context.Context) error {
	timer := time.NewTicker(housekeeping)
	defer timer.Stop()
	for {
		if err := d.tend(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-d.changed:
		}
	}
}

// tended is a campaign with its state as the steward found it.
type tended struct {
	record  *campaignRecord
	balance balance
}

func (d *Dialer) tend(ctx context.Context) error {
	d.heedPack(d.clock.Now())
	if !d.Trusted() {
		return nil // what it would end or plan may have gone on elsewhere
	}
	if !d.clockIsSure() {
		return nil // a campaign that a wrong clock ends stays ended
	}
	var list []tended
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for key, row := range b.Rows(BucketBalance, nil) {
			if CampaignState(row[0]) == CampaignClosed {
				continue
			}
			number := readCampaignKey(key)
			if record, ok := b.campaign(number); ok {
				list = append(list, tended{record, b.balance(number)})
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the campaigns: %w", err)
	}
	if d.directoryIsLost(list) {
		return nil
	}
	for _, t := range list {
		if err := d.tendOne(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// directoryIsLost tells whether campaigns wait for contacts of a directory that is not
// there: its file was lost, or not put back. Nothing is dialled then.
func (d *Dialer) directoryIsLost(list []tended) bool {
	waits := func(t tended) bool { return t.balance.undialled() > 0 }
	lost := d.census != nil && d.census.Edition() == nil && slices.ContainsFunc(list, waits)
	d.Halt(HaltDirectory, lost)
	return lost
}

// tendOne makes the one move that is due for a campaign, if any.
func (d *Dialer) tendOne(ctx context.Context, t tended) error {
	now, number := d.clock.Now(), t.record.Number
	switch state := t.balance.State; {
	case state == CampaignClosing:
		return d.conclude(ctx, t)
	case state > CampaignPlanned && !now.Before(t.record.Job.Schedule.End):
		return d.turn(ctx, t.record.Job.ID, &stateMove{
			number: number, from: openStates, to: CampaignClosing, ending: EndingTimeOver,
		})
	}
	c, err := d.adopt(ctx, t)
	if c == nil {
		return err
	}
	name := c.job.ID
	switch t.balance.State {
	case CampaignAccepted:
		if err := d.plan(ctx, c); err != nil {
			return err
		}
		d.forget(number) // its zone groups are known now
		return d.turn(ctx, name, &stateMove{number: number, from: []CampaignState{CampaignPlanned}, to: CampaignReady})
	case CampaignPlanned:
		return d.turn(ctx, name, &stateMove{number: number, from: []CampaignState{CampaignPlanned}, to: CampaignReady})
	case CampaignReady:
		if !now.Before(c.start()) && !d.unsigned(t.record) {
			return d.turn(ctx, name, &stateMove{number: number, from: []CampaignState{CampaignReady}, to: t.balance.first()})
		}
	case CampaignTrial, CampaignRunning:
		if due := d.seedsDue(t); len(due) > 0 {
			return d.seed(ctx, t, due)
		}
		if c.dialled(&t.balance) {
			return d.turn(ctx, name, &stateMove{
				number: number, from: diallingStates, to: CampaignClosing, ending: EndingCompleted, settled: c.dialled,
			})
		}
		if reason, detail := d.exceeded(c, t); reason != "" {
			return d.hold(ctx, c, reason, detail)
		}
		if t.balance.trialOver() && t.record.TrialOver.IsZero() {
			return d.endTrial(ctx, t)
		}
	case CampaignPaused, CampaignHeld, CampaignNone, CampaignClosing, CampaignClosed, campaignStateCount:
	}
	d.progress(t)
	return nil
}

// dialled tells whether nobody is left to be intended. An intent may still be
// withdrawn, and a recipient with an open attempt may get a next step.
func (c *campaign) dialled(b *balance) bool {
	return b.undialled() == 0 && b.Recipients[RecipientIntended] == 0 && (!c.job.Retry.any() || b.open() == 0)
}

// adopt compiles a campaign that is not at work yet, and keeps its state where
// the dispatcher reads it. There is none where the job no longer fits the
// registry.
func (d *Dialer) adopt(ctx context.Context, t tended) (*campaign, error) {
	number := t.record.Number
	d.mu.Lock()
	c := d.compiled[number]
	d.mu.Unlock()
	if c == nil {
		compiled, faults := d.compile(t.record)
		if len(faults) > 0 {
			return nil, d.unfit(ctx, t, faults)
		}
		c = compiled
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if pack := d.Pack(); c.pack != pack {
		c = c.under(pack) // the rules were changed meanwhile
	}
	d.compiled[number] = c
	if delete(d.dialling, number); t.balance.dials() {
		d.dialling[number] = true
	}
	return c, nil
}

// unfit holds a campaign whose job no longer fits the registry. One that is not
// even planned waits as it is, since whoever resumed it would find it empty; it
// ends with its time, as all others do.
func (d *Dialer) unfit(ctx context.Context, t tended, faults []Fault) error {
	number, job := t.record.Number, &t.record.Job
	switch t.balance.State {
	case CampaignPlanned, CampaignReady, CampaignTrial, CampaignRunning:
		return d.turn(ctx, job.ID, &stateMove{
			number: number, from: livelyStates, to: CampaignHeld, hold: HoldContent, audited: true,
			detail: "the job no longer fits the registry: " + faults[0].String(),
		})
	case CampaignAccepted:
		if d.clock.Now().Before(job.Schedule.End) {
			return nil
		}
		return d.turn(ctx, job.ID, &stateMove{
			number: number, from: []CampaignState{CampaignAccepted}, to: CampaignClosing, ending: EndingTimeOver,
		})
	case CampaignPaused, CampaignHeld, CampaignClosing, CampaignNone, CampaignClosed, campaignStateCount:
	}
	return nil
}

// forget lets go of what was worked out of a campaign.
func (d *Dialer) forget(number uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.compiled, number)
	delete(d.dialling, number)
	delete(d.readings, number)
}

// turn makes a move of the steward's, and lets everybody know.
func (d *Dialer) turn(ctx context.Context, name string, move *stateMove) error {
	move.at = d.clock.Now()
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("make campaign %s %s: %w", name, move.to, err)
	}
	if move.done {
		d.log.Info().Str(FieldEvent, EventState).Str(FieldCampaign, name).Stringer(FieldState, move.to).
			Stringer(FieldEnding, move.ending).Str(FieldReason, string(move.hold)).Send()
		d.announce(name)
		d.wake()
	}
	return nil
}

// conclude excludes what will not be dialled any more, waits for what is open,
// and then closes the campaign if its books balance. It needs nothing of the
// registry, so that every campaign can be closed.
func (d *Dialer) conclude(ctx context.Context, t tended) error {
	number, name := t.record.Number, t.record.Job.ID
	d.forget(number)
	if t.balance.unplanned() {
		if err := d.wipe(ctx, &campaign{number: number, mask: t.record.Mask, job: &t.record.Job}); err != nil {
			return err
		}
	}
	if t.balance.undialled() > 0 {
		if err := d.sweep(ctx, number, name, endingReason(t.balance.Ending)); err != nil {
			return err
		}
		d.wake()
		return nil
	}
	if t.balance.open() > 0 {
		d.progress(t)
		return nil
	}
	if fault := t.balance.fault(); fault != "" {
		return fmt.Errorf("campaign %s cannot be closed, its books do not balance: %s", name, fault)
	}
	if err := d.lapse(ctx, t.record); err != nil {
		return err
	}
	return d.turn(ctx, name, &stateMove{
		number: number, from: []CampaignState{CampaignClosing}, to: CampaignClosed,
		settled: func(b *balance) bool { return b.undialled() == 0 && b.open() == 0 && b.fault() == "" },
	})
}

// sweep excludes the recipients that will not be dialled any more.
func (d *Dialer) sweep(ctx context.Context, number uint32, name, reason string) error {
	move := &sweepMove{number: number, reason: reason, from: campaignKey(number)}
	for move.from != nil {
		if err := d.ledger.Commit(ctx, move); err != nil {
			return fmt.Errorf("exclude the rest of campaign %s: %w", name, err)
		}
	}
	return nil
}

func endingReason(ending Ending) string {
	switch ending {
	case EndingTimeOver:
		return "TIME_OVER"
	case EndingCancelled:
		return "CANCELLED"
	case EndingBudget:
		return "BUDGET"
	case NoEnding, EndingCompleted, endingCount:
		return "NOT_DIALLED"
	default:
		return "NOT_DIALLED"
	}
}

// sweepMove excludes recipients that will not be dialled any more, some at a
// time.
type sweepMove struct {
	number uint32
	reason string
	// from is the key to go on with, nil at the end: rows swept already are
	// passed over once.
	from []byte
}

// sweepRows bounds how many rows one move reads: other moves wait meanwhile.
const sweepRows = 10 * planChunk

// Apply excludes them.
func (m *sweepMove) Apply(tx Tx) {
	b := books{tx}
	from := m.from
	m.from = nil
	balance := b.balance(m.number)
	if balance.State != CampaignClosing {
		return
	}
	type entry struct {
		key recipientKey
		old recipient
	}
	var part []entry
	rows := 0
	for key, row := range b.Rows(BucketRecipient, from) {
		if len(key) != len(recipientKey{}) || recipientKey(key).campaign() != m.number {
			break
		}
		if rows++; rows > sweepRows || len(part) == planChunk {
			m.from = append([]byte(nil), key...)
			break
		}
		if state := RecipientState(row[0]); state != RecipientPlanned && state != RecipientWaiting {
			continue
		}
		old, err := readRecipient(row)
		if err != nil {
			b.Fail(err)
			return
		}
		part = append(part, entry{recipientKey(key), old})
	}
	for _, e := range part {
		next, err := e.old.exclude(m.reason)
		b.change(e.key, &balance, e.old, next, err)
	}
	b.putBalance(m.number, &balance)
}
