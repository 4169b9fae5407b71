package twilio

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hustings/hustings/dialer"
)

const proxyPage = "<html><h1>Bad request</h1></html>"

// refusalBody is Twilio's error object; its message repeats the number, as
// Twilio's do.
func refusalBody(status, code int) string {
	return fmt.Sprintf(`{"code":%d,"message":"'To' number %s","more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`,
		code, testNumber, code, status)
}

var placeTests = []struct {
	name    string
	handler http.HandlerFunc
	want    dialer.Answer // Detail apart
}{
	{"SM", respond(201, testCreated), dialer.Answer{Kind: dialer.Accepted, SID: testSID, HTTPStatus: 201}},
	{"MM", respond(201, strings.Replace(testCreated, "SM", "MM", 1)), dialer.Answer{Kind: dialer.Accepted, SID: "MM" + testSID[2:], HTTPStatus: 201}},
	{"OtherFieldsChangedType", respond(201, `{"sid":"`+testSID+`","num_segments":1,"subresource_uris":[]}`), dialer.Answer{Kind: dialer.Accepted, SID: testSID, HTTPStatus: 201}},

	{"BadNumber", respond(400, refusalBody(400, 21211)), dialer.Answer{Kind: dialer.Refused, HTTPStatus: 400, Code: 21211, Effect: dialer.EffectUnreachable}},
	{"Stopped", respond(400, refusalBody(400, 21610)), dialer.Answer{Kind: dialer.Refused, HTTPStatus: 400, Code: 21610, Effect: dialer.EffectObjection}},
	{"Sender", respond(400, refusalBody(400, 21606)), dialer.Answer{Kind: dialer.Refused, HTTPStatus: 400, Code: 21606, Effect: dialer.EffectHold}},
	{"UnknownCode", respond(422, refusalBody(422, 29999)), dialer.Answer{Kind: dialer.Refused, HTTPStatus: 422, Code: 29999}},
	{"Authenticate", respond(401, refusalBody(401, 20003)), dialer.Answer{Kind: dialer.Refused, HTTPStatus: 401, Code: 20003, Effect: dialer.EffectHold}},
	{"NotFound", respond(404, refusalBody(404, 20404)), dialer.Answer{Kind: dialer.Refused, HTTPStatus: 404, Code: 20404}},
	{"Throttled", respond(429, refusalBody(429, 20429), "Retry-After: 3"), dialer.Answer{Kind: dialer.Withdrawn, HTTPStatus: 429, Code: 20429, Effect: dialer.EffectThrottle, RetryAfter: 3 * time.Second}},
	{"QueueFull", respond(429, refusalBody(429, 21611)), dialer.Answer{Kind: dialer.Withdrawn, HTTPStatus: 429, Code: 21611, Effect: dialer.EffectThrottle}},

	{"Proxy400", respond(400, proxyPage), dialer.Answer{HTTPStatus: 400}},
	{"Proxy403", respond(403, proxyPage, "Content-Type: application/json"), dialer.Answer{HTTPStatus: 403}},
	{"Proxy429", respond(429, proxyPage, "Retry-After: 7"), dialer.Answer{HTTPStatus: 429, RetryAfter: 7 * time.Second}},
	{"ProxyJSON", respond(404, `{"code":404,"message":"no route","status":404}`), dialer.Answer{HTTPStatus: 404}},
	{"OtherStatus", respond(403, refusalBody(400, 21610)), dialer.Answer{HTTPStatus: 403}},
	{"NoCode", respond(400, `{"message":"no","status":400}`), dialer.Answer{HTTPStatus: 400}},
	{"NumberForCode", respond(400, `{"code":33639980001,"message":"no","status":400}`), dialer.Answer{HTTPStatus: 400}},
	{"NoMessage", respond(400, `{"code":21610,"status":400}`), dialer.Answer{HTTPStatus: 400}},
	{"NoStatus", respond(400, `{"code":21610,"message":"no"}`), dialer.Answer{HTTPStatus: 400}},
	{"TrailingText", respond(400, refusalBody(400, 21610)+"x"), dialer.Answer{HTTPStatus: 400}},
	{"EmptyRefusal", respond(400, ""), dialer.Answer{HTTPStatus: 400}},
	{"408", respond(408, refusalBody(408, 20408)), dialer.Answer{HTTPStatus: 408, Code: 20408}},
	{"500", respond(500, refusalBody(500, 20500)), dialer.Answer{HTTPStatus: 500, Code: 20500}},
	{"503", respond(503, refusalBody(503, 20503), "Retry-After: 1"), dialer.Answer{HTTPStatus: 503, Code: 20503, RetryAfter: time.Second}},
	{"502HTML", respond(502, proxyPage), dialer.Answer{HTTPStatus: 502}},
	{"301", respond(301, "", "Location: /elsewhere"), dialer.Answer{HTTPStatus: 301}},
	{"307", respond(307, "", "Location: /elsewhere"), dialer.Answer{HTTPStatus: 307}},
	{"307WithSID", respond(307, testCreated, "Location: /elsewhere"), dialer.Answer{HTTPStatus: 307}},
	{"200", respond(200, testCreated), dialer.Answer{HTTPStatus: 200}},
	{"202", respond(202, testCreated), dialer.Answer{HTTPStatus: 202}},
	{"204", respond(204, ""), dialer.Answer{HTTPStatus: 204}},
	{"201Empty", respond(201, ""), dialer.Answer{HTTPStatus: 201}},
	{"201NoSID", respond(201, "{}"), dialer.Answer{HTTPStatus: 201}},
	{"201NullSID", respond(201, `{"sid":null}`), dialer.Answer{HTTPStatus: 201}},
	{"201CallSID", respond(201, `{"sid":"CA0123456789abcdefABCDEF0123456789"}`), dialer.Answer{HTTPStatus: 201}},
	{"201ShortSID", respond(201, `{"sid":"SM1"}`), dialer.Answer{HTTPStatus: 201}},
	{"201NoHexadecimalSID", respond(201, `{"sid":"SM0123456789abcdefABCDEFG123456789"}`), dialer.Answer{HTTPStatus: 201}},
	{"201HTML", respond(201, proxyPage), dialer.Answer{HTTPStatus: 201}},
	{"201TrailingText", respond(201, testCreated+"x"), dialer.Answer{HTTPStatus: 201}},
	{"201TooLong", respond(201, testCreated+strings.Repeat(" ", answerLimit)), dialer.Answer{HTTPStatus: 201}},

	{"201Truncated", raw("HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n"+testCreated, false), dialer.Answer{HTTPStatus: 201}},
	{"201TruncatedChunks", raw("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"+fmt.Sprintf("%x\r\n%s\r\n", len(testCreated), testCreated), false), dialer.Answer{HTTPStatus: 201}},
	{"400Truncated", raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 500\r\n\r\n"+refusalBody(400, 21610), false), dialer.Answer{HTTPStatus: 400}},
	{"101", raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false), dialer.Answer{HTTPStatus: 101}},
	{"Closed", raw("", false), dialer.Answer{}},
	{"Reset", raw("", true), dialer.Answer{}},
	{"HalfHeader", raw("HTTP/1.1 201 Created\r\nContent-", false), dialer.Answer{}},
	{"NoHTTP", raw(testNumber+" is not HTTP\r\n\r\n", false), dialer.Answer{}},
	{"Hang", hang, dialer.Answer{}},
}

// Ensure that an answer claims what the response proves and no more, and that
// the one try is one request, whatever happens to it.
func TestClient_Place(t *testing.T) {
	t.Parallel()
	for _, test := range placeTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t, test.handler)
			client := mustClient(t, server.URL, func(o *Options) {
				if test.name == "Hang" {
					o.Timeout = 50 * time.Millisecond
				}
			})
			got := client.Place(t.Context(), testRequest(t))
			if got.Detail == "" {
				t.Error("the answer has no detail")
			}
			test.want.Detail = got.Detail
			if difference := cmp.Diff(test.want, got); difference != "" {
				t.Errorf("answer (-want +got):\n%s", difference)
			}
			if n := server.requests.Load(); n != 1 {
				t.Errorf("the server saw %d requests, want 1", n)
			}
			noNumber(t, "detail", got.Detail)
		})
	}
}

// Ensure that what never got a connection is withdrawn: nothing was written.
func TestClient_Place_NoConnection(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	plain := newStub(t, respond(201, testCreated))
	secure := httptest.NewUnstartedServer(respond(201, testCreated))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		base   string
		change func(*Options)
		want   string
	}{
		{"Refused", t.Context(), gone.URL, func(*Options) {}, "connection refused"},
		{"CancelledBefore", cancelled, plain.URL, func(*Options) {}, "cancelled"},
		{"NoTLS", t.Context(), strings.Replace(plain.URL, "http:", "https:", 1), func(*Options) {}, "TLS failed"},
		{"UnknownAuthority", t.Context(), secure.URL, func(o *Options) { o.RootCAs = x509.NewCertPool() }, "certificate was refused"},
		{"NoName", t.Context(), gone.URL, dialFailing(&net.DNSError{Err: "no such host"}), "name was not resolved"},
		{"Fault", t.Context(), gone.URL, dialFailing(errors.New(testNumber)), "transport fault"},
		{"Slow", t.Context(), gone.URL, func(o *Options) {
			o.Timeout = 20 * time.Millisecond
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}, "timed out"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := mustClient(t, test.base, test.change)
			got := client.Place(test.ctx, testRequest(t))
			if got.Kind != dialer.Withdrawn || !strings.Contains(got.Detail, test.want) {
				t.Errorf("got %+v, want it withdrawn: %s", got, test.want)
			}
			noNumber(t, "detail", got.Detail)
		})
	}
	if n := plain.requests.Load(); n != 0 {
		t.Errorf("the server saw %d requests, want none", n)
	}
}

func dialFailing(err error) func(*Options) {
	return func(o *Options) {
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
}

// Ensure that a request which the caller gives up after it was sent is in
// doubt, and not withdrawn.
func TestClient_Place_CancelledAfterwards(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		hang(w, r)
	})
	got := mustClient(t, server.URL).Place(ctx, testRequest(t))
	if got.Kind != dialer.Unclear || got.Detail != "no answer: cancelled" {
		t.Errorf("got %+v, want it unclear", got)
	}
	if n := server.requests.Load(); n != 1 {
		t.Errorf("the server saw %d requests, want 1", n)
	}
}

// Ensure that a kept connection which dies under a request leaves it in doubt
// and that the request is not written a second time.
func TestClient_Place_DeadConnection(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan int, 1)
	go func() {
		requests := 0
		defer func() { served <- requests }()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			reader := bufio.NewReader(conn)
			for readRequest(reader) == nil {
				requests++
				if requests == 2 {
					break
				}
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s", len(testCreated), testCreated)
			}
			_ = conn.Close()
		}
	}()
	var exchanges []Exchange
	client := mustClient(t, "http://"+listener.Addr().String(), func(o *Options) {
		o.Observe = func(e Exchange) { exchanges = append(exchanges, e) }
	})
	first, second := client.Place(t.Context(), testRequest(t)), client.Place(t.Context(), testRequest(t))
	_ = listener.Close()
	client.Close()
	if first.Kind != dialer.Accepted || second.Kind != dialer.Unclear {
		t.Errorf("got %+v, then %+v; want accepted, then unclear", first, second)
	}
	if n := <-served; n != 2 {
		t.Errorf("the server saw %d requests, want 2", n)
	}
	if len(exchanges) != 2 || !exchanges[0].NewConnection || exchanges[1].NewConnection {
		t.Errorf("got %+v, want one connection for both", exchanges)
	}
}

// Ensure that error answers do not cost a connection each, whatever stands
// behind the JSON.
func TestClient_Place_KeepsConnection(t *testing.T) {
	t.Parallel()
	server := newStub(t, respond(503, proxyPage+strings.Repeat(" ", 20_000)))
	client := mustClient(t, server.URL)
	for range 50 {
		client.Place(t.Context(), testRequest(t))
	}
	if n := server.connections.Load(); n != 1 {
		t.Errorf("50 requests made %d connections, want 1", n)
	}
}

// Ensure that the request says what was asked for, in Twilio's words.
func TestClient_Place_Form(t *testing.T) {
	t.Parallel()
	var got *http.Request
	server := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r
		respond(201, testCreated)(w, r)
	})
	client := mustClient(t, server.URL, func(o *Options) { o.PublicURL = testPublic + "/hook/" })
	request := testRequest(t)
	service := "MG" + strings.Repeat("0", 32)
	tests := []struct {
		from     string
		validFor time.Duration
		want     map[string]string
	}{
		{testSender, 90*time.Second + 999*time.Millisecond, map[string]string{"From": testSender, "ValidityPeriod": "90"}},
		{"HUSTINGS", 100 * time.Hour, map[string]string{"From": "HUSTINGS", "ValidityPeriod": "36000"}},
		{service, time.Second, map[string]string{"MessagingServiceSid": service, "ValidityPeriod": "1"}},
	}
	for _, test := range tests {
		request.From, request.ValidFor = test.from, test.validFor
		if answer := client.Place(t.Context(), request); answer.Kind != dialer.Accepted {
			t.Fatalf("%s: got %+v", test.from, answer)
		}
		want := map[string]string{
			"To": testNumber, "Body": request.Body, "SmartEncoded": "false",
			"StatusCallback": testPublic + "/hook/twilio/status/" + client.references.reference(42) + "#rc=5&rp=all&ct=2000&rt=5000&tt=15000",
		}
		maps.Copy(want, test.want)
		form := make(map[string]string)
		for key, values := range got.PostForm {
			form[key] = strings.Join(values, " ")
		}
		if difference := cmp.Diff(want, form); difference != "" {
			t.Errorf("%s: form (-want +got):\n%s", test.from, difference)
		}
		user, password, _ := got.BasicAuth()
		if got.URL.String() != "/2010-04-01/Accounts/"+testAccount+"/Messages.json" || user != testAccount || password != testToken {
			t.Errorf("%s: asked %s as %s", test.from, got.URL, user)
		}
	}
}

// Ensure that what cannot be sent safely is not sent at all.
func TestClient_Place_NotSent(t *testing.T) {
	t.Parallel()
	server := newStub(t, respond(201, testCreated))
	client := mustClient(t, server.URL)
	request := testRequest(t)
	request.ValidFor = time.Second - 1
	if got := client.Place(t.Context(), request); got.Kind != dialer.Withdrawn {
		t.Errorf("no validity: got %+v, want it withdrawn", got)
	}
	if got := client.Place(t.Context(), dialer.Request{ValidFor: time.Minute}); got.Kind != dialer.Refused {
		t.Errorf("no number: got %+v, want it refused", got)
	}
	if n := server.requests.Load(); n != 0 {
		t.Errorf("the server saw %d requests, want none", n)
	}
}
