package twilio

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// outbound reads the whole list of our own messages.
func outbound(t *testing.T, client *Client) (records []dialer.Record, failed error) {
	t.Helper()
	for page, err := range client.Outbound(t.Context(), testSince) {
		if failed != nil {
			t.Error("more came after an error")
		}
		records, failed = append(records, page...), err
	}
	return records, failed
}

// Ensure that Outbound returns what was asked for over the API since then, from
// page to page, by the name that the request had for the sender.
func TestClient_Outbound(t *testing.T) {
	t.Parallel()
	service := "MG0123456789abcdef0123456789abcdef"
	reply, byService := sent(3, testNumber, atSince, "sent", nil), sent(4, "+33639980002", atSince, "queued", nil)
	reply["direction"], byService["messaging_service_sid"] = "outbound-reply", service
	list := &lister{pages: [][]map[string]any{
		{sent(1, testNumber, afterSince, "failed", 21610), sent(2, "whatever", afterSince, "sent", nil)},
		{reply, byService, received(5, testNumber, testSender, atSince, "STOP"), sent(6, testNumber, beforeSince, "sent", nil)},
	}}
	client := mustClient(t, newStub(t, list.serve).URL)
	got, err := outbound(t, client)
	if err != nil {
		t.Fatal(err)
	}
	at := testSince.Truncate(time.Second)
	want := []dialer.Record{
		{SID: sidOf(1), To: mustNumber(t, testNumber), From: testSender, Body: "text", CreatedAt: at.Add(time.Second), Status: dialer.StatusFailed, Code: 21610, Effect: dialer.EffectObjection},
		{SID: sidOf(4), To: mustNumber(t, "+33639980002"), From: service, Body: "text", CreatedAt: at, Status: dialer.StatusQueued},
	}
	if difference := cmp.Diff(want, got, cmpopts.EquateComparable(contact.Number{})); difference != "" {
		t.Errorf("records (-want +got):\n%s", difference)
	}
	for _, query := range list.queries {
		if query.Has("DateSent>") || query.Has("DateSent<") || query.Has("DateSent") {
			t.Errorf("asked for %v: a queued message has no date yet", query)
		}
	}
}

// Ensure that reading ends with the first page that is older by far, and that
// each sender is asked for where none is a messaging service.
func TestClient_Outbound_Ends(t *testing.T) {
	t.Parallel()
	const longBefore = "Mon, 23 Nov 2026 09:44:59 +0000"
	list := &lister{pages: [][]map[string]any{
		{sent(1, testNumber, beforeSince, "sent", nil)},
		{sent(2, testNumber, longBefore, "sent", nil)},
		{sent(3, testNumber, atSince, "sent", nil)},
	}}
	senders := []string{testSender, "TILLEULS"}
	client := mustClient(t, newStub(t, list.serve).URL, func(o *Options) { o.Receivers = senders })
	if got, err := outbound(t, client); err != nil || len(got) != 0 {
		t.Errorf("%d records, %v", len(got), err)
	}
	if len(list.queries) != 4 {
		t.Fatalf("%d pages were read, want two a sender", len(list.queries))
	}
	for i, query := range list.queries {
		if i%2 == 0 && query.Get("From") != senders[i/2] {
			t.Errorf("page %d: asked for %v", i, query)
		}
	}
	all := &lister{pages: [][]map[string]any{{}}}
	client = mustClient(t, newStub(t, all.serve).URL, func(o *Options) {
		o.Receivers = append(slices.Clone(senders), "MG0123456789abcdef0123456789abcdef")
	})
	if _, err := outbound(t, client); err != nil || len(all.queries) != 1 || all.queries[0].Has("From") {
		t.Errorf("with a messaging service: asked for %v, %v", all.queries, err)
	}
}

// Ensure that a page which cannot be had is asked for again, and that half a list
// never passes for the whole.
func TestClient_Outbound_Faults(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	list := &lister{pages: [][]map[string]any{{sent(1, testNumber, atSince, "sent", nil)}}}
	client := mustClient(t, newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			respond(503, proxyPage)(w, r)
			return
		}
		list.serve(w, r)
	}).URL)
	if got, err := outbound(t, client); err != nil || len(got) != 1 {
		t.Errorf("%d records, %v", len(got), err)
	}
	row := sent(2, testNumber, "", "sent", nil)
	unreadable := &lister{pages: [][]map[string]any{{sent(1, testNumber, atSince, "sent", nil)}, {row}}}
	client = mustClient(t, newStub(t, unreadable.serve).URL)
	if got, err := outbound(t, client); err == nil || len(got) != 1 {
		t.Errorf("%d records, %v: a page that cannot be read must be told", len(got), err)
	}
}

// Ensure that a copy counts as deleted only where Twilio itself says so, and that
// its refusal is told from its silence.
func TestClient_Forget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string // "" means no error
		kept    bool
	}{
		{"OK", respond(204, ""), "", false},
		{"Gone", respond(404, refusalBody(404, 20404)), "", false},
		{"Incomplete", respond(409, refusalBody(409, 20009)), "409, code 20009", true},
		{"Proxy", respond(404, proxyPage), "404 without", false},
		{"Page", respond(200, proxyPage), "200 is no answer", false},
		{"Authenticate", respond(401, refusalBody(401, 20003)), "401, code 20003", false},
		{"Throttled", respond(429, refusalBody(429, 20429)), "429, code 20429", false},
		{"Server", respond(500, refusalBody(500, 20500)), "500, code 20500", false},
		{"Closed", raw("", false), "connection closed early", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t, func(w http.ResponseWriter, r *http.Request) {
				if want := "/2010-04-01/Accounts/" + testAccount + "/Messages/" + testSID + ".json"; r.Method != http.MethodDelete || r.URL.Path != want {
					t.Errorf("got %s %s", r.Method, r.URL)
				}
				test.handler(w, r)
			})
			err := mustClient(t, server.URL).Forget(t.Context(), testSID)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) || errors.Is(err, dialer.ErrNotForgotten) != test.kept {
				t.Errorf("got %v, want %q, kept %t", err, test.want, test.kept)
			}
		})
	}
	if err := mustClient(t, "http://127.0.0.1:1").Forget(t.Context(), "SM/../../x"); !errors.Is(err, dialer.ErrNotForgotten) {
		t.Errorf("a sid that is none: %v", err)
	}
}
