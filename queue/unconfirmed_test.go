package queue_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/queue"
)

// deafLine is a line to the server over which acknowledgements get lost.
type deafLine struct {
	listener net.Listener
	deaf     atomic.Bool
	lost     atomic.Int64
	open     sync.WaitGroup
}

// newDeafLine stands between clients and the server at the address.
func newDeafLine(t *testing.T, address string) *deafLine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &deafLine{listener: listener}
	l.open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				_ = client.Close()
				return
			}
			l.open.Go(func() { defer server.Close(); l.carry(server, client) })
			l.open.Go(func() { defer client.Close(); _, _ = io.Copy(client, server) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.open.Wait()
	})
	return l
}

// carry passes on what the client says, but for acknowledgements while the line
// is deaf.
func (l *deafLine) carry(server io.Writer, client io.Reader) {
	said := make([]byte, 64<<10)
	for {
		n, err := client.Read(said)
		if l.deaf.Load() && bytes.Contains(said[:n], []byte("$JS.ACK.")) {
			l.lost.Add(1)
		} else if _, wrong := server.Write(said[:n]); wrong != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// Ensure that a job counts as answered only once the queue has said that it
// knows: an acknowledgement that got lost is given again, and until then the job
// stays in the queue.
func TestConsume_AcknowledgementLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	line := newDeafLine(t, strings.TrimPrefix(b.server.ClientURL(), "nats://"))
	log := new(syncLog)
	daemon := mustConnect(t, queue.ConnectOptions{URL: "nats://" + line.listener.Addr().String(), Token: testToken, Logger: zerolog.New(log)})
	taken := make(chan struct{}, 8)
	consume(t, daemon, func(context.Context, queue.Submission) queue.Disposition {
		line.deaf.Store(true)
		taken <- struct{}{}
		return queue.Accepted()
	})
	_, js := stranger(t, b.server)
	acknowledged, err := js.Publish(t.Context(), "dialer.v1.submit.party-a.c1", mustJSON(t, testJob("c1")))
	if err != nil {
		t.Fatal(err)
	}
	receive(t, taken)
	eventually(t, "lose the acknowledgement", func() bool { return line.lost.Load() > 0 })
	eventually(t, "say it again", func() bool { return line.lost.Load() > 1 })
	if strings.Contains(log.String(), "queue.job_answered") {
		t.Error("the job counts as answered although nobody heard the answer")
	}
	line.deaf.Store(false)
	mustLeave(t, js, acknowledged.Sequence)
	eventually(t, "count as answered", func() bool { return strings.Contains(log.String(), "queue.job_answered") })
}
