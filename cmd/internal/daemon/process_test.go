package daemon

import (
	"syscall"
	"testing"
	"time"

	post "github.com/hustings/hustings/cmd/internal/outpost"
)

// outpost is a daemon and its carrier, each in a process of its own, with an
// operator before them.
type outpost struct {
	*operator
	post *post.Outpost
}

// playedAccount is the broker's account at a carrier of the tests.
const playedAccount = post.Account

// newOutpost starts the carrier; the flags say how it behaves.
func newOutpost(t *testing.T, pacing int, flags ...string) *outpost {
	t.Helper()
	return &outpost{
		operator: &operator{t: t, tell: func() string { return "" }},
		post:     post.New(t, post.Options{Directory: t.TempDir(), InFlight: pacing, Carrier: flags}),
	}
}

func (o *outpost) path(name string) string { return o.post.Path(name) }

func (o *outpost) carrierLog() string { return o.post.CarrierLog() }

// start starts the daemon and puts the operator before it.
func (o *outpost) start() {
	o.t.Helper()
	o.post.Start()
	o.client, o.tell = o.post.Client, o.post.Tell
}

// stop ends the daemon by a signal, and returns its exit code.
func (o *outpost) stop(signal syscall.Signal) int { return o.post.Stop(signal) }

// advance moves the carrier's time on, which the daemon follows.
func (o *outpost) advance(span time.Duration) { o.post.Advance(span) }

// reply has somebody send a text to a sender of the broker's.
func (o *outpost) reply(number, sender, body string) { o.post.Reply(number, sender, body) }
