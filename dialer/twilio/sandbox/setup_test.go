package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childMark has the test binary run as a sandbox instead.
const childMark = "HUSTINGS_SANDBOX_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		os.Exit(Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

const (
	testAccount = "AC00000000000000000000000000000001"
	testToken   = "sandbox-test-token"
	testTo      = "+33639980001"
	testFrom    = "HUSTINGS"
	testService = "MG00000000000000000000000000000001"
)

// patience bounds every wait of a test for something that has to come.
const patience = 10 * time.Second

// bench is a sandbox that listens, and a client of it.
type bench struct {
	t       testing.TB
	server  *Server
	options Options
	client  *http.Client
	records chan Record
}

// quiet are options under which every message is delivered and nobody replies,
// in a few milliseconds.
func quiet(t testing.TB) Options {
	return Options{
		Log: filepath.Join(t.TempDir(), "sandbox.log"), Seed: 7, AccountSID: testAccount, AuthToken: testToken,
		Speed: 10_000, Undelivered: -1, Failed: -1, Silent: -1, StopFraction: -1,
	}
}

// mustStart starts a sandbox that is closed at the end of the test.
func mustStart(t testing.TB, options Options) *bench {
	t.Helper()
	records := make(chan Record, 100_000)
	options.Observe = func(record Record) { records <- record }
	server, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &bench{t: t, server: server, options: options, client: &http.Client{Transport: transport}, records: records}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	fields map[string]any
}

// do sends a request and reads the whole answer.
func (bed *bench) do(method, path string, form url.Values) answer {
	bed.t.Helper()
	got, err := bed.try(method, path, form)
	if err != nil {
		bed.t.Fatal(err)
	}
	return got
}

// try is do for requests that may go wrong.
func (bed *bench) try(method, path string, form url.Values) (answer, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(bed.t.Context(), method, bed.server.URL()+path, body)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(testAccount, testToken)
	return bed.send(request)
}

// send sends any request.
func (bed *bench) send(request *http.Request) (answer, error) {
	response, err := bed.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	got := answer{status: response.StatusCode, header: response.Header}
	got.body, err = io.ReadAll(response.Body)
	_ = json.Unmarshal(got.body, &got.fields) // not every answer is JSON
	return got, err
}

// messages is the path of the list, or of one message.
func messages(sid string) string {
	path := "/2010-04-01/Accounts/" + testAccount + "/Messages"
	if sid != "" {
		path += "/" + sid
	}
	return path + ".json"
}

// text is a create form; more pairs follow as key, value.
func text(to string, more ...string) url.Values {
	form := url.Values{"To": {to}, "From": {testFrom}, "Body": {"Bonjour"}}
	for at := 0; at < len(more); at += 2 {
		form.Set(more[at], more[at+1])
	}
	return form
}

// mustCreate creates a message and returns its sid.
func (bed *bench) mustCreate(form url.Values) string {
	bed.t.Helper()
	got := bed.do(http.MethodPost, messages(""), form)
	if got.status != http.StatusCreated {
		bed.t.Fatalf("create: %d %s", got.status, got.body)
	}
	return got.fields["sid"].(string)
}

// await returns the next record for which wanted says so.
func (bed *bench) await(what string, wanted func(Record) bool) Record {
	bed.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case record := <-bed.records:
			if wanted(record) {
				return record
			}
		case <-timeout:
			bed.t.Fatalf("no record of %s came", what)
		}
	}
}

// awaitKind waits for a record of a kind.
func (bed *bench) awaitKind(kind Kind) Record {
	bed.t.Helper()
	return bed.await(string(kind), func(record Record) bool { return record.Kind == kind })
}

// awaitStatus waits for a message to reach a status.
func (bed *bench) awaitStatus(sid, status string) Record {
	bed.t.Helper()
	return bed.await(status, func(record Record) bool {
		return record.Kind == KindStatus && record.Sid == sid && record.Status == status
	})
}

// call is a callback as it arrived.
type call struct {
	path   string
	header http.Header
	form   url.Values
}

// listener receives callbacks. It answers with the status that it is given.
func listener(t testing.TB, status func(call) int) (string, chan call) {
	t.Helper()
	calls := make(chan call, 100_000)
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if err := request.ParseForm(); err != nil {
			t.Error(err)
		}
		came := call{path: request.URL.RequestURI(), header: request.Header, form: request.PostForm}
		calls <- came
		writer.WriteHeader(status(came))
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

// fine answers every callback with 204.
func fine(call) int { return http.StatusNoContent }

// next returns the next callback.
func next(t testing.TB, calls chan call) call {
	t.Helper()
	select {
	case came := <-calls:
		return came
	case <-time.After(patience):
		t.Fatal("no callback came")
		return call{}
	}
}
