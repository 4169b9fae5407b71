package twilio

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testAccount = "AC00000000000000000000000000000001"
	testToken   = "0123456789abcdef0123456789abcdef"
	testPublic  = "https://calls.example.org"
	testSID     = "SM0123456789abcdefABCDEF0123456789"
	// testNumber is in the range that ARCEP keeps for works of fiction.
	testNumber = "+33639980001"
	testSender = "+15005550006"
)

var (
	testReferenceKey = NewSecret([]byte("reference key of the tests, 32 b"))
	testCreated      = `{"sid":"` + testSID + `","status":"queued","error_code":null,"num_segments":"1"}`
)

func mustNumber(tb testing.TB, text string) contact.Number {
	tb.Helper()
	number, err := contact.ParseE164(text)
	if err != nil {
		tb.Fatal(err)
	}
	return number
}

// mustClient makes a client of the server at base and closes it in the end.
func mustClient(tb testing.TB, base string, changes ...func(*Options)) *Client {
	tb.Helper()
	options := Options{
		AccountSID: testAccount, AuthToken: NewSecret([]byte(testToken)), ReferenceKey: testReferenceKey,
		APIBaseURL: base, PublicURL: testPublic, Timeout: 5 * time.Second,
	}
	for _, change := range changes {
		change(&options)
	}
	client, err := New(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	return client
}

func testRequest(tb testing.TB) dialer.Request {
	tb.Helper()
	return dialer.Request{
		Attempt: 42, To: mustNumber(tb, testNumber), From: testSender, Body: "Réunion publique à 20 h", ValidFor: 10 * time.Minute,
	}
}

// stub is a server that counts what reaches it.
type stub struct {
	*httptest.Server
	requests    atomic.Int64
	connections atomic.Int64
}

func newStub(tb testing.TB, handler http.HandlerFunc) *stub {
	tb.Helper()
	s := new(stub)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handler(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Start()
	tb.Cleanup(s.Close)
	return s
}

// respond answers with status, headers ("Name: value" each) and body.
func respond(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// raw reads the request, writes text as it is and closes the connection, with
// a reset where asked.
func raw(text string, reset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		if reset {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// hang reads the request and says nothing until the client has gone.
func hang(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	_ = http.NewResponseController(w).Flush()
}

// syncBuffer is a log that several goroutines write and a test reads.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// readRequest reads one request off a bare connection, body included.
func readRequest(reader *bufio.Reader) error {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err
}
