package daemon

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

// lingerFor is how long, in real time, a daemon that must exit because it cannot
// write its ledger hears objections before it does. A supervisor starts it again
// within a second or so; while the disk is full that goes on and on, and of all
// this time an opt-out finds it listening for nearly the whole.
const lingerFor = 10 * time.Second

// stillHears tells whether the daemon has failed for want of a disk to write to,
// and objections can be made effective all the same: the journal takes them, and
// the next life reads it before it dials.
func (d *Daemon) stillHears(failed error) bool {
	return failed != nil && (d.ledger.Err() != nil || d.diskIsFull()) && !errors.Is(failed, store.ErrJournalStopped)
}

// linger keeps the callbacks and the verb for opt-outs open for a while. Nothing
// else is done any more: nothing is dialled, no job is taken, and what must be
// written to the ledger comes again.
func (d *Daemon) linger(ctx context.Context, failed error) {
	d.health.lingering.Store(true)
	d.log.Error().Str(dialer.FieldEvent, eventLingering).Err(failed).Stringer("for", lingerFor).Send()
	end := time.NewTimer(lingerFor)
	defer end.Stop()
	select {
	case <-end.C:
	case <-ctx.Done():
	}
}

// hearOptOuts takes the objections of other systems from the queue until stop is
// called: longer than the daemon works, since it lingers for them, too.
func (d *Daemon) hearOptOuts() (stop func()) {
	if d.service == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		d.conn.ConsumeOptOuts(ctx, d.optOutOfSystem)
	}()
	d.awaitOptOuts()
	return func() { cancel(); <-over }
}

// awaitOptOuts waits until the objections that came while no daemon ran are
// effective: they go before the first message. Not for long, since NATS may be
// away or sick, and dialling must not depend on it.
func (d *Daemon) awaitOptOuts() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = everyReal(ctx, 50*time.Millisecond, func() error {
		if !d.conn.Connected() {
			return errAway
		}
		if waiting, err := d.conn.OptOutsWaiting(ctx); err != nil || waiting > 0 {
			return nil //nolint:nilerr // asked again, for as long as there is patience
		}
		return errNoneWaits
	})
}

var errAway, errNoneWaits = errors.New("NATS is away"), errors.New("no objection waits")

// whileFit makes all handlers refuse while the daemon lingers, but for the one
// that takes opt-outs and the one that tells how things stand.
func (d *Daemon) whileFit(handlers map[queue.Verb]queue.Handler) map[queue.Verb]queue.Handler {
	for verb, handler := range handlers {
		if verb == queue.VerbOptOut || verb == queue.VerbStatus {
			continue
		}
		handlers[verb] = func(ctx context.Context, request queue.Request) (any, error) {
			if !d.health.lingering.Load() {
				return handler(ctx, request)
			}
			return nil, &queue.ControlError{
				Code: queue.CodeBusy, Message: "the daemon has failed: it takes opt-outs alone, and is about to exit",
				Hint: "see dialctl status; ask again once it is back",
			}
		}
	}
	return handlers
}

// announcer tells watchers what happens, once there is a NATS to tell it on.
type announcer struct {
	to atomic.Pointer[queue.Publisher]
}

// PublishEvent hands the event to the publisher; before there is one nobody
// can watch.
func (a *announcer) PublishEvent(ctx context.Context, event dialer.Event) {
	if publisher := a.to.Load(); publisher != nil {
		publisher.PublishEvent(ctx, event)
	}
}
