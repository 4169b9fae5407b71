package daemon

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// The benchmark runs the daemon, the bare loop and the carrier as processes of
// their own, so that each one's CPU is the kernel's figure and nobody else's.
// The test binary plays all three, by this variable.
const benchRole = "HUSTINGS_BENCH_ROLE"

func init() {
	switch os.Getenv(benchRole) {
	case "":
		return
	case "carrier":
		os.Exit(sandbox.Main(untilStdinEnds(), os.Args[1:], os.Stdout, os.Stderr))
	case "daemon":
		stop := profile(os.Getenv("HUSTINGS_BENCH_PROFILE"))
		code := Main(untilStdinEnds(), os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	case "bare":
		os.Exit(bareLoop(bareTwilio, os.Args[1]))
	case "client":
		os.Exit(bareLoop(bareClient, os.Args[1]))
	}
}

// untilStdinEnds ends with the parent, whatever ends that.
func untilStdinEnds() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	return ctx
}

func profile(path string) func() {
	if path == "" {
		return func() {}
	}
	file, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	return func() { pprof.StopCPUProfile(); _ = file.Close() }
}

const (
	benchMessages = 20_000
	benchWorkers  = 64
	benchAccount  = "AC0000000000000000000000000000beef"
	benchToken    = "benchtoken"
)

// benchNumber is a made-up mobile number. It only ever reaches the sandbox.
func benchNumber(i int) string { return fmt.Sprintf("+336%08d", 10_000_000+i*7) }

// BenchmarkAcceptedToFinal measures the CPU that the daemon spends on a message
// from the accepted job to the final status, with HTTP callbacks, against a bare
// loop in the same run: twilio-go and a server for callbacks, nothing else. The
// same loop around our client tells what is the client's and what the daemon's.
// Run it with: go test -run '^$' -bench AcceptedToFinal -benchtime 3x ./cmd/internal/daemon .
func BenchmarkAcceptedToFinal(b *testing.B) {
	if testing.Short() {
		b.Skip("it takes some seconds a round: run it without -short")
	}
	var daemon, bare, ours, rate float64
	for b.Loop() {
		bare += bareRound(b, "bare")
		ours += bareRound(b, "client")
		cpu, perSecond := daemonRound(b)
		daemon, rate = daemon+cpu, rate+perSecond
	}
	rounds := float64(b.N)
	b.ReportMetric(daemon/rounds, "daemon-us/msg")
	b.ReportMetric(bare/rounds, "bare-us/msg")
	b.ReportMetric(ours/rounds, "client-us/msg")
	b.ReportMetric(daemon/bare, "ratio")
	b.ReportMetric(rate/rounds, "msg/s")
}

// process is one of the players.
type process struct {
	command *exec.Cmd
	stdin   io.Closer
	stdout  *bufio.Reader
}

func startProcess(b *testing.B, role string, arguments ...string) *process {
	b.Helper()
	command := exec.Command(os.Args[0], arguments...)
	command.Env = append(os.Environ(), benchRole+"="+role)
	command.Stderr = io.Discard
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	p := &process{command, stdin, bufio.NewReader(stdout)}
	b.Cleanup(p.end)
	return p
}

// end is called at the end of a round, and once more in case of a failure.
func (p *process) end() {
	_ = p.stdin.Close()
	_ = p.command.Wait()
}

// cpu is the processor time that the process has used so far, in microseconds.
func (p *process) cpu(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		b.Skipf("this system does not tell a process's CPU time: %v", err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	var ticks float64
	for _, field := range fields[11:13] {
		n, _ := strconv.ParseFloat(field, 64)
		ticks += n
	}
	return ticks * 10_000 // a tick is a hundredth of a second
}

func startCarrier(b *testing.B, dir string) (p *process, url string) {
	b.Helper()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(benchToken), 0o600); err != nil {
		b.Fatal(err)
	}
	p = startProcess(b, "carrier", "--log", filepath.Join(dir, "carrier.log"), "--auth-token-file", token,
		"--account-sid", benchAccount, "--instant", "--stop-fraction", "-1", "--clock-start", "2027-03-09T10:00:00+01:00")
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		b.Fatalf("the carrier did not start: %v", err)
	}
	return p, strings.TrimSpace(line[strings.Index(line, "http://"):])
}

// bareRound returns a bare loop's CPU a message.
func bareRound(b *testing.B, role string) float64 {
	b.Helper()
	carrier, url := startCarrier(b, b.TempDir())
	defer carrier.end()
	p := startProcess(b, role, url)
	defer p.end()
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		b.Fatalf("the bare loop failed: %v", err)
	}
	micros, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		b.Fatal(err)
	}
	return micros
}

// bareLoop sends as fast as it can and counts callbacks: what any dialer must do.
func bareLoop(sender func(url, callbacks string) func(i int), url string) int {
	var final atomic.Int64
	done := make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			if r.PostForm.Get("MessageStatus") == "delivered" && final.Add(1) == benchMessages {
				close(done)
			}
			w.WriteHeader(http.StatusNoContent)
		}))
	}()
	send := sender(url, "http://"+listener.Addr().String())
	before := ownCPU()
	var next atomic.Int64
	var group sync.WaitGroup
	for range benchWorkers {
		group.Go(func() {
			for i := next.Add(1); i <= benchMessages; i = next.Add(1) {
				send(int(i))
			}
		})
	}
	group.Wait()
	<-done
	fmt.Fprintf(os.Stdout, "%f\n", (ownCPU()-before)/benchMessages)
	return 0
}

// bareClient sends by our own client.
func bareClient(url, callbacks string) func(i int) {
	client, err := twilio.New(twilio.Options{
		AccountSID: benchAccount, AuthToken: twilio.NewSecret([]byte(benchToken)), APIBaseURL: url,
		PublicURL: callbacks, ReferenceKey: twilio.NewSecret(make([]byte, 32)), MaxConnections: benchWorkers,
	})
	if err != nil {
		panic(err)
	}
	return func(i int) {
		number, _ := contact.ParseE164(benchNumber(i))
		client.Place(context.Background(), dialer.Request{Attempt: uint64(i), To: number, From: "TILLEULS", Body: benchBody, ValidFor: validForBench})
	}
}

// bareTwilio sends by twilio-go as it comes, but for a transport that keeps its
// connections and leads to the sandbox.
func bareTwilio(url, callbacks string) func(i int) {
	base := &client.Client{
		Credentials: client.NewCredentials(benchAccount, benchToken),
		HTTPClient: &http.Client{Timeout: 10 * time.Second, Transport: toSandbox{
			&http.Transport{MaxIdleConnsPerHost: benchWorkers}, strings.TrimPrefix(url, "http://"),
		}},
	}
	base.SetAccountSid(benchAccount)
	service := api.NewApiService(client.NewRequestHandler(base))
	return func(i int) {
		params := new(api.CreateMessageParams)
		params.SetTo(benchNumber(i)).SetFrom("TILLEULS").SetBody(benchBody).SetSmartEncoded(false)
		params.SetStatusCallback(fmt.Sprintf("%s/status/%d", callbacks, i)).SetValidityPeriod(int(validForBench.Seconds()))
		_, _ = service.CreateMessage(params)
	}
}

type toSandbox struct {
	http.RoundTripper
	host string
}

func (t toSandbox) RoundTrip(request *http.Request) (*http.Response, error) {
	request.URL.Scheme, request.URL.Host = "http", t.host
	return t.RoundTripper.RoundTrip(request)
}

const (
	benchBody     = "Publicité politique. Parti des Tilleuls, tilleuls.example/pub - fichier Contacts Citoyens. STOP au 36111"
	validForBench = 4 * time.Minute
)

func ownCPU() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e3
}

// daemonRound returns the daemon's CPU a message, and messages a second.
func daemonRound(b *testing.B) (micros, perSecond float64) {
	b.Helper()
	dir := b.TempDir()
	port := freePort(b)
	carrier, url := startCarrier(b, dir)
	defer carrier.end()
	p := startProcess(b, "daemon", "--config", benchConfig(b, dir, url, port))
	defer p.end()
	client := dialBench(b, dir, port)
	defer client.Close()
	benchImport(b, client)
	job := benchJob(b)
	before, began := p.cpu(b), time.Now()
	result, err := client.Submit(b.Context(), job)
	if err != nil || result.Rejection != nil {
		b.Fatalf("submit: %v %+v", err, result.Rejection)
	}
	for event, err := range client.Watch(b.Context(), job.ID) {
		if err != nil {
			b.Fatal(err)
		}
		if event.View != nil && event.View.State == "closed" {
			if n := event.View.Balance.Final["delivered"]; n != benchMessages {
				b.Fatalf("%d of %d were delivered: %+v", n, benchMessages, event.View.Balance)
			}
			break
		}
	}
	return (p.cpu(b) - before) / benchMessages, benchMessages / time.Since(began).Seconds()
}

func benchConfig(b *testing.B, dir, url string, port int) string {
	b.Helper()
	registry, err := os.ReadFile("../../../configs/registry.yaml")
	if err != nil {
		b.Fatal(err)
	}
	registry = bytes.ReplaceAll(registry, []byte("segments_per_second: 10\n"), []byte("segments_per_second: 10000\n"))
	config := fmt.Sprintf(`data_directory: data
log: {level: warn, format: json}
registry: registry.yaml
carrier:
  kind: sandbox
  sandbox: {api_base_url: "%s", account_sid: %s, auth_token_file: token}
nats: {embedded: {listen: "127.0.0.1:%d"}}
http: {callbacks: {listen: "127.0.0.1:0"}, ops: {listen: "127.0.0.1:0"}}
pacing: {in_flight: %d}
`, url, benchAccount, port, benchWorkers)
	for name, content := range map[string][]byte{"registry.yaml": registry, "dialerd.yaml": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return filepath.Join(dir, "dialerd.yaml")
}

func freePort(b *testing.B) int {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// dialBench waits until the daemon answers.
func dialBench(b *testing.B, dir string, port int) *queue.Client {
	b.Helper()
	deadline := time.After(30 * time.Second)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-deadline:
			b.Fatal("the daemon did not start")
		case <-ticker.C:
		}
		client, err := queue.Dial(queue.ClientOptions{URL: fmt.Sprintf("nats://127.0.0.1:%d", port), DataDirectory: filepath.Join(dir, "data")})
		if err != nil {
			continue
		}
		var status queue.Status
		if client.Call(b.Context(), queue.VerbStatus, nil, &status) == nil && status.Ready {
			return client
		}
		client.Close()
	}
}

func benchImport(b *testing.B, client *queue.Client) {
	b.Helper()
	var contacts, grants strings.Builder
	contacts.WriteString("number,territory,birth_year,age_band\n")
	grants.WriteString("number,channel,party,purpose,given_at,collected_from,explicit,wording_version,wording\n")
	for i := 1; i <= benchMessages; i++ {
		fmt.Fprintf(&contacts, "%s,FR-75,1950,65+\n", benchNumber(i))
		fmt.Fprintf(&grants, "%s,sms,party-a,political,2026-09-01,data_subject,true,v1,J'accepte\n", benchNumber(i))
	}
	for kind, text := range map[queue.IntakeKind]string{queue.IntakeContacts: contacts.String(), queue.IntakeGrants: grants.String()} {
		done, err := client.Upload(b.Context(), queue.Upload{
			Open: queue.IntakeOpen{Kind: kind, Source: "made up", Files: []string{"made-up.csv"}}, Files: []io.Reader{strings.NewReader(text)},
		})
		if err != nil || done.Counts["added"] != benchMessages {
			b.Fatalf("import %s: %v %v", kind, err, done.Counts)
		}
	}
}

func benchJob(b *testing.B) *dialer.Job {
	b.Helper()
	at, _ := time.Parse(time.RFC3339, "2027-03-20T20:00:00+01:00")
	return &dialer.Job{
		ID: "bench", Party: "party-a", Round: "FR-PRES-2027-R1", Purpose: "political", Channel: contact.SMS, Size: benchMessages,
		Message: dialer.JobMessage{Body: benchBody, Elements: map[string]string{
			"political_ad_label": "Publicité politique", "identity": "Parti des Tilleuls", "transparency_link": "tilleuls.example/pub",
			"data_origin": "fichier Contacts Citoyens", "opt_out_means": "STOP au 36111",
		}},
		Sender: "TILLEULS", Schedule: dialer.JobSchedule{End: at}, Budget: 100_000 * dialer.Unit,
	}
}
