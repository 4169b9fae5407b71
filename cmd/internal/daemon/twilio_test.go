package daemon

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// twilioHouse is a daemon that takes its carrier for Twilio itself, and lives in
// real time.
func twilioHouse(t *testing.T, change ...func(*sandbox.Options)) (*house, *sandbox.Server) {
	t.Helper()
	h := newHouse(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a-token-for-tests-only\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.outsideLog = filepath.Join(t.TempDir(), "carrier.log")
	options := sandbox.Options{Log: h.outsideLog, AccountSID: playedAccount, AuthToken: "a-token-for-tests-only", Instant: true}
	for _, change := range change {
		change(&options)
	}
	server, err := sandbox.New(options)
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
	storetest.ConfirmKeys(t, store.PathsIn(h.config.DataDirectory))
	address := freeAddress(t)
	h.config.Carrier = configs.Carrier{Kind: configs.CarrierTwilio, Twilio: configs.Twilio{
		AccountSID: playedAccount, AuthTokenFile: token, APIBaseURL: server.URL(), MaxConnections: 16, Timeout: 5 * time.Second,
	}}
	h.config.HTTP.Callbacks = configs.Callbacks{Listen: address, PublicURL: "http://" + address}
	h.config.RegistryFile = registryOfToday(t)
	if err := h.config.Validate(); err != nil {
		t.Fatal(err)
	}
	inbound, err := twilio.InboundURL(h.config.HTTP.Callbacks.PublicURL)
	if err == nil {
		err = server.SetInboundURL(inbound)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h, server
}

// registryOfToday is the example registry with fast senders and an election
// that is half a year away, whenever the test runs.
func registryOfToday(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../../configs/registry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for pattern, now := range map[string]string{
		`segments_per_second: \d+`:  "segments_per_second: 400",
		`declared_at: [-\d]+`:       "declared_at: " + time.Now().AddDate(0, -1, 0).Format(time.DateOnly),
		`(R1, polling_day): [-\d]+`: "$1: " + time.Now().AddDate(0, 6, 0).Format(time.DateOnly),
		`(R2, polling_day): [-\d]+`: "$1: " + time.Now().AddDate(0, 6, 14).Format(time.DateOnly),
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, now)
	}
	path := filepath.Join(t.TempDir(), "registry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openTerritory returns a territory where texts may be sent at this hour: there
// is always one in the Republic.
func openTerritory(t *testing.T) string {
	t.Helper()
	for _, code := range []string{"FR-75", "FR-988", "FR-971"} {
		territory, found := contact.FindTerritory(code)
		if !found {
			t.Fatalf("there is no territory %s", code)
		}
		local := time.Now().In(territory.Zones[0])
		if minutes := local.Hour()*60 + local.Minute(); minutes > 8*60+10 && minutes < 21*60 {
			return code
		}
	}
	t.Fatal("it is night everywhere")
	return ""
}

// orderNow is an order for today.
func orderNow(party string, size int) *dialer.Job {
	job := orderFor(party, size)
	job.Schedule = dialer.JobSchedule{End: time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)}
	return job
}

// closeNow waits for the campaign to close in real time.
func (h *house) closeNow(campaign string) *dialer.CampaignView {
	h.t.Helper()
	var view *dialer.CampaignView
	eventually(h.t, "the campaign is closed", func() bool {
		view = h.show(campaign)
		for _, parked := range view.Parked {
			if parked.Reason == consent.ElectionSilence.String() {
				h.t.Skip("the pack keeps silence today: nothing may be dialled in real time")
			}
		}
		return view.State == "closed"
	})
	if !view.Balance.Balances {
		h.t.Error(view.Balance.Fault)
	}
	return view
}

// Ensure that with Twilio as the carrier a campaign runs in real time to its
// end, that what Twilio did not sign is refused without effect, and that nobody
// moves the clock.
func TestDaemon_Twilio(t *testing.T) {
	t.Parallel()
	h, server := twilioHouse(t)
	h.start()
	numbers := invent(601)
	h.importPeopleAt(time.Now().AddDate(0, -2, 0), numbers, openTerritory(t), "party-a")
	if _, err := server.Reply(numbers[600], "TILLEULS", "STOP"); err != nil {
		t.Fatal(err)
	}
	h.forge("/twilio/inbound", url.Values{"From": {numbers[0]}, "To": {"TILLEULS"}, "Body": {"STOP"}, "MessageSid": {"SM" + strings.Repeat("0", 32)}})
	h.forge("/twilio/status/1-"+strings.Repeat("0", 32), url.Values{"MessageStatus": {"failed"}, "MessageSid": {"SM" + strings.Repeat("0", 32)}})
	eventually(t, "the STOP that was signed is known", func() bool { return strings.Contains(h.log.all(), dialer.EventObjection) })
	job := h.submit(orderNow("party-a", 601))
	view := h.closeNow(job.ID)
	if view.Balance.Audience != 600 || view.Balance.Final["delivered"] != 600 || view.Ending != "completed" {
		t.Errorf("ended as %q: %+v", view.Ending, view.Balance)
	}
	if verdict := judge(t, h.carrierLog(), nil); verdict.Created != 600 || verdict.OptOuts != 1 {
		t.Errorf("the carrier's log: %+v", verdict)
	}
	err := h.client.Call(t.Context(), queue.VerbSandboxClock, queue.SandboxClock{Advance: dialer.Duration(time.Hour)}, nil)
	if queue.CodeOf(err) != queue.CodeRefused {
		t.Errorf("the real clock was moved: %v", err)
	}
	if status := h.status(); status.Sandbox || status.CarrierURL != "" || status.Speed != 0 {
		t.Errorf("status tells of a sandbox: %+v", status)
	}
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}

// forge posts a callback that Twilio did not sign.
func (h *house) forge(path string, form url.Values) {
	h.t.Helper()
	for _, signature := range []string{"", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.config.HTTP.Callbacks.PublicURL+path, strings.NewReader(form.Encode()))
		if err != nil {
			h.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if signature != "" {
			request.Header.Set("X-Twilio-Signature", signature)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			h.t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			h.t.Errorf("%s with signature %q: %s", path, signature, response.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// outsideNATS is a NATS server that is not the daemon's own.
type outsideNATS struct {
	options queue.ServerOptions
	server  *queue.Server
}

func newOutsideNATS(t *testing.T) *outsideNATS {
	t.Helper()
	return &outsideNATS{options: queue.ServerOptions{
		StoreDirectory: t.TempDir(), Listen: freeAddress(t), Token: "a-token-of-nats", Logger: zerolog.Nop(),
	}}
}

func (n *outsideNATS) start(t *testing.T) {
	t.Helper()
	server, err := queue.StartServer(n.options)
	if err != nil {
		t.Fatal(err)
	}
	n.server = server
	t.Cleanup(func() { _ = server.Shutdown(context.Background()) }) // it may have been stopped already
}

func (n *outsideNATS) stop(t *testing.T) {
	t.Helper()
	if err := n.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rest halts dialling, and waits until the carrier has told the end of every
// message: in real time nobody waits for the poll that replaces a callback which
// found the daemon stopped.
func (h *house) rest() {
	h.t.Helper()
	if err := os.WriteFile(h.file(stopFileName), nil, 0o600); err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "the carrier has told the end of every message", func() bool {
		h.atRest()
		open := map[string]bool{}
		for _, record := range readCarrier(h.t, h.carrierLog()) {
			switch {
			case record.Kind == sandbox.KindCreated:
				open[record.Sid] = true
			case record.Kind == sandbox.KindCallback && record.Status == "delivered" && record.HTTP/100 == 2:
				delete(open, record.Sid)
			}
		}
		return len(open) == 0
	})
}

// goOn lets a daemon dial that was told to rest.
func (h *house) goOn() {
	h.t.Helper()
	if err := os.Remove(h.file(stopFileName)); err != nil {
		h.t.Fatal(err)
	}
}

// Ensure that a daemon with an outside NATS server dials on while that is away,
// even after a restart, and is there for operators again once it is back.
func TestDaemon_OutsideNATS(t *testing.T) {
	t.Parallel()
	outside := newOutsideNATS(t)
	outside.start(t)
	h, _ := twilioHouse(t)
	// A file may hold no secret, so there only credentials work; this server
	// knows a token only.
	h.token = outside.options.Token
	h.config.NATS = configs.NATS{URL: fmt.Sprintf("nats://%s@%s", h.token, outside.options.Listen)}
	h.start()
	h.importPeopleAt(time.Now().AddDate(0, -2, 0), invent(600), openTerritory(t), "party-a")
	job := h.submit(orderNow("party-a", 600))
	outside.stop(t)
	before := requests(t, h.carrierLog())
	eventually(t, "dialling goes on", func() bool { return requests(t, h.carrierLog()) > before })
	h.rest()
	h.stop()
	h.goOn()
	if before = requests(t, h.carrierLog()); before == 600 {
		t.Fatal("all were dialled before the restart: the test shows nothing")
	}
	h.run()
	eventually(t, "everybody is dialled although NATS is away", func() bool { return requests(t, h.carrierLog()) == 600 })
	outside.start(t)
	h.attach()
	eventually(t, "the daemon is ready for operators", func() bool {
		var status queue.Status
		return h.client.Call(t.Context(), queue.VerbStatus, nil, &status) == nil && status.Ready
	})
	view := h.closeNow(job.ID)
	if view.Balance.Final["delivered"] != 600 {
		t.Errorf("%+v", view.Balance)
	}
	h.submit(orderNow("party-b", 500))
	judge(t, h.carrierLog(), nil)
	h.stop()
	mustBeSound(t, h.config.DataDirectory)
}
