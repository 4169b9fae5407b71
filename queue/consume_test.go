package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// parse decides as the daemon does: by what dialer.ParseJob says.
func parse(_ context.Context, s queue.Submission) queue.Disposition {
	job, faults := dialer.ParseJob(s.Data)
	if len(faults) > 0 {
		return queue.Rejected(dialer.Rejection{Faults: faults})
	}
	if job.ID != s.Campaign || job.Party != s.Party {
		return queue.Rejected(dialer.Rejection{Faults: []dialer.Fault{{Field: "id", Reason: "the subject says otherwise"}}})
	}
	return queue.Accepted()
}

// Ensure a malformed job that a stranger puts on the subject comes back with
// field, place and reason, stored, and leaves the queue.
func TestConsume_Malformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, js := stranger(t, b.server)
	rejections, err := conn.SubscribeSync("dialer.v1.rejected.>")
	if err != nil {
		t.Fatal(err)
	}
	consume(t, b.daemon, parse)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()

	for _, job := range []struct {
		subject, text string
		want          dialer.Fault
	}{
		{
			"dialer.v1.submit.party-a.c1", "{\n  \"id\": \"c1\",\n  \"siez\": 600}",
			dialer.Fault{Field: "siez", Place: "3:3", Reason: "unknown field"},
		},
		{
			"dialer.v1.submit.party-a.c2", "{\n  \"size\": \"many\"}",
			dialer.Fault{Field: "size", Reason: "a string stands where a int is wanted"},
		},
		{"dialer.v1.submit.party-a.c3", "id: c3", dialer.Fault{Reason: "not JSON"}},
		{"dialer.v1.submit.party-a.c4", strings.Repeat(" ", 66<<10), dialer.Fault{Reason: "bytes"}},
		{
			"dialer.v1.submit.party-b.c5", `{"id":"c5","party":"party-a","channel":"sms","segment":{},"size":1}`,
			dialer.Fault{Field: "id", Reason: "the subject says"},
		},
		{"dialer.v1.submit.Party_A.c6", "{}", dialer.Fault{Field: "subject", Reason: "lower-case"}},
	} {
		acknowledged, err := js.Publish(ctx, job.subject, []byte(job.text))
		if err != nil {
			t.Fatalf("%s: %v", job.subject, err)
		}
		message, err := rejections.NextMsgWithContext(ctx)
		if err != nil {
			t.Fatalf("%s: no rejection: %v", job.subject, err)
		}
		var got dialer.Rejection
		if err := json.Unmarshal(message.Data, &got); err != nil || len(got.Faults) == 0 {
			t.Fatalf("%s: got %s, %v", job.subject, message.Data, err)
		}
		fault := got.Faults[0]
		if fault.Field != job.want.Field || !strings.Contains(fault.Reason, job.want.Reason) ||
			(job.want.Place != "" && fault.Place != job.want.Place) {
			t.Errorf("%s: got fault %+v, want %+v", job.subject, fault, job.want)
		}
		if want := "dialer.v1.rejected." + got.Submission; message.Subject != want || got.At.IsZero() {
			t.Errorf("%s: the rejection %s came on %s at %s", job.subject, got.Submission, message.Subject, got.At)
		}
		mustLeave(t, js, acknowledged.Sequence)
	}
	stored, err := js.Stream(ctx, "REJECTED")
	if err != nil || stored.CachedInfo().State.Msgs != 6 {
		t.Errorf("%d rejections are stored, %v; want 6", stored.CachedInfo().State.Msgs, err)
	}
}

func mustLeave(t *testing.T, js jetstream.JetStream, sequence uint64) {
	t.Helper()
	stream, err := js.Stream(t.Context(), "SUBMIT")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "leave the queue", func() bool {
		_, err := stream.GetMsg(t.Context(), sequence)
		return errors.Is(err, jetstream.ErrMsgNotFound)
	})
}

// Ensure a job comes again, with the same sequence and before its followers,
// when the daemon dies without an answer.
func TestConsume_Crash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, js := stranger(t, b.server)
	for _, campaign := range []string{"c1", "c2"} {
		if _, err := js.Publish(t.Context(), "dialer.v1.submit.party-a."+campaign, mustJSON(t, testJob(campaign))); err != nil {
			t.Fatal(err)
		}
	}

	// The first daemon reads the job and is gone: its connection is cut while
	// the handler works, so that nothing it says arrives.
	doomed, err := queue.Connect(queue.ConnectOptions{InProcess: b.server, AckWait: 600 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan queue.Submission, 1)
	stop := consume(t, doomed, func(ctx context.Context, s queue.Submission) queue.Disposition {
		read <- s
		doomed.Close()
		<-ctx.Done()
		return queue.Accepted()
	})
	first := receive(t, read)
	stop()

	again := make(chan queue.Submission, 4)
	consume(t, b.daemon, func(_ context.Context, s queue.Submission) queue.Disposition {
		again <- s
		return queue.Accepted()
	})
	second, third := receive(t, again), receive(t, again)
	if second.StreamSequence != first.StreamSequence || second.Campaign != "c1" || second.Deliveries != 2 ||
		string(second.Data) != string(first.Data) {
		t.Errorf("got %s, sequence %d, delivery %d; want c1 with sequence %d again",
			second.Campaign, second.StreamSequence, second.Deliveries, first.StreamSequence)
	}
	if third.Campaign != "c2" || third.StreamSequence != first.StreamSequence+1 {
		t.Errorf("got %s after it, want c2", third.Campaign)
	}
	mustLeave(t, js, first.StreamSequence)
}

// Ensure a handler that takes its time keeps the job, however short the wait
// for a sign of life is.
func TestConsume_SlowHandler(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, js := stranger(t, b.server)
	calls := make(chan queue.Submission, 8)
	consume(t, b.daemon, func(ctx context.Context, s queue.Submission) queue.Disposition {
		calls <- s
		select {
		case <-time.After(1500 * time.Millisecond): // more than twice AckWait
		case <-ctx.Done():
		}
		return queue.Accepted()
	})
	acknowledged, err := js.Publish(t.Context(), "dialer.v1.submit.party-a.c1", mustJSON(t, testJob("c1")))
	if err != nil {
		t.Fatal(err)
	}
	receive(t, calls)
	mustLeave(t, js, acknowledged.Sequence)
	if len(calls) != 0 {
		t.Error("the job was handed out again while it was in hand")
	}
}

// Ensure a job that nobody can decide on yet, or over which the handler
// panics, comes again before those behind it.
func TestConsume_Later(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, js := stranger(t, b.server)
	for _, campaign := range []string{"c1", "c2", "c3"} {
		if _, err := js.Publish(t.Context(), "dialer.v1.submit.party-a."+campaign, mustJSON(t, testJob(campaign))); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var order []string
	finished := make(chan struct{})
	consume(t, b.daemon, func(_ context.Context, s queue.Submission) queue.Disposition {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, s.Campaign)
		switch {
		case s.Campaign == "c1" && s.Deliveries == 1:
			return queue.Later(errors.New("the ledger is full"))
		case s.Campaign == "c2" && s.Deliveries == 1:
			panic("over +33700900123")
		case s.Campaign == "c3":
			close(finished)
		}
		return queue.Accepted()
	})
	receive(t, finished)
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(order, " "); got != "c1 c1 c2 c2 c3" {
		t.Errorf("the jobs came as %s", got)
	}
	if log := b.log.String(); !strings.Contains(log, "queue.job_panic") || strings.Contains(log, "33700900123") {
		t.Error("the panic is not logged, or with its text")
	}
}

// Ensure the handler's answer is told even when the daemon stops meanwhile.
func TestConsume_StopWhileInHand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, js := stranger(t, b.server)
	taken := make(chan struct{})
	stop := consume(t, b.daemon, func(ctx context.Context, _ queue.Submission) queue.Disposition {
		close(taken)
		<-ctx.Done()
		return queue.Accepted()
	})
	acknowledged, err := js.Publish(t.Context(), "dialer.v1.submit.party-a.c1", mustJSON(t, testJob("c1")))
	if err != nil {
		t.Fatal(err)
	}
	receive(t, taken)
	stop()
	mustLeave(t, js, acknowledged.Sequence)
}

// Ensure jobs flow again by themselves, in the same order, after the consumer
// and then the whole server with its files went away.
func TestConsume_SurvivesNATS(t *testing.T) {
	t.Parallel()
	first := mustServer(t, t.TempDir(), new(syncLog))
	daemon := mustConnect(t, queue.ConnectOptions{URL: first.ClientURL(), Token: testToken, LastOrder: 40})
	if err := daemon.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	taken := make(chan queue.Submission, 4)
	stop := consume(t, daemon, func(_ context.Context, s queue.Submission) queue.Disposition {
		taken <- s
		return queue.Accepted()
	})
	_, js := stranger(t, first)
	publish := func(js jetstream.JetStream, campaign string, order uint64) {
		t.Helper()
		eventually(t, "publish "+campaign, func() bool {
			acknowledged, err := js.Publish(t.Context(), "dialer.v1.submit.party-a."+campaign, mustJSON(t, testJob(campaign)))
			if err == nil && acknowledged.Sequence != order {
				t.Errorf("%s has place %d, want %d", campaign, acknowledged.Sequence, order)
			}
			return err == nil
		})
	}
	// A job whose acknowledgement was lost on the way comes twice.
	await := func(campaign string) queue.Submission {
		t.Helper()
		for {
			if s := receive(t, taken); s.Campaign == campaign || t.Failed() {
				return s
			}
		}
	}
	publish(js, "c1", 41)
	await("c1")
	if err := js.DeleteConsumer(t.Context(), "SUBMIT", "jobs"); err != nil {
		t.Fatal(err)
	}
	publish(js, "c2", 42)
	await("c2")

	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := queue.StartServer(queue.ServerOptions{
		StoreDirectory: t.TempDir(), Listen: strings.TrimPrefix(first.ClientURL(), "nats://"), Token: testToken,
	})
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	t.Cleanup(func() { _ = second.Shutdown(context.Background()) })
	_, js = stranger(t, second)
	publish(js, "c3", 43)
	mustLeave(t, js, await("c3").StreamSequence)
	stop() // before its server goes
}
