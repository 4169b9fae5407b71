package rig

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// Ensure that dialling goes on by itself once a fault of the network is over, or
// of what lies behind it: nobody has to do anything, nobody is written to twice,
// and nobody whose STOP nobody could hear meanwhile.
func TestNetwork(t *testing.T) {
	t.Parallel()
	count, base := len(troubles), seed(t)
	if os.Getenv(settingFaults) != "all" {
		count = min(number(t, settingFaults, 2), count)
	}
	replayable(t, base, settingFaults)
	n := newNetwork(t, peopleFor(troubles[:count]))
	end := n.begin(draw(base), traffic{texts: 500 * time.Millisecond, optOuts: 500 * time.Millisecond})
	for _, trouble := range troubles[:count] {
		n.suffer(trouble)
	}
	end()
	r := n.finish()
	t.Logf("figures: %d requests, %d created, %d unknown (%d may be)", r.Requests, r.Created, r.unknown, n.cut+r.unclear+r.endless)
}

// pace is about how many are dialled in a second, at the carrier's latency.
const pace = 40

// peopleFor is how many there must be for somebody to be left to be dialled
// after the last of the troubles.
func peopleFor(all []trouble) int {
	span := 5 * time.Second
	for _, x := range all {
		span += 4 * time.Second
		if x.harmless {
			span += x.lasts
		}
	}
	return pace * int(span.Seconds())
}

// network is a scene with lines between its programs that can go wrong: one from
// the daemon to the carrier, one back, and one to a NATS server in a process of
// its own.
type network struct {
	*scene
	out, back, queue *line
	nats             *outpost.Player
	natsAddress      string
}

// trouble is one fault, for how long it lasts.
type trouble struct {
	name  string
	lasts time.Duration
	begin func(*network)
	// end ends what the lines' own healing does not.
	end func(*network)
	// deaf tells that no STOP is heard meanwhile, harmless that dialling goes on
	// all the while.
	deaf, harmless bool
	// holds tells that the line holds requests back and lets them go in the end,
	// when whoever sent them has long given up.
	holds bool
}

// timedOut is longer than the daemon waits for an answer of the carrier's.
const timedOut = 12 * time.Second

var troubles = []trouble{
	{
		name: "all lines to and from the carrier cut", lasts: 3 * time.Second, deaf: true,
		begin: func(n *network) { n.out.sever(); n.back.sever() },
	},
	{
		name: "the carrier killed, and started on its log", lasts: 2 * time.Second,
		begin: func(n *network) { n.KillCarrier() }, end: func(n *network) { n.StartCarrier() },
	},
	{
		name: "NATS killed, and started without its files", lasts: 2 * time.Second, harmless: true,
		begin: func(n *network) { n.nats.End(syscall.SIGKILL) },
		end: func(n *network) {
			if err := os.RemoveAll(n.Path("nats")); err != nil {
				n.t.Fatal(err)
			}
			n.startNATS()
		},
	},
	{
		name: "NATS killed, and started on its files", lasts: 2 * time.Second, harmless: true,
		begin: func(n *network) { n.nats.End(syscall.SIGKILL) }, end: func(n *network) { n.startNATS() },
	},
	{
		name: "the line to NATS cut", lasts: 3 * time.Second, harmless: true,
		begin: func(n *network) { n.queue.sever() },
	},
	{
		name: "the line to NATS frozen", lasts: 5 * time.Second, harmless: true,
		begin: func(n *network) { n.queue.freeze(there, backAgain) },
	},
	{
		name: "the line to the carrier cut", lasts: 3 * time.Second,
		begin: func(n *network) { n.out.sever() },
	},
	{
		name: "the line to the carrier frozen, for less than a time-out", lasts: 3 * time.Second,
		begin: func(n *network) { n.out.freeze(there, backAgain) }, holds: true,
	},
	{
		name: "the line to the carrier frozen, for longer than a time-out", lasts: timedOut,
		begin: func(n *network) { n.out.freeze(there, backAgain) }, holds: true,
	},
	{
		name: "the carrier's answers frozen", lasts: timedOut,
		begin: func(n *network) { n.out.freeze(backAgain) },
	},
	{
		name: "requests to the carrier frozen", lasts: timedOut,
		begin: func(n *network) { n.out.freeze(there) }, holds: true,
	},
	{
		name: "the line to the carrier slow by half a second a piece", lasts: 3 * time.Second,
		begin: func(n *network) { n.out.slow(500 * time.Millisecond) },
	},
	{
		name: "callbacks cut", lasts: 3 * time.Second, harmless: true,
		begin: func(n *network) { n.back.sever() },
	},
	{
		name: "callbacks frozen", lasts: timedOut, harmless: true,
		begin: func(n *network) { n.back.freeze(there, backAgain) },
	},
	{
		name: "all lines frozen", lasts: timedOut, deaf: true, holds: true,
		begin: func(n *network) { n.out.freeze(there, backAgain); n.back.freeze(there, backAgain) },
	},
}

func newNetwork(t *testing.T, people int) *network {
	t.Helper()
	directory := folder(t)
	n := &network{out: newLine(t), back: newLine(t), queue: newLine(t), natsAddress: outpost.FreeAddress(t)}
	n.scene = newScene(t, people, outpost.Options{
		Directory: directory, InFlight: networkInFlight, Speed: 200, Line: n.out.open, Back: n.back.open,
		Queue:   fmt.Sprintf("nats://%s@%s", queueToken, n.natsAddress),
		Carrier: []string{"--latency", "200ms", "--silent-fraction", "0", "--stop-fraction", "0.02"},
	})
	n.startNATS()
	n.queue.open(n.natsAddress)
	if !n.launch(outpost.Launch{Environment: []string{fmt.Sprintf("%s=nats://%s@%s", settingNATS, queueToken, n.queue.address)}}) {
		t.Fatal(n.Tell())
	}
	outpost.Eventually(t, "the daemon answers", n.answers)
	n.ImportPeople(n.numbers, "FR-75", parties...)
	n.submit(order("party-a", "party-a-everybody", people))
	return n
}

func (n *network) startNATS() {
	n.t.Helper()
	player, _, err := outpost.Start(outpost.Part{
		Role: roleQueue, Mark: "NATS server on ", Arguments: []string{n.Path("nats"), n.natsAddress},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.nats = player
	n.t.Cleanup(func() { player.End(syscall.SIGKILL) })
}

// answers tells whether an operator reaches the daemon.
func (n *network) answers() bool {
	var status queue.Status
	return n.ask(n.t.Context(), func(ctx context.Context, client *queue.Client) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return client.Call(ctx, queue.VerbStatus, nil, &status)
	}) == nil
}

// enough is how many requests show that dialling goes on: more than can have
// waited in a frozen line.
const enough = networkInFlight + 1

// networkInFlight is how many requests may be under way at once.
const networkInFlight = 8

// recovery is how long after a fault dialling may take to go on, in real time
// (I17).
const recovery = 60 * time.Second

// suffer lets one fault come over a daemon that dials at speed, and waits until
// it dials again.
func (n *network) suffer(x trouble) {
	n.t.Helper()
	n.mustDial(time.Now(), "before: "+x.name)
	stopped := n.undialled(5)
	began := time.Now()
	x.begin(n)
	n.cut += 2 * n.inFlight // those in flight, and those that find out that nothing works yet
	if x.harmless {
		n.mustDial(began, "during: "+x.name)
	}
	if x.deaf {
		<-time.After(x.lasts / 2)
		for _, number := range stopped {
			n.Reply(number, "TILLEULS", stops[0])
		}
	}
	<-time.After(time.Until(began.Add(x.lasts)))
	over := time.Now()
	if x.holds {
		n.thaws = append(n.thaws, over)
	}
	for _, l := range []*line{n.out, n.back, n.queue} {
		l.heal()
	}
	if x.end != nil {
		x.end(n)
	}
	if x.deaf {
		n.heedAfter(over, stopped)
	}
	dialled := n.mustDial(over, "after: "+x.name)
	if !outpost.Within(recovery, n.answers) {
		n.t.Fatalf("after: %s: no operator reaches the daemon", x.name)
	}
	n.t.Logf("figures: %s, for %.0f s: dialling went on after %.1f s, operators were answered after %.1f s",
		x.name, over.Sub(began).Seconds(), dialled.Sub(over).Seconds(), time.Since(over).Seconds())
}

// heedAfter notes that somebody's STOP, which nobody can have heard yet, must be
// heeded from an instant on: dialling goes on only once the carrier has been
// asked for such texts.
func (n *network) heedAfter(instant time.Time, numbers []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, number := range numbers {
		if _, before := n.acknowledged[number]; !before {
			n.acknowledged[number] = instant
		}
	}
}

// mustDial waits until enough requests have begun since an instant, and returns
// when the last of these did.
func (n *network) mustDial(since time.Time, when string) time.Time {
	n.t.Helper()
	var last time.Time
	dials := outpost.Within(recovery, func() bool {
		count := 0
		err := sandbox.ScanLog(n.CarrierLog(), func(record sandbox.Record) error {
			if record.Kind == sandbox.KindRequestBegun && record.Real > since.UnixNano() {
				if count++; count == enough {
					last = time.Unix(0, record.Real)
				}
			}
			return nil
		})
		if err != nil {
			n.t.Fatal(err)
		}
		return count >= enough
	})
	if !dials {
		n.t.Fatalf("%s: %v, and the daemon does not dial; %d of %d were dialled\n%s",
			when, recovery, len(outpost.Dialled(n.t, n.CarrierLog())), len(n.numbers), n.Tell())
	}
	return last
}

// undialled returns some whom no request has begun for yet.
func (n *network) undialled(count int) []string {
	n.t.Helper()
	known := outpost.Dialled(n.t, n.CarrierLog())
	some := slices.DeleteFunc(slices.Clone(n.numbers), func(number string) bool { return known[number] })
	if len(some) < 10*count {
		n.t.Fatal("nearly everybody was dialled already: the rig shows nothing")
	}
	return some[len(some)-count:]
}

// roleQueue is a NATS server.
const roleQueue = "queue"

const queueToken = "a-token-of-nats"

// playQueue is the role of a NATS server: in which folder, at which address.
func playQueue(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	server, err := queue.StartServer(queue.ServerOptions{
		StoreDirectory: args[0], Listen: args[1], Token: queueToken, Logger: zerolog.Nop(),
	})
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	_, _ = fmt.Fprintf(stdout, "NATS server on %s\n", server.ClientURL())
	<-ctx.Done()
	if err := server.Shutdown(context.Background()); err != nil {
		return 1
	}
	return 0
}
