package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"
)

// Ensure that each outage looks from outside as it should while it lasts, and that
// nothing is made by then.
func TestOutage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind   Outage
		status int
		err    error
		begun  bool // the log has the request
	}{
		{OutageUnauthorized, 401, nil, true},
		{OutageSuspended, 403, nil, true},
		{OutageRefusing, 0, syscall.ECONNREFUSED, false},
		{OutageFrozen, 0, io.EOF, true},
	}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			t.Parallel()
			bed := mustStart(t, quiet(t))
			// A connection that was kept would have the client try again by itself.
			transport := &http.Transport{DisableKeepAlives: true}
			bed.client = &http.Client{Transport: transport}
			bed.mustCreate(text(otherTo))
			got := bed.ask(http.MethodPost, "/sandbox/outage", `{"kind":"`+string(test.kind)+`","for":"1h"}`)
			if got.status != http.StatusOK || got.fields["kind"] != string(test.kind) || got.fields["left"] == nil {
				t.Fatalf("outage: %d %s", got.status, got.body)
			}
			bed.await("the outage", func(record Record) bool { return record.Kind == KindOutage })
			created := make(chan error, 1)
			go func() {
				got, err := bed.try(http.MethodPost, messages(""), text(testTo))
				if got.status != test.status || !errors.Is(err, test.err) {
					t.Errorf("create: status %d, error %v", got.status, err)
				}
				created <- err
			}()
			wanted := test.err
			if test.kind == OutageFrozen {
				bed.awaitKind(KindRequestBegun)
				bed.client.Timeout, wanted = 50*time.Millisecond, context.DeadlineExceeded
			} else {
				<-created
			}
			if got, err := bed.try(http.MethodGet, messages(""), nil); got.status != test.status || !errors.Is(err, wanted) {
				t.Errorf("list: status %d, error %v", got.status, err)
			}
			bed.client.Timeout = 0
			if err := bed.server.BeginOutage(OutageNone, 0); err != nil {
				t.Fatal(err)
			}
			if test.kind == OutageFrozen {
				<-created
			}
			bed.mustCreate(text(testTo))
			verdict, err := bed.server.Verdict(JudgeOptions{})
			want := 2
			if test.begun {
				want = 3
			}
			if err != nil || verdict.Err() != nil || verdict.Outages != 1 || verdict.Created != 2 ||
				verdict.Requests != want || verdict.RequestsEnded != want {
				t.Errorf("verdict %+v, %v, %v", verdict, verdict.Err(), err)
			}
		})
	}
}

// Ensure that an outage is over by itself, and not before.
func TestOutage_EndsByItself(t *testing.T) {
	t.Parallel()
	for _, kind := range outages[1:] {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			bed := mustStart(t, quiet(t))
			const lasts = 50 * time.Millisecond
			began := time.Now()
			if err := bed.server.BeginOutage(kind, lasts); err != nil {
				t.Fatal(err)
			}
			bed.await("its end", func(record Record) bool { return record.Kind == KindOutage && record.Status == outageOver })
			if time.Since(began) < lasts {
				t.Error("it ended too early")
			}
			bed.mustCreate(text(testTo))
		})
	}
}

// Ensure that an outage can be ended and replaced, and that what cannot be is
// refused.
func TestOutage_Control(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	tests := []struct {
		body   string
		status int
		kind   Outage
	}{
		{`{"kind":"suspended","for":"1h"}`, 200, OutageSuspended},
		{`{"kind":"frozen","for":"1h"}`, 200, OutageFrozen},
		{`{"kind":"frozen"}`, 400, OutageFrozen},
		{`{"kind":"frozen","for":"soon"}`, 400, OutageFrozen},
		{`{"kind":"frozen","for":"-1s"}`, 400, OutageFrozen},
		{`{"kind":"frozen","for":"8760h"}`, 400, OutageFrozen},
		{`{"kind":"flood","for":"1s"}`, 400, OutageFrozen},
		{`{"kind":"frozen","until":"1s"}`, 400, OutageFrozen},
		{`{"kind":"none"}`, 200, OutageNone},
		{`{"kind":"none"}`, 200, OutageNone},
	}
	for _, test := range tests {
		if got := bed.ask(http.MethodPost, "/sandbox/outage", test.body); got.status != test.status {
			t.Errorf("%s: %d %s", test.body, got.status, got.body)
		}
		if got := bed.ask(http.MethodGet, "/sandbox/outage", ""); got.fields["kind"] != string(test.kind) {
			t.Errorf("%s: now %s", test.body, got.body)
		}
	}
	bed.mustCreate(text(testTo))
	handler, err := New(quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = handler.Close() }()
	if err := handler.BeginOutage(OutageRefusing, time.Second); err == nil {
		t.Error("a sandbox without a listener refused connections")
	}
}

// Ensure that a frozen carrier holds up neither those who give up nor Close, and
// that its own paths answer all the same.
func TestOutage_FrozenAndClosed(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	if err := bed.server.BeginOutage(OutageFrozen, time.Hour); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := bed.try(http.MethodPost, messages(""), text(testTo))
		ended <- err
	}()
	bed.awaitKind(KindRequestBegun)
	if got := bed.ask(http.MethodGet, "/sandbox/clock", ""); got.status != http.StatusOK {
		t.Errorf("clock: %d", got.status)
	}
	if err := bed.server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a frozen carrier answered")
	}
	if err := bed.server.BeginOutage(OutageFrozen, time.Hour); err == nil {
		t.Error("a closed sandbox began an outage")
	}
}

// Ensure that a carrier that is down calls nobody back, and does so later.
func TestOutage_CallbacksWait(t *testing.T) {
	t.Parallel()
	for _, kind := range []Outage{OutageFrozen, OutageRefusing} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			called := make(chan struct{}, 10)
			dialer := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{} }))
			t.Cleanup(dialer.Close)
			options := quiet(t)
			options.Start, options.Speed = monday, 1
			bed := mustStart(t, options)
			bed.mustCreate(text(testTo, "StatusCallback", dialer.URL+"/cb"))
			if err := bed.server.BeginOutage(kind, time.Hour); err != nil {
				t.Fatal(err)
			}
			if err := bed.server.AdvanceClock(time.Hour); err != nil {
				t.Fatal(err)
			}
			bed.await("delivered", func(record Record) bool { return record.Status == statusDelivered })
			select {
			case <-called:
				t.Error("a carrier that is down called back")
			default:
			}
			if err := bed.server.BeginOutage(OutageNone, 0); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				<-called
			}
		})
	}
}
