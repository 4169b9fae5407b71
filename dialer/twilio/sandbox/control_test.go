package sandbox

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ask sends a control request with a JSON body, without credentials.
func (bed *bench) ask(method, path, body string) answer {
	bed.t.Helper()
	request, err := http.NewRequestWithContext(bed.t.Context(), method, bed.server.URL()+path, strings.NewReader(body))
	if err != nil {
		bed.t.Fatal(err)
	}
	got, err := bed.send(request)
	if err != nil {
		bed.t.Fatal(err)
	}
	return got
}

func TestControl_Clock(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed = monday, 1
	bed := mustStart(t, options)
	tests := []struct {
		body   string
		status int
		least  time.Duration // that the clock shows since Monday
		speed  float64
	}{
		{`{"advance":"36h"}`, 200, 36 * time.Hour, 1},
		{`{"advance":"-1h"}`, 400, 36 * time.Hour, 1},
		{`{"advance":"soon"}`, 400, 36 * time.Hour, 1},
		{`{"speed":60}`, 200, 36 * time.Hour, 60},
		{`{"speed":-1}`, 400, 36 * time.Hour, 60},
		{`{"speed":2,"advance":"1h"}`, 200, 37 * time.Hour, 2},
		{`{}`, 400, 37 * time.Hour, 2},
		{`{"start":"2020-01-01T00:00:00Z"}`, 400, 37 * time.Hour, 2},
		{`nonsense`, 400, 37 * time.Hour, 2},
	}
	for _, test := range tests {
		if got := bed.ask(http.MethodPost, "/sandbox/clock", test.body); got.status != test.status {
			t.Errorf("%s: %d %s", test.body, got.status, got.body)
		}
		got := bed.ask(http.MethodGet, "/sandbox/clock", "")
		now, err := time.Parse(time.RFC3339, got.fields["now"].(string))
		if passed := now.Sub(monday); err != nil || passed < test.least || passed > test.least+30*time.Minute {
			t.Errorf("%s: clock shows %v", test.body, now)
		}
		if got.fields["speed"] != test.speed || got.fields["start"] == nil || got.fields["anchor"] == nil {
			t.Errorf("%s: clock is %s", test.body, got.body)
		}
	}
	for _, want := range []float64{1, 1, 60, 2, 2} { // opened, advanced, faster, slower, advanced
		if record := bed.awaitKind(KindClock); record.Clock.Speed != want {
			t.Errorf("logged %+v, want speed %v", record.Clock, want)
		}
	}
}

func TestControl_InboundAndReply(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	bed := mustStart(t, quiet(t))
	for body, want := range map[string]int{`{"url":"no url"}`: 400, `{"address":"x"}`: 400, `{"url":"` + base + `/in"}`: 200} {
		if got := bed.ask(http.MethodPost, "/sandbox/inbound", body); got.status != want {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := bed.ask(http.MethodPost, "/sandbox/reply", `{"from":"nobody","to":"X","body":"STOP"}`); got.status != 400 {
		t.Errorf("reply of nobody: %d", got.status)
	}
	got := bed.ask(http.MethodPost, "/sandbox/reply", `{"from":"+33639980001","to":"HUSTINGS","body":"Stop !"}`)
	came := next(t, calls)
	if got.status != http.StatusAccepted || came.form.Get("MessageSid") != got.fields["sid"] || came.form.Get("Body") != "Stop !" {
		t.Errorf("reply %d %s, callback %+v", got.status, got.body, came)
	}
}

func TestControl_Faults(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	for body, want := range map[string]int{`{"probability":{"flood":1}}`: 400, `{"probability":{"throttle":1}}`: 200} {
		if got := bed.ask(http.MethodPost, "/sandbox/faults", body); got.status != want {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := bed.do(http.MethodPost, messages(""), text(testTo)); got.status != http.StatusTooManyRequests {
		t.Errorf("create: %d", got.status)
	}
	bed.ask(http.MethodPost, "/sandbox/faults", `{}`)
	bed.mustCreate(text(testTo))
}

// Ensure that the verdict names no numbers, and that the log is the file's.
func TestControl_VerdictAndLog(t *testing.T) {
	t.Parallel()
	base, _ := listener(t, fine)
	options := quiet(t)
	options.InboundURL = base
	bed := mustStart(t, options)
	bed.mustCreate(text(testTo))
	bed.mustCreate(text(testTo))
	if _, err := bed.server.Reply(testTo, testFrom, "STOP"); err != nil {
		t.Fatal(err)
	}
	bed.awaitKind(KindInboundAnswered)
	bed.mustCreate(text(testTo))
	got := bed.ask(http.MethodGet, "/sandbox/verdict", "")
	if got.fields["created"] != 3.0 || got.fields["twice"] != 1.0 || got.fields["after_stop"] != 1.0 ||
		bytes.Contains(got.body, []byte(testTo)) {
		t.Errorf("verdict %s", got.body)
	}
	if got := bed.ask(http.MethodGet, "/sandbox/verdict?grace=1h", ""); got.fields["after_stop"] != 0.0 {
		t.Errorf("verdict with grace %s", got.body)
	}
	if got := bed.ask(http.MethodGet, "/sandbox/verdict?grace=x", ""); got.status != 400 {
		t.Errorf("bad grace: %d", got.status)
	}
	streamed := bed.ask(http.MethodGet, "/sandbox/log", "").body
	if err := bed.server.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(options.Log)
	if err != nil || !bytes.HasPrefix(whole, streamed) || !bytes.HasSuffix(streamed, []byte("\n")) || len(streamed) == 0 {
		t.Errorf("streamed %d bytes of %d, %v", len(streamed), len(whole), err)
	}
}

func TestControl_LoopbackOnly(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	tests := []struct {
		remote, host string
		status       int
	}{
		{"127.0.0.1:1234", "127.0.0.1:80", 200},
		{"[::1]:1234", "localhost:80", 200},
		{"192.0.2.1:1234", "127.0.0.1", 403},
		{"127.0.0.1:1234", "evil.example", 403},
	}
	for _, test := range tests {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sandbox/clock", nil)
		request.RemoteAddr, request.Host = test.remote, test.host
		recorder := httptest.NewRecorder()
		bed.server.ServeHTTP(recorder, request)
		if recorder.Code != test.status {
			t.Errorf("%s to %s: %d", test.remote, test.host, recorder.Code)
		}
	}
}

// lines hands what is written to whoever reads the channel.
type lines chan string

func (written lines) Write(text []byte) (int, error) {
	written <- string(text)
	return len(text), nil
}

func TestMain_Serves(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	token, log := filepath.Join(directory, "token"), filepath.Join(directory, "log")
	if err := os.WriteFile(token, []byte(testToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, code := make(lines, 10), make(chan int)
	go func() {
		args := []string{
			"--log", log, "--auth-token-file", token, "--account-sid", testAccount, "--seed", "3",
			"--clock-start", monday.Format(time.RFC3339), "--clock-speed", "60", "--instant", "--fault", "throttle=0.5",
		}
		code <- Main(ctx, args, ready, make(lines, 100))
	}()
	base, found := strings.CutPrefix(strings.TrimSpace(<-ready), "SANDBOX carrier listening on ")
	if !found {
		t.Fatalf("said %q", base)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+messages(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(testAccount, testToken)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("list: %d", response.StatusCode)
	}
	stop()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	if records, err := ReadLog(log); err != nil || len(records) != 2 || records[0].At.Before(monday) || records[1].Body != `{"probability":{"throttle":0.5}}` {
		t.Errorf("log %v, %v", records, err)
	}
}

func TestMain_Refuses(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	token, empty, log := filepath.Join(directory, "token"), filepath.Join(directory, "empty"), filepath.Join(directory, "log")
	for path, content := range map[string]string{token: testToken, empty: "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with := func(more ...string) []string {
		return append([]string{"--log", log, "--auth-token-file", token}, more...)
	}
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"--help"}, exitOK, "SANDBOX"},
		{"nothing", nil, exitUsage, "required"},
		{"unknown flag", with("--colour"), exitUsage, "colour"},
		{"argument", with("now"), exitUsage, "now"},
		{"open to others", with("--listen", "0.0.0.0:0"), exitUsage, "--listen-anywhere"},
		{"open to others by a name", with("--listen", ":0"), exitUsage, "--listen-anywhere"},
		{"bad instant", with("--clock-start", "monday"), exitUsage, "clock-start"},
		{"bad fault", with("--fault", "flood=1"), exitUsage, "flood"},
		{"too many faults", with("--fault", "hang=0.6", "--fault", "drop=0.6"), exitFailed, "exceed 1"},
		{"no token file", []string{"--log", log, "--auth-token-file", directory + "/none"}, exitFailed, "auth token"},
		{"empty token", []string{"--log", log, "--auth-token-file", empty}, exitFailed, "auth token"},
		{"bad address", with("--listen", "127.0.0.1:-1"), exitFailed, "start sandbox"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := Main(t.Context(), test.args, &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stderr.String(), test.says) || stdout.Len() > 0 {
				t.Errorf("said %q and %q", stdout.String(), stderr.String())
			}
		})
	}
}
