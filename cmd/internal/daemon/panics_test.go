package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	post "github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// panics are faults over a contact, each with the number where Go would print it.
var panics = map[string]func(number contact.Number){
	"text":  func(number contact.Number) { panic("over " + number.E164()) },
	"error": func(number contact.Number) { panic(fmt.Errorf("over %s", number.E164())) },
	"value": func(number contact.Number) { panic(struct{ to string }{number.E164()}) },
	"index": func(number contact.Number) {
		var digits uint64
		_, _ = fmt.Sscanf(number.E164(), "+%d", &digits)
		_ = []string{"one"}[digits]
	},
}

// strike has a fault of the kind come over the number, which is an argument of the
// call that it comes in.
//
//go:noinline
func strike(kind string, number contact.Number) { panics[kind](number) }

// fuse lets faults come while it is lit: the kind and the number, or nil.
type fuse struct{ lit atomic.Pointer[func()] }

func (f *fuse) light(kind, e164 string) {
	number, err := contact.ParseE164(e164)
	if err != nil {
		panic(err) // a test's own number
	}
	blow := func() { strike(kind, number) }
	f.lit.Store(&blow)
}

func (f *fuse) out() { f.lit.Store(nil) }

func (f *fuse) burn() {
	if blow := f.lit.Load(); blow != nil {
		(*blow)()
	}
}

// Append is the journal of a house in which objections may fail.
func (j fusedJournal) Append(objections ...dialer.Objection) error {
	j.fuse.burn()
	return j.Journal.Append(objections...)
}

type fusedJournal struct {
	dialer.Journal
	fuse *fuse
}

// fused puts a fuse where objections are written down, and where jobs are taken.
func (h *house) fused() *fuse {
	f := new(fuse)
	h.seams.Dialer = func(o *dialer.Options) { o.Journal = fusedJournal{o.Journal, f} }
	h.seams.Jobs = func(handler queue.JobHandler) queue.JobHandler {
		return func(ctx context.Context, s queue.Submission) queue.Disposition {
			f.burn()
			return handler(ctx, s)
		}
	}
	return f
}

// temptByPanics has requests of dialctl, callbacks and jobs fail in the daemon over
// a number, in every way that a panic can hold one. All of them come again.
func (h *house) temptByPanics(f *fuse, numbers []string) {
	h.t.Helper()
	count := func(event string) int { return strings.Count(h.log.all(), `"event":"`+event+`"`) }
	at := 0
	for kind := range panics {
		number := numbers[at]
		at++
		f.light(kind, number)
		_, err := h.client.OptOut(h.t.Context(), queue.OptOut{Number: number, Way: "phone", Operator: "op-anne"})
		if queue.CodeOf(err) != queue.CodeInternal || strings.Contains(err.Error(), number[3:]) {
			h.t.Errorf("%s: a request that has failed is answered with %v", kind, err)
		}
		before := count(eventHandlerPanic)
		if _, err := h.daemon.carrier.inner.Reply(number, "TILLEULS", "STOP"); err != nil {
			h.t.Fatal(err)
		}
		eventually(h.t, kind+": the callback has failed", func() bool { return count(eventHandlerPanic) > before })
	}
	job := orderFor("party-a", 500)
	job.ID, job.Schedule.Start = "tempting", job.Schedule.End.Add(-time.Hour) // it dials nobody
	submitted := make(chan error, 1)
	go func() {
		_, err := h.client.Submit(h.t.Context(), job)
		submitted <- err
	}()
	eventually(h.t, "the job has failed", func() bool { return count("queue.job_panic") > 0 })
	f.out()
	if err := <-submitted; err != nil {
		h.t.Errorf("the job does not come again: %v", err)
	}
	if count("queue.request_panic") != len(panics) {
		h.t.Errorf("the log tells of %d requests that have failed, want %d", count("queue.request_panic"), len(panics))
	}
	if !strings.Contains(h.log.all(), "panics_test.go") {
		h.t.Error("the log does not tell where it was")
	}
}

// What a daemon is told that is to fail over the first contact that it dials.
const (
	fusedRole   = "fused"
	settingKind = "HUSTINGS_PANIC_WITH"
)

// fusedDaemon is dialerd, but for a fault where messages are handed to the carrier.
func fusedDaemon(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return MainWith(ctx, Seams{Dialer: func(o *dialer.Options) { o.Carrier = fusedCarrier{o.Carrier} }}, args, stdout, stderr)
}

type fusedCarrier struct{ dialer.Carrier }

// Place fails over every number.
func (fusedCarrier) Place(_ context.Context, request dialer.Request) dialer.Answer {
	strike(os.Getenv(settingKind), request.To)
	return dialer.Answer{}
}

// Ensure that a daemon which fails over a contact that it dials ends at once, with
// a code that has it started again, that all it says shows no number; that it says
// as little where it is asked for its goroutines; and that nobody is written to
// twice in the end.
func TestDaemon_PanicTellsNoNumber(t *testing.T) {
	t.Parallel()
	o := newOutpost(t, 8, "--latency", "1ms", "--silent-fraction", "0")
	people := invent(600)
	n := needlesFor(people)
	quiet := func(life string) {
		t.Helper()
		said := o.post.Player().Said()
		for _, form := range n.in([]byte(said)) {
			t.Errorf("%s: the daemon says a number (%s)\n%s", life, form, o.tell())
		}
		if strings.Contains(said, "goroutine ") {
			t.Errorf("%s: Go's own traceback was printed, which may hold numbers\n%s", life, o.tell())
		}
	}
	o.start()
	o.importPeople(people, "FR-75", "party-a")
	o.stop(syscall.SIGTERM)
	campaign := orderFor("party-a", 500)
	for kind := range panics {
		err := o.post.Launch(post.Launch{Role: fusedRole, Environment: []string{settingKind + "=" + kind}})
		o.tell = o.post.Tell
		if err == nil {
			_, _ = o.post.Client.Submit(t.Context(), campaign) // it may fail before the answer is there
		} else if err != nil && !errors.Is(err, post.ErrEnded) {
			t.Fatal(err)
		}
		select {
		case <-o.post.Player().Over():
		case <-time.After(limit):
			t.Fatalf("%s: the daemon lives on\n%s", kind, o.tell())
		}
		if code := o.stop(syscall.SIGKILL); code != exitFailed { // it is over already
			t.Errorf("%s: exit code %d, want one that has it started again\n%s", kind, code, o.tell())
		}
		if said := o.post.Player().Said(); !strings.Contains(said, `"event":"dialer.panic"`) || !strings.Contains(said, "fusedCarrier.Place") {
			t.Errorf("%s: it does not say what has failed\n%s", kind, o.tell())
		}
		quiet(kind)
	}
	if n := requests(t, o.carrierLog()); n != 0 {
		t.Errorf("the carrier was asked %d times: the test shows little", n)
	}
	o.start()
	eventually(t, "some are dialled", func() bool { return requests(t, o.carrierLog()) > 50 })
	if code := o.stop(syscall.SIGQUIT); code != exitForced {
		t.Errorf("SIGQUIT: exit code %d", code)
	}
	quiet("SIGQUIT")
	o.start()
	o.close(o.advance, campaign.ID)
	o.stop(syscall.SIGTERM)
	quiet("the last life")
	judge(t, o.carrierLog(), nil)
	mustBeSound(t, o.path("data"))
}
