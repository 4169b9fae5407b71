package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// countedSegment is what is counted: elderly women of six departments.
var countedSegment = dialer.Segment{
	"territory": {"FR-13", "FR-33", "FR-59", "FR-69", "FR-75", "FR-92"}, "age_band": {"65+"}, "gender": {"f"},
}

// countedQuery is the same for PostgreSQL.
const countedQuery = "SELECT count(*) FROM contact WHERE territory IN ('FR-13','FR-33','FR-59','FR-69','FR-75','FR-92') AND age_band = '65+' AND gender = 'f';\n"

// measureCount asks how many contacts are in a segment, with everything warm.
func measureCount(ctx context.Context, b *bench) (result, error) {
	var found result
	n, err := b.nation(ctx, b.Contacts)
	if err != nil {
		return found, err
	}
	ours, counted, err := b.countOurs(ctx, n)
	if err != nil {
		return found, err
	}
	first := row{What: "count of a segment", Ours: milliseconds(ours)}.
		judge(float64(ours.Microseconds())/1e3, target{reach: 250, aim: 80, less: true, unit: " ms"})
	second := row{What: "count of a segment, against PostgreSQL", Ours: milliseconds(ours)}
	theirs, wanted, err := b.countPostgres(ctx)
	switch {
	case errors.Is(err, errNoPostgres):
		second.Skipped = err.Error()
	case err != nil:
		return found, err
	default:
		second.Theirs = milliseconds(theirs)
		second = second.judge(theirs.Seconds()/ours.Seconds(), target{reach: 20, aim: 20, unit: "x"})
		found.Notes = append(found.Notes, "PostgreSQL counts with its parallel scan as it comes; both find "+figure(float64(counted)))
		if counted != wanted {
			return found, fmt.Errorf("%w: ours counts %d in the segment, PostgreSQL %d", errPromise, counted, wanted)
		}
	}
	found.Rows = append(found.Rows, first, second)
	found.Notes = append(found.Notes, fmt.Sprintf("the middle one of %d, warm, asked over the control service, PostgreSQL over its socket", b.Counts))
	return found, nil
}

// countOurs asks the daemon.
func (b *bench) countOurs(ctx context.Context, n *nation) (time.Duration, uint64, error) {
	carrier, err := newStub(filepath.Join(n.dir, "carrier.log"))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = carrier.close() }()
	if err := n.house.open(ctx, carrier.url()); err != nil {
		return 0, 0, err
	}
	defer n.house.shut()
	var times []time.Duration
	var count dialer.SegmentCount
	for i := range b.Counts + 1 {
		began := time.Now()
		if err := n.house.client.Call(ctx, queue.VerbSegmentCount, dialer.SegmentQuestion{Segment: countedSegment}, &count); err != nil {
			return 0, 0, n.house.process.failed(fmt.Errorf("count a segment: %w", err))
		}
		if i > 0 { // the first one warms
			times = append(times, time.Since(began))
		}
	}
	return median(times), count.Matching, nil
}

func (b *bench) countPostgres(ctx context.Context) (time.Duration, uint64, error) {
	server, _, err := b.loadPostgres(ctx, 1)
	if err != nil {
		return 0, 0, err
	}
	if _, _, err := server.ask(ctx, "VACUUM ANALYZE contact;\n"+countedQuery); err != nil {
		return 0, 0, err
	}
	var times []time.Duration
	var count uint64
	for range b.Counts {
		text, took, err := server.ask(ctx, countedQuery)
		if err != nil {
			return 0, 0, err
		}
		if count, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, 0, fmt.Errorf("read PostgreSQL's count: %w", err)
		}
		times = append(times, took[0])
	}
	return median(times), count, nil
}

func milliseconds(d time.Duration) string { return figure(float64(d.Microseconds())/1e3) + " ms" }
