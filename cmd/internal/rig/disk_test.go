package rig

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

// Ensure that a daemon to whom the disk returns an error, at any write or sync in
// a small campaign, either goes on as it may or stops dialling and exits, and
// that it keeps every promise once it is started again.
func TestDisk(t *testing.T) {
	t.Parallel()
	mustTrace(t)
	base := seed(t)
	random := draw(base)
	template := newTemplate(t)
	failures := diskFailures(template.whole(t))
	var exited, wentOn tally
	t.Cleanup(func() {
		t.Logf("figures: the disk returned an error; the daemon exited and was started again\n%sand it went on\n%s",
			exited.table(exited.count), wentOn.table(wentOn.count))
	})
	for _, failure := range sample(t, random, 6, failures, diskFailure.kind) {
		t.Run(title(failure), func(t *testing.T) {
			t.Parallel()
			replayable(t, base, settingPoints)
			switch template.failedAt(t, failure) {
			case exits:
				exited.add([]call{{Kind: failure.kind()}})
			case goesOn:
				wentOn.add([]call{{Kind: failure.kind()}})
			case missed: // this run made fewer calls of the kind
			}
		})
	}
}

// diskFailure is one call that fails.
type diskFailure struct {
	call
	errno syscall.Errno
}

func (f diskFailure) kind() string { return f.Kind + " " + errnoNames[f.errno] }

func (f diskFailure) String() string { return f.call.String() + " " + errnoNames[f.errno] }

var errnoNames = map[syscall.Errno]string{syscall.EIO: "EIO", syscall.ENOSPC: "ENOSPC", syscall.EROFS: "EROFS"}

// errnos are the errors that a disk may return to a call.
var errnos = map[string][]syscall.Errno{
	"write": {syscall.EIO, syscall.ENOSPC}, "pwrite64": {syscall.EIO, syscall.ENOSPC}, "fsync": {syscall.EIO},
	"fdatasync": {syscall.EIO}, "ftruncate": {syscall.EIO}, "fallocate": {syscall.ENOSPC},
	"renameat": {syscall.EROFS}, "unlinkat": {syscall.EROFS}, "linkat": {syscall.EROFS}, "mkdirat": {syscall.ENOSPC},
}

// diskFailures are all that can be made of a run's calls.
func diskFailures(whole traceReport) []diskFailure {
	var all []diskFailure
	for _, c := range whole.calls() {
		name, target, _ := strings.Cut(c.Kind, " ")
		if target == "socket" {
			continue
		}
		for _, errno := range errnos[name] {
			all = append(all, diskFailure{c, errno})
		}
	}
	return all
}

// ending is what a daemon does about an error.
type ending int

const (
	missed ending = iota
	exits
	goesOn
)

// failedAt lets a campaign run in which one call fails, and brings it to its end.
func (x template) failedAt(t *testing.T, failure diskFailure) ending {
	t.Helper()
	s := x.scene(t)
	order := s.suffer(failure)
	s.there.Store(nil)
	over := s.over()
	code := s.Stop(syscall.SIGTERM)
	report := readReport(t, order)
	result := goesOn
	switch {
	case report.Done.IsZero():
		result = missed
	case over || code != 0:
		// Nobody has asked it to end, or it could not do so well.
		result = exits
		s.mustExit(failure, code, report.Done)
	default:
		s.mayGoOn(failure)
	}
	s.comeBack()
	if t.Failed() {
		t.Logf("%s: the daemon ended with code %d, by itself: %t", failure, code, over)
	}
	return result
}

// suffer has a campaign run in which one call fails, for as long as the daemon
// works. It returns the tracer's order.
func (s *scene) suffer(failure diskFailure) traceOrder {
	s.t.Helper()
	order := traceOrder{At: failure.call, Fail: failure.errno, Report: s.Path("trace.json")}
	if s.launch(traced(s.t, order)) {
		s.smallCampaign()
	}
	return order
}

// comeBack starts the daemon again, with a disk that works, and comes to the end.
func (s *scene) comeBack() {
	s.t.Helper()
	s.mustBalance()
	s.start()
	s.smallCampaign()
	s.campaigns = []string{smallName}
	s.finish()
}

// over tells whether the daemon has ended by itself.
func (s *scene) over() bool {
	select {
	case <-s.Player().Over():
		return true
	default:
		return false
	}
}

// mustExit checks how a daemon has ended after an error: with the code by which a
// supervisor starts it again, and without dialling on.
func (s *scene) mustExit(failure diskFailure, code int, at time.Time) {
	s.t.Helper()
	s.died()
	if code != 1 {
		s.t.Errorf("%s: the daemon has ended with code %d\n%s", failure, code, s.Tell())
	}
	after := 0
	err := sandbox.ScanLog(s.CarrierLog(), func(record sandbox.Record) error {
		if record.Kind == sandbox.KindRequestBegun && record.Real > at.UnixNano() {
			after++
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if after > s.inFlight {
		s.t.Errorf("%s: %d requests have begun after it, with %d in flight at most", failure, after, s.inFlight)
	}
}

// mayGoOn checks that a daemon which went on after an error was allowed to:
// what the ledger and the journal could not write down, nobody knows of.
func (s *scene) mayGoOn(failure diskFailure) {
	s.t.Helper()
	if strings.HasSuffix(failure.Kind, "sync ledger.db") || strings.HasSuffix(failure.Kind, "sync objections.journal") {
		s.t.Errorf("%s: the daemon has gone on", failure)
	}
}

// Ensure that after a commit that fails the daemon exits with the code by which a
// supervisor starts it again, and that starting it again is all that is needed.
func TestSupervisor(t *testing.T) {
	t.Parallel()
	mustTrace(t)
	template := newTemplate(t)
	syncs := template.whole(t).Seen["fdatasync ledger.db"]
	failure := diskFailure{call{"fdatasync ledger.db", syncs / 2}, syscall.EIO}
	s := template.scene(t)
	order := s.suffer(failure)
	if !outpost.Within(outpost.Limit, s.over) {
		t.Fatalf("%s: the daemon does not exit\n%s", failure, s.Tell())
	}
	s.there.Store(nil)
	s.mustExit(failure, s.Stop(syscall.SIGKILL), readReport(t, order).Done)
	s.comeBack()
}
