package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hustings/hustings/cmd/internal/daemon"
	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"dialctl": main,
		"dialerd": func() { os.Exit(daemon.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
		"sandbox": func() { os.Exit(sandbox.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// scripts runs the scripts that match. Each has a folder, a free port and a
// configuration of its own.
func scripts(t *testing.T, files ...string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error { return setUp(t, env) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfor":      waitFor,
			"nonumbers":    noNumbers,
			"agekey":       ageKey,
			"signedreport": signedReport,
			"until":        until,
			"exits":        exits,
			"ended":        ended,
		},
		RequireUniqueNames: true,
	})
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d scripts, error %v", pattern, len(files), err)
	}
	return files
}

func TestWithoutDaemon(t *testing.T) {
	t.Parallel()
	scripts(t, glob(t, "offline_*.txtar")...)
}

func TestWithDaemon(t *testing.T) {
	t.Parallel()
	scripts(t, glob(t, "daemon_*.txtar")...)
}

func TestDemo(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceDetector && os.Getenv("HUSTINGS_SLOW") == "" {
		t.Skip("takes half a minute, and minutes with the race detector: set HUSTINGS_SLOW to run it all the same")
	}
	scripts(t, glob(t, "demo*.txtar")...)
}

const testConfig = `data_directory: data
carrier:
  kind: sandbox
  sandbox:
    clock: {start: 2027-03-09T10:00:00+01:00, speed: 600}
nats: {embedded: {listen: "%s"}}
http:
  callbacks: {listen: "127.0.0.1:0"}
  ops: {listen: "127.0.0.1:0"}
`

// setUp gives the script a configuration for a daemon, which nobody has started
// yet, and tells dialctl where it will be. $CARRIER and $CALLBACKS are two more
// addresses that nobody listens on.
func setUp(t *testing.T, env *testscript.Env) error {
	address := outpost.FreeAddress(t)
	env.Setenv("CARRIER", outpost.FreeAddress(t))
	env.Setenv("CALLBACKS", outpost.FreeAddress(t))
	env.Setenv("HUSTINGS_NATS", "nats://"+address)
	env.Setenv("HUSTINGS_DATA", filepath.Join(env.WorkDir, "data"))
	env.Setenv("HUSTINGS_OPERATOR", "op-anne")
	return os.WriteFile(filepath.Join(env.WorkDir, "dialerd.yaml"), fmt.Appendf(nil, testConfig, address), 0o600)
}

const patience = 40 * time.Second

// waitFor waits until a file holds a text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE TEXT")
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		text, _ := os.ReadFile(ts.MkAbs(args[0]))
		if strings.Contains(string(text), args[1]) {
			return
		}
		wait(context.Background(), 50*time.Millisecond)
	}
	ts.Fatalf("%s never held %q", args[0], args[1])
}

// exits runs a command that must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	var ended *exec.ExitError
	code := 0
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		code = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("run: %v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// processNumber matches how the demo tells of a process that it has started.
var processNumber = regexp.MustCompile(`process (\d+)`)

// ended waits until every process that a file tells of is gone, or is a zombie
// that only its new parent's attention keeps in the table.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ended FILE")
	}
	told := processNumber.FindAllStringSubmatch(ts.ReadFile(args[0]), -1)
	if len(told) == 0 {
		ts.Fatalf("%s tells of no process", args[0])
	}
	end := time.Now().Add(patience)
	for _, number := range told {
		for runs(ts, number[1]) {
			if time.Now().After(end) {
				ts.Fatalf("process %s still runs", number[1])
			}
			wait(context.Background(), 50*time.Millisecond)
		}
	}
}

func runs(ts *testscript.TestScript, number string) bool {
	pid, err := strconv.Atoi(number)
	ts.Check(err)
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, _ := os.ReadFile(filepath.Join("/proc", number, "stat"))
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// until runs a command again and again until its output matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND...")
	}
	pattern := regexp.MustCompile(args[0])
	for end := time.Now().Add(patience); time.Now().Before(end); {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		wait(context.Background(), 100*time.Millisecond)
	}
	ts.Fatalf("%v never said %q", args[1:], args[0])
}

// phoneNumber matches what the sample's numbers look like, however written.
var phoneNumber = regexp.MustCompile(`(?:\+33|\b0033|\b0)[ .()0-]*[1-9](?:[ .-]?\d\d){4}\b`)

// ownCallers are the registry's.
var ownCallers = regexp.MustCompile(`\+3316200000\d\b`)

// noNumbers fails where the last command's output, or a file, shows a number.
func noNumbers(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("nonumbers cannot be negated")
	}
	if len(args) == 0 {
		args = []string{"stdout", "stderr"}
	}
	for _, name := range args {
		// Numbers that we call from are no secret: phones show them.
		if phoneNumber.MatchString(ownCallers.ReplaceAllString(ts.ReadFile(name), "")) {
			ts.Fatalf("%s shows a phone number", name)
		}
	}
}

// ageKey writes somebody's identity into a file, and who they are into $RECIPIENT.
func ageKey(ts *testscript.TestScript, _ bool, args []string) {
	identity, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# made for a test\n"+identity.String()+"\n"), 0o600))
	ts.Setenv("RECIPIENT", identity.Recipient().String())
}

// signedReport writes a report with its signature and public key, and another
// key.
func signedReport(ts *testscript.TestScript, _ bool, _ []string) {
	key, err := report.GenerateSigningKey()
	ts.Check(err)
	other, err := report.GenerateSigningKey()
	ts.Check(err)
	document := []byte(`{"campaign":"party-a-seniors"}`)
	signature, err := key.Sign(document)
	ts.Check(err)
	public, err := report.MarshalPublicKey(key.Public())
	ts.Check(err)
	foreign, err := report.MarshalPublicKey(other.Public())
	ts.Check(err)
	for name, content := range map[string][]byte{
		"report.json": document, "report.json.sig": signature, "key.pem": public, "other.pem": foreign,
	} {
		ts.Check(os.WriteFile(ts.MkAbs(name), content, 0o600))
	}
}
