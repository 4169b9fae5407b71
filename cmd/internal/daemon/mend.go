package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hustings/hustings/dialer"
)

// mendWait is how long, in real time, the next try to tell again what NATS has
// lost is put off.
const mendWait = 5 * time.Second

// keepTold tells again what NATS has lost and the ledger has not, each time that
// its streams may be others than before.
func (d *Daemon) keepTold(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.conn.Returned():
		}
		for d.tellAgain(ctx) != nil { // NATS may be away again: nobody waits for this
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(mendWait):
			}
		}
	}
}

// toldFor is how long the streams keep what they are told.
const toldFor = 90 * 24 * time.Hour

// tellAgain compares the streams with the ledger, and publishes what they lack:
// why jobs were rejected, how campaigns stand, and reports.
func (d *Daemon) tellAgain(ctx context.Context) error {
	told, err := d.conn.Told(ctx)
	if err != nil {
		return err
	}
	since, again := d.clock.Now().Add(-toldFor), 0
	rejections, err := d.dialer.Rejections(since)
	if err != nil {
		return err
	}
	for _, rejection := range rejections {
		if told.Rejections[rejection.Submission] {
			continue
		}
		if err := d.publisher.PublishRejection(ctx, rejection); err != nil {
			return err
		}
		again++
	}
	campaigns, err := d.dialer.List()
	if err != nil {
		return err
	}
	for i := range campaigns {
		if c := &campaigns[i]; !told.Events[c.ID] && (c.Closed.IsZero() || c.Closed.After(since)) {
			d.dialer.Announce(c.ID)
			again++
		}
	}
	reports, err := d.dialer.Reports()
	if err != nil {
		return err
	}
	for _, kept := range reports {
		if told.Reports[kept.Campaign] || kept.Released.Before(since) {
			continue
		}
		if !d.publish(ctx, kept) {
			return fmt.Errorf("publish the report of campaign %s again", kept.Campaign)
		}
		again++
	}
	if again > 0 {
		d.log.Info().Str(dialer.FieldEvent, eventToldAgain).Int(dialer.FieldCount, again).Send()
	}
	return nil
}

// owner names the store before NATS, so that no other daemon takes its jobs.
func (d *Daemon) owner() string {
	sum := sha256.Sum256(d.keys.HPKE.PublicKey().Bytes())
	return hex.EncodeToString(sum[:8])
}
