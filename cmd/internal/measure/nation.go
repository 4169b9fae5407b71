package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hustings/hustings/configs/sample/country"
	"github.com/hustings/hustings/queue"
)

// seed is which people all runs are about.
const seed = 1

// grantsPerSend is how many people consent for each message that is sent: some
// consented long ago, or to calls, or live where it is night, or objected.
const grantsPerSend = 2

// nation is a country, and a data directory that has taken it in.
type nation struct {
	contacts int
	dir      string
	house    *house // not started
	imports  []importRun
	// alone is the last run of one campaign.
	alone *sending
}

// importRun is what taking in the contacts has cost.
type importRun struct {
	wall, cpu time.Duration
	rows      uint64
	contacts  uint64
}

// wallEach and cpuEach are what a contact costs, in microseconds.
func (r importRun) wallEach() float64 { return microsEach(r.wall, r.contacts) }
func (r importRun) cpuEach() float64  { return microsEach(r.cpu, r.contacts) }

func microsEach(all time.Duration, count uint64) float64 {
	return float64(all.Nanoseconds()) / 1e3 / float64(max(count, 1))
}

// country says how a nation's lists are made, for a number of campaigns that
// share the messages.
func (b *bench) country(contacts, campaigns int) country.Options {
	return country.Options{
		Contacts: contacts, Seed: seed, Grants: min(b.Sends*grantsPerSend, contacts), OptOuts: min(max(contacts/1000, 100), 20_000, contacts),
		Campaigns: campaigns, Size: max(b.Sends/campaigns, 1), Format: "csv",
	}
}

// nation returns the nation of so many contacts, taken in at least once.
func (b *bench) nation(ctx context.Context, contacts int) (*nation, error) {
	if n := b.nations[contacts]; n != nil {
		return n, nil
	}
	n, err := b.found(ctx, contacts)
	if err != nil {
		return nil, err
	}
	if err := n.takeIn(ctx, b); err != nil {
		return nil, err
	}
	return n, nil
}

// found writes the lists of a nation.
func (b *bench) found(ctx context.Context, contacts int) (*nation, error) {
	n := &nation{contacts: contacts, dir: filepath.Join(b.dir, fmt.Sprintf("nation-%d", contacts))}
	began := time.Now()
	if _, err := country.Generate(ctx, b.country(contacts, 1), n.lists()); err != nil {
		return nil, err
	}
	b.say("%s contacts were invented in %s", figure(float64(contacts)), time.Since(began).Round(time.Millisecond))
	var err error
	if n.house, err = b.newHouse(filepath.Join(n.dir, "house"), n.lists()); err != nil {
		return nil, err
	}
	b.nations[contacts] = n
	return n, nil
}

func (n *nation) lists() string { return filepath.Join(n.dir, "lists") }

// forget removes a nation from the disk.
func (b *bench) forget(n *nation) error {
	delete(b.nations, n.contacts)
	if err := os.RemoveAll(n.dir); err != nil {
		return fmt.Errorf("remove a nation: %w", err)
	}
	return nil
}

// takeIn imports the contacts into an empty data directory, and measures that.
func (n *nation) takeIn(ctx context.Context, b *bench) (err error) {
	if err := n.house.raze(); err != nil {
		return err
	}
	carrier, err := newStub(filepath.Join(n.dir, "carrier.log"))
	if err != nil {
		return err
	}
	defer func() { _ = carrier.close() }()
	if err := n.house.open(ctx, carrier.url()); err != nil {
		return err
	}
	defer n.house.shut()
	paths, err := filepath.Glob(filepath.Join(n.lists(), "contacts-*"))
	if err != nil {
		return fmt.Errorf("find the lists: %w", err)
	}
	before, err := cpuTime(n.house.process)
	if err != nil {
		return err
	}
	began := time.Now()
	done, err := n.house.upload(ctx, queue.IntakeContacts, paths...)
	if err != nil {
		return err
	}
	run := importRun{wall: time.Since(began), rows: done.Rows, contacts: done.Counts["added"]}
	after, err := cpuTime(n.house.process)
	if err != nil {
		return err
	}
	run.cpu = after - before
	n.imports = append(n.imports, run)
	b.say("%s of %s rows were taken in in %s, %.1f us of CPU a row", figure(float64(run.contacts)), figure(float64(run.rows)),
		run.wall.Round(time.Millisecond), microsEach(run.cpu, run.rows))
	return nil
}
