package twilio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/consent/contact"
)

// noNumber fails where text holds the test's number in any spelling: with or
// without country code, blanks, dots, escapes or plus signs between digits.
func noNumber(tb testing.TB, what, text string) {
	tb.Helper()
	spelled := strings.NewReplacer("%2B", "", "%20", "", `\u002b`, "").Replace(text)
	digits := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			return r
		default:
			return -1
		}
	}, spelled)
	if strings.Contains(digits, "639980001") {
		tb.Errorf("%s shows the number: %s", what, text)
	}
}

// Ensure that the check of the other tests sees each spelling.
func TestNoNumber(t *testing.T) {
	t.Parallel()
	for _, text := range []string{testNumber, "06 39 98 00 01", "0033.639.980.001", "To=%2B33639980001", "(+33) 6-39-98-00-01"} {
		var found recorder
		noNumber(&found, "text", text)
		if !found.failed {
			t.Errorf("%q passed", text)
		}
	}
}

type recorder struct {
	testing.TB
	failed bool
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

// echoes are answers in which a hostile or clumsy server repeats the number
// wherever a program might pick it up.
var echoes = map[string]http.HandlerFunc{
	"Message":     respond(400, refusalBody(400, 21211)),
	"Code":        respond(400, `{"code":33639980001,"message":"no","status":400}`),
	"Page":        respond(502, "<html>"+testNumber+"</html>"),
	"Header":      respond(429, refusalBody(429, 20429), "Retry-After: "+testNumber, "Twilio-Request-Id: RQ"+testNumber, "Twilio-Concurrent-Requests: "+testNumber),
	"Location":    respond(301, "", "Location: /?To="+testNumber),
	"Reason":      raw("HTTP/1.1 400 "+testNumber+"\r\nContent-Length: 0\r\n\r\n", false),
	"StatusLine":  raw(testNumber+"\r\n\r\n", false),
	"HeaderLine":  raw("HTTP/1.1 201 Created\r\n"+testNumber+"\r\n\r\n", false),
	"Length":      raw("HTTP/1.1 201 Created\r\nContent-Length: "+testNumber+"x\r\n\r\n", false),
	"Chunk":       raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+testNumber+"\r\n", false),
	"Encoding":    raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: "+testNumber+"\r\n\r\n", false),
	"Type":        respond(200, `{"messages":33639980001}`),
	"NextPage":    respond(200, `{"messages":[],"next_page_uri":"https://evil.example.org/?To=`+testNumber+`"}`),
	"NextNoURL":   respond(200, `{"messages":[],"next_page_uri":"%zz`+testNumber+`"}`),
	"Date":        respond(200, `{"messages":[{"to":"`+testNumber+`","from":"`+testNumber+`","direction":"inbound","date_created":"`+testNumber+`"},{"to":"`+testNumber+`","direction":"outbound-api","date_created":"`+testNumber+`"}]}`),
	"SID":         respond(200, `{"messages":[{"to":"`+testNumber+`","sid":"`+testNumber+`","date_created":"Mon, 23 Nov 2026 10:00:00 +0000"}]}`),
	"Nothing":     raw("", true),
	"CreatedText": respond(201, `{"sid":"`+testNumber+`"}`),
}

// Ensure that no error, answer or log line holds a number, whatever the server
// does and however the error is printed.
func TestClient_Redaction(t *testing.T) {
	t.Parallel()
	for name, handler := range echoes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log syncBuffer
			server := newStub(t, handler)
			client := mustClient(t, server.URL, func(o *Options) {
				o.Logger = zerolog.New(&log)
				o.Observe = func(e Exchange) { noNumber(t, "exchange", fmt.Sprintf("%+v", e)) }
			})
			request := testRequest(t)
			answer := client.Place(t.Context(), request)
			answer.SID = ""
			noNumber(t, "answer", fmt.Sprintf("%+v %+v", answer, request.To))
			since := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
			_, findErr := client.Find(t.Context(), contact.SMS, request.To, since)
			_, inboundErr := client.Inbound(t.Context(), since)
			for _, err := range []error{findErr, inboundErr, client.Cancel(t.Context(), testSID)} {
				if err == nil {
					continue
				}
				logger := zerolog.New(&log)
				logger.Error().Err(err).Msg("")
				noNumber(t, "error", fmt.Sprintf("%v %+v %q %s", err, err, err, err))
			}
			noNumber(t, "log", log.String())
		})
	}
}

// Ensure that secrets print redacted by themselves and inside what holds them.
func TestSecret_Redaction(t *testing.T) {
	t.Parallel()
	secret := NewSecret([]byte(testToken))
	client := mustClient(t, "http://127.0.0.1:1")
	inside := struct{ hidden Secret }{secret}
	text := fmt.Sprintf("%v %s %x %q %#v %+v %d|%v %+v %#v|%v %+v %#v", secret, secret, secret, secret, secret, secret, secret,
		inside, inside, inside, client, client, client)
	encoded, err := json.Marshal(map[string]any{"secret": secret, "options": Options{AuthToken: secret}.AuthToken})
	if err != nil {
		t.Fatal(err)
	}
	text += string(encoded)
	numbers := fmt.Sprintf("%d", []byte(testToken))
	for _, form := range []string{testToken, fmt.Sprintf("%x", testToken), numbers, "Basic QUMw"} {
		if strings.Contains(text, form) {
			t.Errorf("the secret shows as %q in %s", form, text)
		}
	}
	if !NewSecret(nil).IsZero() || secret.IsZero() {
		t.Error("only an empty secret is none")
	}
}

// Ensure that a request prints masked: it is the one value with a number.
func TestRequest_Redaction(t *testing.T) {
	t.Parallel()
	request := testRequest(t)
	request.Body = ""
	noNumber(t, "request", fmt.Sprintf("%v %+v %#v", request, request, request))
}
