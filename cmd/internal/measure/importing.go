package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hustings/hustings/configs/sample/country"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// measureImport takes the same people in three ways: dialctl's own, from messy
// lists; bbolt's, sorted and ready; PostgreSQL's, from a plain list.
func measureImport(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	for len(n.imports) < b.LoadRuns {
		if err := n.takeIn(ctx, b); err != nil {
			return found, err
		}
	}
	ours := medianBy(n.imports, func(r importRun) float64 { return r.wall.Seconds() })
	sizes, err := storetest.Sizes(store.PathsIn(n.house.data()).Directory)
	if err != nil {
		return found, err
	}
	rows := sizes["contact"]
	raw, err := b.loadRaw(store.PathsIn(n.house.data()).Directory)
	if err != nil {
		return found, err
	}
	found.Rows = append(found.Rows,
		row{What: "import, against bbolt's raw sorted load of as many rows", Ours: seconds(ours.wall), Theirs: seconds(raw)}.
			judge(ours.wall.Seconds()/raw.Seconds(), target{reach: 3, aim: 2, less: true, unit: "x"}))
	const against = "import, against PostgreSQL: COPY and primary key"
	_, loads, err := b.loadPostgres(ctx, b.LoadRuns)
	switch {
	case errors.Is(err, errNoPostgres):
		found.Rows = append(found.Rows, row{What: against, Ours: seconds(ours.wall), Skipped: err.Error()})
	case err != nil:
		return found, err
	default:
		found.Rows = append(found.Rows, row{What: against, Ours: seconds(ours.wall), Theirs: seconds(loads)}.
			judge(ours.wall.Seconds()/loads.Seconds(), target{reach: 1.5, aim: 1, less: true, unit: "x"}))
	}
	found.Notes = append(found.Notes,
		fmt.Sprintf("ours: from four messy CSV lists over sealed chunks to the directory in force; %s rows, %s contacts, %.2f us of CPU a row", figure(float64(ours.rows)),
			figure(float64(ours.contacts)), microsEach(ours.cpu, ours.rows)),
		fmt.Sprintf("bbolt: the same %s rows of %s bytes on average, sealed and in the order of their keys, 500,000 to a transaction, one sync at the end", figure(float64(rows.Rows)),
			figure(float64(rows.Used)/float64(max(rows.Rows, 1)))),
		"PostgreSQL: from one plain CSV list of the same people, shared_buffers 1GB, maintenance_work_mem 1GB, wal_level minimal")
	return found, nil
}

// loadRaw returns the middle time of raw loads.
func (b *bench) loadRaw(directory string) (time.Duration, error) {
	dir, remove, err := b.folder("raw")
	if err != nil {
		return 0, err
	}
	defer remove()
	var times []time.Duration
	for range b.LoadRuns {
		path := filepath.Join(dir, "raw.db")
		took, err := storetest.RawCopy(directory, path)
		if err != nil {
			return 0, err
		}
		times = append(times, took)
		b.say("bbolt loaded as many rows in %s", times[len(times)-1].Round(time.Millisecond))
		if err := os.Remove(path); err != nil {
			return 0, fmt.Errorf("remove a file: %w", err)
		}
	}
	return median(times), nil
}

// people writes the plain list that PostgreSQL loads, where it may read it.
func (b *bench) people(ctx context.Context) (string, error) {
	dir := filepath.Join(b.dir, "people")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL is another user
		return "", fmt.Errorf("make a folder: %w", err)
	}
	path := filepath.Join(dir, "people.csv")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := country.WritePeople(ctx, b.country(b.Contacts, 1), path); err != nil {
		return "", err
	}
	return path, os.Chmod(path, 0o644) //nolint:gosec // PostgreSQL is another user
}

// loadPostgres has PostgreSQL load everybody, so often and no oftener, and returns
// it with the middle time.
func (b *bench) loadPostgres(ctx context.Context, runs int) (*postgres, time.Duration, error) {
	if b.server == nil {
		server, err := b.openPostgres(ctx)
		if err != nil {
			return nil, 0, err
		}
		b.server = server
	}
	path, err := b.people(ctx)
	if err != nil {
		return nil, 0, err
	}
	for len(b.loaded) < runs {
		took, err := b.server.load(ctx, path)
		if err != nil {
			return nil, 0, err
		}
		b.loaded = append(b.loaded, took)
		b.say("PostgreSQL loaded them in %s", took.Round(time.Millisecond))
	}
	return b.server, median(b.loaded), nil
}
