package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// specification names the environment variable with the path of Twilio's OpenAPI
// description of Messages.
const specification = "HUSTINGS_TWILIO_OPENAPI"

// conformer holds requests and answers against Twilio's description.
type conformer struct {
	t      *testing.T
	routes routers.Router
	bed    *bench
}

func mustConform(t *testing.T, options Options) *conformer {
	t.Helper()
	path := os.Getenv(specification)
	if path == "" {
		t.Skipf("%s is not set: it names Twilio's OpenAPI description of Messages", specification)
	}
	document, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	routes, err := gorillamux.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	return &conformer{t: t, routes: routes, bed: mustStart(t, options)}
}

// exchange validates a request, has the sandbox answer it, and validates the
// answer. Where the description knows nothing of a status, errors are checked for
// Twilio's four fields instead.
func (conform *conformer) exchange(method, path string, form url.Values) answer {
	conform.t.Helper()
	build := func() *http.Request {
		request := httptest.NewRequestWithContext(conform.t.Context(), method, "https://api.twilio.com"+path, strings.NewReader(form.Encode()))
		if form != nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		request.SetBasicAuth(testAccount, testToken)
		return request
	}
	request := build()
	route, parameters, err := conform.routes.FindRoute(request)
	if err != nil {
		conform.t.Fatalf("%s %s: %v", method, path, err)
	}
	asked := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
		},
	}
	if err := openapi3filter.ValidateRequest(conform.t.Context(), asked); err != nil {
		conform.t.Errorf("%s %s: request: %v", method, path, err)
	}
	recorder := httptest.NewRecorder()
	conform.bed.server.ServeHTTP(recorder, build())
	got := answer{status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes()}
	if got.status >= 400 {
		conform.checkError(got)
		return got
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked, Status: got.status, Header: got.header,
		Body: io.NopCloser(bytes.NewReader(got.body)), Options: asked.Options,
	})
	if err != nil {
		conform.t.Errorf("%s %s: answer: %v", method, path, err)
	}
	return got
}

// errorSchema is Twilio's error, which its description leaves out.
var errorSchema = openapi3.NewObjectSchema().
	WithProperty("code", openapi3.NewIntegerSchema().WithMin(10000)).
	WithProperty("message", openapi3.NewStringSchema().WithMinLength(1)).
	WithProperty("more_info", openapi3.NewStringSchema().WithPattern(`^https://www\.twilio\.com/docs/errors/\d+$`)).
	WithProperty("status", openapi3.NewIntegerSchema().WithMin(400)).
	WithRequired([]string{"code", "message", "more_info", "status"}).
	WithoutAdditionalProperties()

func (conform *conformer) checkError(got answer) {
	conform.t.Helper()
	if err := errorSchema.VisitJSON(mustDecode(conform.t, got.body)); err != nil {
		conform.t.Errorf("error %s: %v", got.body, err)
	}
	if !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		conform.t.Errorf("error of type %q", got.header.Get("Content-Type"))
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed, options.Undelivered = monday, 1, 0.5
	conform := mustConform(t, options)
	service := func(form url.Values) url.Values {
		form.Del("From")
		form.Set("MessagingServiceSid", testService)
		return form
	}
	forms := []url.Values{
		text(testTo),
		text("+33199000001", "From", "+15005550006"),
		text(testTo, "From", "36111", "StatusCallback", "https://127.0.0.1:1/cb/1#rc=5&rp=all"),
		text(testTo, "Body", "l'été, « ça va » ? 👍", "SmartEncoded", "true"),
		text(testTo, "ValidityPeriod", "600", "RiskCheck", "disable", "ContentRetention", "retain",
			"AddressRetention", "retain", "ForceDelivery", "false", "ProvideFeedback", "false", "Attempt", "1"),
		service(text(testTo)),
		service(text(testTo, "ScheduleType", "fixed", "SendAt", monday.Add(time.Hour).Format(time.RFC3339))),
	}
	var sids []string
	for _, form := range forms {
		got := conform.exchange(http.MethodPost, messages(""), form)
		if got.status != http.StatusCreated {
			t.Errorf("create %v: %d %s", form, got.status, got.body)
			continue
		}
		sids = append(sids, mustDecode(t, got.body)["sid"].(string))
	}
	for _, form := range []url.Values{text("+15005550001"), text("+15005550004"), text(testTo, "From", "+15005550008")} {
		if got := conform.exchange(http.MethodPost, messages(""), form); got.status < 400 {
			t.Errorf("create %v: %d", form, got.status)
		}
	}
	for index := range 100 {
		conform.exchange(http.MethodPost, messages(""), text(number(index)))
	}
	conform.changes(sids)
	conform.troubles(sids[1])
}

// Ensure that what the sandbox says of calls is what Twilio's description says.
func TestConformance_Calls(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Speed = 2000
	conform := mustConform(t, options)
	l := newCaller(t)
	for at := range 20 {
		form := l.form(func(f url.Values) {
			f.Set("To", number(at))
			if at%2 == 1 {
				f.Del("Twiml")
				f.Set("Url", l.server.URL+"/document")
			}
		})
		made := conform.exchange(http.MethodPost, callPath+".json", form)
		if made.status != http.StatusCreated {
			t.Fatalf("%d %s", made.status, made.body)
		}
		path := callPath + "/" + mustDecode(t, made.body)["sid"].(string) + ".json"
		conform.exchange(http.MethodGet, path, nil)
		conform.exchange(http.MethodPost, path, url.Values{"Status": {[]string{"canceled", "completed"}[at%2]}})
		conform.exchange(http.MethodGet, callPath+".json?To="+url.QueryEscape(number(at))+"&PageSize=5", nil)
	}
	if got := conform.exchange(http.MethodPost, callPath+".json", l.form(func(f url.Values) { f.Set("To", "+15005550001") })); got.status != http.StatusBadRequest {
		t.Errorf("an invalid number: %d", got.status)
	}
	conform.exchange(http.MethodGet, callPath+".json?From="+url.QueryEscape("+33162000001")+"&Page=1&PageSize=7", nil)
}

// troubles goes through the faults that answer as Twilio itself would.
func (conform *conformer) troubles(sid string) {
	t := conform.t
	t.Helper()
	all := func(want int) {
		t.Helper()
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			form := url.Values(nil)
			if method == http.MethodPost {
				form = text(testTo)
			}
			if got := conform.exchange(method, messages(""), form); got.status != want {
				t.Errorf("%s: %d, want %d", method, got.status, want)
			}
		}
		if got := conform.exchange(http.MethodGet, messages(sid), nil); got.status != want {
			t.Errorf("fetch: %d, want %d", got.status, want)
		}
	}
	for kind, want := range map[Outage]int{OutageUnauthorized: http.StatusUnauthorized, OutageSuspended: http.StatusForbidden} {
		if err := conform.bed.server.BeginOutage(kind, time.Hour); err != nil {
			t.Fatal(err)
		}
		all(want)
	}
	if err := conform.bed.server.BeginOutage(OutageNone, 0); err != nil {
		t.Fatal(err)
	}
	for fault, want := range map[Fault]int{FaultThrottle: http.StatusTooManyRequests, FaultError: http.StatusInternalServerError} {
		faults := Faults{Rules: []Rule{{Fault: fault}, {Fault: "list_" + fault}}}
		if err := conform.bed.server.SetFaults(faults); err != nil {
			t.Fatal(err)
		}
		all(want)
	}
	if err := conform.bed.server.SetFaults(Faults{ListLag: maximumFaultTime}); err != nil {
		t.Fatal(err)
	}
	made := mustDecode(t, conform.exchange(http.MethodPost, messages(""), text(testTo)).body)["sid"].(string)
	if got := conform.exchange(http.MethodGet, messages(made), nil); got.status != http.StatusNotFound {
		t.Errorf("fetch what lags: %d", got.status)
	}
	conform.exchange(http.MethodGet, messages("")+"?PageSize=5", nil)
}

// mustDecode decodes a JSON object.
func mustDecode(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return fields
}

// changes goes through what can be done with messages that exist.
func (conform *conformer) changes(sids []string) {
	t := conform.t
	t.Helper()
	scheduled := sids[len(sids)-1]
	for _, sid := range sids {
		conform.exchange(http.MethodGet, messages(sid), nil)
	}
	conform.exchange(http.MethodPost, messages(scheduled), url.Values{"Status": {"canceled"}})
	if got := conform.exchange(http.MethodPost, messages(sids[0]), url.Values{"Status": {"canceled"}}); got.status != http.StatusBadRequest {
		t.Errorf("cancel queued: %d", got.status)
	}
	if _, err := conform.bed.server.Reply(testTo, testFrom, "STOP"); err != nil {
		t.Fatal(err)
	}
	conform.exchange(http.MethodGet, messages("")+"?PageSize=3", nil)
	if err := conform.bed.server.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	conform.bed.await("last status", func(record Record) bool { return record.Sid == sids[0] && final(record.Status) })
	got := conform.exchange(http.MethodGet, messages("")+"?PageSize=1000&DateSent%3E="+monday.Format(time.RFC3339), nil)
	if bytes.Count(got.body, []byte(`"sid"`)) == 0 {
		t.Error("nothing was sent")
	}
	conform.exchange(http.MethodGet, messages("")+"?To=%2B33639980001&PageSize=2&Page=1", nil)
	conform.exchange(http.MethodPost, messages(sids[0]), url.Values{"Body": {""}})
	conform.exchange(http.MethodDelete, messages(sids[0]), nil)
	conform.exchange(http.MethodGet, messages(sids[0]), nil)
}
