package main

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hustings/hustings/queue"
)

// measureKill kills the daemon with SIGKILL when half of a campaign is sent, and
// asks how long after the next start the next request reaches the carrier.
func measureKill(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	var times []time.Duration
	for range b.Runs {
		took, err := b.kill(ctx, n)
		if err != nil {
			return found, err
		}
		times = append(times, took)
		b.say("the next request began %s after the start", took.Round(time.Millisecond))
	}
	what := fmt.Sprintf("from the start after kill -9 to the next request at the carrier, %s attempts in the ledger, warm", figure(float64(b.Sends/2)))
	found.Rows = append(found.Rows, row{What: what, Ours: seconds(median(times))}.judge(median(times).Seconds(), restartTarget))
	return found, nil
}

func (b *bench) kill(ctx context.Context, n *nation) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience(n.contacts, b.Sends), errSlow)
	defer cancel()
	n.house.orders = n.lists()
	if err := n.house.clear(); err != nil {
		return 0, err
	}
	log := filepath.Join(n.dir, "carrier.log")
	carrier, err := newStub(log)
	if err != nil {
		return 0, err
	}
	defer func() { _ = carrier.close() }()
	if err := n.house.open(ctx, carrier.url()); err != nil {
		return 0, err
	}
	defer func() { n.house.shut() }()
	if _, err := n.house.upload(ctx, queue.IntakeGrants, filepath.Join(n.lists(), "grants.csv")); err != nil {
		return 0, err
	}
	orders, err := jobs(n.lists())
	if err != nil {
		return 0, err
	}
	submitting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { stop(n.house.submit(submitting, orders)) }()
	if err := n.house.process.await(submitting, func() bool { return carrier.sids.Load() >= uint64(b.Sends/2) }); err != nil {
		return 0, err
	}
	stop(nil)
	n.house.process.end(syscall.SIGKILL)
	n.house.shut()
	carrier.first.Store(0)
	began := time.Now()
	if err := n.house.open(ctx, carrier.url()); err != nil {
		return 0, err
	}
	if err := n.house.process.await(ctx, func() bool { return carrier.first.Load() != 0 }); err != nil {
		return 0, err
	}
	took := time.Unix(0, carrier.first.Load()).Sub(began)
	n.house.shut()
	if err := carrier.close(); err != nil {
		return 0, fmt.Errorf("close the stub: %w", err)
	}
	verdict, err := judgeLog(log)
	if err != nil {
		return 0, err
	}
	if !verdict.sound() {
		return 0, fmt.Errorf("%w: after a kill: %s", errPromise, verdict)
	}
	return took, nil
}
