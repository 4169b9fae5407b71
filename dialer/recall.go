package dialer

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hustings/hustings/consent/contact"
)

// recallsAtOnce bounds how many messages are called back at the same time.
const recallsAtOnce = 8

// ringLimit is how long after its intent a call may still ring for the first time,
// in campaign time. Together with the longest that a phone rings it is far shorter
// than the margin by which requests end before a window closes: whatever the
// carrier queues, nobody is rung outside of it.
const ringLimit = 2 * time.Minute

// recall asks the carrier not to send what it still queues of campaigns that are
// paused, held or cancelled, and not to ring for calls that were answered by nobody
// in time, or whose contact has objected meanwhile. A text is asked for once: what
// stays is dropped by the carrier within minutes. A call is asked for until it is
// over. What is called back has failed, and its recipient is not tried again.
func (d *Dialer) recall(ctx context.Context) error {
	var sids []string
	now := d.clock.Now()
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for _, attempt := range d.backlog.unrecalled(!b.anyStopped()) {
			a := b.attempt(attempt)
			if a == nil || a.state != attemptPlaced || a.status.out() {
				continue
			}
			if b.wantsBack(a, now) {
				d.backlog.recalled(attempt)
				sids = append(sids, a.sid)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for messages to call back: %w", err)
	}
	var group errgroup.Group
	group.SetLimit(recallsAtOnce)
	for _, sid := range sids {
		group.Go(d.guarded(func() error { d.cancelPlaced(ctx, []string{sid}); return nil }))
	}
	return group.Wait()
}

// wantsBack tells whether what was placed must not go on.
func (b books) wantsBack(a *attemptRecord, now time.Time) bool {
	if balance := b.balance(a.recipient.campaign()); balance.stopped() {
		return true
	}
	record, found := b.campaign(a.recipient.campaign())
	return found && record.Job.isCall() && (now.Sub(a.intended) >= ringLimit || b.objectedSince(a.contact, a.intended))
}

// objectedSince tells whether the contact has objected since an instant.
func (b books) objectedSince(id contact.ID, since time.Time) bool {
	for key, row := b.First(BucketObjection, id[:]); bytes.HasPrefix(key, id[:]); key, row = b.First(BucketObjection, following(key)) {
		if o, err := readObjection(key, row, asString); err != nil || o.At.After(since) {
			return true
		}
	}
	return false
}

// stopped tells whether somebody wants nothing of the campaign sent any more, for
// now or for ever.
func (b *balance) stopped() bool {
	return b.State == CampaignPaused || b.State == CampaignHeld || (b.State == CampaignClosing && b.Ending == EndingCancelled)
}

func (b books) anyStopped() bool {
	for key := range b.Rows(BucketBalance, nil) {
		if balance := b.balance(readCampaignKey(key)); balance.stopped() {
			return true
		}
	}
	return false
}
