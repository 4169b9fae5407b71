package queue_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

const (
	testToken = "a-secret-for-tests-only"
	// limit is how long a test waits for what must happen; it only passes
	// where something is broken.
	limit = 10 * time.Second
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a server with its streams and a connection of the daemon's to it.
type bundle struct {
	server *queue.Server
	daemon *queue.Conn
	client *queue.Client
	log    *syncLog
}

func setup(t *testing.T) bundle {
	t.Helper()
	log := new(syncLog)
	server := mustServer(t, t.TempDir(), log)
	daemon := mustConnect(t, queue.ConnectOptions{
		InProcess: server, Name: "dialerd", AckWait: 600 * time.Millisecond, Logger: zerolog.New(log),
	})
	if err := daemon.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := queue.NewClient(mustConnect(t, queue.ConnectOptions{InProcess: server, Name: "dialctl"}))
	return bundle{server, daemon, client, log}
}

func mustServer(t *testing.T, directory string, log *syncLog) *queue.Server {
	t.Helper()
	server, err := queue.StartServer(queue.ServerOptions{
		StoreDirectory: directory, Listen: "127.0.0.1:0", Token: testToken,
		Logger: zerolog.New(log).Level(zerolog.InfoLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server
}

func mustConnect(t *testing.T, options queue.ConnectOptions) *queue.Conn {
	t.Helper()
	conn, err := queue.Connect(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// stranger is a program that knows NATS and the subjects, and nothing of this
// package.
func stranger(t *testing.T, server *queue.Server) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	conn, err := nats.Connect(server.ClientURL(), nats.Token(testToken))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, js
}

// consume runs the handler over the queue until the test, or stop, ends it.
func consume(t *testing.T, conn *queue.Conn, handler queue.JobHandler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn.Consume(ctx, handler)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		receive(t, done)
	})
	t.Cleanup(stop)
	return stop
}

// serve answers the verbs until the test ends.
func serve(t *testing.T, conn *queue.Conn, handlers map[queue.Verb]queue.Handler) *queue.Service {
	t.Helper()
	service, err := queue.Serve(conn, "v0.1.2-dirty", handlers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return service
}

// receive takes the next value, or fails the test when none comes.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(limit):
		t.Error("nothing came in time")
		var none T
		return none
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(limit)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: not in time", what)
		}
	}
}

func testJob(id string) *dialer.Job {
	return &dialer.Job{
		ID: id, Party: "party-a", Round: "FR-PRES-2027-R1", Size: 600,
		Message:  dialer.JobMessage{Body: "Votez. STOP au 36111", Elements: map[string]string{"opt_out_means": "STOP"}},
		Schedule: dialer.JobSchedule{End: time.Date(2027, 4, 9, 0, 0, 0, 0, time.UTC)},
	}
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// syncLog keeps log lines for tests to look at.
type syncLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
