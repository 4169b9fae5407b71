package dialer

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// recallsAtOnce bounds how many messages are called back at the same time.
const recallsAtOnce = 8

// recall asks the carrier not to send what it still queues of campaigns that are
// paused, held or cancelled. Each is asked for once: nothing depends on it, and
// what stays is dropped by the carrier within minutes. A message that is called
// back has failed, and its recipient is not written to again.
func (d *Dialer) recall(ctx context.Context) error {
	var sids []string
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		if !b.anyStopped() {
			return nil
		}
		for _, attempt := range d.backlog.unrecalled() {
			a := b.attempt(attempt)
			if a == nil || a.state != attemptPlaced || a.status >= StatusSent {
				continue
			}
			if balance := b.balance(a.recipient.campaign()); balance.stopped() {
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
		group.Go(func() error { d.cancelPlaced(ctx, []string{sid}); return nil })
	}
	return group.Wait()
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
