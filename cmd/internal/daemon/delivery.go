package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/report"
)

// delivery is what a party reaches with its token: its own campaigns in four words,
// and its reports as they were released. There is no other route, and no figure that
// is not in a report.
type delivery struct {
	daemon *Daemon
	// failures bounds how often somebody may try tokens that are none. Those who
	// have one are never limited.
	failures *rate.Limiter
}

const (
	failuresASecond = 5
	failuresAtOnce  = 50
)

func (d *Daemon) openDelivery() error {
	settings := d.config.HTTP.Reports
	if settings.Listen == "" {
		return nil
	}
	listener, err := listen(settings.Listen)
	if err != nil {
		return fmt.Errorf("listen for parties: %w (set http.reports.listen to another address)", err)
	}
	d.reportsAddress = listener.Addr().String()
	server := &http.Server{
		Handler:           d.answering("reports", (&delivery{d, rate.NewLimiter(failuresASecond, failuresAtOnce)}).routes()),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
	}
	serve := func() error { return server.Serve(listener) }
	if settings.Certificate != "" {
		pair, err := newCertificate(settings.Certificate, settings.Key)
		if err != nil {
			_ = listener.Close()
			return fmt.Errorf("http.reports: %w", err)
		}
		server.TLSConfig = pair.config()
		serve = func() error { return server.ServeTLS(listener, "", "") }
	}
	go func() { _ = serve() }() // returns once the server is shut down
	d.onClose("reports listener", d.bounded(server.Shutdown))
	return nil
}

func (s *delivery) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/campaigns", s.forParty(s.campaigns))
	mux.HandleFunc("GET /v1/reports/{file}", s.forParty(s.report))
	mux.HandleFunc("GET /v1/key", s.forParty(s.key))
	mux.HandleFunc("/", s.forParty(func(w http.ResponseWriter, _ *http.Request, _ string) { s.nothing(w) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "private, no-cache")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		if r.URL.Path != path.Clean(r.URL.Path) { // no mux redirects anybody anywhere
			s.refuse(w, http.StatusNotFound, "there is nothing there")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
		mux.ServeHTTP(w, r)
	})
}

// forParty lets in whoever has a token, and says whose it is.
func (s *delivery) forParty(answer func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secret, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		token, valid, err := s.daemon.dialer.TokenOf(r.Context(), secret)
		switch {
		case err != nil:
			s.refuse(w, http.StatusServiceUnavailable, "ask again later")
		case given && valid:
			s.daemon.log.Info().Str(dialer.FieldEvent, eventReportServed).Str(dialer.FieldParty, token.Party).Str("token", token.ID).
				Str("route", routeOf(r)).Send()
			answer(w, r, token.Party)
		case s.failures.Allow():
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.refuse(w, http.StatusUnauthorized, "a token is wanted: Authorization: Bearer TOKEN")
		default:
			s.refuse(w, http.StatusTooManyRequests, "too many have tried tokens that are none")
		}
	}
}

// routeOf is the route as the log has it: a path may be anything.
func routeOf(r *http.Request) string {
	if _, route, found := strings.Cut(r.Pattern, " "); found {
		return route
	}
	return "none"
}

func (s *delivery) refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

// nothing is the answer for what is not there and for what is another party's: they
// cannot be told apart.
func (s *delivery) nothing(w http.ResponseWriter) {
	s.refuse(w, http.StatusNotFound, "there is nothing there")
}

// servedCampaign is what a party sees of a campaign before its report: a word.
type servedCampaign struct {
	Campaign string `json:"campaign"`
	Round    string `json:"round"`
	Channel  string `json:"channel"`
	State    string `json:"state"`
}

// coarse are the words for the states of a campaign. No progress shows through.
var coarse = map[string]string{
	"accepted": "accepted", "planned": "accepted", "ready": "accepted",
	"trial": "running", "running": "running", "paused": "running", "held": "running",
	"closing": "closed", "closed": "closed",
}

func (s *delivery) campaigns(w http.ResponseWriter, _ *http.Request, party string) {
	released, err := s.daemon.releasedNames()
	views, failed := s.daemon.dialer.List()
	if err != nil || failed != nil {
		s.refuse(w, http.StatusServiceUnavailable, "ask again later")
		return
	}
	served := []servedCampaign{}
	for _, view := range views {
		if view.Party != party {
			continue
		}
		one := servedCampaign{Campaign: view.ID, Round: view.Round, Channel: view.Channel, State: coarse[view.State]}
		if slices.Contains(released, view.ID) {
			one.State = "reported"
		}
		served = append(served, one)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"campaigns": served})
}

// contentTypes are those of the files that there are of a report.
var contentTypes = map[string]string{
	"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8", "sig": "text/plain; charset=utf-8",
}

// report serves a file of a report as it was released.
func (s *delivery) report(w http.ResponseWriter, r *http.Request, party string) {
	campaign, format, found := strings.Cut(r.PathValue("file"), ".")
	if !found {
		s.nothing(w)
		return
	}
	switch kept, released, err := s.daemon.releasedReport(campaign); {
	case err != nil:
		s.refuse(w, http.StatusServiceUnavailable, "ask again later")
	case released && kept.Party == party:
		s.serve(w, r, &kept, format)
	default:
		s.nothing(w)
	}
}

func (s *delivery) serve(w http.ResponseWriter, r *http.Request, kept *dialer.StoredReport, format string) {
	content, there := kept.Files["report."+format]
	if !there {
		s.nothing(w)
		return
	}
	sum := sha256.Sum256(content)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	w.Header().Set("Content-Type", contentTypes[format[strings.LastIndexByte(format, '.')+1:]])
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// key serves the public key by which reports are checked. A party compares it with
// the one that it was handed.
func (s *delivery) key(w http.ResponseWriter, r *http.Request, _ string) {
	text, err := report.MarshalPublicKey(s.daemon.signing.Public())
	if err != nil {
		s.refuse(w, http.StatusServiceUnavailable, "ask again later")
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}
