package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hustings/hustings/configs/sample/country"
	"github.com/hustings/hustings/queue"
)

// listKind is a kind of list that goes into the ledger.
type listKind struct {
	kind queue.IntakeKind
	file string
	what string
	rows func(*options) int
	// ask asks for a country with so many of its rows.
	ask func(*country.Options, int)
}

var listKinds = []listKind{
	{
		queue.IntakeGrants, "grants.csv", "grants", func(o *options) int { return o.Grants },
		func(wanted *country.Options, rows int) { wanted.Grants, wanted.OptOuts = rows, 0 },
	},
	{
		queue.IntakeOptOuts, "optouts.csv", "objections", func(o *options) int { return o.Objections },
		func(wanted *country.Options, rows int) { wanted.Grants, wanted.OptOuts = 0, rows },
	},
}

// listRun is what taking in one list has cost.
type listRun struct {
	rows      uint64
	wall, cpu time.Duration
	// most is the most memory that the daemon held meanwhile, in bytes.
	most int64
}

func (r listRun) micros() float64 { return microsEach(r.cpu, r.rows) }

// measureLists has long lists taken into an empty ledger over the whole country, and
// asks whether a row costs the same in a short one.
func measureLists(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	for i := range listKinds {
		kind := &listKinds[i]
		rows := kind.rows(b.options)
		short, err := b.takeList(ctx, n, kind, max(rows/10, 1))
		if err != nil {
			return found, err
		}
		long, err := b.takeList(ctx, n, kind, rows)
		if err != nil {
			return found, err
		}
		found.Rows = append(found.Rows,
			row{What: fmt.Sprintf("%s %s, in force", figure(float64(long.rows)), kind.what), Ours: seconds(long.wall)},
			row{What: fmt.Sprintf("%s, CPU a row, against %s of them", kind.what, figure(float64(short.rows))), Ours: micros(long.micros()), Theirs: micros(short.micros())}.
				judge(long.micros()/short.micros(), flat),
			row{What: fmt.Sprintf("%s, the most memory that the daemon held", kind.what), Ours: megabytes(long.most), Theirs: megabytes(short.most)})
	}
	found.Notes = append(found.Notes, "one run of each: from one messy CSV list to the last row in the ledger, journal and audit log included")
	return found, nil
}

// takeList has a list of about so many rows taken in by a daemon whose ledger is empty.
func (b *bench) takeList(ctx context.Context, n *nation, kind *listKind, rows int) (listRun, error) {
	var r listRun
	dir, remove, err := b.folder("list")
	if err != nil {
		return r, err
	}
	defer remove()
	wanted := b.country(n.contacts, 1)
	wanted.WithoutContacts = true
	kind.ask(&wanted, rows)
	if _, err := country.Generate(ctx, wanted, dir); err != nil {
		return r, err
	}
	if err := n.house.clear(); err != nil {
		return r, err
	}
	carrier, err := newStub(filepath.Join(n.dir, "carrier.log"))
	if err != nil {
		return r, err
	}
	defer func() { _ = carrier.close() }()
	n.house.orders = dir
	if err := n.house.open(ctx, carrier.url()); err != nil {
		return r, err
	}
	defer n.house.shut()
	before, err := cpuTime(n.house.process)
	if err != nil {
		return r, err
	}
	began, most := time.Now(), n.house.process.watchMemory()
	done, err := n.house.upload(ctx, kind.kind, filepath.Join(dir, kind.file))
	r.wall, r.most = time.Since(began), most()
	if err != nil {
		return r, err
	}
	after, err := cpuTime(n.house.process)
	if err != nil {
		return r, err
	}
	r.rows, r.cpu = done.Rows, after-before
	b.say("%s %s were taken in in %s, %.1f us of CPU each, %s at most", figure(float64(r.rows)), kind.what, r.wall.Round(time.Millisecond), r.micros(), megabytes(r.most))
	return r, nil
}

// memoryEvery is how often memory is looked at.
const memoryEvery = 100 * time.Millisecond

// watchMemory looks at the process's memory until the function that it returns is
// called, which returns the most that was seen, in bytes.
func (p *process) watchMemory() (most func() int64) {
	stop, seen := make(chan struct{}), make(chan int64)
	go func() {
		ticker := time.NewTicker(memoryEvery)
		defer ticker.Stop()
		var peak int64
		for {
			if now, err := p.anonymous(); err == nil { // otherwise it has ended, and that is told
				peak = max(peak, now)
			}
			select {
			case <-ticker.C:
			case <-stop:
				seen <- peak
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-seen }
}
