package queue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func mustPublisher(t *testing.T, conn *queue.Conn) *queue.Publisher {
	t.Helper()
	publisher := queue.NewPublisher(conn)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		publisher.Close(ctx)
	})
	return publisher
}

// Ensure a watcher sees the last event, then each new one, and stops at will.
func TestWatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	publisher := mustPublisher(t, b.daemon)
	publish := func(campaign, name string) {
		publisher.PublishEvent(t.Context(), dialer.Event{Campaign: campaign, Name: name, View: &dialer.CampaignView{ID: campaign}})
	}
	for _, name := range []string{"accepted", "planned"} {
		publish("c1", name)
		publish("c2", name)
	}
	_, js := stranger(t, b.server)
	stream, err := js.Stream(t.Context(), "EVENT")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "store the events", func() bool {
		info, err := stream.Info(t.Context())
		return err == nil && info.State.Msgs == 4
	})

	var seen []string
	for event, err := range b.client.Watch(t.Context(), "c1") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, event.Name)
		if event.Name == "closed" {
			break
		}
		publish("c1", map[string]string{"planned": "running", "running": "closed"}[event.Name])
	}
	if got := strings.Join(seen, " "); got != "planned running closed" {
		t.Errorf("c1: saw %s", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	both := make(map[string]string)
	for event, err := range b.client.Watch(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if both[event.Campaign] = event.Name; len(both) == 2 {
			cancel()
		}
	}
	if both["c1"] != "closed" || both["c2"] != "planned" {
		t.Errorf("all: saw %v", both)
	}
	for _, err := range b.client.Watch(t.Context(), "c1.>") {
		if queue.CodeOf(err) != queue.CodeInvalid {
			t.Errorf("got %v, want that the name is invalid", err)
		}
	}
	if publisher.Dropped() != 0 {
		t.Errorf("%d events were dropped", publisher.Dropped())
	}
}

// Ensure nobody waits for NATS: while it is away progress gives way to
// progress, then the oldest progress is dropped, and news last of all.
func TestPublishEvent_Pressure(t *testing.T) {
	t.Parallel()
	server, err := queue.StartServer(queue.ServerOptions{StoreDirectory: t.TempDir(), Listen: "127.0.0.1:0", Token: testToken})
	if err != nil {
		t.Fatal(err)
	}
	conn := mustConnect(t, queue.ConnectOptions{URL: server.ClientURL(), Token: testToken})
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	publisher := mustPublisher(t, conn)
	began := time.Now()
	for i := range 20_000 {
		publisher.PublishEvent(t.Context(), dialer.Event{Campaign: fmt.Sprintf("c%d", i%10), Name: queue.EventProgress})
	}
	if dropped := publisher.Dropped(); dropped != 0 {
		t.Errorf("%d events of progress were counted as dropped, though newer ones replaced them", dropped)
	}
	for range 1024 + 5 {
		publisher.PublishEvent(t.Context(), dialer.Event{Campaign: "c0", Name: "held"})
	}
	if dropped := publisher.Dropped(); dropped != 15 {
		t.Errorf("%d events were dropped, want 10 of progress and 5 of news", dropped)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("publishing took %s without a server", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	publisher.Close(ctx)
	publisher.PublishEvent(t.Context(), dialer.Event{Campaign: "c0", Name: "late"})
	if dropped := publisher.Dropped(); dropped != 15+1024+1 {
		t.Errorf("%d events were dropped in the end, want all of them", dropped)
	}
}

// Ensure an event that can never be sent does not hold up the others, and
// closing sends what waits.
func TestPublisher_Close(t *testing.T) {
	t.Parallel()
	b := setup(t)
	publisher := queue.NewPublisher(b.daemon)
	publisher.PublishEvent(t.Context(), dialer.Event{Campaign: "No Token", Name: "accepted"})
	for i := range 50 {
		publisher.PublishEvent(t.Context(), dialer.Event{Campaign: "c1", Name: fmt.Sprintf("event %d", i)})
	}
	publisher.Close(t.Context())
	publisher.Close(t.Context())
	_, js := stranger(t, b.server)
	stream, err := js.Stream(t.Context(), "EVENT")
	if err != nil {
		t.Fatal(err)
	}
	if stored := stream.CachedInfo().State.Msgs; stored != 50 || publisher.Dropped() != 1 {
		t.Errorf("%d events are stored and %d dropped, want 50 and 1", stored, publisher.Dropped())
	}
}

// Ensure a report is stored as the bytes that were signed, once.
func TestPublishReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	publisher := mustPublisher(t, b.daemon)
	report := queue.Report{
		Party: "party-a", Campaign: "c1", Format: "json", Data: []byte(`{"size": 600}`), Signature: []byte{1, 2, 3}, KeyID: "k1",
	}
	for range 2 {
		if err := publisher.PublishReport(t.Context(), report); err != nil {
			t.Fatal(err)
		}
	}
	_, js := stranger(t, b.server)
	stream, err := js.Stream(t.Context(), "REPORT")
	if err != nil {
		t.Fatal(err)
	}
	message, err := stream.GetLastMsgForSubject(t.Context(), "dialer.v1.report.party-a.c1")
	if err != nil || string(message.Data) != string(report.Data) || message.Header.Get("Hustings-Signature") != "AQID" ||
		message.Header.Get("Hustings-Format") != "json" || message.Header.Get("Hustings-Key-Id") != "k1" || message.Sequence != 1 {
		t.Errorf("got %+v, %v", message, err)
	}
	if stored := stream.CachedInfo().State.Msgs; stored != 1 {
		t.Errorf("%d reports are stored", stored)
	}
	report.Party = "party.b"
	if err := publisher.PublishReport(t.Context(), report); err == nil {
		t.Error("a report was published on a subject of its own making")
	}
}
