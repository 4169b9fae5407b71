package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// measureMemory asks what the daemon holds in memory with the whole country in
// its directory, at rest and after a run.
func measureMemory(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	carrier, err := newStub(filepath.Join(n.dir, "carrier.log"))
	if err != nil {
		return found, err
	}
	defer func() { _ = carrier.close() }()
	if err := n.house.open(ctx, carrier.url()); err != nil {
		return found, err
	}
	atRest, err := n.house.process.anonymous()
	n.house.shut()
	if err != nil {
		return found, err
	}
	sent, err := b.sentAlone(ctx, n)
	if err != nil {
		return found, err
	}
	what := fmt.Sprintf("resident memory with %s contacts, page cache aside", figure(float64(b.Contacts)))
	found.Rows = append(found.Rows,
		row{What: what + ", after the start", Ours: megabytes(atRest)},
		row{What: fmt.Sprintf("%s, after %s messages", what, figure(float64(sent.messages))), Ours: megabytes(sent.anonymous)})
	return found, nil
}

func megabytes(bytes int64) string { return figure(float64(bytes)/(1<<20)) + " MiB" }

// growthSizes are the countries that are held against each other.
func (b *bench) growthSizes() []int {
	sizes := []int{1_000_000, 4_000_000, 10_000_000, 28_000_000}
	sizes = slices.DeleteFunc(sizes, func(size int) bool { return size >= b.Contacts })
	if len(sizes) == 0 {
		sizes = []int{max(b.Contacts/4, b.Sends*2*grantsPerSend)}
	}
	return append(sizes, b.Contacts)
}

// growthCampaigns are how many campaigns share the messages.
var growthCampaigns = []int{1, 10, 100}

// leastOrder is what a campaign must order at least.
const leastOrder = 500

// stage is a country of one size and what it has cost.
type stage struct {
	contacts int
	imported importRun
	sent     *sending
}

// measureGrowth asks whether a contact costs the same in a small country and in
// a large one, in one campaign and in many.
func measureGrowth(ctx context.Context, b *bench) (result, error) {
	var found result
	var stages []stage
	for _, contacts := range b.growthSizes() {
		n, err := b.nation(ctx, contacts)
		if err != nil {
			return found, err
		}
		sent, err := b.sentAlone(ctx, n)
		if err != nil {
			return found, err
		}
		stages = append(stages, stage{contacts, medianBy(n.imports, func(r importRun) float64 { return r.wall.Seconds() }), sent})
		if contacts != b.Contacts {
			if err := b.forget(n); err != nil {
				return found, err
			}
		}
	}
	first := stages[0]
	for _, s := range stages[1:] {
		found.Rows = append(found.Rows, growthRows(first, s)...)
	}
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	alone := stages[len(stages)-1].sent
	for _, campaigns := range growthCampaigns[1:] {
		what := fmt.Sprintf("CPU a message, %d campaigns at once against 1", campaigns)
		if b.Sends/campaigns < leastOrder {
			found.Rows = append(found.Rows, row{What: what, Skipped: fmt.Sprintf("fewer than %d messages each would be refused: --sends %d", leastOrder, leastOrder*campaigns)})
			continue
		}
		many, err := b.send(ctx, n, campaigns)
		if errors.Is(err, errSlow) {
			b.say("%v", err)
			found.Rows = append(found.Rows, row{
				What: what, Ours: "not done after " + patience(n.contacts, b.Sends).String(), Theirs: micros(alone.micros()), Verdict: missed,
			})
			break // more of them take longer
		}
		if err != nil {
			return found, err
		}
		found.Rows = append(found.Rows, row{
			What: what, Ours: micros(many.micros()), Theirs: micros(alone.micros()),
		}.judge(many.micros()/alone.micros(), flat))
		found.Notes = append(found.Notes, fmt.Sprintf("%d campaigns: %s messages a second against %s, planned in %s against %s", campaigns,
			figure(many.perSecond()), figure(alone.perSecond()), seconds(many.planning), seconds(alone.planning)))
	}
	found.Notes = append(found.Notes, fmt.Sprintf("one run of each size; every run sends %s messages, planning included", figure(float64(alone.messages))))
	return found, nil
}

// flat is what growth may cost.
var flat = target{reach: 1.3, aim: 1.1, less: true, unit: "x"}

func growthRows(small, large stage) []row {
	sizes := fmt.Sprintf("%s contacts against %s", figure(float64(large.contacts)), figure(float64(small.contacts)))
	planning := func(s stage) time.Duration { return s.sent.planningCPU / time.Duration(s.contacts) }
	return []row{
		row{What: "import a contact, " + sizes, Ours: micros(large.imported.wallEach()), Theirs: micros(small.imported.wallEach())}.
			judge(large.imported.wallEach()/small.imported.wallEach(), flat),
		row{What: "import a contact, CPU, " + sizes, Ours: micros(large.imported.cpuEach()), Theirs: micros(small.imported.cpuEach())}.
			judge(large.imported.cpuEach()/small.imported.cpuEach(), flat),
		row{What: "CPU a message, " + sizes, Ours: micros(large.sent.micros()), Theirs: micros(small.sent.micros())}.
			judge(large.sent.micros()/small.sent.micros(), flat),
		row{What: "the same without planning, " + sizes, Ours: micros(large.sent.sendingMicros()), Theirs: micros(small.sent.sendingMicros())}.
			judge(large.sent.sendingMicros()/small.sent.sendingMicros(), flat),
		{What: "planning, CPU a contact of the directory, " + sizes, Ours: planning(large).String(), Theirs: planning(small).String()},
	}
}

// measureDisk asks what the files take, and whether they are sound after a run.
func measureDisk(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	sent, err := b.sentAlone(ctx, n)
	if err != nil {
		return found, err
	}
	paths := store.PathsIn(n.house.data())
	directory, err := storetest.Sizes(paths.Directory)
	if err != nil {
		return found, err
	}
	ledger, err := storetest.Sizes(paths.Ledger)
	if err != nil {
		return found, err
	}
	each := func(size storetest.Size) string {
		return fmt.Sprintf("%s bytes", figure(float64(size.Bytes)/float64(max(size.Rows, 1))))
	}
	var all uint64
	for name, size := range ledger {
		if name != "grant" && name != "objection" {
			all += size.Bytes
		}
	}
	audit := storetest.Size{Rows: ledger["audit"].Rows, Bytes: ledger["audit"].Bytes + ledger["audit_body"].Bytes}
	found.Rows = append(found.Rows,
		row{What: "disk, a contact in the directory", Ours: each(directory["contact"])},
		row{What: "disk, a recipient's attempt with all that belongs to it in the ledger", Ours: figure(float64(all)/float64(sent.messages)) + " bytes"},
		row{What: "of that, the row of the attempt", Ours: each(ledger["attempt"])},
		row{What: "of that, an audit record", Ours: each(audit)},
		row{What: "disk, a grant", Ours: each(ledger["grant"])})
	began := time.Now()
	sound := row{What: "store check after the run", Ours: "clean", Verdict: holds}
	if err := n.house.check(ctx); err != nil {
		b.say("%v", err)
		sound.Ours, sound.Verdict = firstLine(err), missed
	}
	b.say("the store was checked in %s", time.Since(began).Round(time.Millisecond))
	found.Rows = append(found.Rows, sound,
		row{What: "both equations, in every campaign", Ours: "hold", Verdict: holds}, // a run in which they do not fails
		row{What: "the carrier's own log", Ours: sent.verdict.String(), Verdict: holds})
	return found, nil
}
