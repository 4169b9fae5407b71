package queue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/queue/queuetest"
)

const shippedConfig = "../configs/nats/hustings.conf"

// outside starts a server as the shipped configuration says.
func outside(t *testing.T) *queuetest.Outside {
	t.Helper()
	o := queuetest.MustWrite(t, shippedConfig, 1)
	options, err := server.ProcessConfigFile(o.Configs[0])
	if err != nil {
		t.Fatal(err)
	}
	if !options.SyncAlways || options.TLSConfig == nil {
		t.Error("the shipped configuration acknowledges before it has synced, or lets anybody listen")
	}
	options.NoLog, options.NoSigs = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(limit) {
		t.Fatal("the server did not start")
	}
	return o
}

// in connects somebody in a role.
func in(t *testing.T, o *queuetest.Outside, role, name string) *queue.Conn {
	t.Helper()
	return mustConnect(t, queue.ConnectOptions{
		URL: o.URL, CA: o.CA, Credentials: o.Seed(role), Name: name, AckWait: 600 * time.Millisecond, Logger: zerolog.New(new(syncLog)),
	})
}

// Ensure that with the shipped configuration everybody can do what their role is for.
func TestRoles_May(t *testing.T) {
	t.Parallel()
	o := outside(t)
	daemon := in(t, o, queuetest.Daemon, "dialerd")
	if err := daemon.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := new(ledger)
	serve(t, daemon, map[queue.Verb]queue.Handler{queue.VerbCampaignShow: l.show})
	consume(t, daemon, l.take)
	private, public := mustSealKey(t)
	consumeOptOuts(t, daemon, opened(private, func(queue.OptOut) error { return nil }))

	operator, err := queue.Dial(queue.ClientOptions{URL: o.URL, CA: o.CA, Credentials: o.Seed(queuetest.Operator)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(operator.Close)
	if result, err := operator.Submit(t.Context(), testJob("c1")); err != nil || result.Campaign == nil {
		t.Fatalf("an operator's job: %+v, %v", result, err)
	}
	l.reject.Store(true)
	if result, err := operator.Submit(t.Context(), testJob("c2")); err != nil || result.Rejection == nil {
		t.Fatalf("an operator's wrong job: %+v, %v", result, err)
	}
	for name, client := range map[string]*queue.Client{
		"an operator": operator, "another system": queue.NewClient(in(t, o, queuetest.Objections, "objections")),
	} {
		if answer, err := client.SendOptOut(t.Context(), public, queue.OptOut{Number: "+33639980001"}); err != nil || answer.Effect != "effective" {
			t.Errorf("the objection that %s hands in: %+v, %v", name, answer, err)
		}
	}
	watcher := raw(t, o, queuetest.Watcher)
	seen, err := watcher.SubscribeSync("dialer.v1.event.*")
	if err == nil {
		err = watcher.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	mustPublisher(t, daemon).PublishEvent(t.Context(), dialer.Event{Campaign: "c1", Name: "accepted", View: &dialer.CampaignView{ID: "c1"}})
	if _, err := seen.NextMsg(limit); err != nil {
		t.Errorf("a watcher: %v", err)
	}
	for event, err := range operator.Watch(t.Context(), "c1") {
		if err != nil || event.Name != "accepted" {
			t.Errorf("an operator who watches: %+v, %v", event, err)
		}
		break
	}
}

// raw connects somebody in a role who knows nothing of this package.
func raw(t *testing.T, o *queuetest.Outside, role string) *nats.Conn {
	t.Helper()
	seed, err := nats.NkeyOptionFromSeed(o.Seed(role))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(o.URL, seed, nats.RootCAs(o.CA), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// Ensure that with the shipped configuration nobody can do what is another role's.
func TestRoles_MayNot(t *testing.T) {
	t.Parallel()
	o := outside(t)
	daemon := in(t, o, queuetest.Daemon, "dialerd")
	if err := daemon.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	for role, acts := range map[string][]string{
		queuetest.Operator: {
			"+dialer.v1.ctl.status", "+dialer.v1.submit.*.*", "+dialer.v1.optout", "+>", "+$SRV.>", "+_INBOX_dialerd.>",
			"dialer.v1.event.c1", "dialer.v1.report.party-a.c1", "dialer.v1.rejected.sequence-1", "$JS.API.STREAM.PURGE.SUBMIT",
			"$JS.API.STREAM.DELETE.OPTOUT", "$JS.API.STREAM.UPDATE.SUBMIT", "$JS.API.STREAM.MSG.DELETE.SUBMIT",
			"$JS.API.STREAM.MSG.GET.OPTOUT", "$JS.API.CONSUMER.CREATE.SUBMIT.mine", "$JS.API.CONSUMER.CREATE.OPTOUT.mine",
		},
		queuetest.Objections: {
			"+dialer.v1.optout", "+dialer.v1.event.*", "+_INBOX_dialctl.>", "dialer.v1.ctl.status", "dialer.v1.ctl.campaign.cancel",
			"dialer.v1.submit.party-a.c1", "$JS.API.STREAM.PURGE.OPTOUT", "$JS.API.STREAM.MSG.GET.OPTOUT", "$JS.API.DIRECT.GET.OPTOUT",
		},
		queuetest.Watcher: {
			"+dialer.v1.submit.*.*", "+dialer.v1.optout", "+dialer.v1.ctl.>", "dialer.v1.ctl.campaign.start", "dialer.v1.optout",
			"dialer.v1.submit.party-a.c1", "dialer.v1.event.c1", "$JS.API.STREAM.MSG.GET.SUBMIT", "$JS.API.CONSUMER.CREATE.OPTOUT.mine",
		},
	} {
		for _, act := range acts {
			conn := raw(t, o, role)
			subject, listens := strings.CutPrefix(act, "+")
			var err error
			if listens {
				_, err = conn.SubscribeSync(subject)
			} else {
				err = conn.Publish(subject, nil)
			}
			if err == nil {
				err = conn.Flush()
			}
			if err != nil {
				t.Fatal(err)
			}
			if last := conn.LastError(); last == nil || !strings.Contains(strings.ToLower(last.Error()), "permissions violation") {
				t.Errorf("%s may %s: %v", role, act, last)
			}
		}
	}
	mustNotAnswer(t, o, daemon)
	if conn, err := nats.Connect(o.URL, nats.RootCAs(o.CA)); err == nil {
		conn.Close()
		t.Error("somebody without a key was let in")
	}
	if _, err := queue.Connect(queue.ConnectOptions{URL: o.URL, Credentials: o.Seed(queuetest.Daemon)}); err == nil {
		t.Error("a server was trusted whom nobody knows")
	}
}

// mustNotAnswer fails the test where the daemon, who may do all, would publish an
// answer where whoever asks may not.
func mustNotAnswer(t *testing.T, o *queuetest.Outside, daemon *queue.Conn) {
	t.Helper()
	var asked atomic.Int32
	serve(t, daemon, map[queue.Verb]queue.Handler{queue.VerbCampaignShow: func(context.Context, queue.Request) (any, error) {
		asked.Add(1)
		return struct{}{}, nil
	}})
	operator := raw(t, o, queuetest.Operator)
	for _, reply := range []string{"$JS.API.STREAM.DELETE.OPTOUT", "$JS.API.STREAM.PURGE.OPTOUT", "dialer.v1.optout", "dialer.v1.event.c1"} {
		if err := operator.PublishRequest(queue.ControlSubject(queue.VerbCampaignShow), reply, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := operator.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := queue.NewClient(in(t, o, queuetest.Operator, "dialctl")).Call(t.Context(), queue.VerbCampaignShow, nil, nil); err != nil {
		t.Fatal(err) // which comes after those before it
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d questions were taken, want the one whose answer may be given", n)
	}
}
