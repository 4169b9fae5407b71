package daemon

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
)

// scrape returns what the ops listener measures, by name and labels.
func (h *house) scrape() map[string]float64 {
	h.t.Helper()
	response, err := http.Get("http://" + h.config.HTTP.Ops.Listen + "/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		h.t.Fatalf("scrape: %s, %v", response.Status, err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, text, found := strings.Cut(strings.TrimSpace(line), " ")
		value, err := strconv.ParseFloat(text, 64)
		if strings.HasPrefix(line, "#") || !found || err != nil {
			continue
		}
		values[name] = value
	}
	return values
}

// Ensure that what is measured is what has happened, by the carrier's log; that
// every name stands in the README; and that a halt shows while it holds.
func TestDaemon_Metrics(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config.HTTP.Ops.Listen = freeAddress(t)
	h.config.Carrier.Sandbox.StopFraction = 0.1
	h.start()
	h.importPeople(invent(600), "FR-75", "party-a")
	job := h.submit(orderFor("party-a", 500))
	h.close(h.advance, job.ID)
	told := 0
	eventually(t, "all texts are answered", func() bool {
		var sent, answered int
		told = 0
		for _, record := range readCarrier(t, h.carrierLog()) {
			switch record.Kind {
			case sandbox.KindInbound:
				sent++
			case sandbox.KindInboundAnswered:
				answered++
			case sandbox.KindCallback:
				told++
			default:
			}
		}
		return sent > 0 && sent == answered
	})
	for range repeatsPerMinute + 20 {
		if err := h.client.Call(t.Context(), queue.VerbCampaignShow, queue.CampaignRequest{Campaign: "nobodys"}, nil); err == nil {
			t.Fatal("there is a campaign of nobody's")
		}
	}
	measured := h.scrape()
	for name, least := range map[string]float64{
		`hustings_opt_out_effective_seconds_count{way="sms"}`:             10,
		`hustings_ledger_moves_total`:                                     1500,
		`hustings_ledger_commit_seconds_count`:                            10,
		`hustings_data_free_bytes`:                                        1,
		`hustings_callbacks_total{result="status"}`:                       float64(told),
		`hustings_callbacks_total{result="inbound"}`:                      10,
		`hustings_catch_up_age_seconds`:                                   0,
		`hustings_requests_in_flight_limit`:                               1,
		`hustings_carrier_requests_total{class="2xx",operation="create"}`: 500,
		`hustings_carrier_answer_seconds_count`:                           500,
		`hustings_decisions_total{reason="OK"}`:                           500,
		`hustings_sender_granted_total{sender="TILLEULS"}`:                500,
		`hustings_sender_rate{sender="TILLEULS"}`:                         1,
		`hustings_log_suppressed_total{event="queue.request_failed"}`:     20,
		`hustings_store_bytes{file="ledger"}`:                             1,
		`hustings_store_bytes{file="journal"}`:                            1,
	} {
		if got, there := measured[name]; !there || got < least {
			t.Errorf("%s is %v (%v), want %v at least", name, got, there, least)
		}
	}
	for _, name := range []string{
		`hustings_requests_in_flight`, `hustings_attempts_in_doubt`, `hustings_halted{reason="stop_file"}`, `hustings_halted{reason="disk"}`,
		`hustings_halted{reason="clock"}`, `hustings_callbacks_total{result="bad_signature"}`, `hustings_callbacks_total{result="deferred"}`,
		`hustings_recipients_due`, `hustings_queue_pending{queue="jobs"}`, `hustings_queue_pending{queue="optouts"}`,
	} {
		if got, there := measured[name]; !there || got != 0 {
			t.Errorf("%s is %v (%v), want 0", name, got, there)
		}
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(_bucket|_sum|_count)?(\{.*)?$`)
	for name := range measured {
		if name = plain.ReplaceAllString(name, ""); strings.HasPrefix(name, "hustings_") && !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("%s does not stand in the README", name)
		}
	}
	if err := os.WriteFile(h.file(stopFileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the halt is measured", func() bool { return h.scrape()[`hustings_halted{reason="stop_file"}`] == 1 })
}

// promisedLatency is within which 99 of 100 opt-outs are effective, from when we
// hear of them, while messages are sent at full speed.
const promisedLatency = 250 * time.Millisecond

// latencyBound is what a test asserts: on a machine that does other work, too, it
// may take longer once in a while.
const latencyBound = 2 * time.Second

// Ensure that opt-outs by text and by operators are effective within the bound
// while messages are sent as fast as the machine can. The figures that it logs
// are the measurement: go test -count=1 -run OptOutLatency -v ./cmd/internal/daemon .
func TestDaemon_OptOutLatency(t *testing.T) { // alone, so that the figures are its own
	const people, each = 9000, 100
	h := newHouse(t)
	h.atFastCarrier()
	h.start()
	numbers := invent(people)
	h.importPeople(numbers, "FR-75", "party-a")
	job := orderFor("party-a", people)
	job.Budget = 10_000 * dialer.Unit
	h.submit(job)
	eventually(t, "dialling is under way", func() bool { return requests(t, h.carrierLog()) > 100 })
	began, before := time.Now(), requests(t, h.carrierLog())
	acknowledged := make(map[string]time.Time, 2*each)
	var mu sync.Mutex
	measure := func(way string, from int, tell func(number string) error) func() {
		return func() {
			took := make([]time.Duration, each)
			for i := range took {
				number, asked := numbers[people-1-from-2*i], time.Now()
				if err := tell(number); err != nil {
					t.Errorf("%s: %v", way, err)
				}
				took[i] = time.Since(asked)
				mu.Lock()
				acknowledged[number] = time.Now()
				mu.Unlock()
			}
			slices.Sort(took)
			p50, p99 := took[each/2], took[each*99/100]
			t.Logf("%s: %d opt-outs, p50 %s, p99 %s, longest %s (promised: p99 below %s)", way, each, p50, p99, took[each-1], promisedLatency)
			if p99 > latencyBound {
				t.Errorf("%s: p99 is %s", way, p99)
			}
		}
	}
	var both sync.WaitGroup
	both.Go(measure("operator", 0, func(number string) error {
		_, err := h.client.OptOut(t.Context(), queue.OptOut{Number: number, Way: "operator"})
		return err
	}))
	both.Go(measure("sms", 1, h.sayStop))
	both.Wait()
	t.Logf("meanwhile %.0f messages a second were sent", float64(requests(t, h.carrierLog())-before)/time.Since(began).Seconds())
	if state := h.show(job.ID).State; state != "running" {
		t.Errorf("the campaign was %s before the last opt-out: the run shows little", state)
	}
	view := h.close(func(time.Duration) {}, job.ID)[0]
	judge(t, h.carrierLog(), acknowledged)
	measured := h.scrape()
	for _, way := range []string{"operator", "sms"} {
		if n := measured[`hustings_opt_out_effective_seconds_count{way="`+way+`"}`]; n != each {
			t.Errorf("%v opt-outs were measured by way of %s", n, way)
		}
		t.Logf("%s: %v of %d within 250 ms by the daemon's own measure", way,
			measured[`hustings_opt_out_effective_seconds_bucket{way="`+way+`",le="0.25"}`], each)
	}
	if n := view.Balance.Attempts; n < people*3/4 {
		t.Errorf("only %d messages were sent", n)
	}
}

// fastToken is what the fast carrier signs with.
const fastToken = "a-token-for-tests-only"

// atFastCarrier gives the house a carrier that answers at once, whose token is
// known, and senders that no machine keeps up with.
func (h *house) atFastCarrier() {
	h.t.Helper()
	folder := h.t.TempDir()
	h.outsideLog = filepath.Join(folder, "carrier.log")
	token := filepath.Join(folder, "token")
	if err := os.WriteFile(token, []byte(fastToken+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	server, err := sandbox.New(sandbox.Options{
		Log: h.outsideLog, AccountSID: playedAccount, AuthToken: fastToken, Instant: true, StopFraction: -1,
		Start: h.config.Carrier.Sandbox.Clock.Start, Speed: 1,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = server.Close() })
	if err := server.Start("127.0.0.1:0"); err != nil {
		h.t.Fatal(err)
	}
	address := freeAddress(h.t)
	sandbox := &h.config.Carrier.Sandbox
	sandbox.APIBaseURL, sandbox.AccountSID, sandbox.AuthTokenFile = server.URL(), playedAccount, token
	h.config.HTTP.Callbacks = configs.Callbacks{Listen: address, PublicURL: "http://" + address}
	h.config.HTTP.Ops.Listen = freeAddress(h.t)
	h.config.RegistryFile = fastRegistry(h.t)
}

// advanceCarrier moves the time of a carrier outside of the daemon on.
func (h *house) advanceCarrier(span time.Duration) {
	h.t.Helper()
	order := strings.NewReader(fmt.Sprintf(`{"advance":%q}`, span))
	response, err := http.Post(h.config.Carrier.Sandbox.APIBaseURL+"/sandbox/clock", "application/json", order)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode/100 != 2 {
		h.t.Fatalf("move the carrier's clock: %s", response.Status)
	}
}

// sayStop tells the daemon of somebody's STOP as the carrier does, and returns
// once that was acknowledged.
func (h *house) sayStop(number string) error {
	address := h.config.HTTP.Callbacks.PublicURL + "/twilio/inbound"
	form := url.Values{"From": {number}, "To": {"TILLEULS"}, "Body": {"STOP"}, "MessageSid": {fmt.Sprintf("SM%032x", []byte(number[1:]))}}
	code := hmac.New(sha1.New, []byte(fastToken))
	_, _ = io.WriteString(code, address)
	for _, key := range slices.Sorted(maps.Keys(form)) {
		_, _ = io.WriteString(code, key+form.Get(key))
	}
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(code.Sum(nil)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s, %w", response.Status, err)
	}
	return nil
}

// fastRegistry is the example registry with senders that no machine keeps up
// with.
func fastRegistry(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../../configs/registry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`segments_per_second: \d+`).ReplaceAllString(string(content), "segments_per_second: 10000")
	path := filepath.Join(t.TempDir(), "registry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Ensure that alerts ask for metrics that there are.
func TestAlertsAndDashboard(t *testing.T) {
	t.Parallel()
	alerts, err := os.ReadFile("../../../configs/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dashboard, err := os.ReadFile("../../../configs/grafana/hustings.json")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{"the alert rules": alerts, "the dashboard": dashboard} {
		asked := regexp.MustCompile(`hustings_[a-z_]+`).FindAllString(string(content), -1)
		if len(asked) == 0 {
			t.Errorf("no metric is asked for in %s: is it written otherwise?", file)
		}
		for _, name := range asked {
			if name = regexp.MustCompile(`_(bucket|count)$`).ReplaceAllString(name, ""); !strings.Contains(string(readme), "`"+name+"`") {
				t.Errorf("%s, in %s, is no metric that the README has", name, file)
			}
		}
	}
}
