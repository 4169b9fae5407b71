package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
	"github.com/hustings/hustings/queue"
)

// certify writes a certificate for this machine, and its key.
func certify(t *testing.T, serial int64, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "reports"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		// The clock of a file system may be coarse.
		if stamp := time.Now().Add(time.Duration(serial) * time.Minute); os.Chtimes(path, stamp, stamp) != nil {
			t.Fatal("the file's time cannot be set")
		}
	}
}

// reader is somebody at the reports listener.
type reader struct {
	t      *testing.T
	base   string
	client *http.Client
	token  string
}

func (h *house) reader(token string) *reader {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &reader{h.t, "https://" + h.config.HTTP.Reports.Listen, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}, token}
}

// ask asks for a path as it stands, whatever is in it.
func (r *reader) ask(method, path string, header ...string) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.base, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.URL.Opaque = "//" + request.URL.Host + path
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := r.client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response, string(body)
}

func (h *house) makeToken(party string) queue.TokenMade {
	h.t.Helper()
	var made queue.TokenMade
	if err := h.client.Call(h.t.Context(), queue.VerbTokenCreate, queue.TokenRequest{Party: party, Label: "office", Operator: "op-anne"}, &made); err != nil {
		h.t.Fatal(err)
	}
	return made
}

// reported is a house in which two parties' campaigns have been reported, with a
// listener for them.
func reported(t *testing.T) (*house, []queue.ReportInfo) {
	t.Helper()
	h := newHouse(t)
	folder := t.TempDir()
	h.config.HTTP.Reports = configs.Reports{
		Listen: freeAddress(t), Certificate: filepath.Join(folder, "reports.pem"), Key: filepath.Join(folder, "reports.key"),
	}
	certify(t, 1, h.config.HTTP.Reports.Certificate, h.config.HTTP.Reports.Key)
	h.start()
	numbers := invent(40)
	h.importPeople(numbers[:20], "FR-75", "party-a")
	h.importPeople(numbers[20:], "FR-75", "party-b")
	a, b := h.submit(orderFor("party-a", 500)).ID, h.submit(orderFor("party-b", 500)).ID
	return h, h.untilReported(h.close(h.advance, a, b))
}

// Ensure that a party fetches its report as it was released and signed, byte for
// byte; that what is another's cannot be told from what is not there; and that its
// token opens nothing else, on no listener.
func TestDelivery(t *testing.T) {
	t.Parallel()
	h, reports := reported(t)
	a, b := h.makeToken("party-a"), h.makeToken("party-b")
	party := h.reader(a.Secret)
	for _, name := range []string{"json", "csv", "html", "json.sig", "csv.sig", "html.sig"} {
		response, body := party.ask("GET", "/v1/reports/"+reports[0].Campaign+"."+name)
		stored, err := os.ReadFile(h.file("reports/" + reports[0].Campaign + "/report." + name))
		if err != nil || response.StatusCode != http.StatusOK || body != string(stored) {
			t.Errorf("%s: %s, %d bytes, want the %d that were released (%v)", name, response.Status, len(body), len(stored), err)
		}
		if again, body := party.ask("GET", "/v1/reports/"+reports[0].Campaign+"."+name, "If-None-Match", response.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s asked for again: %s", name, again.Status)
		}
		if head, _ := party.ask("HEAD", "/v1/reports/"+reports[0].Campaign+"."+name); head.StatusCode != http.StatusOK || head.ContentLength != int64(len(stored)) {
			t.Errorf("%s, its head: %s, %d bytes", name, head.Status, head.ContentLength)
		}
	}
	_, document := party.ask("GET", "/v1/reports/"+reports[0].Campaign+".json")
	_, signature := party.ask("GET", "/v1/reports/"+reports[0].Campaign+".json.sig")
	_, key := party.ask("GET", "/v1/key")
	public, err := report.ParsePublicKey([]byte(key))
	if err == nil {
		err = report.Verify(public, []byte(document), []byte(signature))
	}
	if err != nil {
		t.Errorf("the report that was fetched: %v", err)
	}
	var list struct{ Campaigns []map[string]string }
	if _, body := party.ask("GET", "/v1/campaigns"); json.Unmarshal([]byte(body), &list) != nil || len(list.Campaigns) != 1 ||
		len(list.Campaigns[0]) != 4 || list.Campaigns[0]["state"] != "reported" {
		t.Errorf("the party's campaigns are %s", body)
	}
	_, nothing := party.ask("GET", "/v1/reports/no-such-campaign.json")
	for _, path := range []string{
		"/v1/reports/" + reports[1].Campaign + ".json", "/v1/reports/" + reports[1].Campaign + ".json.sig", "/v1/reports/" + reports[0].Campaign + ".pdf",
		"/v1/reports/" + reports[0].Campaign, "/v1/reports/", "/v1/reports/../../ledger.db", "/v1/reports/%2e%2e%2fledger.db",
		"/v1/reports/" + reports[0].Campaign + ".json/../" + reports[1].Campaign + ".json", "//v1/campaigns", "/v1/campaigns/", "/v1", "/",
		"/metrics", "/healthz", "/readyz", "/twilio/inbound", "/v1/reports/" + reports[0].Campaign + ".json%00", "/V1/campaigns",
	} {
		if response, body := party.ask("GET", path); response.StatusCode != http.StatusNotFound || body != nothing {
			t.Errorf("%s: %s, %q", path, response.Status, body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"} {
		if response, body := party.ask(method, "/v1/campaigns"); response.StatusCode/100 != 4 || strings.Contains(body, "party") {
			t.Errorf("%s: %s, %q", method, response.Status, body)
		}
	}
	for listener, base := range map[string]string{"callbacks": h.daemon.carrier.publicURL} {
		elsewhere := *party
		elsewhere.base = base
		if response, _ := elsewhere.ask("GET", "/v1/campaigns"); response.StatusCode/100 == 2 {
			t.Errorf("a party's token opens the listener for %s", listener)
		}
	}
	if client, err := queue.Dial(queue.ClientOptions{URL: h.daemon.conn.URL(), Token: a.Secret}); err == nil {
		client.Close()
		t.Error("a party's token opens NATS")
	}
	var notice []byte
	if err := h.client.Call(t.Context(), queue.VerbNoticeShow, queue.ReportRequest{Campaign: reports[0].Campaign, Format: "json"}, &notice); err != nil {
		t.Fatal(err)
	}
	var told report.Notice
	if err := json.Unmarshal(notice, &told); err != nil || told.Sponsor != "Association de financement du Parti des Tilleuls" || told.Amount != "175.00" || told.From == "" || len(told.Texts) != 1 {
		t.Errorf("the notice is %s (%v)", notice, err)
	}
	other := h.reader(b.Secret)
	if response, _ := other.ask("GET", "/v1/reports/"+reports[1].Campaign+".csv"); response.StatusCode != http.StatusOK {
		t.Errorf("the other party's own report: %s", response.Status)
	}
	if log := h.log.tail(); strings.Contains(log, a.Secret) || !strings.Contains(log, `"event":"report.served"`) {
		t.Error("the log has a secret, or no access")
	}
}

// Ensure that a token that was taken back opens nothing any more, over a connection
// that is open, too; that those who try tokens are slowed down, and nobody else; and
// that slow and greedy clients keep nobody out.
func TestDelivery_Refuses(t *testing.T) {
	t.Parallel()
	h, _ := reported(t)
	kept, revoked := h.makeToken("party-a"), h.makeToken("party-a")
	slow, err := net.Dial("tcp", h.config.HTTP.Reports.Listen) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Close() }()
	party := h.reader(revoked.Secret)
	if response, _ := party.ask("GET", "/v1/campaigns"); response.StatusCode != http.StatusOK {
		t.Fatalf("before: %s", response.Status)
	}
	var gone dialer.PartyToken
	if err := h.client.Call(t.Context(), queue.VerbTokenRevoke, queue.TokenRequest{ID: revoked.ID, Operator: "op-anne"}, &gone); err != nil || gone.Revoked.IsZero() {
		t.Fatalf("revoke: %+v, %v", gone, err)
	}
	response, _ := party.ask("GET", "/v1/campaigns")
	if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("after: %s", response.Status)
	}
	limited := 0
	for _, wrong := range []string{"", "x", kept.Secret[:len(kept.Secret)-1], strings.ToUpper(kept.Secret), kept.ID} {
		stranger := h.reader(wrong)
		for range 20 {
			switch response, _ := stranger.ask("GET", "/v1/campaigns"); response.StatusCode {
			case http.StatusUnauthorized:
			case http.StatusTooManyRequests:
				limited++
			default:
				t.Fatalf("a token that is none: %s", response.Status)
			}
		}
	}
	if limited == 0 {
		t.Error("nobody is slowed down who tries tokens")
	}
	holder := h.reader(kept.Secret)
	if response, _ := holder.ask("GET", "/v1/campaigns"); response.StatusCode != http.StatusOK {
		t.Errorf("who has a token, meanwhile: %s", response.Status)
	}
	if response, _ := holder.ask("GET", "/v1/campaigns", "X-Much", strings.Repeat("x", 64<<10)); response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 64 KiB: %s", response.Status)
	}
	h.stop()
	h.start()
	for secret, want := range map[string]int{kept.Secret: http.StatusOK, revoked.Secret: http.StatusUnauthorized} {
		if response, _ := h.reader(secret).ask("GET", "/v1/campaigns"); response.StatusCode != want {
			t.Errorf("after a restart: %s, want %d", response.Status, want)
		}
	}
}

// Ensure that a certificate that was renewed is used without a restart, and that one
// that is half written does no harm.
func TestCertificate(t *testing.T) {
	t.Parallel()
	file, key := filepath.Join(t.TempDir(), "pem"), filepath.Join(t.TempDir(), "key")
	certify(t, 1, file, key)
	c, err := newCertificate(file, key)
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := c.config().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return parsed.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("serial %d, want 1", got)
	}
	certify(t, 2, file, key)
	if got := serial(); got != 2 {
		t.Errorf("after the renewal serial %d", got)
	}
	if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("with half a file serial %d", got)
	}
	if _, err := newCertificate(file, key); err == nil {
		t.Error("half a certificate is taken at the start")
	}
}
