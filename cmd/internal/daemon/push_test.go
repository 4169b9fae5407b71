package daemon

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

// partyServer is a party's own server. It answers the first pushes with trouble.
type partyServer struct {
	*httptest.Server
	mu     sync.Mutex
	pushes []pushed
	strays int
}

// pushed is what came with one push.
type pushed struct{ id, campaign, signature, body string }

func newPartyServer(t *testing.T) *partyServer {
	t.Helper()
	s := new(partyServer)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hustings", s.take)
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.strays++
	})
	s.Server = httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *partyServer) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	signature, _ := base64.StdEncoding.DecodeString(r.Header.Get(headerSignature))
	s.mu.Lock()
	s.pushes = append(s.pushes, pushed{r.Header.Get(headerDelivery), r.Header.Get(headerCampaign), string(signature), string(body)})
	count := len(s.pushes)
	s.mu.Unlock()
	switch count {
	case 1:
		w.WriteHeader(http.StatusInternalServerError)
	case 2:
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	case 3:
		panic(http.ErrAbortHandler) // the connection ends with no answer
	default:
		_, _ = io.WriteString(w, "thanks")
	}
}

func (s *partyServer) taken() (pushes []pushed, strays int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]pushed(nil), s.pushes...), s.strays
}

// trust are the certificates by which the server is known.
func (s *partyServer) trust() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// pushRegistry writes the embedded registry with a server for party-a's reports.
func pushRegistry(t *testing.T, target string) string {
	t.Helper()
	text, err := os.ReadFile("../../../configs/registry.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const group = "    owner_group: tilleuls"
	changed := strings.Replace(string(text), group, fmt.Sprintf("    report_push: %s\n", target)+group, 1)
	if changed == string(text) {
		t.Fatal("the embedded registry has no such party")
	}
	path := filepath.Join(t.TempDir(), "registry.yaml")
	if err := os.WriteFile(path, []byte("push_hosts: [127.0.0.1]\n"+changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// delivery is how far the push of the only report is, nil for none.
func (h *house) delivery() *dialer.Delivery {
	h.t.Helper()
	var infos []queue.ReportInfo
	if err := h.client.Call(h.t.Context(), queue.VerbReportList, nil, &infos); err != nil {
		h.t.Fatal(err)
	}
	for _, info := range infos {
		if info.Party == "party-a" {
			return info.Delivery
		}
	}
	return nil
}

// Ensure that a report reaches its party's server byte for byte, with a signature
// that holds, through trouble and a restart, under one ID; that no redirect is
// followed; and that it is sent again when an operator says so.
func TestPush(t *testing.T) {
	t.Parallel()
	server := newPartyServer(t)
	h := newHouse(t)
	h.seams.Trust = server.trust()
	h.config.RegistryFile = pushRegistry(t, server.URL+"/hustings")
	h.start()
	numbers := invent(40)
	h.importPeople(numbers[:20], "FR-75", "party-a")
	h.importPeople(numbers[20:], "FR-75", "party-b")
	a, b := h.submit(orderFor("party-a", 500)).ID, h.submit(orderFor("party-b", 500)).ID
	h.untilReported(h.close(h.advance, a, b))
	eventually(t, "it was tried", func() bool { d := h.delivery(); return d != nil && d.Tries > 0 })
	h.stop()
	h.start()
	eventually(t, "it is delivered", func() bool { d := h.delivery(); return d != nil && !d.Delivered.IsZero() })
	pushes, strays := server.taken()
	stored, err := os.ReadFile(h.file("reports/" + a + "/report.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range pushes {
		if got.body != string(stored) || got.campaign != a || got.id == "" || got.id != pushes[0].id {
			t.Errorf("push %d is of %q under %q with %d bytes", i+1, got.campaign, got.id, len(got.body))
		}
		if err := report.Verify(h.daemon.signing.Public(), []byte(got.body), []byte(got.signature)); err != nil {
			t.Errorf("push %d: %v", i+1, err)
		}
	}
	if len(pushes) < 4 || strays != 0 {
		t.Errorf("%d pushes, %d requests elsewhere", len(pushes), strays)
	}
	var again dialer.Delivery
	if err := h.client.Call(t.Context(), queue.VerbReportResend, queue.CampaignRequest{Campaign: a, Operator: "op-anne"}, &again); err != nil || again.ID != pushes[0].id {
		t.Fatalf("pushed again as %+v, %v", again, err)
	}
	eventually(t, "it comes again", func() bool { now, _ := server.taken(); return len(now) > len(pushes) })
	err = h.client.Call(t.Context(), queue.VerbReportResend, queue.CampaignRequest{Campaign: b, Operator: "op-anne"}, nil)
	if queue.CodeOf(err) != queue.CodeRefused {
		t.Errorf("what was never pushed is pushed again: %v", err)
	}
}

// Ensure that a push goes to no address but one of the public Internet, whatever the
// name leads to; that the certificate must be good; and that what is told of a failure
// is ours.
func TestPush_Refuses(t *testing.T) {
	t.Parallel()
	server := newPartyServer(t)
	kept := &dialer.StoredReport{Files: map[string][]byte{"report.json": []byte("{}")}}
	try := func(client *http.Client, target string) error {
		return push(t.Context(), client, target, dialer.Delivery{ID: "x"}, kept)
	}
	local := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, target := range []string{server.URL, local} {
		if err := try(newPusher(false, Seams{Trust: server.trust()}), target); !errors.Is(err, errForbidden) {
			t.Errorf("%s, at a real carrier: %v", target, err)
		}
	}
	for name, client := range map[string]*http.Client{
		"whom nobody vouches for": newPusher(true, Seams{}),
		"of another name":         newPusher(true, Seams{Trust: server.trust()}),
	} {
		target := server.URL
		if name == "of another name" {
			target = local
		}
		if err := try(client, target); err == nil || !strings.Contains(err.Error(), "certificate is not good") {
			t.Errorf("a server %s: %v", name, err)
		}
	}
	if pushes, strays := server.taken(); len(pushes)+strays != 0 {
		t.Errorf("%d requests came", len(pushes)+strays)
	}
	for address, allowed := range map[string]bool{
		"93.184.216.34:443": true, "[2606:2800:220:1::1]:443": true,
		"127.0.0.1:443": false, "[::1]:443": false, "10.1.2.3:443": false, "172.16.0.1:443": false, "192.168.1.1:443": false,
		"169.254.169.254:80": false, "[fe80::1]:443": false, "[fd00::1]:443": false, "224.0.0.1:443": false, "0.0.0.0:443": false,
		"100.64.0.1:443": false, "198.18.0.1:443": false, "240.0.0.1:443": false, "255.255.255.255:443": false,
		"[::ffff:127.0.0.1]:443": false, "[::ffff:169.254.169.254]:443": false, "[64:ff9b::a9fe:a9fe]:443": false, "[2002:7f00:1::]:443": false, "nonsense": false,
	} {
		if err := public(false)("tcp", address, nil); (err == nil) != allowed {
			t.Errorf("%s: %v", address, err)
		}
	}
	if public(true)("tcp", "127.0.0.1:443", nil) != nil || public(true)("tcp", "10.0.0.1:443", nil) == nil {
		t.Error("in a SANDBOX this machine is not allowed, or another is")
	}
}
