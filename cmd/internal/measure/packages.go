package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// benchmark is one line that go test -bench has printed: its metrics by unit.
type benchmark struct {
	name    string
	metrics map[string]float64
}

// readBenchmarks reads the output of go test -bench.
func readBenchmarks(output string) []benchmark {
	var found []benchmark
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		one := benchmark{name: strings.TrimPrefix(fields[0], "Benchmark"), metrics: map[string]float64{}}
		if at := strings.LastIndexByte(one.name, '-'); at > 0 {
			one.name = one.name[:at] // the number of processors
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				break
			}
			one.metrics[fields[i+1]] = value
		}
		found = append(found, one)
	}
	return found
}

// benchmarks runs the benchmarks of a package by a pattern, as often as there are
// runs, and returns the middle of each metric, in the order of their names' first
// appearance.
func (b *bench) benchmarks(ctx context.Context, folder, pattern string) ([]benchmark, error) {
	output, err := run(ctx, b.root, nil, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", "0.5s", "-count", strconv.Itoa(b.Runs), folder)
	if err != nil {
		return nil, err
	}
	var order []string
	all := map[string]map[string][]float64{}
	for _, one := range readBenchmarks(output) {
		if all[one.name] == nil {
			order, all[one.name] = append(order, one.name), map[string][]float64{}
		}
		for unit, value := range one.metrics {
			all[one.name][unit] = append(all[one.name][unit], value)
		}
	}
	var found []benchmark
	for _, name := range order {
		middle := benchmark{name, map[string]float64{}}
		for unit, values := range all[name] {
			middle.metrics[unit] = median(values)
		}
		found = append(found, middle)
	}
	return found, nil
}

// numberTarget is how many times faster than the library a number is read.
const timesTheLibrary = "times-the-library"

// measureNumbers reads numbers by our table and by the library, in one process.
func measureNumbers(ctx context.Context, b *bench) (result, error) {
	var found result
	all, err := b.benchmarks(ctx, "./consent/contact", "^BenchmarkParse$")
	if err != nil {
		return found, err
	}
	for _, one := range all {
		times, told := one.metrics[timesTheLibrary]
		if !told {
			continue
		}
		ours := one.metrics["ns/op"]
		found.Rows = append(found.Rows, row{
			What: "a number read, " + strings.TrimPrefix(one.name, "Parse/"), Ours: figure(ours) + " ns", Theirs: figure(ours*times) + " ns",
			Ratio: figure(times) + "x",
		})
	}
	if len(found.Rows) == 0 {
		found.Rows = append(found.Rows, row{What: "a number read, against nyaruka/phonenumbers", Skipped: "consent/contact has no BenchmarkParse that reports " + timesTheLibrary})
	}
	found.Notes = append(found.Notes, "against nyaruka/phonenumbers: parse, validity, kind of line and region")
	return found, nil
}

// measureDecision asks what one decision costs.
func measureDecision(ctx context.Context, b *bench) (result, error) {
	var found result
	all, err := b.benchmarks(ctx, "./consent", "^BenchmarkDecide_FrenchText$")
	if err != nil {
		return found, err
	}
	for _, one := range all {
		found.Rows = append(found.Rows, row{
			What: "a decision about a text in France", Ours: fmt.Sprintf("%s ns, %.0f allocations", figure(one.metrics["ns/op"]), one.metrics["allocs/op"]),
		})
	}
	if len(found.Rows) == 0 {
		found.Rows = append(found.Rows, row{What: "a decision about a text in France", Skipped: "consent has no BenchmarkDecide_FrenchText"})
	}
	return found, nil
}

var restartFigure = regexp.MustCompile(`(\d+) attempts in \S+; after the restart the ledger was open in (\S+), and the first request began after (\S+)`)

// restartTarget is how soon after a restart the next decision may be made.
var restartTarget = target{reach: 3, aim: 1, less: true, unit: " s"}

// measureRestart kills a daemon in the middle of a campaign, and opens a ledger
// that is as large as wanted.
func measureRestart(ctx context.Context, b *bench) (result, error) {
	found, err := measureKill(ctx, b)
	if err != nil {
		return found, err
	}
	output, err := run(ctx, b.root, []string{fmt.Sprintf("HUSTINGS_RESTART_ATTEMPTS=%d", b.Attempts)},
		"go", "test", "-count=1", "-v", "-timeout", "1h", "-run", "^TestRestart_FirstDecision$", "./dialer")
	if err != nil {
		return found, err
	}
	told := restartFigure.FindStringSubmatch(output)
	if told == nil {
		return found, fmt.Errorf("the test of a restart told no figure:\n%s", output[max(0, len(output)-500):])
	}
	took, err := time.ParseDuration(told[3])
	if err != nil {
		return found, fmt.Errorf("read the figure of a restart: %w", err)
	}
	r := row{What: fmt.Sprintf("from the restart to the first safe decision, %s attempts in the ledger, warm", figure(float64(b.Attempts))), Ours: seconds(took)}
	found.Rows = append(found.Rows, r.judge(took.Seconds(), restartTarget))
	found.Notes = append(found.Notes, "of the larger ledger: it was open after "+told[2]+"; one run, in one process, with a directory and a carrier that cost nothing")
	return found, nil
}
