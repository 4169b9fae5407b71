package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

var testSince = time.Date(2026, 11, 23, 10, 0, 0, 500_000_000, time.UTC)

const (
	beforeSince = "Mon, 23 Nov 2026 09:59:59 +0000"
	atSince     = "Mon, 23 Nov 2026 10:00:00 +0000"
	afterSince  = "Mon, 23 Nov 2026 12:00:01 +0200"
)

func sidOf(n int) string { return fmt.Sprintf("SM%032x", n) }

// sent and received are rows of Twilio's list.
func sent(n int, to, date, status string, code any) map[string]any {
	return map[string]any{
		"sid": sidOf(n), "from": testSender, "to": to, "body": "text", "direction": "outbound-api",
		"status": status, "date_created": date, "date_sent": nil, "error_code": code, "num_segments": "1",
	}
}

func received(n int, from, to, date, body string) map[string]any {
	return map[string]any{
		"sid": sidOf(n), "from": from, "to": to, "body": body, "direction": "inbound",
		"status": "received", "date_created": date, "date_sent": date, "error_code": nil,
	}
}

// lister answers with the rows, one page a call, as Twilio pages them, and
// remembers what it was asked.
type lister struct {
	pages   [][]map[string]any
	queries []url.Values
}

func (l *lister) serve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	l.queries = append(l.queries, query)
	page, _ := strconv.Atoi(query.Get("Page"))
	answer := map[string]any{"messages": l.pages[page], "page": page, "next_page_uri": nil}
	if page+1 < len(l.pages) {
		answer["next_page_uri"] = fmt.Sprintf("%s?PageSize=2&Page=%d&PageToken=PA%s", r.URL.Path, page+1, sidOf(page))
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// Ensure that Find returns the messages to that number since then, from all
// pages, and nothing else, whatever the server's filter lets through.
func TestClient_Find(t *testing.T) {
	t.Parallel()
	list := &lister{pages: [][]map[string]any{
		{sent(1, testNumber, afterSince, "undelivered", 30005), sent(2, testNumber, atSince, "queued", nil)},
		{sent(3, testNumber, beforeSince, "sent", nil), sent(4, "+33639980002", afterSince, "sent", nil), received(5, testNumber, testNumber, afterSince, "")},
		{sent(6, testNumber, afterSince, "being_invented", "30008")},
	}}
	client := mustClient(t, newStub(t, list.serve).URL)
	got, err := client.Find(t.Context(), contact.SMS, mustNumber(t, testNumber), testSince)
	if err != nil {
		t.Fatal(err)
	}
	at := testSince.Truncate(time.Second)
	want := []dialer.Record{
		{SID: sidOf(1), To: mustNumber(t, testNumber), From: testSender, Body: "text", CreatedAt: at.Add(time.Second), Status: dialer.StatusUndelivered, Code: 30005, Effect: dialer.EffectUnreachable},
		{SID: sidOf(2), To: mustNumber(t, testNumber), From: testSender, Body: "text", CreatedAt: at, Status: dialer.StatusQueued},
		{SID: sidOf(6), To: mustNumber(t, testNumber), From: testSender, Body: "text", CreatedAt: at.Add(time.Second), Status: dialer.StatusUnknown, Code: 30008},
	}
	if difference := cmp.Diff(want, got, cmpopts.EquateComparable(contact.Number{})); difference != "" {
		t.Errorf("records (-want +got):\n%s", difference)
	}
	for i, query := range list.queries {
		if query.Get("To") != testNumber || query.Has("DateSent>") {
			t.Errorf("page %d: asked for %v, want the number alone", i, query)
		}
		if i > 0 && query.Get("PageToken") == "" {
			t.Errorf("page %d: asked without a token: %v", i, query)
		}
	}
}

// Ensure that Inbound returns the received texts, oldest first, from people
// only.
func TestClient_Inbound(t *testing.T) {
	t.Parallel()
	list := &lister{pages: [][]map[string]any{
		{received(3, testNumber, testSender, afterSince, "STOP"), sent(4, testNumber, afterSince, "sent", nil)},
		{received(2, "rcs:+33639980002", testSender, atSince, "Arrêt"), received(1, testNumber, testSender, beforeSince, "old"), received(9, "36063", testSender, afterSince, "spam")},
	}}
	client := mustClient(t, newStub(t, list.serve).URL)
	got, err := client.Inbound(t.Context(), testSince)
	if err != nil {
		t.Fatal(err)
	}
	at := testSince.Truncate(time.Second)
	want := []dialer.InboundText{
		{SID: sidOf(2), From: mustNumber(t, "+33639980002"), To: testSender, Body: "Arrêt", ReceivedAt: at},
		{SID: sidOf(3), From: mustNumber(t, testNumber), To: testSender, Body: "STOP", ReceivedAt: at.Add(time.Second)},
	}
	if difference := cmp.Diff(want, got, cmpopts.EquateComparable(contact.Number{})); difference != "" {
		t.Errorf("texts (-want +got):\n%s", difference)
	}
	if query := list.queries[0]; query.Get("DateSent>") != "2026-11-22T00:00:00Z" || query.Has("To") {
		t.Errorf("asked for %v, want everything since the day before", query)
	}
}

// Ensure that with known receivers each is asked for, so that a busy account's
// own messages need not be read through.
func TestClient_Inbound_Receivers(t *testing.T) {
	t.Parallel()
	list := &lister{pages: [][]map[string]any{{}}}
	client := mustClient(t, newStub(t, list.serve).URL, func(o *Options) { o.Receivers = []string{"+15005550006", "38080"} })
	if _, err := client.Inbound(t.Context(), testSince); err != nil {
		t.Fatal(err)
	}
	if len(list.queries) != 2 || list.queries[0].Get("To") != "+15005550006" || list.queries[1].Get("To") != "38080" {
		t.Errorf("asked for %v", list.queries)
	}
}

// Ensure that half a list never passes for the whole: whatever is wrong with
// an answer is an error.
func TestClient_List_Faults(t *testing.T) {
	t.Parallel()
	list := "/2010-04-01/Accounts/" + testAccount + "/Messages.json"
	next := func(uri string) http.HandlerFunc {
		return respond(200, `{"messages":[],"next_page_uri":"`+uri+`"}`)
	}
	row := func(text string) http.HandlerFunc {
		return respond(200, `{"messages":[{"direction":"inbound","from":"`+testNumber+`","to":"`+testNumber+`"},{"direction":"outbound-api","to":"`+testNumber+`",`+text+`}]}`)
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  int
		code    int
		want    string
	}{
		{"Authenticate", respond(401, refusalBody(401, 20003)), 401, 20003, "401, code 20003: authentication failed"},
		{"Server", respond(500, proxyPage), 500, 0, "500 without Twilio's error object"},
		{"Redirect", respond(302, "", "Location: "+list), 302, 0, "302 without"},
		{"Empty", respond(200, ""), 200, 0, "not a list of messages"},
		{"NoList", respond(200, "{}"), 200, 0, "not a list of messages"},
		{"HTML", respond(200, proxyPage), 200, 0, "not a list of messages"},
		{"Truncated", raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"messages\":[]}", false), 0, 0, "connection closed early"},
		{"Closed", raw("", false), 0, 0, "connection closed early"},
		{"OtherHost", next("https://evil.example.org" + list + "?PageToken=1"), 0, 0, "not on this list"},
		{"OtherPath", next("/2010-04-01/Accounts.json?PageToken=1"), 0, 0, "not on this list"},
		{"NoToken", next(list), 0, 0, "has no token"},
		{"Endless", next(list + "?Page=1&PageToken=1"), 0, 0, "more than"},
		{"NoDate", row(`"sid":"` + testSID + `"`), 0, 0, "no readable date"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := mustClient(t, newStub(t, test.handler).URL)
			_, find := client.Find(t.Context(), contact.SMS, mustNumber(t, testNumber), testSince)
			_, inbound := client.Inbound(t.Context(), testSince)
			for _, err := range []error{find, inbound} {
				var failure *Error
				if !errors.As(err, &failure) || failure.HTTPStatus != test.status || failure.Code != test.code || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v (%+v), want status %d, code %d, %q", err, failure, test.status, test.code, test.want)
				}
			}
		})
	}
}

// Ensure that the cause of an error can be asked for.
func TestError_Is(t *testing.T) {
	t.Parallel()
	client := mustClient(t, newStub(t, hang).URL)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := client.Find(ctx, contact.SMS, mustNumber(t, testNumber), testSince)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a deadline", err)
	}
	if want := "find messages: timed out"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// Ensure that a cancellation which comes too late is no error, and that one
// which was not heard is.
func TestClient_Cancel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string // "" means no error
	}{
		{"OK", respond(200, `{"sid":"`+testSID+`","status":"canceled"}`), ""},
		{"Incomplete", respond(409, refusalBody(409, 20009)), ""},
		{"NotCancelable", respond(400, refusalBody(400, 30409)), ""},
		{"Gone", respond(404, refusalBody(404, 20404)), ""},
		{"Authenticate", respond(401, refusalBody(401, 20003)), "401, code 20003"},
		{"Forbidden", respond(403, refusalBody(403, 20003)), "403, code 20003"},
		{"Throttled", respond(429, refusalBody(429, 20429)), "429, code 20429"},
		{"Proxy", respond(404, proxyPage), "404 without"},
		{"Server", respond(500, refusalBody(500, 20500)), "500, code 20500"},
		{"Redirect", respond(303, "", "Location: /"), "303 without"},
		{"Closed", raw("", false), "connection closed early"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t, func(w http.ResponseWriter, r *http.Request) {
				if want := "/2010-04-01/Accounts/" + testAccount + "/Messages/" + testSID + ".json"; r.Method != http.MethodPost || r.URL.Path != want || r.FormValue("Status") != "canceled" {
					t.Errorf("got %s %s with %v", r.Method, r.URL, r.Form)
				}
				test.handler(w, r)
			})
			err := mustClient(t, server.URL).Cancel(t.Context(), testSID)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if n := server.requests.Load(); n != 1 {
				t.Errorf("the server saw %d requests, want 1", n)
			}
		})
	}
	if err := mustClient(t, "http://127.0.0.1:1").Cancel(t.Context(), "SM/../../x"); err == nil {
		t.Error("a sid that is none was sent")
	}
}

// Ensure that the server's clock is remembered with the instants between which
// it was read.
func TestClient_CarrierDate(t *testing.T) {
	t.Parallel()
	client := mustClient(t, newStub(t, respond(201, testCreated, "Date: Mon, 23 Nov 2026 10:00:00 GMT")).URL)
	if date := client.CarrierDate(); date != (dialer.CarrierDate{}) {
		t.Errorf("before any answer: %v", date)
	}
	before := time.Now()
	client.Place(t.Context(), testRequest(t))
	got := client.CarrierDate()
	if !got.Date.Equal(testSince.Truncate(time.Second)) || got.Asked.Before(before) || got.Answered.Before(got.Asked) || got.Answered.After(time.Now()) {
		t.Errorf("got %v", got)
	}
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := testSince.Truncate(time.Second)
	tests := []struct {
		text string
		want time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"5", 5 * time.Second},
		{"99999999999999999999", 0},
		{"9999999999", retryAfterLimit},
		{"-5", 0},
		{"1.5", 0},
		{"soon", 0},
		{"Mon, 23 Nov 2026 10:00:30 GMT", 30 * time.Second},
		{"Mon, 23 Nov 2026 09:00:00 GMT", 0},
	}
	for _, test := range tests {
		if got := parseRetryAfter(test.text, now); got != test.want {
			t.Errorf("%q: got %v, want %v", test.text, got, test.want)
		}
	}
}
