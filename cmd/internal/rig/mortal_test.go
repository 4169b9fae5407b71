package rig

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hustings/hustings/cmd/internal/daemon"
	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// What a daemon of the rigs is told beside its configuration.
const (
	// settingFailpoint names the point at which it kills itself, and at which
	// passing: "intend.after:3".
	settingFailpoint = "HUSTINGS_RIG_FAILPOINT"
	// settingNATS is the address of an outside NATS server with its secret, which
	// a configuration file may not hold.
	settingNATS = "HUSTINGS_RIG_NATS"
)

// mortalDaemon is dialerd with a point at which it dies. Everything but that is
// the daemon itself.
func mortalDaemon(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var seams daemon.Seams
	if text := os.Getenv(settingFailpoint); text != "" {
		name, count, _ := strings.Cut(text, ":")
		passing, err := strconv.ParseInt(count, 10, 64)
		if err != nil || !listed(name) {
			_, _ = fmt.Fprintf(stderr, "%s: there is no point %q\n", settingFailpoint, text)
			return exitUnlisted
		}
		f := &failpoint{name: name}
		f.left.Store(passing)
		seams.Dialer = f.wrap
		seams.Jobs = f.jobs
	}
	if url := os.Getenv(settingNATS); url != "" {
		seams.Config = func(config *configs.Config) { config.NATS.URL = url }
	}
	return daemon.MainWith(ctx, seams, args, stdout, stderr)
}

// exitUnlisted is the exit code of a daemon that passes a point which is not
// listed: the rig would never kill it there.
const exitUnlisted = 9

// steps are what a daemon does at its seams, in an order in which it comes by
// them: each move of the ledger, each entry of the journal, each request to the
// carrier, each job of the queue. A new one must be entered here: a daemon that
// passes one that is not listed ends, and the rig with it.
var steps = []string{
	"Witness.Last", "recogniseMove", "Witness.Keep", "doubtMove", "Records.Outbound", "Records.Inbound", "watermarkMove",
	"auditYearMove", "auditMove", "RecordGrants", "rejectMove", "Job", "acceptMove", "wipeMove", "recipientsMove", "plannedMove", "stateMove",
	"intend", "Carrier.Place", "answerMove", "sharesMove", "statusMove", "inboundMove", "orderMove",
	"Journal.Append", "recordObjections", "Carrier.Cancel", "restoreMove",
	"sweepMove", "Records.Find", "lookedMove", "lapseMove", "reportMove", "markMove",
	"Carrier.Forget", "copyMove", "cursorMove",
}

// restoredSteps are those that only a daemon takes whose ledger was put back.
var restoredSteps = []string{"restoreLedgerMove", "reconcileMove", "releaseMove"}

// seldomSteps are those that not every day has: prices are asked for every six
// hours, quotes by parties. Nobody dies at them on purpose.
var seldomSteps = []string{"pricesMove", "quoteMove", "tokenMove", "seedMove", "deliveryMove"}

// acknowledged is the point after a job's acknowledgement. The queue hands out
// one job at a time, so that the next one comes only once the one before is
// acknowledged.
const acknowledged = "Job.acknowledged"

// pointsOf are the points at which a daemon can die over some steps: "before" is
// before the call, "after" is once it has returned and before anybody has learnt
// so.
func pointsOf(steps []string) []string {
	var points []string
	for _, step := range steps {
		points = append(points, step+".before", step+".after")
		if step == "Job" {
			points = append(points, acknowledged)
		}
	}
	return points
}

var failpoints = pointsOf(steps)

func listed(point string) bool {
	return slices.Contains(failpoints, point) || slices.Contains(pointsOf(restoredSteps), point) || slices.Contains(pointsOf(seldomSteps), point)
}

// failpoint is the point at which this process dies.
type failpoint struct {
	name string
	left atomic.Int64
	job  atomic.Uint64 // the last one that was taken, by its place in the queue
}

// pass dies if this is the point, and the passing at which to.
func (f *failpoint) pass(name string) {
	if name != f.name {
		if !listed(name) {
			_, _ = fmt.Fprintf(os.Stderr, "the point %q is not listed\n", name)
			os.Exit(exitUnlisted)
		}
		return
	}
	if f.left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // one's own process can always be killed
		select {}
	}
}

// around calls do between its two points.
func (f *failpoint) around(name string, do func()) {
	f.pass(name + ".before")
	do()
	f.pass(name + ".after")
}

func (f *failpoint) wrap(options *dialer.Options) {
	options.Ledger = mortalLedger{options.Ledger, f}
	options.Journal = mortalJournal{options.Journal, f}
	options.Carrier = mortalCarrier{options.Carrier, f}
	options.Records = mortalRecords{options.Records, f}
	options.Witness = mortalWitness{options.Witness, f}
}

func (f *failpoint) jobs(handler queue.JobHandler) queue.JobHandler {
	return func(ctx context.Context, submission queue.Submission) (disposition queue.Disposition) {
		if last := f.job.Swap(submission.StreamSequence); last != 0 && last != submission.StreamSequence {
			f.pass(acknowledged)
		}
		f.around("Job", func() { disposition = handler(ctx, submission) })
		return disposition
	}
}

type mortalLedger struct {
	dialer.Ledger
	f *failpoint
}

func (l mortalLedger) Commit(ctx context.Context, move dialer.Move) (err error) {
	// "*dialer.intend" is the point "intend".
	_, name, _ := strings.Cut(fmt.Sprintf("%T", move), ".")
	l.f.around(name, func() { err = l.Ledger.Commit(ctx, move) })
	return err
}

type mortalJournal struct {
	dialer.Journal
	f *failpoint
}

func (j mortalJournal) Append(objections ...dialer.Objection) (err error) {
	j.f.around("Journal.Append", func() { err = j.Journal.Append(objections...) })
	return err
}

type mortalCarrier struct {
	dialer.Carrier
	f *failpoint
}

func (c mortalCarrier) Place(ctx context.Context, request dialer.Request) (answer dialer.Answer) {
	c.f.around("Carrier.Place", func() { answer = c.Carrier.Place(ctx, request) })
	return answer
}

func (c mortalCarrier) Cancel(ctx context.Context, sid string) (err error) {
	c.f.around("Carrier.Cancel", func() { err = c.Carrier.Cancel(ctx, sid) })
	return err
}

func (c mortalCarrier) Forget(ctx context.Context, sid string) (err error) {
	c.f.around("Carrier.Forget", func() { err = c.Carrier.Forget(ctx, sid) })
	return err
}

type mortalRecords struct {
	dialer.CarrierRecords
	f *failpoint
}

func (r mortalRecords) Find(ctx context.Context, channel contact.Channel, to contact.Number, since time.Time) (records []dialer.Record, err error) {
	r.f.around("Records.Find", func() { records, err = r.CarrierRecords.Find(ctx, channel, to, since) })
	return records, err
}

func (r mortalRecords) Outbound(ctx context.Context, since time.Time) iter.Seq2[[]dialer.Record, error] {
	return func(yield func([]dialer.Record, error) bool) {
		r.f.around("Records.Outbound", func() { r.CarrierRecords.Outbound(ctx, since)(yield) })
	}
}

func (r mortalRecords) Inbound(ctx context.Context, since time.Time) (texts []dialer.InboundText, err error) {
	r.f.around("Records.Inbound", func() { texts, err = r.CarrierRecords.Inbound(ctx, since) })
	return texts, err
}

type mortalWitness struct {
	dialer.Witness
	f *failpoint
}

func (w mortalWitness) Last() (mark dialer.Mark, err error) {
	w.f.around("Witness.Last", func() { mark, err = w.Witness.Last() })
	return mark, err
}

func (w mortalWitness) Keep(mark dialer.Mark) (err error) {
	w.f.around("Witness.Keep", func() { err = w.Witness.Keep(mark) })
	return err
}
