package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
)

// hearer is whoever hears a stub's callbacks, by the client's own rules.
type hearer struct {
	mu    sync.Mutex
	heard map[uint64]dialer.StatusUpdate
	all   chan struct{}
	want  int
}

func (h *hearer) Status(_ context.Context, update dialer.StatusUpdate) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[update.Attempt] = update
	if len(h.heard) == h.want {
		close(h.all)
	}
	return nil
}

func (h *hearer) Inbound(context.Context, dialer.InboundText) (string, error) {
	return "", nil
}

// Ensure that our own client takes the stub for Twilio, that its callbacks are
// believed, and that its log tells the judge what was sent.
func TestStub(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "carrier.log")
	carrier, err := newStub(log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = carrier.close() }()
	const messages = 200
	h := &hearer{heard: map[uint64]dialer.StatusUpdate{}, all: make(chan struct{}), want: messages}
	key := twilio.NewSecret(make([]byte, 32))
	server := httptest.NewUnstartedServer(nil)
	public := "http://" + server.Listener.Addr().String()
	callbacks, err := twilio.NewCallbacks(twilio.CallbackOptions{
		AuthToken: twilio.NewSecret([]byte(stubToken)), ReferenceKey: key, PublicURL: public, Clock: dialer.WallClock{},
	}, h)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = callbacks
	server.Start()
	defer server.Close()
	client, err := twilio.New(twilio.Options{
		AccountSID: stubAccount, AuthToken: twilio.NewSecret([]byte(stubToken)), APIBaseURL: carrier.url(), PublicURL: public,
		ReferenceKey: key, MaxConnections: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range messages {
		number, err := contact.ParseE164(fmt.Sprintf("+3363998%04d", i))
		if err != nil {
			t.Fatal(err)
		}
		answer := client.Place(t.Context(), dialer.Request{Attempt: uint64(i + 1), To: number, From: "PARTI001", Body: bareBody, ValidFor: bareValidFor})
		if answer.Kind != dialer.Accepted {
			t.Fatalf("message %d: %+v", i, answer)
		}
	}
	select {
	case <-h.all:
	case <-carrier.sick:
		t.Fatal("a callback was not believed")
	}
	if update := h.heard[messages]; update.Status != dialer.StatusDelivered || !strings.HasPrefix(update.SID, "SM") {
		t.Errorf("heard %+v", update)
	}
	if records, err := client.Find(t.Context(), contact.SMS, contact.Number{}, carrier.clock.Start); err == nil && len(records) > 0 {
		t.Errorf("the stub lists %d messages", len(records))
	}
	if err := carrier.close(); err != nil {
		t.Fatal(err)
	}
	want := verdict{Messages: messages, People: messages}
	if got, err := judgeLog(log); err != nil || got != want || !got.sound() {
		t.Errorf("the judge: %v, %v", got, err)
	}
}

// Ensure that a callback that nobody takes is tried again, given up and told,
// and that a request that cannot be meant is refused as Twilio does.
func TestStub_Refused(t *testing.T) {
	t.Parallel()
	carrier, err := newStub(filepath.Join(t.TempDir(), "carrier.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = carrier.close() }()
	var mu sync.Mutex
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		tries++
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	for body, want := range map[string]int{
		url.Values{"To": {"+33639980001"}, "From": {"A"}, "Body": {"b"}, "StatusCallback": {server.URL + "/x#rc=1"}}.Encode(): http.StatusCreated,
		url.Values{"To": {"+33639980001"}, "Body": {"b"}}.Encode():                                                            http.StatusBadRequest,
	} {
		response, err := http.Post(carrier.url()+"/2010-04-01/Accounts/"+stubAccount+"/Messages.json", "application/x-www-form-urlencoded", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s", body, response.Status)
		}
	}
	<-carrier.sick
	mu.Lock()
	defer mu.Unlock()
	if tries != stubTries || carrier.told.Load() != 0 {
		t.Errorf("%d tries, %d were taken", tries, carrier.told.Load())
	}
}

// Ensure that the judge sees whoever got more than one message, and a log that
// is not whole.
func TestJudgeLog(t *testing.T) {
	t.Parallel()
	sid := "SM" + strings.Repeat("0", 32)
	line := func(to, from string) string { return to + " " + from + " " + sid + "\n" }
	for name, test := range map[string]struct {
		log  string
		want verdict
		torn bool
	}{
		"nobody":  {log: ""},
		"sound":   {log: line("1", "A") + line("2", "B"), want: verdict{Messages: 2, People: 2}},
		"twice":   {log: line("1", "A") + line("1", "A") + line("1", "A"), want: verdict{Messages: 3, People: 1, Twice: 1}},
		"parties": {log: line("1", "A") + line("1", "B"), want: verdict{Messages: 2, People: 1, Twice: 1, Torn: 1}},
		"cut":     {log: line("1", "A") + "2 A SM00", torn: true},
	} {
		path := filepath.Join(t.TempDir(), "log")
		mustWrite(t, path, test.log)
		got, err := judgeLog(path)
		if (err != nil) != test.torn || (!test.torn && got != test.want) || got.sound() != (test.want.Twice == 0) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
