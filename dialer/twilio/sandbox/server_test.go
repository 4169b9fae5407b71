package sandbox

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Options)
	}{
		{"no log", func(options *Options) { options.Log = "" }},
		{"log in no directory", func(options *Options) { options.Log = filepath.Join(options.Log, "no", "log") }},
		{"account sid", func(options *Options) { options.AccountSID = "AC1" }},
		{"empty token", func(options *Options) { options.AuthToken = "" }},
		{"shares", func(options *Options) { options.Failed, options.Silent = 0.6, 0.6 }},
		{"stop fraction", func(options *Options) { options.StopFraction = 2 }},
		{"rate", func(options *Options) { options.Rate = -1 }},
		{"latency", func(options *Options) { options.Latency = -1 }},
		{"workers", func(options *Options) { options.CallbackWorkers = -1 }},
		{"inbound url", func(options *Options) { options.InboundURL = "dialer" }},
		{"speed", func(options *Options) { options.Speed = -1 }},
		{"fault", func(options *Options) { options.Faults.Probability = map[Fault]float64{"flood": 0.1} }},
		{"probability", func(options *Options) { options.Faults.Probability = map[Fault]float64{FaultHang: 1.1} }},
		{"callback fault", func(options *Options) { options.Faults.CallbackLost = 2 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options := quiet(t)
			test.change(&options)
			if server, err := New(options); err == nil {
				t.Error("New took it")
				_ = server.Close()
			}
		})
	}
}

func TestServer_CreateAndFetch(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed = monday, 1
	bed := mustStart(t, options)
	got := bed.do(http.MethodPost, messages(""), text("+33 6 39 98 00 01", "StatusCallback", "https://127.0.0.1:1/cb"))
	want := map[string]any{
		"account_sid": testAccount, "api_version": "2010-04-01", "body": "Bonjour", "direction": "outbound-api",
		"date_created": monday.Format(rfc2822), "date_updated": monday.Format(rfc2822), "date_sent": nil,
		"error_code": nil, "error_message": nil, "from": testFrom, "to": testTo, "messaging_service_sid": nil,
		"num_media": "0", "num_segments": "1", "price": nil, "price_unit": "EUR", "status": "queued",
		"sid": got.fields["sid"],
		"uri": messages(got.fields["sid"].(string)),
		"subresource_uris": map[string]any{
			"media": strings.TrimSuffix(messages(got.fields["sid"].(string)), ".json") + "/Media.json",
		},
	}
	if diff := cmp.Diff(want, got.fields); diff != "" || got.status != http.StatusCreated {
		t.Errorf("status %d\n%s", got.status, diff)
	}
	if sent, err := http.ParseTime(got.header.Get("Date")); err != nil || !sent.Equal(monday) {
		t.Errorf("Date %q is not sandbox time", got.header.Get("Date"))
	}
	if got.header.Get("X-Hustings-Sandbox") != "SANDBOX" || got.header.Get("Twilio-Concurrent-Requests") != "1" ||
		!strings.HasPrefix(got.header.Get("Twilio-Request-Id"), "RQ") {
		t.Errorf("headers %v", got.header)
	}
	if err := bed.server.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	bed.awaitStatus(got.fields["sid"].(string), statusDelivered)
	fetched := bed.do(http.MethodGet, messages(got.fields["sid"].(string)), nil)
	if fetched.status != http.StatusOK || fetched.fields["status"] != "delivered" ||
		fetched.fields["price"] != "-0.06500" || fetched.fields["date_sent"] == nil {
		t.Errorf("fetched %d %s", fetched.status, fetched.body)
	}
}

func TestServer_Refusals(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	missing := messages("SM00000000000000000000000000000000")
	other := strings.Replace(messages(""), testAccount, "AC00000000000000000000000000000002", 1)
	tests := []struct {
		name, method, path string
		form               url.Values
		status, code       int
	}{
		{"no To", http.MethodPost, messages(""), text(""), 400, 21604},
		{"magic blocked", http.MethodPost, messages(""), text("+15005550004"), 400, 21610},
		{"form too long", http.MethodPost, messages(""), text(testTo, "Body", strings.Repeat("x", maximumForm)), 400, 20001},
		{"other account", http.MethodPost, other, text(testTo), 401, 20003},
		{"other account's list", http.MethodGet, other, nil, 401, 20003},
		{"unknown sid", http.MethodGet, missing, nil, 404, 20404},
		{"cancel unknown", http.MethodPost, missing, url.Values{"Status": {"canceled"}}, 404, 20404},
		{"delete unknown", http.MethodDelete, missing, nil, 404, 20404},
		{"put", http.MethodPut, missing, nil, 405, 20004},
		{"delete the list", http.MethodDelete, messages(""), nil, 405, 20004},
		{"no calls", http.MethodPost, strings.Replace(messages(""), "Messages", "Recordings", 1), text(testTo), 404, 20404},
		{"a call's name", http.MethodGet, messages("CA00000000000000000000000000000001"), nil, 404, 20404},
		{"bad page", http.MethodGet, messages("") + "?Page=x", nil, 400, 20001},
		{"bad date", http.MethodGet, messages("") + "?DateSent=yesterday", nil, 400, 20001},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := bed.do(test.method, test.path, test.form)
			want := map[string]any{
				"code": float64(test.code), "status": float64(test.status), "message": got.fields["message"],
				"more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(test.code),
			}
			if diff := cmp.Diff(want, got.fields); diff != "" || got.status != test.status || got.fields["message"] == "" {
				t.Errorf("status %d\n%s", got.status, diff)
			}
		})
	}
}

func TestServer_WrongPassword(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	for _, password := range []string{"", "wrong", testToken + "x"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, bed.server.URL()+messages(""),
			strings.NewReader(text(testTo).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(testAccount, password)
		got, err := bed.send(request)
		if err != nil || got.status != http.StatusUnauthorized || got.header.Get("Www-Authenticate") == "" {
			t.Errorf("password %q: %d %v", password, got.status, err)
		}
		// Even these requests have begun, and the log says so.
		if record := bed.awaitKind(KindRequestBegun); record.To != testTo {
			t.Errorf("begun %+v", record)
		}
		if record := bed.awaitKind(KindRefused); record.Code != 20003 {
			t.Errorf("refused %+v", record)
		}
	}
}

func TestServer_Update(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed = monday, 1
	bed := mustStart(t, options)
	scheduled := text(testTo, "MessagingServiceSid", testService, "ScheduleType", "fixed",
		"SendAt", monday.Add(time.Hour).Format(time.RFC3339))
	canceled, kept, plain := bed.mustCreate(scheduled), bed.mustCreate(scheduled), bed.mustCreate(text(otherTo))
	tests := []struct {
		name, method, sid string
		form              url.Values
		status, code      int
	}{
		{"cancel what is queued", http.MethodPost, plain, url.Values{"Status": {"canceled"}}, 400, 30409},
		{"redact what is queued", http.MethodPost, plain, url.Values{"Body": {""}}, 409, 20009},
		{"delete what is queued", http.MethodDelete, plain, nil, 409, 20009},
		{"other status", http.MethodPost, canceled, url.Values{"Status": {"sent"}}, 400, 20001},
		{"other text", http.MethodPost, canceled, url.Values{"Body": {"Au revoir"}}, 400, 20001},
		{"nothing", http.MethodPost, canceled, url.Values{}, 400, 20001},
		{"cancel", http.MethodPost, canceled, url.Values{"Status": {"canceled"}}, 200, 0},
		{"cancel again", http.MethodPost, canceled, url.Values{"Status": {"canceled"}}, 400, 30409},
	}
	for _, test := range tests {
		got := bed.do(test.method, messages(test.sid), test.form)
		if code, _ := got.fields["code"].(float64); got.status != test.status || int(code) != test.code {
			t.Errorf("%s: %d %s", test.name, got.status, got.body)
		}
	}
	if err := bed.server.AdvanceClock(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	bed.awaitStatus(kept, statusDelivered)
	if got := bed.do(http.MethodGet, messages(canceled), nil); got.fields["status"] != "canceled" || got.fields["date_sent"] != nil {
		t.Errorf("canceled message became %s", got.body)
	}
	if got := bed.do(http.MethodPost, messages(kept), url.Values{"Body": {""}}); got.status != http.StatusOK || got.fields["body"] != "" {
		t.Errorf("redacted: %d %s", got.status, got.body)
	}
	if got := bed.do(http.MethodDelete, messages(kept), nil); got.status != http.StatusNoContent || len(got.body) > 0 {
		t.Errorf("deleted: %d %s", got.status, got.body)
	}
	if got := bed.do(http.MethodGet, messages(kept), nil); got.status != http.StatusNotFound {
		t.Errorf("deleted message is still there: %d", got.status)
	}
}

func TestServer_RateLimit(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed, options.Rate = monday, 0.001, 100
	bed := mustStart(t, options)
	create := func() int {
		return bed.do(http.MethodPost, messages(""), text(testTo, "Body", strings.Repeat("x", 306))).status
	}
	for at := range 50 {
		if status := create(); status != http.StatusCreated {
			t.Fatalf("message %d: %d", at, status)
		}
	}
	if status := create(); status != http.StatusTooManyRequests {
		t.Errorf("beyond the limit: %d", status)
	}
	if err := bed.server.AdvanceClock(20 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if status := create(); status != http.StatusCreated {
		t.Errorf("two segments later: %d", status)
	}
	if status := create(); status != http.StatusTooManyRequests {
		t.Errorf("beyond the limit again: %d", status)
	}
}

// Ensure that nothing is answered as done once the log is gone.
func TestServer_WithoutLog(t *testing.T) {
	t.Parallel()
	server, err := New(quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := server.Start("127.0.0.1:0"); err == nil {
		t.Error("a closed sandbox was started")
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, messages(""), strings.NewReader(text(testTo).Encode()))
	request.SetBasicAuth(testAccount, testToken)
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusInternalServerError {
		t.Errorf("answered %d", recorder.Code)
	}
}
