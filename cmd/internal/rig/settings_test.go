package rig

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The rigs' settings. Each is short where nothing is set.
const (
	// settingSeed is what all random choices of a run are drawn from.
	settingSeed = "HUSTINGS_RIG_SEED"
	// settingKills is how often the daemon is killed at a random moment.
	settingKills = "HUSTINGS_RIG_KILLS"
	// settingPeople is how many people a campaign has over which nobody kills
	// anything.
	settingPeople = "HUSTINGS_RIG_PEOPLE"
	// settingPoints is at how many of the system calls that a small campaign makes
	// the daemon is killed, or "all".
	settingPoints = "HUSTINGS_RIG_POINTS"
	// settingFaults is how many of the network's faults come over a campaign, or
	// "all".
	settingFaults = "HUSTINGS_RIG_FAULTS"
	// settingPairs is at how many further points, drawn at random, the daemon dies
	// by itself: any two after each other are a pair.
	settingPairs = "HUSTINGS_RIG_PAIRS"
	// settingKeep keeps the files of runs that passed, too, where not empty.
	settingKeep = "HUSTINGS_RIG_KEEP"
)

// number reads a setting, or returns the short form's.
func number(t *testing.T, setting string, short int) int {
	t.Helper()
	text := os.Getenv(setting)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q: want a number", setting, text)
	}
	return n
}

// sample draws as many as settingPoints says, of each kind in turn, so that few
// are of many kinds.
func sample[T any](t *testing.T, random *rand.Rand, short int, all []T, kind func(T) string) []T {
	t.Helper()
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	count := len(all)
	if os.Getenv(settingPoints) != "all" {
		count = min(number(t, settingPoints, short), count)
	}
	turn := map[string]int{}
	rank := make([]int, len(all))
	order := make([]int, len(all))
	for i, one := range all {
		turn[kind(one)]++
		rank[i], order[i] = turn[kind(one)], i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank[a] - rank[b] })
	chosen := make([]T, count)
	for i := range chosen {
		chosen[i] = all[order[i]]
	}
	return chosen
}

// seed returns what the run's choices are drawn from: what was asked for, or
// another one each time.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv(settingSeed)
	if text == "" {
		return uint64(time.Now().UnixNano()) % 1_000_000
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is %q: want a number", settingSeed, text)
	}
	return n
}

// replayable says, where the test fails, how it is run again with the same
// choices. Processes take turns as they like, so that the same choices do not
// make the same run.
func replayable(t *testing.T, seed uint64, settings ...string) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		command := fmt.Sprintf("%s=%d", settingSeed, seed)
		for _, setting := range settings {
			if value := os.Getenv(setting); value != "" {
				command += " " + setting + "=" + value
			}
		}
		pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
		t.Logf("seed %d; again: %s go test -count=1 -v -run '%s' ./cmd/internal/rig", seed, command, pattern)
	})
}

// folder makes a folder that stays where the test fails, and says where it is.
func folder(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("", "hustings-rig-") //nolint:usetesting // it must outlive a test that fails
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() || os.Getenv(settingKeep) != "" {
			t.Logf("the run's files are kept in %s", path)
			return
		}
		if err := os.RemoveAll(path); err != nil {
			t.Error(err)
		}
	})
	return path
}

// draw returns the run's own source of choices.
func draw(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// between draws a span.
func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)))
}
