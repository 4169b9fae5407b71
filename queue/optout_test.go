package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// consumeOptOuts runs the handler until the test, or stop, ends it.
func consumeOptOuts(t *testing.T, conn *queue.Conn, handler queue.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn.ConsumeOptOuts(ctx, handler)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// opened is a handler that reads what is sealed, as the daemon does.
func opened(private []byte, take func(queue.OptOut) error) queue.Handler {
	return func(_ context.Context, r queue.Request) (any, error) {
		told, err := queue.OpenOptOut(private, r.Data)
		if err == nil {
			err = take(told)
		}
		return queue.OptOutAnswer{Effect: "effective"}, err
	}
}

// waiting returns how many objections are in the stream.
func waiting(t *testing.T, b bundle) uint64 {
	t.Helper()
	_, js := stranger(t, b.server)
	stream, err := js.Stream(t.Context(), "OPTOUT")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

// Ensure that an objection which comes while no daemon runs waits for one, that
// it leaves the queue only when it is effective, that its sender is told so, and
// that its number is in clear nowhere.
func TestConsumeOptOuts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	private, public, err := queue.GenerateSealKey()
	if err != nil {
		t.Fatal(err)
	}
	none, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.client.SendOptOut(none, public, queue.OptOut{Number: "+33639980000"}); queue.CodeOf(err) != queue.CodeUnreachable {
		t.Errorf("not even sent: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	early := queue.OptOut{Number: "+33639980001", Way: "letter"}
	if _, err := b.client.SendOptOut(short, public, early); queue.CodeOf(err) != queue.CodeTimeout || queue.HintOf(err) == "" {
		t.Errorf("with no daemon: %v", err)
	}
	if n := waiting(t, b); n != 1 {
		t.Fatalf("%d objections wait, want 1", n)
	}
	var tries atomic.Int64
	taken := make(chan queue.OptOut, 4)
	consumeOptOuts(t, b.daemon, opened(private, func(told queue.OptOut) error {
		if tries.Add(1) == 1 {
			return errors.New("the disk is full")
		}
		taken <- told
		return nil
	}))
	if got := receive(t, taken); got.Number != early.Number || got.Way != early.Way {
		t.Errorf("got %+v", got)
	}
	answer, err := b.client.SendOptOut(t.Context(), public, queue.OptOut{Number: "+33639980002"})
	if err != nil || answer.Effect != "effective" {
		t.Errorf("got %+v, %v", answer, err)
	}
	receive(t, taken)
	eventually(t, "both have left", func() bool { return waiting(t, b) == 0 })
	if log := b.log.String(); strings.Contains(log, "3998000") {
		t.Error("a number stands in the log")
	}
}

// Ensure that what is no objection is rejected with its place and the reason,
// that nothing of it is quoted, and that those behind it are taken.
func TestConsumeOptOuts_Malformed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	private, public, err := queue.GenerateSealKey()
	if err != nil {
		t.Fatal(err)
	}
	conn, js := stranger(t, b.server)
	rejections, err := conn.SubscribeSync("dialer.v1.rejected.*")
	if err != nil {
		t.Fatal(err)
	}
	consumeOptOuts(t, b.daemon, opened(private, func(queue.OptOut) error { return nil }))
	seal := func(text string) []byte {
		sealed, err := queue.Seal(public, queue.PurposeOptOut, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	for _, test := range []struct {
		name string
		data []byte
		want dialer.Fault
	}{
		{"NotSealed", []byte("+33639980003"), dialer.Fault{Reason: "does not open"}},
		{"NotJSON", seal("number:\n+33639980003"), dialer.Fault{Place: "1:3", Reason: "not JSON"}},
		{"WrongType", seal("{\n \"number\": 33639980003}"), dialer.Fault{Field: "number", Place: "2:22", Reason: "a text is wanted"}},
		{"Instant", seal(`{"number":"+33639980003","received_at":"33639980003"}`), dialer.Fault{Field: "received_at", Reason: "no instant"}},
	} {
		if _, err := js.Publish(t.Context(), queue.SubjectOptOut, test.data); err != nil {
			t.Fatal(err)
		}
		message, err := rejections.NextMsg(limit)
		if err != nil {
			t.Fatalf("%s: no rejection: %v", test.name, err)
		}
		var got dialer.Rejection
		if err := json.Unmarshal(message.Data, &got); err != nil || len(got.Faults) != 1 {
			t.Fatalf("%s: got %s, %v", test.name, message.Data, err)
		}
		fault := got.Faults[0]
		if fault.Field != test.want.Field || test.want.Place != "" && fault.Place != test.want.Place || !strings.Contains(fault.Reason, test.want.Reason) {
			t.Errorf("%s: got %+v", test.name, fault)
		}
		if strings.Contains(string(message.Data)+b.log.String(), "3998000") {
			t.Errorf("%s: the number is quoted", test.name)
		}
	}
	if answer, err := b.client.SendOptOut(t.Context(), public, queue.OptOut{Number: "+33639980004"}); err != nil || answer.Effect != "effective" {
		t.Errorf("a good one behind them: %+v, %v", answer, err)
	}
	eventually(t, "all have left", func() bool { return waiting(t, b) == 0 })
}

// Ensure that an answer goes only where it can give no orders.
func TestConsumeOptOuts_AnswerGivesNoOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	private, public, err := queue.GenerateSealKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := queue.SealOptOut(public, queue.OptOut{Number: "+33639980005"})
	if err != nil {
		t.Fatal(err)
	}
	conn, js := stranger(t, b.server)
	all, err := conn.SubscribeSync("dialer.v1.ctl.>")
	if err != nil {
		t.Fatal(err)
	}
	consumeOptOuts(t, b.daemon, opened(private, func(queue.OptOut) error { return nil }))
	for _, subject := range []string{"dialer.v1.ctl.campaign.cancel", "$JS.API.STREAM.DELETE.SUBMIT", "a b", "a.>"} {
		message := &nats.Msg{Subject: queue.SubjectOptOut, Data: sealed, Header: nats.Header{queue.HeaderAnswer: []string{subject}}}
		if _, err := js.PublishMsg(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all have left", func() bool { return waiting(t, b) == 0 })
	if answer, err := b.client.SendOptOut(t.Context(), public, queue.OptOut{Number: "+33639980006"}); err != nil || answer.Effect != "effective" {
		t.Errorf("got %+v, %v", answer, err)
	}
	if n, _, err := all.Pending(); n != 0 || err != nil {
		t.Errorf("%d answers went to the daemon's own subjects, %v", n, err)
	}
}
