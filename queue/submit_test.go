package queue_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// ledger stands for the daemon's: what it accepted it can show.
type ledger struct {
	mu        sync.Mutex
	campaigns map[string]uint64
	calls     int
	reject    atomic.Bool
}

func (l *ledger) take(ctx context.Context, s queue.Submission) queue.Disposition {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.reject.Load() {
		return queue.Rejected(dialer.Rejection{Faults: []dialer.Fault{{Field: "sender", Reason: "not registered", Hint: "register it"}}})
	}
	disposition := parse(ctx, s)
	if l.campaigns == nil {
		l.campaigns = make(map[string]uint64)
	}
	if _, known := l.campaigns[s.Campaign]; !known {
		l.campaigns[s.Campaign] = s.StreamSequence
	}
	return disposition
}

func (l *ledger) show(_ context.Context, r queue.Request) (any, error) {
	var request queue.CampaignRequest
	if err := r.Decode(&request); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	order, ok := l.campaigns[request.Campaign]
	if !ok {
		return nil, &queue.ControlError{Code: queue.CodeNotFound, Message: "no campaign " + request.Campaign}
	}
	return dialer.CampaignView{ID: request.Campaign, State: "accepted", Order: order}, nil
}

// Ensure a good job is accepted, and the same job again changes nothing.
func TestSubmit_Accepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := new(ledger)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{queue.VerbCampaignShow: l.show})
	consume(t, b.daemon, l.take)
	began := time.Now()
	first, err := b.client.Submit(t.Context(), testJob("c1"))
	if err != nil {
		t.Fatal(err)
	}
	if first.Campaign == nil || first.Campaign.ID != "c1" || first.Rejection != nil || first.Order != first.Campaign.Order {
		t.Fatalf("got %+v, want campaign c1", first)
	}
	if took := time.Since(began); took > 900*time.Millisecond {
		t.Errorf("the answer took %s: the nudge was not heard", took)
	}
	again, err := b.client.Submit(t.Context(), testJob("c1"))
	if err != nil || again.Campaign == nil || again.Order != first.Order {
		t.Fatalf("got %+v, %v; want the same answer", again, err)
	}
	if l.calls != 1 {
		t.Errorf("the handler was called %d times for one job", l.calls)
	}
}

// Ensure a rejected job comes back with its faults, and is looked at afresh
// when it is submitted again, however soon.
func TestSubmit_Rejected(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := new(ledger)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{queue.VerbCampaignShow: l.show})
	consume(t, b.daemon, l.take)
	l.reject.Store(true)
	result, err := b.client.Submit(t.Context(), testJob("c1"))
	if err != nil {
		t.Fatal(err)
	}
	if result.Campaign != nil || result.Rejection == nil || len(result.Rejection.Faults) != 1 ||
		result.Rejection.Faults[0].Field != "sender" || result.Rejection.Submission != result.Submission {
		t.Fatalf("got %+v, want a rejection over the sender", result)
	}
	l.reject.Store(false) // the sender was registered
	result, err = b.client.Submit(t.Context(), testJob("c1"))
	if err != nil || result.Campaign == nil {
		t.Fatalf("got %+v, %v; want that it is accepted now", result, err)
	}
}

// Ensure a job whose daemon is away stays in the queue, the submitter is told
// so, and another job for the same campaign is kept out.
func TestSubmit_StaysQueued(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := b.client.Submit(ctx, testJob("c1"))
	if queue.CodeOf(err) != queue.CodeTimeout || !strings.Contains(err.Error(), "in the queue") || queue.HintOf(err) == "" {
		t.Fatalf("got %v, want that it is in the queue", err)
	}
	other := testJob("c1")
	other.Size++
	_, err = b.client.Submit(t.Context(), other)
	if queue.CodeOf(err) != queue.CodeConflict || !strings.Contains(err.Error(), "in the queue") {
		t.Fatalf("got %v, want a conflict", err)
	}
	// The same job is no conflict; its answer is that of the first.
	l := new(ledger)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{queue.VerbCampaignShow: l.show})
	consume(t, b.daemon, l.take)
	result, err := b.client.Submit(t.Context(), testJob("c1"))
	if err != nil || result.Campaign == nil || l.calls != 1 {
		t.Fatalf("got %+v, %v after %d calls", result, err, l.calls)
	}
}

// Ensure jobs that cannot be one are refused before they travel, and a server
// without a daemon's streams says that there is no daemon.
func TestSubmit_Refused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"", "C1", "a.b", "*", ">", "c 1"} {
		if _, err := b.client.Submit(t.Context(), testJob(id)); queue.CodeOf(err) != queue.CodeInvalid {
			t.Errorf("id %q: got %v, want that it is invalid", id, err)
		}
	}
	long := testJob("c1")
	long.Message.Body = strings.Repeat("x", 80<<10)
	if _, err := b.client.Submit(t.Context(), long); queue.CodeOf(err) != queue.CodeInvalid {
		t.Errorf("long job: got %v, want that it is invalid", err)
	}
	bare := mustServer(t, t.TempDir(), new(syncLog))
	client := queue.NewClient(mustConnect(t, queue.ConnectOptions{InProcess: bare}))
	if _, err := client.Submit(t.Context(), testJob("c1")); queue.CodeOf(err) != queue.CodeUnreachable {
		t.Errorf("got %v, want that no daemon is there", err)
	}
}

// Ensure a job that vanished from the queue is not taken for an accepted one.
func TestSubmit_Purged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, js := stranger(t, b.server)
	l := new(ledger)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{queue.VerbCampaignShow: l.show})
	stream, err := js.Stream(t.Context(), "SUBMIT")
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := b.client.Submit(t.Context(), testJob("c1"))
		failed <- err
	}()
	eventually(t, "submit", func() bool {
		info, err := stream.Info(t.Context())
		return err == nil && info.State.Msgs == 1
	})
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, failed); queue.CodeOf(err) != queue.CodeNotFound {
		t.Errorf("got %v, want that the campaign is not there", err)
	}
}
