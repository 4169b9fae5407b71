package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// bareRun is what the bare loop has cost.
type bareRun struct{ micros, perSecond float64 }

// runBare runs a bare loop as a process of its own, against a stub of the same
// kind.
func (b *bench) runBare(ctx context.Context, client string) (bareRun, error) {
	dir, remove, err := b.folder("bare")
	if err != nil {
		return bareRun{}, err
	}
	defer remove()
	carrier, err := newStub(dir + "/carrier.log")
	if err != nil {
		return bareRun{}, err
	}
	defer func() { _ = carrier.close() }()
	text, err := run(ctx, dir, []string{"GOGC=400"}, b.program("measure"), "--bare-loop", carrier.url(), "--bare-client", client,
		"--sends", fmt.Sprint(b.Sends), "--in-flight", fmt.Sprint(b.InFlight))
	if err != nil {
		return bareRun{}, err
	}
	var r bareRun
	var seconds float64
	if _, err := fmt.Sscan(strings.TrimSpace(text), &r.micros, &seconds); err != nil {
		return r, fmt.Errorf("read what the bare loop says: %w", err)
	}
	r.perSecond = float64(b.Sends) / seconds
	b.say("bare loop of %s: %s a second, %.0f us of CPU each", client, figure(r.perSecond), r.micros)
	return r, nil
}

// measureDispatch runs daemon, bare loop and Kannel in turn.
func measureDispatch(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	kannelMissing := ""
	if _, err := exec.LookPath(bearerbox); err != nil {
		kannelMissing = "Kannel is not installed (Debian: kannel)"
	}
	var ours []*sending
	bare := map[string][]bareRun{}
	var theirs []kannelRun
	for range b.Runs {
		for _, client := range []string{clientTwilioGo, clientOurs} {
			loop, err := b.runBare(ctx, client)
			if err != nil {
				return found, err
			}
			bare[client] = append(bare[client], loop)
		}
		sent, err := b.send(ctx, n, 1)
		if err != nil {
			return found, err
		}
		ours = append(ours, sent)
		if kannelMissing != "" {
			continue
		}
		limit, cancel := context.WithTimeout(ctx, kannelPatience)
		kannel, err := b.runKannel(limit)
		cancel()
		if err != nil {
			return found, err
		}
		theirs = append(theirs, kannel)
	}
	us := medianBy(ours, (*sending).micros)
	rate := median(values(ours, (*sending).perSecond))
	found.Rows = append(found.Rows, kannelRows(us, rate, theirs, kannelMissing)...)
	cost := func(r bareRun) float64 { return r.micros }
	loop, lean := medianBy(bare[clientTwilioGo], cost), medianBy(bare[clientOurs], cost)
	against := func(what string, us, loop float64) row {
		return row{What: what, Ours: micros(us), Theirs: micros(loop), Ratio: figure(us/loop) + "x"}
	}
	found.Rows = append(found.Rows,
		row{What: "CPU a message, against the bare loop of twilio-go", Ours: micros(us.micros()), Theirs: micros(loop.micros)}.
			judge(us.micros()/loop.micros, target{reach: 1.5, aim: 1.2, less: true, unit: "x"}),
		against("the same without planning, for comparison", us.sendingMicros(), loop.micros),
		against("the same against a bare loop with our own client, for comparison", us.micros(), lean.micros))
	found.Notes = append(found.Notes, fmt.Sprintf("directory of %s contacts; bare loop %s messages a second, %s with our client", figure(float64(n.contacts)),
		figure(loop.perSecond), figure(lean.perSecond)),
		"ours: from the accepted job to the closed campaign, planning and audit included; each intent is synced to disk before its request, each status before its answer",
		"the carrier's log: "+us.verdict.String())
	return found, nil
}

// kannelRows holds our figures against Kannel's.
func kannelRows(us *sending, rate float64, theirs []kannelRun, missing string) []row {
	throughput := row{What: "messages a second, from the accepted job to the closed campaign", Ours: figure(rate)}
	cpu := row{What: "CPU a message, against Kannel's boxes", Ours: micros(us.micros())}
	if missing != "" {
		throughput.Skipped, cpu.Skipped = missing, missing
		return []row{throughput, cpu}
	}
	perSecond, cost := median(values(theirs, func(r kannelRun) float64 { return r.perSecond })), median(values(theirs, func(r kannelRun) float64 { return r.micros }))
	throughput.Theirs, cpu.Theirs = figure(perSecond), micros(cost)
	return []row{
		throughput.judge(rate/perSecond, target{reach: 2, aim: 3, unit: "x"}),
		{
			What: "the same from the first request to the last report, for comparison", Ours: figure(us.lineRate()), Theirs: figure(perSecond),
			Ratio: figure(us.lineRate()/perSecond) + "x",
		},
		cpu.judge(cost/us.micros(), target{reach: 2.5, aim: 3.5, unit: "x less"}),
	}
}

func micros(value float64) string { return figure(value) + " us" }

func values[T any](runs []T, value func(T) float64) []float64 {
	var all []float64
	for _, run := range runs {
		all = append(all, value(run))
	}
	return all
}

func seconds(d time.Duration) string { return figure(d.Seconds()) + " s" }
