package queue_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// copied returns a folder with a copy of another one's files.
func copied(t *testing.T, folder string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return to
}

// mustPublishJob puts a job on its subject and returns its place.
func mustPublishJob(t *testing.T, js jetstream.JetStream, campaign string) uint64 {
	t.Helper()
	acknowledged, err := js.Publish(t.Context(), "dialer.v1.submit.party-a."+campaign, mustJSON(t, testJob(campaign)))
	if err != nil {
		t.Fatal(err)
	}
	return acknowledged.Sequence
}

// Ensure that a queue which comes back as it was some time ago is noticed, that
// the jobs which come back with it are handed out again, and that new ones get
// places behind all that were known.
func TestConsume_OlderCopy(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, err := queue.StartServer(queue.ServerOptions{StoreDirectory: folder, Listen: "127.0.0.1:0", Token: testToken})
	if err != nil {
		t.Fatal(err)
	}
	daemon := mustConnect(t, queue.ConnectOptions{URL: first.ClientURL(), Token: testToken})
	if err := daemon.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, js := stranger(t, first)
	for _, campaign := range []string{"c1", "c2"} {
		mustPublishJob(t, js, campaign)
	}
	daemon.Close()
	if err := first.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}

	second := mustServer(t, copied(t, folder), new(syncLog))
	log := new(syncLog)
	daemon = mustConnect(t, queue.ConnectOptions{URL: second.ClientURL(), Token: testToken, LastOrder: 40, Logger: zerolog.New(log)})
	taken := make(chan queue.Submission, 8)
	stop := consume(t, daemon, func(_ context.Context, s queue.Submission) queue.Disposition {
		taken <- s
		return queue.Accepted()
	})
	defer stop()
	for _, campaign := range []string{"c1", "c2"} {
		if s := receive(t, taken); s.Campaign != campaign {
			t.Errorf("%s came again, want %s", s.Campaign, campaign)
		}
	}
	eventually(t, "the queue goes on where it was", func() bool { return strings.Contains(log.String(), "queue.mended") })
	_, js = stranger(t, second)
	if place := mustPublishJob(t, js, "c3"); place != 41 {
		t.Errorf("a new job has place %d, want 41", place)
	}
	if s := receive(t, taken); s.Campaign != "c3" || s.StreamSequence != 41 {
		t.Errorf("got %s at place %d", s.Campaign, s.StreamSequence)
	}
	loss := daemon.Loss()
	if loss == nil || loss.Known != 40 || loss.Found != 2 || strings.Count(log.String(), "queue.lost") != 1 {
		t.Errorf("told of %v:\n%s", loss, log)
	}
}

// Ensure that what the ledger knows can be told again once the streams have lost
// it, and that it is seen what they lack.
func TestTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	publisher := mustPublisher(t, b.daemon)
	told, err := b.daemon.Told(t.Context())
	if err != nil || len(told.Rejections)+len(told.Events)+len(told.Reports) != 0 {
		t.Fatalf("empty streams hold %+v, %v", told, err)
	}
	if err := publisher.PublishRejection(t.Context(), dialer.Rejection{Submission: "sequence-7", Campaign: "c7"}); err != nil {
		t.Fatal(err)
	}
	if err := publisher.PublishReport(t.Context(), queue.Report{Party: "party-a", Campaign: "c8", Format: "json"}); err != nil {
		t.Fatal(err)
	}
	publisher.PublishEvent(t.Context(), dialer.Event{Campaign: "c9", Name: "closed"})
	eventually(t, "all is told", func() bool {
		told, err := b.daemon.Told(t.Context())
		return err == nil && told.Rejections["sequence-7"] && told.Reports["c8"] && told.Events["c9"]
	})
}

// Ensure that the queue of one store is not served by the daemon of another.
func TestEnsureStreams_AnotherOwner(t *testing.T) {
	t.Parallel()
	server := mustServer(t, t.TempDir(), new(syncLog))
	connect := func(owner string) *queue.Conn {
		return mustConnect(t, queue.ConnectOptions{InProcess: server, Owner: owner})
	}
	for _, owner := range []string{"store-1", "store-1", ""} {
		if err := connect(owner).EnsureStreams(t.Context()); err != nil {
			t.Errorf("owner %q: %v", owner, err)
		}
	}
	if err := connect("store-2").EnsureStreams(t.Context()); queue.CodeOf(err) != queue.CodeConflict || queue.HintOf(err) == "" {
		t.Errorf("another owner: %v", err)
	}
	_, js := stranger(t, server)
	mustPublishJob(t, js, "c1")
	taken := make(chan queue.Submission, 1)
	handler := func(_ context.Context, s queue.Submission) queue.Disposition { taken <- s; return queue.Accepted() }
	log := new(syncLog)
	stop := consume(t, mustConnect(t, queue.ConnectOptions{InProcess: server, Owner: "store-2", Logger: zerolog.New(log)}), handler)
	eventually(t, "the other daemon is refused", func() bool { return strings.Contains(log.String(), "another store") })
	stop()
	if len(taken) != 0 {
		t.Error("another store's daemon took the job")
	}
	defer consume(t, connect("store-1"), handler)()
	receive(t, taken)
}
