package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/queue"
)

// demoStart is a Tuesday morning in Paris, weeks before the election's silence.
var demoStart = time.Date(2027, time.March, 9, 9, 0, 0, 0, time.UTC)

const (
	// demoFastest is the greatest speed of a sandbox's clock.
	demoFastest = 10_000
	// demoPatience is how long each step may take, in real time: a demo that
	// hangs is worse than one that fails.
	demoPatience = 30 * time.Second
	// endPatience is how long a child may take to stop when it is asked to.
	endPatience = 8 * time.Second
)

// stage is where the demo plays: the carrier's process, the daemon's process and
// the connection to it.
type stage struct {
	demo    *demo
	carrier *child
	daemon  *child
	// base is the carrier's address, server that of the daemon's NATS server.
	base, server string
	client       *queue.Client
}

func newStage(d *demo) *stage { return &stage{demo: d} }

// close ends the children, the daemon first: it wants to tell the carrier
// nothing more.
func (s *stage) close() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
	s.daemon.end(endPatience)
	s.carrier.end(endPatience)
	s.daemon, s.carrier = nil, nil
}

// guard plays an act, which ends early where a child dies or time is up.
func (s *stage) guard(ctx context.Context, act func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoPatience, &failure{
		message: fmt.Sprintf("a step took longer than %s", demoPatience), hint: "the logs are in " + s.demo.directory,
	})
	defer cancel()
	err := act(ctx)
	if err != nil && s.carrier != nil && s.carrier.ended() {
		return s.carrier.died()
	}
	if err != nil && s.daemon != nil && s.daemon.ended() {
		return s.daemon.died()
	}
	if err != nil && ctx.Err() != nil {
		return errors.Join(context.Cause(ctx))
	}
	return err
}

func (c *child) ended() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// demoConfig is the daemon's configuration. Its paths are relative to its file.
var demoConfig = template.Must(template.New("dialerd.yaml").Parse(`# The configuration of the demo's daemon, written by dialctl demo.
data_directory: data

carrier:
  kind: sandbox
  sandbox:
    api_base_url: {{.Base}}   # the carrier, a process of its own
    account_sid: {{.Account}}
    auth_token_file: carrier/token

nats:
  embedded:
    listen: {{.NATS}}

http:
  callbacks: {listen: "127.0.0.1:0"}
  ops: {listen: "127.0.0.1:0"}

pacing:
  in_flight: 16             # slow enough to watch
`))

const demoAccount = "AC00000000000000000000000000de3000"

// openCarrier writes the carrier's secret and starts it.
func (s *stage) openCarrier(ctx context.Context) error {
	d := s.demo
	if err := os.MkdirAll(d.path("carrier"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(d.path("carrier", "token"), []byte(rand.Text()+"\n"), 0o600); err != nil {
		return err
	}
	ready := make(chan string, 1)
	var err error
	s.carrier, err = startChild("carrier", d.path("carrier", "output.log"), ready, verbCarrier,
		"--log", d.path("carrier", "sandbox.log"), "--auth-token-file", d.path("carrier", "token"), "--account-sid", demoAccount,
		"--listen", "127.0.0.1:0", "--seed", fmt.Sprint(d.seed), "--latency", demoLatency.String(),
		"--clock-start", demoStart.Format(time.RFC3339), "--clock-speed", fmt.Sprint(d.speed))
	if err != nil {
		return err
	}
	select {
	case line := <-ready:
		s.base = line[strings.LastIndexByte(line, ' ')+1:]
		return nil
	case <-s.carrier.over:
		return s.carrier.died()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// demoLatency is how long the carrier takes for an answer, in real time.
const demoLatency = 50 * time.Millisecond

// writeConfig chooses a port for the daemon's NATS server, the same one for its
// second life, and writes its configuration.
func (s *stage) writeConfig(ctx context.Context) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return err
	}
	s.server = "nats://" + address
	file, err := os.OpenFile(s.demo.path("dialerd.yaml"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = demoConfig.Execute(file, map[string]string{"Base": s.base, "Account": demoAccount, "NATS": address})
	return errors.Join(err, file.Close())
}

// openDaemon starts the daemon and waits until it is ready to dial.
func (s *stage) openDaemon(ctx context.Context) error {
	var err error
	s.daemon, err = startChild("daemon", s.demo.path("dialerd.log"), nil, verbDaemon, "--config", s.demo.path("dialerd.yaml"))
	if err != nil {
		return err
	}
	for {
		if s.client == nil {
			s.client = s.tryDial()
		}
		if s.client != nil && s.ready(ctx) {
			return nil
		}
		if s.daemon.ended() {
			return s.daemon.died()
		}
		if !wait(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func (s *stage) tryDial() *queue.Client {
	client, err := queue.Dial(queue.ClientOptions{URL: s.server, DataDirectory: s.demo.path("data"), Logger: zerolog.Nop()})
	if err != nil {
		return nil // not yet
	}
	return client
}

func (s *stage) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var status queue.Status
	return s.client.Call(ctx, queue.VerbStatus, nil, &status) == nil && status.Ready
}

// killDaemon ends the daemon as a power cut would.
func (s *stage) killDaemon() error {
	s.client.Close()
	s.client = nil
	dying := s.daemon
	s.daemon = nil
	return dying.kill()
}
