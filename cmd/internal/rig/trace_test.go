package rig

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
)

// settingTrace is the order of a tracer, which plays the daemon in a process that
// it watches.
const settingTrace = "HUSTINGS_RIG_TRACE"

// roleTraced is a tracer with its daemon, roleWatched the daemon that it starts.
const (
	roleTraced  = "traced daemon"
	roleWatched = "watched daemon"
)

// traceOrder says what a tracer is to do.
//
// It is our own because strace counts the calls of each thread apart (strace(1):
// "per syscall and per tracee"), and goroutines change threads: its n-th call is
// at no certain place, and most calls are no thread's n-th at all.
type traceOrder struct {
	// At is the call at which the deed is done; none where it is zero.
	At call
	// Fail is the error that the call returns instead of being made; 0 kills the
	// daemon instead.
	Fail syscall.Errno
	// Report is the file that takes the report.
	Report string
}

// call is the n-th system call of a kind, such as "fdatasync ledger.db", counted
// over all threads.
type call struct {
	Kind string
	Nth  int
}

func (c call) String() string { return fmt.Sprintf("%s %d", c.Kind, c.Nth) }

// traceReport is what a tracer saw.
type traceReport struct {
	// Seen is how many calls there were of each kind that leaves something
	// behind.
	Seen map[string]int
	// Done is when the deed was done, zero where the call never came.
	Done time.Time
}

// calls are all calls of the report.
func (r traceReport) calls() []call {
	var all []call
	for _, kind := range slices.Sorted(maps.Keys(r.Seen)) {
		for nth := range r.Seen[kind] {
			all = append(all, call{kind, nth + 1})
		}
	}
	return all
}

// traced starts the daemon under a tracer.
func traced(t *testing.T, order traceOrder) outpost.Launch {
	t.Helper()
	text, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	return outpost.Launch{Role: roleTraced, Environment: []string{settingTrace + "=" + string(text)}}
}

// readReport reads what a tracer that is over has told.
func readReport(t *testing.T, order traceOrder) traceReport {
	t.Helper()
	content, err := os.ReadFile(order.Report)
	if err != nil {
		t.Fatal(err)
	}
	var report traceReport
	if err := json.Unmarshal(content, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// untraceable says why no process can be watched here; empty where one can.
var untraceable struct {
	asked sync.Once
	why   string
}

// mustTrace skips the test where no process can be watched.
func mustTrace(t *testing.T) {
	t.Helper()
	untraceable.asked.Do(func() { untraceable.why = tryTrace(t) })
	if untraceable.why != "" {
		t.Skipf("SKIPPED: no process can be watched at its system calls here: %s", untraceable.why)
	}
}

// refused is how a daemon begins to say that it may not be watched.
const refused = "have system calls watched: "

// tryTrace has a daemon killed as it makes its first connection, and says why that
// was not possible.
func tryTrace(t *testing.T) string {
	t.Helper()
	s := newScene(t, fewPeople, outpost.Options{})
	order := traceOrder{At: call{"connect socket", 1}, Report: s.Path("trace.json")}
	if s.launch(traced(t, order)) {
		t.Fatal("a tracer has watched its daemon and not killed it")
	}
	if _, err := os.Stat(order.Report); errors.Is(err, fs.ErrNotExist) || strings.Contains(s.Tell(), refused) {
		return s.Tell()
	}
	if report := readReport(t, order); report.Done.IsZero() {
		t.Fatalf("a tracer has not killed its daemon: %+v\n%s", report, s.Tell())
	}
	return ""
}
