package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// dispatchContacts is how many the directory has where sending is measured: how
// much more costs is asked in the section on growth.
func (b *bench) dispatchContacts() int { return min(b.Contacts, 2*grantsPerSend*b.Sends) }

// bareRun is what the bare loop has cost.
type bareRun struct{ micros, perSecond float64 }

// runBare runs the bare loop as a process of its own, against a stub of the same
// kind.
func (b *bench) runBare(ctx context.Context) (bareRun, error) {
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
	text, err := run(ctx, dir, []string{"GOGC=400"}, b.program("measure"), "--bare-loop", carrier.url(),
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
	b.say("bare loop: %s a second, %.0f us of CPU each", figure(r.perSecond), r.micros)
	return r, nil
}

// measureDispatch runs daemon, bare loop and Kannel in turn.
func measureDispatch(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.dispatchContacts())
	if err != nil {
		return found, err
	}
	kannelMissing := ""
	if _, err := exec.LookPath(bearerbox); err != nil {
		kannelMissing = "Kannel is not installed (Debian: kannel)"
	}
	var ours []*sending
	var bare []bareRun
	var theirs []kannelRun
	for range b.Runs {
		loop, err := b.runBare(ctx)
		if err != nil {
			return found, err
		}
		sent, err := b.send(ctx, n, 1)
		if err != nil {
			return found, err
		}
		bare, ours = append(bare, loop), append(ours, sent)
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
	loop := medianBy(bare, func(r bareRun) float64 { return r.micros })
	found.Rows = append(found.Rows,
		row{What: "CPU a message, against the bare loop", Ours: micros(us.micros()), Theirs: micros(loop.micros)}.
			judge(us.micros()/loop.micros, target{reach: 1.5, aim: 1.2, less: true, unit: "x"}),
		row{What: "the same without planning, for comparison", Ours: micros(us.sendingMicros()), Theirs: micros(loop.micros), Ratio: figure(us.sendingMicros()/loop.micros) + "x"})
	found.Notes = append(found.Notes, fmt.Sprintf("directory of %s contacts; bare loop %s messages a second", figure(float64(n.contacts)), figure(loop.perSecond)),
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
