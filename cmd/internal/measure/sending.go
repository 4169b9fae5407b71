package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/configs/sample/country"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// sending is what a run of campaigns over a nation has cost, from the first
// accepted job to the last closed campaign.
type sending struct {
	messages uint64
	// attempts are those of the books.
	attempts uint64
	// wall and cpu are the whole, planning and planningCPU the part until every
	// campaign was planned, and line the time between the first request and the
	// last callback at the stub.
	wall, cpu, planning, planningCPU, line time.Duration
	// anonymous is the daemon's memory at the end, in bytes.
	anonymous int64
	verdict   verdict
}

func (s *sending) perSecond() float64 { return float64(s.messages) / s.wall.Seconds() }

// lineRate is how many a second they were while the stub had something to do.
func (s *sending) lineRate() float64 { return float64(s.messages) / s.line.Seconds() }

// micros is the CPU that a message costs, in microseconds.
func (s *sending) micros() float64 { return microsEach(s.cpu, s.messages) }

// sendingMicros is that without the planning.
func (s *sending) sendingMicros() float64 {
	return microsEach(s.cpu-s.planningCPU, s.messages)
}

// sentAlone returns a run of one campaign over a nation: the last one, or a new
// one.
func (b *bench) sentAlone(ctx context.Context, n *nation) (*sending, error) {
	if n.alone != nil {
		return n.alone, nil
	}
	return b.send(ctx, n, 1)
}

// send runs campaigns over a nation to whom nobody has written yet.
func (b *bench) send(ctx context.Context, n *nation, campaigns int) (*sending, error) {
	orders := filepath.Join(n.dir, fmt.Sprintf("orders-%d", campaigns))
	wanted := b.country(n.contacts, campaigns)
	wanted.WithoutContacts = true
	if _, err := country.Generate(ctx, wanted, orders); err != nil {
		return nil, err
	}
	n.house.orders = orders
	if err := n.house.clear(); err != nil {
		return nil, err
	}
	log := filepath.Join(n.dir, "carrier.log")
	carrier, err := newStub(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = carrier.close() }()
	if err := n.house.open(ctx, carrier.url()); err != nil {
		return nil, err
	}
	defer n.house.shut()
	for kind, name := range map[queue.IntakeKind]string{queue.IntakeGrants: "grants.csv", queue.IntakeOptOuts: "optouts.csv"} {
		if _, err := n.house.upload(ctx, kind, filepath.Join(orders, name)); err != nil {
			return nil, err
		}
	}
	limit, cancel := context.WithTimeoutCause(ctx, patience(n.contacts, b.Sends), errSlow)
	defer cancel()
	watched, stop := context.WithCancelCause(limit)
	defer stop(nil)
	go func() {
		select {
		case <-carrier.sick:
			stop(errUntold)
		case <-watched.Done():
		}
	}()
	s, err := n.house.dispatch(watched, orders)
	if err != nil {
		return nil, err
	}
	if s.anonymous, err = n.house.process.anonymous(); err != nil {
		return nil, err
	}
	s.line = time.Duration(carrier.last.Load() - carrier.first.Load())
	n.house.shut()
	if err := carrier.close(); err != nil {
		return nil, fmt.Errorf("close the stub: %w", err)
	}
	if s.verdict, err = judgeLog(log); err != nil {
		return nil, err
	}
	b.say("%d campaigns over %s contacts: %s messages in %s (planned in %s), %s a second, %.0f us of CPU each (%.0f without planning)", campaigns,
		figure(float64(n.contacts)), figure(float64(s.messages)), s.wall.Round(time.Millisecond), s.planning.Round(time.Millisecond),
		figure(s.perSecond()), s.micros(), s.sendingMicros())
	if err := s.mustHold(carrier); err != nil {
		return nil, err
	}
	if campaigns == 1 {
		n.alone = s
	}
	return s, nil
}

var (
	errSlow     = errors.New("it took longer than is waited for")
	errUntold   = errors.New("the daemon does not take callbacks")
	errRejected = errors.New("a campaign was rejected")
)

// patience is how long a run may take: a minute, and what a slow machine needs
// for planning and sending.
func patience(contacts, sends int) time.Duration {
	return time.Minute + time.Duration(contacts/250_000+sends/800)*time.Second
}

var errPromise = errors.New("a promise was broken")

// mustHold holds a run against the carrier's log.
func (s *sending) mustHold(carrier *stub) error {
	switch {
	case !s.verdict.sound():
		return fmt.Errorf("%w: %s", errPromise, s.verdict)
	case s.verdict.Messages != s.messages || s.attempts != s.messages:
		return fmt.Errorf("%w: the books have %d messages delivered in %d attempts, the carrier %d", errPromise, s.messages, s.attempts, s.verdict.Messages)
	case carrier.refused.Load() > 0:
		return fmt.Errorf("%w: %d callbacks were not taken", errPromise, carrier.refused.Load())
	}
	return nil
}

// jobs are the campaigns that were generated, over the mainland, where it is the
// same time everywhere.
func jobs(orders string) ([]*dialer.Job, error) {
	paths, err := filepath.Glob(filepath.Join(orders, "campaigns", "*.yaml"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("find the campaigns in %s: %w", orders, err)
	}
	var jobs []*dialer.Job
	for _, path := range paths {
		job, err := configs.ReadCampaign(path)
		if err != nil {
			return nil, fmt.Errorf("read a campaign: %w", err)
		}
		job.Segment = dialer.Segment{"territory": country.Mainland()}
		jobs = append(jobs, job)
	}
	return jobs, nil
}

// dispatch submits all campaigns and waits until all are closed.
func (h *house) dispatch(ctx context.Context, orders string) (*sending, error) {
	jobs, err := jobs(orders)
	if err != nil {
		return nil, err
	}
	before, err := cpuTime(h.process)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { stop(h.submit(ctx, jobs)) }() // the first ones run while the last ones are submitted
	s := &sending{}
	views := map[string]*dialer.CampaignView{}
	planned, closed := 0, 0
	for event, err := range h.client.Watch(ctx, "") {
		if err != nil {
			return nil, h.process.failed(fmt.Errorf("watch the campaigns: %w", err))
		}
		if event.View == nil {
			continue
		}
		old := views[event.View.ID]
		views[event.View.ID] = event.View
		if past(event.View) && !past(old) {
			if planned++; planned == len(jobs) {
				s.planning = time.Since(began)
				if s.planningCPU, err = cpuTime(h.process); err != nil {
					return nil, err
				}
				s.planningCPU -= before
			}
		}
		if event.View.State == "closed" && (old == nil || old.State != "closed") {
			closed++
		}
		if closed == len(jobs) {
			break
		}
	}
	if closed < len(jobs) {
		return nil, h.process.failed(fmt.Errorf("%d of %d campaigns were closed: %w", closed, len(jobs), context.Cause(ctx)))
	}
	s.wall = time.Since(began)
	after, err := cpuTime(h.process)
	if err != nil {
		return nil, err
	}
	s.cpu = after - before
	return s, s.add(views, len(jobs))
}

// submit submits all jobs, and returns only where one is not accepted or the
// context ends.
func (h *house) submit(ctx context.Context, jobs []*dialer.Job) error {
	for _, job := range jobs {
		result, err := h.client.Submit(ctx, job)
		if err != nil {
			return fmt.Errorf("submit %s: %w", job.ID, err)
		}
		if result.Rejection != nil {
			return fmt.Errorf("%w: %s: %v", errRejected, job.ID, result.Rejection.Faults)
		}
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// past tells whether a campaign's audience was drawn.
func past(view *dialer.CampaignView) bool { return view != nil && view.State != "accepted" }

// add adds up the books of all campaigns.
func (s *sending) add(views map[string]*dialer.CampaignView, campaigns int) error {
	if len(views) != campaigns {
		return fmt.Errorf("%w: %d of %d campaigns were seen", errPromise, len(views), campaigns)
	}
	for _, view := range views {
		if view.State != "closed" || !view.Balance.Balances {
			return fmt.Errorf("%w: campaign %s is %s: %s", errPromise, view.ID, view.State, view.Balance.Fault)
		}
		s.messages += view.Balance.Final["delivered"]
		s.attempts += view.Balance.Attempts
	}
	if s.messages == 0 {
		return fmt.Errorf("%w: nobody was written to", errPromise)
	}
	return nil
}
