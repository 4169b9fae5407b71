package outpost

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hustings/hustings/queue"
)

// Outpost is a daemon and its carrier, each in a process of its own, with an
// operator before them. Its files lie in one folder.
type Outpost struct {
	*Operator
	options Options
	address string // the carrier's
	carrier *Player
	daemon  *Player
}

// Options say what an outpost is like.
type Options struct {
	// Directory is where the files go.
	Directory string
	// InFlight is how many requests to the carrier may be open at once.
	InFlight int
	// Speed is how many seconds of the carrier's time pass in a real one; 0 is
	// 600, so that a look after an hour comes after six seconds.
	Speed float64
	// Start is the carrier's time at the beginning, zero for a Tuesday morning on
	// which windows are open and silence is far.
	Start time.Time
	// Carrier are further flags of the carrier's: how it behaves.
	Carrier []string
	// Line returns the address at which the daemon is to find a carrier that
	// listens at the address given, and Back the one at which the carrier is to
	// find the daemon. Both may be nil: nothing is between them.
	Line, Back func(address string) string
	// Registry takes the place of the embedded registry, in YAML; empty leaves it.
	Registry string
	// Queue is the address, with its secret, at which the operator finds an
	// outside NATS server; empty is the daemon's own.
	Queue string
}

const (
	// Account is the broker's account at the carrier.
	Account = "AC000000000000000000000000000000aa"
	// usualSpeed is that of a daemon's own sandbox.
	usualSpeed = 600
)

// usualStart is a Tuesday morning.
var usualStart = time.Date(2027, time.March, 9, 9, 0, 0, 0, time.UTC)

// New starts the carrier and writes the daemon's configuration.
func New(tb testing.TB, options Options) *Outpost {
	tb.Helper()
	if options.Speed == 0 {
		options.Speed = usualSpeed
	}
	if options.Start.IsZero() {
		options.Start = usualStart
	}
	o := &Outpost{
		Operator: &Operator{TB: tb, Tell: func() string { return "" }}, options: options, address: FreeAddress(tb),
	}
	o.Write("token", "a-token-for-tests-only")
	o.StartCarrier()
	callbacks := FreeAddress(tb)
	line, back := "http://"+o.address, "http://"+callbacks
	if options.Line != nil {
		line = "http://" + options.Line(o.address)
	}
	if options.Back != nil {
		back = "http://" + options.Back(callbacks)
	}
	o.Write("dialerd.yaml", fmt.Sprintf(`data_directory: data
carrier:
  kind: sandbox
  sandbox: {api_base_url: %q, account_sid: %s, auth_token_file: token}
nats: {embedded: {listen: "127.0.0.1:0"}}
http: {callbacks: {listen: %q, public_url: %q}, ops: {listen: "127.0.0.1:0"}}
pacing: {in_flight: %d}
holds: {opt_outs: {minimum: 100000}, filtering: {minimum: 100000}} # more object here than anybody would
`, line, Account, callbacks, back, options.InFlight))
	if options.Registry != "" {
		o.Write("registry.yaml", options.Registry)
		o.append("dialerd.yaml", "registry: registry.yaml\n")
	}
	return o
}

// FreeAddress returns an address on this machine that nobody listens on. Its port
// is none that the system gives to connections by itself, so that it stays free
// while whoever listened there is away.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 12_000+rand.IntN(20_000)) //nolint:gosec // nobody is to be kept from guessing it
		listener, err := net.Listen("tcp", address)                      //nolint:noctx // it does not wait
		if err == nil {
			_ = listener.Close()
			return address
		}
	}
	tb.Fatal("no port is free")
	return ""
}

// Path is where a file of the outpost's lies.
func (o *Outpost) Path(name string) string { return filepath.Join(o.options.Directory, name) }

// CarrierLog is where the carrier writes what it saw.
func (o *Outpost) CarrierLog() string { return o.Path("carrier.log") }

// Data is the daemon's data directory.
func (o *Outpost) Data() string { return o.Path("data") }

// Write writes a file of the outpost's.
func (o *Outpost) Write(name, content string) {
	o.TB.Helper()
	if err := os.WriteFile(o.Path(name), []byte(content), 0o600); err != nil {
		o.TB.Fatal(err)
	}
}

func (o *Outpost) append(name, content string) {
	o.TB.Helper()
	written, err := os.ReadFile(o.Path(name))
	if err != nil {
		o.TB.Fatal(err)
	}
	o.Write(name, string(written)+content)
}

// output is where a process's output is kept, for whoever looks at a failure.
func (o *Outpost) output(name string) *os.File {
	o.TB.Helper()
	file, err := os.OpenFile(o.Path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		o.TB.Fatal(err)
	}
	o.TB.Cleanup(func() { _ = file.Close() })
	return file
}

// StartCarrier starts the carrier, which goes on with its log where it has one.
func (o *Outpost) StartCarrier() {
	o.TB.Helper()
	player, _, err := Start(Part{Role: Carrier, Mark: "http://", Log: o.output("carrier.out"), Arguments: append([]string{
		"--listen", o.address, "--log", o.CarrierLog(), "--auth-token-file", o.Path("token"), "--account-sid", Account,
		"--clock-start", o.options.Start.Format(time.RFC3339), "--clock-speed", fmt.Sprint(o.options.Speed),
	}, o.options.Carrier...)})
	if err != nil {
		o.TB.Fatal(err)
	}
	o.carrier = player
	o.TB.Cleanup(func() { player.End(syscall.SIGKILL) })
}

// KillCarrier kills the carrier.
func (o *Outpost) KillCarrier() { o.carrier.End(syscall.SIGKILL) }

// Launch says how the daemon is started.
type Launch struct {
	// Role plays the daemon; empty is Daemon.
	Role        string
	Environment []string
	// Lifetime is how long after its start it is killed, 0 for never.
	Lifetime time.Duration
	// Mark is what it says when it has come as far as is wanted; empty is that it
	// has started. No operator is put before one that has not come so far.
	Mark string
}

// Start starts the daemon and puts the operator before it.
func (o *Outpost) Start() {
	o.TB.Helper()
	if err := o.Launch(Launch{}); err != nil {
		o.TB.Fatal(err)
	}
}

// Launch is Start for a daemon that may not live long enough to be ready: the
// error wraps ErrEnded then.
func (o *Outpost) Launch(launch Launch) error {
	o.TB.Helper()
	if launch.Role == "" {
		launch.Role = Daemon
	}
	attaches := launch.Mark == ""
	if attaches {
		launch.Mark = `"daemon.started"`
	}
	player, line, err := Start(Part{
		Role: launch.Role, Environment: launch.Environment, Lifetime: launch.Lifetime, Mark: launch.Mark, Log: o.output("daemon.out"),
		Arguments: []string{"--config", o.Path("dialerd.yaml")},
	})
	if player != nil {
		o.daemon, o.Tell = player, player.Tail
		o.TB.Cleanup(func() { player.End(syscall.SIGKILL) })
	}
	if err != nil || !attaches {
		return err
	}
	return o.attach(line)
}

// attach puts the operator before the daemon that has told where it is.
func (o *Outpost) attach(line string) error {
	var started struct {
		NATS string `json:"nats"`
	}
	if err := json.Unmarshal([]byte(line), &started); err != nil {
		return fmt.Errorf("read the daemon's first words: %w", err)
	}
	client, err := queue.Dial(o.queue(started.NATS))
	if err != nil {
		if Within(Limit, o.ended) {
			return errors.Join(ErrEnded, err)
		}
		return fmt.Errorf("put the operator before the daemon: %w", err)
	}
	o.Client = client
	return nil
}

// queue says how the operator finds the queue.
func (o *Outpost) queue(told string) queue.ClientOptions {
	if o.options.Queue != "" {
		return queue.ClientOptions{URL: o.options.Queue}
	}
	return queue.ClientOptions{URL: told, DataDirectory: o.Data()}
}

func (o *Outpost) ended() bool {
	select {
	case <-o.daemon.Over():
		return true
	default:
		return false
	}
}

// Player is the daemon's process.
func (o *Outpost) Player() *Player { return o.daemon }

// Stop ends the daemon by a signal, and returns its exit code.
func (o *Outpost) Stop(signal syscall.Signal) int {
	if o.Client != nil {
		defer o.Client.Close()
		o.Client = nil
	}
	return o.daemon.End(signal)
}

// Advance moves the carrier's time on, which the daemon follows.
func (o *Outpost) Advance(span time.Duration) {
	o.TB.Helper()
	o.mustOrder("clock", fmt.Sprintf(`{"advance":%q}`, span))
}

// Now is the carrier's time.
func (o *Outpost) Now() time.Time {
	o.TB.Helper()
	response, err := http.Get("http://" + o.address + "/sandbox/clock") //nolint:noctx // the carrier answers at once
	if err != nil {
		o.TB.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var clock struct {
		Now time.Time `json:"now"`
	}
	if err := json.NewDecoder(response.Body).Decode(&clock); err != nil {
		o.TB.Fatal(err)
	}
	return clock.Now
}

// Speed changes how many seconds of the carrier's time pass in a real one.
func (o *Outpost) Speed(speed float64) {
	o.TB.Helper()
	o.mustOrder("clock", fmt.Sprintf(`{"speed":%g}`, speed))
}

// Reply has somebody send a text to a sender of the broker's.
func (o *Outpost) Reply(number, sender, body string) {
	o.TB.Helper()
	o.mustOrder("reply", fmt.Sprintf(`{"from":%q,"to":%q,"body":%q}`, number, sender, body))
}

func (o *Outpost) mustOrder(what, body string) {
	o.TB.Helper()
	if err := o.Order(what, body); err != nil {
		o.TB.Fatal(err)
	}
}

// Order tells the carrier what to play.
func (o *Outpost) Order(what, body string) error {
	response, err := http.Post("http://"+o.address+"/sandbox/"+what, "application/json", strings.NewReader(body)) //nolint:noctx // the carrier answers at once, or is gone
	if err != nil {
		return fmt.Errorf("tell the carrier: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: the carrier answered %s", what, response.Status)
	}
	return nil
}
