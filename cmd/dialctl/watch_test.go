package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/vbauerster/mpb/v8"
	"go.uber.org/goleak"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// fakeDaemon answers about campaigns as a daemon would.
type fakeDaemon struct {
	client    *queue.Client
	publisher *queue.Publisher
	view      atomic.Pointer[dialer.CampaignView]
	silent    atomic.Bool
}

const testToken = "a-secret-of-more-than-twenty-characters"

func startFake(t *testing.T) *fakeDaemon {
	t.Helper()
	server, err := queue.StartServer(queue.ServerOptions{
		StoreDirectory: t.TempDir(), Listen: "127.0.0.1:0", Token: testToken, Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := queue.Connect(queue.ConnectOptions{InProcess: server, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.EnsureStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := &fakeDaemon{publisher: queue.NewPublisher(conn)}
	service, err := queue.Serve(conn, "test", map[queue.Verb]queue.Handler{queue.VerbCampaignShow: d.show})
	if err != nil {
		t.Fatal(err)
	}
	if d.client, err = queue.Dial(queue.ClientOptions{URL: server.ClientURL(), Token: testToken, Logger: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		d.client.Close()
		d.publisher.Close(ctx)
		_ = service.Stop(ctx)
		conn.Close()
		_ = server.Shutdown(ctx)
	})
	return d
}

func (d *fakeDaemon) show(_ context.Context, request queue.Request) (any, error) {
	var asked queue.CampaignRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	view := d.view.Load()
	switch {
	case d.silent.Load():
		return nil, &queue.ControlError{Code: queue.CodeBusy, Message: "about to stop"}
	case view == nil || asked.Campaign != view.ID:
		return nil, &queue.ControlError{Code: queue.CodeNotFound, Message: "there is no such campaign"}
	}
	return view, nil
}

// move gives the campaign another state, which whoever asks is told, and
// publishes it if asked to.
func (d *fakeDaemon) move(state string, publish bool) {
	view := soundView()
	view.State, view.Now = state, time.Now()
	d.view.Store(view)
	if publish {
		d.publisher.PublishEvent(context.Background(), dialer.Event{Campaign: view.ID, Name: "campaign." + state, At: view.Now, View: view})
	}
}

// follower collects the states that follow yields.
func collect(ctx context.Context, d *fakeDaemon, onState func(state string)) error {
	for view, err := range follow(ctx, d.client, []string{"party-a-seniors"}) {
		switch {
		case err != nil:
			return err
		case view == nil:
			onState("away")
		default:
			onState(view.State)
			if view.State == stateClosed {
				return nil
			}
		}
	}
	return ctx.Err()
}

func TestFollow(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("EventsAndAnswers", func(t *testing.T) {
		d := startFake(t)
		d.move("running", false)
		var seen []string
		err := collect(t.Context(), d, func(state string) {
			if len(seen) > 0 && seen[len(seen)-1] == state {
				return
			}
			switch seen = append(seen, state); state {
			case "running":
				d.move("closing", true) // an event
			case "closing":
				d.silent.Store(true)
			case "away":
				d.silent.Store(false)
				d.move(stateClosed, false) // only whoever asks is told
			}
		})
		if err != nil || strings.Join(seen, " ") != "running closing away closed" {
			t.Errorf("seen %v, error %v", seen, err)
		}
	})
	t.Run("NotFound", func(t *testing.T) {
		d := startFake(t)
		if err := collect(t.Context(), d, func(string) {}); queue.CodeOf(err) != queue.CodeNotFound {
			t.Errorf("error %v, want not found", err)
		}
	})
	t.Run("Cancelled", func(t *testing.T) {
		d := startFake(t)
		d.move("running", false)
		ctx, cancel := context.WithCancel(t.Context())
		if err := collect(ctx, d, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want cancelled", err)
		}
	})
}

func TestLineDisplay(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	c := newConsole(strings.NewReader(""), &strings.Builder{}, &text)
	d := &lineDisplay{console: &c, shown: map[string]shownLine{}}
	v := soundView()
	v.State, v.Ending, v.Now = "running", "", time.Date(2027, time.March, 9, 10, 0, 0, 0, time.UTC)
	v.Parked = []dialer.ParkedZone{
		{Zones: "Pacific/Tahiti Pacific/Wallis", Until: v.Now.Add(8 * time.Hour), Reason: "CALLING_WINDOW"},
		{Zones: "America/Cayenne", Until: v.Now.Add(time.Hour), Reason: "CALLING_WINDOW"},
		{Zones: "Pacific/Tahiti", Until: v.Now.Add(8 * time.Hour), Reason: "CALLING_WINDOW"},
	}
	for range 3 {
		if err := d.show(v); err != nil {
			t.Fatal(err)
		}
	}
	d.away()
	d.away()
	want := "party-a-seniors: running, 1,488 of 1,500 dialled (delivered 1,400, undelivered 88, excluded later 12); " +
		"parked: America/Cayenne until 11:00 UTC (CALLING_WINDOW) and 1 group later\n" + awayText + "\n"
	if text.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", text.String(), want)
	}
}

// Ensure bars can be drawn, moved and left standing; what they look like is for
// people to judge.
func TestBarDisplay(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	d := newBarDisplay(&text, []string{"party-a-seniors", "party-b-seniors", "party-a-seniors"}, mpb.WithAutoRefresh())
	for _, state := range []string{"accepted", "running", statePaused, stateClosed} {
		v := soundView()
		v.State, v.Detail, v.Rate = state, "paused by op-anne", 120
		if err := d.show(v); err != nil {
			t.Fatal(err)
		}
	}
	d.away()
	d.close()
	if !strings.Contains(text.String(), "party-a-seniors") || strings.Contains(text.String(), "NaN") {
		t.Errorf("drawn: %q", text.String())
	}
}
