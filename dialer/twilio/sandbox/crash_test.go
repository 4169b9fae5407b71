package sandbox

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// child is a sandbox in a process of its own.
type child struct {
	command *exec.Cmd
	base    string
}

// mustRun starts this test binary as a sandbox.
func mustRun(t *testing.T, log string) *child {
	t.Helper()
	token := filepath.Join(filepath.Dir(log), "token")
	if err := os.WriteFile(token, []byte(testToken), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "--log", log, "--auth-token-file", token,
		"--account-sid", testAccount, "--clock-speed", "1000")
	command.Env = append(os.Environ(), childMark+"=1")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &child{command: command, base: strings.TrimSpace(strings.TrimPrefix(line, "SANDBOX carrier listening on "))}
}

// kill ends it at once, as a power cut of the process would.
func (killed *child) kill(t *testing.T) {
	t.Helper()
	if err := killed.command.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = killed.command.Wait() // tells of the signal
}

// createUntilGone creates messages until the sandbox no longer answers, and tells
// the sid of each that was answered.
func (running *child) createUntilGone(t *testing.T, client *http.Client, answered func(sid string)) {
	form := text(testTo).Encode()
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, running.base+messages(""), strings.NewReader(form))
		if err != nil {
			t.Error(err)
			return
		}
		request.SetBasicAuth(testAccount, testToken)
		response, err := client.Do(request)
		if err != nil {
			return
		}
		var made struct{ Sid string }
		err = json.NewDecoder(response.Body).Decode(&made)
		_ = response.Body.Close()
		if err == nil {
			answered(made.Sid)
		}
	}
}

// Ensure that whatever a killed sandbox has answered stands in its log, once, and
// that the next one goes on with it.
func TestCrash_LogHoldsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "sandbox.log")
	var mutex sync.Mutex
	answered := map[string]int{}
	for range 3 {
		running := mustRun(t, log)
		transport := &http.Transport{MaxIdleConnsPerHost: 8}
		enough, clients := make(chan struct{}), sync.WaitGroup{}
		count := 0
		for range 8 {
			clients.Go(func() {
				running.createUntilGone(t, &http.Client{Transport: transport}, func(sid string) {
					mutex.Lock()
					defer mutex.Unlock()
					answered[sid]++
					if count++; count == 100 {
						close(enough)
					}
				})
			})
		}
		<-enough
		running.kill(t)
		clients.Wait()
		transport.CloseIdleConnections()
	}
	options := quiet(t)
	options.Log = log
	server, err := New(options) // cuts off what was torn
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := ReadLog(log)
	if err != nil {
		t.Fatal(err)
	}
	created := map[string]int{}
	for _, record := range records {
		if record.Kind == KindCreated {
			created[record.Sid]++
			if before := records[record.Request-1]; before.Kind != KindRequestBegun || before.To != record.To {
				t.Errorf("record %d was created by %+v", record.Seq, before)
			}
		}
	}
	for sid, count := range answered {
		if count != 1 || created[sid] != 1 {
			t.Errorf("%s was answered %d times and created %d times", sid, count, created[sid])
		}
	}
}
