package sandbox

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Ensure that a restart continues sids, states, lives and the clock.
func TestServer_Restart(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed = monday, 1
	first := mustStart(t, options)
	done := first.mustCreate(text(testTo))
	if err := first.server.AdvanceClock(36 * time.Hour); err != nil {
		t.Fatal(err)
	}
	first.awaitStatus(done, statusDelivered)
	unfinished := first.mustCreate(text(otherTo))
	if _, err := first.server.Reply(testTo, testFrom, "STOP"); err != nil {
		t.Fatal(err)
	}
	if err := first.server.SetInboundURL("http://127.0.0.1:1/inbound"); err != nil {
		t.Fatal(err)
	}
	if _, err := New(options); err == nil {
		t.Fatal("two sandboxes share a log")
	}
	closedAt := first.server.Clock().Now()
	if err := first.server.Close(); err != nil {
		t.Fatal(err)
	}
	tear(t, options.Log)

	second := mustStart(t, options)
	if now := second.server.Clock().Now(); now.Before(closedAt) || now.After(closedAt.Add(time.Hour)) {
		t.Errorf("clock went from %v to %v", closedAt, now)
	}
	if got := second.do(http.MethodGet, messages(done), nil); got.fields["status"] != "delivered" {
		t.Errorf("finished message is now %s", got.body)
	}
	if err := second.server.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	second.awaitStatus(unfinished, statusDelivered)
	if fresh := second.mustCreate(text(testTo)); fresh == done || fresh == unfinished {
		t.Error("a sid was given twice")
	}
	if got := *second.server.inboundURL.Load(); got != "http://127.0.0.1:1/inbound" {
		t.Errorf("inbound url is %q", got)
	}
	if err := second.server.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := ReadLog(options.Log)
	if err != nil {
		t.Fatal(err)
	}
	verdict := Judge(records, JudgeOptions{})
	if verdict.Created != 3 || verdict.Inbound != 1 || len(verdict.Twice) != 1 {
		t.Errorf("verdict %+v", verdict)
	}
	if facts, err := os.Stat(options.Log); err != nil || facts.Mode().Perm() != 0o600 {
		t.Errorf("log has mode %v", facts.Mode())
	}
}

// tear leaves half a line at the end of a log.
func tear(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"seq":99,"at":"20`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNew_DamagedLog(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	status := Record{Seq: 1, At: monday, Kind: KindStatus, Sid: "SM1", Status: statusSent}
	for _, content := range []string{"garbage\n", string(status.appendTo(nil))} {
		if err := os.WriteFile(options.Log, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(options); !errors.Is(err, ErrLogDamaged) {
			t.Errorf("log %q: %v", content, err)
		}
	}
}

// Ensure that a log from before the ends of requests were logged is read, judged
// without inventing overlaps, and continued.
func TestServer_OlderLog(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join("testdata", "older.log"))
	if err != nil {
		t.Fatal(err)
	}
	options := quiet(t)
	if err := os.WriteFile(options.Log, content, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := JudgeLog(options.Log, JudgeOptions{})
	if err != nil || before.Created != 4 || len(before.Twice) != 1 || before.RequestsEnded != 0 || len(before.Overlaps) != 0 {
		t.Errorf("verdict %+v, %v", before, err)
	}
	options.Faults.Rules = []Rule{{Fault: FaultThrottle, Request: Span{5, 5}}, {Fault: FaultRefuse, To: testTo, Nth: Span{3, 3}}}
	bed := mustStart(t, options)
	if listed := bed.do(http.MethodGet, messages(""), nil).sids(); len(listed) != 5 {
		t.Errorf("%d messages and texts", len(listed))
	}
	for at, want := range []int{429, 500, 201} {
		to := []string{otherTo, testTo, testTo}[at]
		if got := bed.do(http.MethodPost, messages(""), text(to)); got.status != want {
			t.Errorf("request %d: %d, want %d", at, got.status, want)
		}
	}
	after, err := bed.server.Verdict(JudgeOptions{Steps: 3})
	if err != nil || after.Err() != nil || after.Requests != 7 || after.RequestsEnded != 3 {
		t.Errorf("verdict %+v, %v", after, err)
	}
}
