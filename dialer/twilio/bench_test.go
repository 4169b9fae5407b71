package twilio

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/dialer"
)

// created is Twilio's answer to a create request, of the usual size.
var benchCreated = `{"account_sid":"` + testAccount + `","api_version":"2010-04-01","body":"` + strings.Repeat("x", 140) + `",` +
	`"date_created":"Mon, 23 Nov 2026 10:00:00 +0000","date_sent":null,"date_updated":"Mon, 23 Nov 2026 10:00:00 +0000",` +
	`"direction":"outbound-api","error_code":null,"error_message":null,"from":"` + testSender + `","messaging_service_sid":null,` +
	`"num_media":"0","num_segments":"1","price":null,"price_unit":null,"sid":"` + testSID + `","status":"queued",` +
	`"subresource_uris":{"media":"/2010-04-01/Accounts/` + testAccount + `/Messages/` + testSID + `/Media.json"},"to":"` + testNumber + `",` +
	`"uri":"/2010-04-01/Accounts/` + testAccount + `/Messages/` + testSID + `.json"}`

// BenchmarkPlace counts both ends: the stub runs in the same process.
func BenchmarkPlace(b *testing.B) {
	server := newStub(b, respond(201, benchCreated, "Content-Type: application/json"))
	client := mustClient(b, server.URL)
	request := testRequest(b)
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if answer := client.Place(context.Background(), request); answer.Kind != dialer.Accepted {
				b.Fatalf("got %+v", answer)
			}
		}
	})
}

// BenchmarkPlace_TwilioGo is what BenchmarkPlace is held against: twilio-go as it
// comes, but for a transport that keeps its connections.
func BenchmarkPlace_TwilioGo(b *testing.B) {
	server := newStub(b, respond(201, benchCreated, "Content-Type: application/json"))
	plain := mustClient(b, server.URL)
	base := &client.Client{
		Credentials: client.NewCredentials(testAccount, testToken),
		HTTPClient:  &http.Client{Transport: toStub{plain.transport, plain.base.Host}, Timeout: DefaultTimeout},
	}
	base.SetAccountSid(testAccount)
	service := api.NewApiService(client.NewRequestHandler(base))
	request := testRequest(b)
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if message, err := service.CreateMessage(plain.createParams(request)); err != nil || message.Sid == nil {
				b.Fatal(err)
			}
		}
	})
}

// toStub sends to the stub what is meant for Twilio.
type toStub struct {
	http.RoundTripper
	host string
}

func (t toStub) RoundTrip(request *http.Request) (*http.Response, error) {
	request.URL.Scheme, request.URL.Host = "http", t.host
	return t.RoundTripper.RoundTrip(request)
}

// BenchmarkPlace_Client leaves net/http's sockets out: what twilio-go and we
// add to them.
func BenchmarkPlace_Client(b *testing.B) {
	client := mustClient(b, "http://127.0.0.1:1")
	request := testRequest(b)
	b.ReportAllocs()
	for b.Loop() {
		e := client.newExchange(b.Context(), "create", answerLimit)
		e.client.timeout = 0 // The exchange ends before it dials.
		_, _ = e.service().CreateMessage(client.createParams(request))
		e.err, e.status = nil, http.StatusCreated
		e.body.WriteString(benchCreated)
		if answer := e.answer(validMessageSID); answer.Kind != dialer.Accepted {
			b.Fatalf("got %+v", answer)
		}
		e.release()
	}
}

// silentWriter leaves net/http's part out.
type silentWriter struct{ header http.Header }

func (w silentWriter) Header() http.Header         { return w.header }
func (w silentWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w silentWriter) WriteHeader(int)             {}

type silentInbox struct{}

func (silentInbox) Status(context.Context, dialer.StatusUpdate) error { return nil }

func (silentInbox) Inbound(context.Context, dialer.InboundText) (string, error) { return "", nil }

func benchmarkCallback(b *testing.B, request *http.Request, body string) {
	b.Helper()
	callbacks := mustCallbacks(b, silentInbox{})
	if answer := serve(callbacks, request); answer.Code > 299 {
		b.Fatalf("answered %d", answer.Code)
	}
	writer := silentWriter{make(http.Header)}
	reader := strings.NewReader(body)
	request.Body = io.NopCloser(reader)
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		callbacks.ServeHTTP(writer, request)
	}
}

// BenchmarkStatusCallback is what a status costs beside net/http and the inbox.
func BenchmarkStatusCallback(b *testing.B) {
	form := statusForm("undelivered", "ErrorCode", "30005", "RawDlrDoneDate", "2611231000")
	benchmarkCallback(b, signedRequest(statusPath+testReference(7), form), form.Encode())
}

// BenchmarkInboundCallback is what an inbound text costs.
func BenchmarkInboundCallback(b *testing.B) {
	form := inboundForm("STOP")
	benchmarkCallback(b, signedRequest(inboundPath, form), form.Encode())
}

// BenchmarkRefusedCallback is what an attacker can make us spend a request.
func BenchmarkRefusedCallback(b *testing.B) {
	callbacks := mustCallbacks(b, silentInbox{})
	body := strings.Repeat("a=1&", maximumFields)
	request := httptest.NewRequest(http.MethodPost, inboundPath, nil)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Twilio-Signature", sign("", "", nil))
	writer := silentWriter{make(http.Header)}
	reader := strings.NewReader(body)
	request.Body = io.NopCloser(reader)
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		callbacks.ServeHTTP(writer, request)
	}
}
