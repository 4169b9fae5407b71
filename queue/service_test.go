package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// Ensure values, bytes and nothing come back as the handler gave them, and the
// request reaches it whole.
func TestCall_Answers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{
		queue.VerbCampaignShow: func(_ context.Context, r queue.Request) (any, error) {
			var request queue.CampaignRequest
			err := r.Decode(&request)
			return dialer.CampaignView{ID: request.Campaign, Detail: string(r.Verb)}, err
		},
		queue.VerbReportGet:   func(context.Context, queue.Request) (any, error) { return []byte("\x00raw"), nil },
		queue.VerbIntakeAbort: func(context.Context, queue.Request) (any, error) { return nil, nil },
	})
	var view dialer.CampaignView
	if err := b.client.Call(t.Context(), queue.VerbCampaignShow, queue.CampaignRequest{Campaign: "c1"}, &view); err != nil ||
		view.ID != "c1" || view.Detail != "campaign.show" {
		t.Errorf("got %+v, %v", view, err)
	}
	var raw []byte
	if err := b.client.Call(t.Context(), queue.VerbReportGet, nil, &raw); err != nil || string(raw) != "\x00raw" {
		t.Errorf("got %q, %v", raw, err)
	}
	if err := b.client.Call(t.Context(), queue.VerbIntakeAbort, nil, nil); err != nil {
		t.Error(err)
	}
	if err := b.client.Call(t.Context(), queue.VerbReportGet, nil, &view); queue.CodeOf(err) != queue.CodeInternal {
		t.Errorf("got %v, want that the answer is not understood", err)
	}
	if err := b.client.Call(t.Context(), queue.VerbCampaignShow, map[string]int{"oops": 1}, &view); queue.CodeOf(err) != queue.CodeInvalid {
		t.Errorf("got %v, want that the request is not understood", err)
	}
}

// Ensure failures travel with code, hint and faults, and that what panicked
// stays in the daemon.
func TestCall_Failures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	faults := []dialer.Fault{{Field: "size", Place: "2:3", Reason: "too small", Hint: "order 500"}}
	refusal := &queue.ControlError{Code: queue.CodeConflict, Message: "it runs\nalready", Hint: "pause it", Faults: faults}
	failures := map[queue.Verb]error{
		queue.VerbCampaignPause:  refusal,
		queue.VerbCampaignResume: fmt.Errorf("resume c1: %w", refusal),
		queue.VerbCampaignCancel: errors.New("the disk is full"),
		queue.VerbReportList:     context.DeadlineExceeded,
	}
	handlers := map[queue.Verb]queue.Handler{
		queue.VerbOptOut: func(context.Context, queue.Request) (any, error) { panic("over +33700900123") },
		queue.VerbStatus: func(context.Context, queue.Request) (any, error) { return make(chan int), nil },
	}
	for verb, err := range failures {
		handlers[verb] = func(context.Context, queue.Request) (any, error) { return nil, err }
	}
	serve(t, b.daemon, handlers)

	for verb, want := range map[queue.Verb]queue.ControlError{
		queue.VerbCampaignPause:  *refusal,
		queue.VerbCampaignResume: {Code: queue.CodeConflict, Message: "resume c1: it runs\nalready", Hint: "pause it", Faults: faults},
		queue.VerbCampaignCancel: {Code: queue.CodeInternal, Message: "the disk is full"},
		queue.VerbReportList:     {Code: queue.CodeTimeout, Message: "context deadline exceeded"},
		queue.VerbOptOut:         {Code: queue.CodeInternal, Message: "internal error", Hint: "the daemon's log tells where"},
		queue.VerbStatus:         {Code: queue.CodeInternal, Message: "write as JSON: json: unsupported type: chan int"},
	} {
		err := b.client.Call(t.Context(), verb, nil, nil)
		var got *queue.ControlError
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v, want a ControlError", verb, err)
			continue
		}
		if got.Code != want.Code || got.Message != want.Message || got.Hint != want.Hint || len(got.Faults) != len(want.Faults) {
			t.Errorf("%s: got %+v, want %+v", verb, got, want)
		}
	}
	log := b.log.String()
	if !strings.Contains(log, "queue.request_panic") || !strings.Contains(log, "service_test.go") {
		t.Error("the log does not tell where it panicked")
	}
	if strings.Contains(log, "33700900123") || strings.Contains(log, "too small") {
		t.Error("the log repeats a payload")
	}
}

// Ensure a daemon that is not there, and a verb that it does not know, are
// told apart.
func TestCall_NoResponders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := b.client.Call(t.Context(), queue.VerbCampaignList, nil, nil)
	if queue.CodeOf(err) != queue.CodeUnreachable || !strings.Contains(err.Error(), "no dialerd answers on "+b.server.ClientURL()) ||
		!strings.Contains(queue.HintOf(err), "start it with `dialerd`") {
		t.Errorf("got %v, hint %q", err, queue.HintOf(err))
	}
	serve(t, b.daemon, map[queue.Verb]queue.Handler{
		queue.VerbStatus: func(context.Context, queue.Request) (any, error) { return queue.Status{}, nil },
	})
	if err := b.client.Call(t.Context(), queue.VerbCampaignList, nil, nil); queue.CodeOf(err) != queue.CodeRefused {
		t.Errorf("got %v, want that the verb is not known", err)
	}
}

// Ensure an answer that does not come in time is told as not known, and a
// request that waits holds up nobody else.
func TestCall_SlowHandler(t *testing.T) {
	t.Parallel()
	b := setup(t)
	release := make(chan struct{})
	serve(t, b.daemon, map[queue.Verb]queue.Handler{
		queue.VerbIntakeFinish: func(ctx context.Context, r queue.Request) (any, error) {
			if string(r.Data) == `"quick"` {
				return nil, nil
			}
			select {
			case <-release:
			case <-ctx.Done():
			}
			return nil, nil
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := b.client.Call(ctx, queue.VerbIntakeFinish, "slow", nil); queue.CodeOf(err) != queue.CodeTimeout {
		t.Errorf("got %v, want that it took too long", err)
	}
	if err := b.client.Call(t.Context(), queue.VerbIntakeFinish, "quick", nil); err != nil {
		t.Errorf("the quick request had to wait: %v", err)
	}
	close(release)
}

// Ensure the daemon takes no more than it can, says so at once, and takes more
// once it can.
func TestServe_Busy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	release := make(chan struct{})
	var entered sync.WaitGroup
	entered.Add(64)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{
		queue.VerbReportList: func(context.Context, queue.Request) (any, error) {
			entered.Done()
			<-release
			return nil, nil
		},
		queue.VerbStatus: func(context.Context, queue.Request) (any, error) { return nil, nil },
	})
	failures := make(chan error, 64)
	for range 64 {
		go func() { failures <- b.client.Call(context.Background(), queue.VerbReportList, nil, nil) }()
	}
	entered.Wait()
	if err := b.client.Call(t.Context(), queue.VerbStatus, nil, nil); queue.CodeOf(err) != queue.CodeBusy {
		t.Errorf("got %v, want that the daemon is busy", err)
	}
	close(release)
	for range 64 {
		if err := receive(t, failures); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "take requests again", func() bool { return b.client.Call(t.Context(), queue.VerbStatus, nil, nil) == nil })
}

// Ensure stopping lets a request in hand finish, and ends one that does not.
func TestService_Stop(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entered := make(chan struct{}, 1)
	ended := make(chan error, 1)
	service := serve(t, b.daemon, map[queue.Verb]queue.Handler{
		queue.VerbStatus: func(ctx context.Context, _ queue.Request) (any, error) {
			entered <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		},
	})
	answer := make(chan error, 1)
	go func() { answer <- b.client.Call(context.Background(), queue.VerbStatus, nil, nil) }()
	receive(t, entered)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := service.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context ended with %v", err)
	}
	if err := receive(t, answer); queue.CodeOf(err) != queue.CodeTimeout {
		t.Errorf("got %v, want the handler's failure", err)
	}
}

// Ensure a message without an answer's address gives no orders, and strangers
// find the service with NATS's own means.
func TestServe_Strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	calls := make(chan string, 4)
	serve(t, b.daemon, map[queue.Verb]queue.Handler{
		queue.VerbOptOut: func(_ context.Context, r queue.Request) (any, error) {
			calls <- string(r.Data) + r.Header["X-Trace"]
			return queue.OptOutAnswer{Effect: "effective"}, nil
		},
	})
	conn, _ := stranger(t, b.server)
	if err := conn.Publish("dialer.v1.ctl.optout.add", []byte("unanswered")); err != nil {
		t.Fatal(err)
	}
	answer, err := conn.RequestMsg(&nats.Msg{
		Subject: queue.ControlSubject(queue.VerbOptOut), Data: []byte("sealed"), Header: nats.Header{"X-Trace": []string{"-traced"}},
	}, limit)
	if err != nil || !strings.Contains(string(answer.Data), "effective") {
		t.Fatalf("got %v, %v", answer, err)
	}
	if got := receive(t, calls); got != "sealed-traced" {
		t.Errorf("the handler got %q", got)
	}
	found, err := conn.Request("$SRV.INFO.dialerd", nil, limit)
	if err != nil || !strings.Contains(string(found.Data), "dialer.v1.ctl.optout.add") || !strings.Contains(string(found.Data), "0.1.2") {
		t.Errorf("got %v, %v; want the verbs and the version", found, err)
	}
}
