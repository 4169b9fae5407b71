package rig

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that a daemon that is killed at any system call that leaves something
// behind (a write, a sync, a send, a connection, a change of a file's name or
// size) keeps every promise, wherever in a small campaign that call stands.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	mustTrace(t)
	base := seed(t)
	random := draw(base)
	template := newTemplate(t)
	whole := template.whole(t)
	var reached tally
	t.Cleanup(func() {
		t.Logf("figures: a small campaign makes %d such calls; the daemon was killed at\n%s", len(whole.calls()), reached.table(whole.Seen))
	})
	for _, at := range sample(t, random, 12, whole.calls(), func(c call) string { return c.Kind }) {
		t.Run(title(at), func(t *testing.T) {
			t.Parallel()
			replayable(t, base, settingPoints)
			reached.add(template.killedAt(t, at))
		})
	}
}

// Ensure the same for a daemon that is killed at a second call after it has been
// started again.
func TestBoundaries_Pairs(t *testing.T) {
	t.Parallel()
	mustTrace(t)
	pairs, base := number(t, settingPairs, 0), seed(t)
	if pairs == 0 {
		t.Skipf("SKIPPED: pairs of system calls: %s says how many to draw, the short form draws none", settingPairs)
	}
	random := draw(base)
	template := newTemplate(t)
	all := template.whole(t).calls()
	for i := range pairs {
		first, second := all[random.IntN(len(all))], all[random.IntN(len(all))]
		t.Run(fmt.Sprintf("pair%d", i), func(t *testing.T) {
			t.Parallel()
			replayable(t, base, settingPairs)
			template.killedAt(t, first, second)
		})
	}
}

// title is how a test at a call is called.
func title(what fmt.Stringer) string {
	return strings.NewReplacer(" ", "_", "/", "").Replace(what.String())
}

// template is a store that every run begins with: the people are in it, and no
// campaign.
type template struct{ folder string }

const fewPeople = 12

func newTemplate(t *testing.T) template {
	t.Helper()
	s := newScene(t, fewPeople, outpost.Options{})
	s.open()
	if code := s.Stop(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit code %d after SIGTERM\n%s", code, s.Tell())
	}
	return template{s.Data()}
}

// scene makes a scene of its own out of the template.
func (x template) scene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, fewPeople, outpost.Options{
		InFlight: 3, Carrier: []string{"--latency", "10ms", "--silent-fraction", "0", "--stop-fraction", "0"},
	})
	if err := storetest.CopyFolder(x.folder, s.Data()); err != nil {
		t.Fatal(err)
	}
	return s
}

// whole lets a campaign run through under a tracer and returns what there is to
// be reached.
func (x template) whole(t *testing.T) traceReport {
	t.Helper()
	s := x.scene(t)
	order := traceOrder{Report: s.Path("trace.json")}
	if !s.launch(traced(t, order)) {
		t.Fatalf("the daemon does not start under the tracer\n%s", s.Tell())
	}
	s.smallCampaign()
	s.campaigns = []string{smallName}
	s.finish()
	return readReport(t, order)
}

// killedAt lets a campaign run in which the daemon is killed at a call, started
// again, perhaps killed again, and so on, and then comes to its end. It returns
// the calls that were reached.
func (x template) killedAt(t *testing.T, calls ...call) []call {
	t.Helper()
	s := x.scene(t)
	var reached []call
	for i, at := range calls {
		order := traceOrder{At: at, Report: s.Path(fmt.Sprintf("trace%d.json", i))}
		if s.launch(traced(t, order)) {
			s.smallCampaign()
		}
		s.there.Store(nil)
		// One that has come to the end of its work may meet its call as it stops.
		code := s.Stop(syscall.SIGTERM)
		report := readReport(t, order)
		if died := !report.Done.IsZero(); died != (code == -1) {
			t.Fatalf("the daemon ended with code %d, killed at %s: %t\n%s", code, at, died, s.Tell())
		} else if died {
			s.died()
			reached = append(reached, at)
		}
		s.mustBalance()
	}
	s.comeBack()
	if t.Failed() {
		t.Logf("killed at %v", reached)
	}
	return reached
}

const smallName = "party-a-small"

// smallCampaign asks for a campaign, has one person object by text and another
// by the control service, and waits for the campaign's end, all as long as the
// daemon works. One that has failed still hears objections for a while: it must
// hear one more.
func (s *scene) smallCampaign() {
	s.t.Helper()
	there, ctx, cancel := s.whileThere()
	defer cancel()
	_, failed := there.client.Submit(ctx, order("party-a", smallName, 500))
	s.Reply(s.numbers[0], "TILLEULS", "STOP")
	_ = s.optOut(ctx, s.numbers[1])
	view := new(dialer.CampaignView)
	if failed != nil {
		return // it died over the job, or its queue cannot write it down any more
	}
	for began := time.Now(); ctx.Err() == nil && view.State != "closed"; {
		if time.Since(began) > outpost.Limit {
			s.t.Fatalf("%v have passed, and the campaign is %s\n%s", outpost.Limit, view.State, s.Tell())
		}
		err := s.ask(ctx, func(ctx context.Context, client *queue.Client) error {
			return client.Call(ctx, queue.VerbCampaignShow, queue.CampaignRequest{Campaign: smallName}, view)
		})
		if queue.CodeOf(err) == queue.CodeBusy {
			_ = s.optOut(ctx, s.numbers[2])
			return
		}
		if pause(ctx, 200*time.Millisecond) && view.Balance.Planned+view.Balance.Intended == 0 {
			s.Advance(time.Hour) // what is in doubt is looked up, and so on
		}
	}
}

// tally counts which calls were reached.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (r *tally) add(calls []call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = map[string]int{}
	}
	for _, call := range calls {
		r.count[call.Kind]++
	}
}

// table lists what was reached of all that there is.
func (r *tally) table(all map[string]int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var text strings.Builder
	for _, call := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "  %-32s %5d of %5d\n", call, r.count[call], all[call])
	}
	return text.String()
}
