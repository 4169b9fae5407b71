package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/queue/queuetest"
)

// house is a daemon in this process, in a data directory of its own, with an
// operator before it.
type house struct {
	*operator
	config *configs.Config
	log    *syncBuffer
	seams  Seams
	daemon *Daemon
	token  string // of an outside NATS server
	// outside is a server with a user for each role, nil for none.
	outside *queuetest.Outside
	// outsideLog is that of a carrier that is not the embedded sandbox.
	outsideLog string
	cancel     context.CancelFunc
	ended      chan error
}

// newHouse prepares a daemon on free ports, in a sandbox where ten minutes pass
// in a second and the carrier tells what became of every message.
func newHouse(t *testing.T) *house {
	t.Helper()
	config := configs.Defaults(t.TempDir())
	config.NATS.Embedded.Listen = "127.0.0.1:0"
	config.HTTP.Ops.Listen = "127.0.0.1:0"
	config.Carrier.Sandbox.Clock.Speed, config.Carrier.Sandbox.Latency = 600, 0
	config.Carrier.Sandbox.Silent = 0
	// Tests have more people object than anybody would.
	config.Holds.OptOuts.Minimum, config.Holds.Filtering.Minimum = 100_000, 100_000
	t.Cleanup(func() { // after the daemon has stopped, whoever started it
		if _, err := os.Stat(filepath.Join(config.DataDirectory, "ledger.db")); err == nil {
			mustBeSound(t, config.DataDirectory)
		}
	})
	return &house{operator: &operator{t: t}, config: config, log: new(syncBuffer)}
}

func (h *house) start() {
	h.t.Helper()
	h.run()
	h.attach()
}

// run starts the daemon.
func (h *house) run() {
	h.t.Helper()
	daemon, err := newWith(h.seams, h.config, h.log)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.daemon, h.cancel, h.ended = daemon, cancel, make(chan error, 1)
	go func() { h.ended <- daemon.Run(ctx) }()
	h.t.Cleanup(h.stop)
	h.tell = h.log.tail
}

// attach puts the operator before the daemon.
func (h *house) attach() {
	h.t.Helper()
	options := queue.ClientOptions{URL: h.daemon.conn.URL(), Token: h.token, DataDirectory: h.config.DataDirectory}
	if h.outside != nil {
		options.Credentials, options.CA = h.outside.Seed(queuetest.Operator), h.outside.CA
	}
	client, err := queue.Dial(options)
	if err != nil {
		h.t.Fatal(err)
	}
	h.client = client
}

// stop lets the daemon come to its end; it may be started again.
func (h *house) stop() {
	if h.daemon == nil {
		return
	}
	if h.client != nil {
		h.client.Close()
	}
	h.cancel()
	if err := <-h.ended; err != nil {
		h.t.Errorf("run: %v\n%s", err, h.log.tail())
	}
	if err := h.daemon.Close(); err != nil {
		h.t.Errorf("close: %v", err)
	}
	h.daemon, h.client = nil, nil
}

func (h *house) file(name string) string { return filepath.Join(h.config.DataDirectory, name) }

// carrierLog is where the carrier writes what it saw.
func (h *house) carrierLog() string {
	if h.outsideLog != "" {
		return h.outsideLog
	}
	return h.file("sandbox.log")
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// tail returns the end of the log.
func (b *syncBuffer) tail() string {
	text := b.all()
	return "log:\n" + text[max(0, len(text)-4000):]
}

// Ensure that a daemon which is stopped in the middle of its work leaves
// nothing running.
func TestDaemon_StopsWhole(t *testing.T) { // alone, so that what it leaves is its own
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := newHouse(t)
	h.config.Carrier.Sandbox.Latency = 20 * time.Millisecond
	h.start()
	h.importPeople(invent(600), "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 500))
	eventually(t, "some are dialled", func() bool { return requests(t, h.carrierLog()) > 100 })
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
	if requests(t, h.carrierLog()) == job.Size {
		t.Error("all were dialled before the stop: the test shows nothing")
	}
}
