package configs

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of what can be meant.
const (
	maxInFlight    = 1024
	maxConnections = 1024
	minTimeout     = time.Second
	// maxTimeout keeps what the carrier creates last, and may queue then for four
	// minutes, within the five by which requests end before a window closes.
	maxTimeout = 45 * time.Second
	maxSpeed   = 10_000
	maxLatency = time.Minute
	// maxKeepDays is ten years.
	maxKeepDays = 3650
)

var accountPattern = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

// Validate checks settings that were changed after Load, or that came from no
// file. Its error is a Faults.
func (c *Config) Validate() error {
	d := c.places()
	c.check(d)
	return d.err()
}

func (c *Config) check(d *document) {
	if c.DataDirectory == "" {
		d.fault("data_directory", "leave it out to use hustings-data beside this file", "no folder is named")
	}
	d.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	d.oneOf("log.format", c.Log.Format, "json", "console")
	d.inRange("pacing.in_flight", c.Pacing.InFlight, 1, maxInFlight)
	// The caps look back for months, and parties' reports for a year.
	d.inRange("retention.attempt_years", c.Retention.AttemptYears, 1, 3)
	d.inRange("retention.proof_years", c.Retention.ProofYears, 5, 10)
	d.inRange("retention.record_years", c.Retention.RecordYears, 7, 20)
	d.inRange("retention.contact_years", c.Retention.ContactYears, 1, 3)
	if !packPattern.MatchString(c.Packs.Name) {
		d.fault("packs.name", `a pack is named like "FR"`, "%q names no pack", c.Packs.Name)
	}
	c.checkHolds(d)
	c.checkCarrier(d)
	c.checkNATS(d)
	c.checkHTTP(d)
}

// The bounds of what holds a campaign: a limit can be wide, but not taken away.
const (
	minHoldWindow = time.Minute
	maxHoldWindow = 7 * 24 * time.Hour
	maxHoldShare  = 0.5
	maxHoldFactor = 10
	maxHoldFirst  = 100_000
)

func (c *Config) checkHolds(d *document) {
	window := func(field string, value time.Duration) {
		if value < minHoldWindow || value > maxHoldWindow {
			d.fault(field, "", "%v is not from %v to %v", value, minHoldWindow, maxHoldWindow)
		}
	}
	for field, limit := range map[string]ShareLimit{"holds.opt_outs": c.Holds.OptOuts, "holds.filtering": c.Holds.Filtering} {
		window(field+".window", limit.Window)
		d.inRange(field+".minimum", limit.Minimum, 1, maxHoldFirst)
		if !(limit.Share > 0 && limit.Share <= maxHoldShare) {
			d.fault(field+".share", "0.05 is five in a hundred", "%v is not above 0 and at most %v", limit.Share, maxHoldShare)
		}
	}
	window("holds.spending.window", c.Holds.Spending.Window)
	if f := c.Holds.Spending.Factor; !(f >= 1 && f <= maxHoldFactor) {
		d.fault("holds.spending.factor", "2 is twice what the rate explains", "%v is not from 1 to %d", f, maxHoldFactor)
	}
}

var packPattern = regexp.MustCompile(`^[A-Z][A-Z0-9-]{0,31}$`)

func (c *Config) checkCarrier(d *document) {
	d.oneOf("carrier.kind", string(c.Carrier.Kind), string(CarrierSandbox), string(CarrierTwilio))
	d.inRange("carrier.keep_days", c.Carrier.KeepDays, 0, maxKeepDays)
	switch c.Carrier.Kind {
	case CarrierTwilio:
		c.checkTwilio(d)
	case CarrierSandbox:
		c.checkSandbox(d)
	}
}

// realCarrier tells whether people are reached: a Twilio on this machine is a
// stand-in.
func (c *Config) realCarrier() bool {
	return c.Carrier.Kind == CarrierTwilio && !onThisMachine(c.Carrier.Twilio.APIBaseURL)
}

func (c *Config) checkTwilio(d *document) {
	t := c.Carrier.Twilio
	if d.has("carrier.sandbox") {
		d.fault("carrier.sandbox", "remove this part, or set carrier.kind: sandbox",
			"the sandbox's settings stand beside a real carrier, whose clock is nobody's to set")
	}
	if c.RegistryFile == "" && !onThisMachine(t.APIBaseURL) {
		d.fault("registry", "name a file, such as registry: registry.yaml",
			"a real carrier needs a registry of its own: the embedded parties and senders are invented")
	}
	d.account("carrier.twilio.account_sid", t.AccountSID, "it stands on the first page of the carrier's console")
	d.address("carrier.twilio.api_base_url", t.APIBaseURL, schemesFor(t.APIBaseURL)...)
	d.inRange("carrier.twilio.max_connections", t.MaxConnections, 1, maxConnections)
	if t.Timeout < minTimeout || t.Timeout > maxTimeout {
		d.fault("carrier.twilio.timeout", "", "%v is not from %v to %v", t.Timeout, minTimeout, maxTimeout)
	}
	if c.HTTP.Callbacks.PublicURL == "" {
		d.fault("http.callbacks.public_url", "such as https://dialer.example.org/twilio",
			"is missing: the carrier must know where to report to")
	}
}

func (c *Config) checkSandbox(d *document) {
	s := c.Carrier.Sandbox
	if s.APIBaseURL != "" {
		d.address("carrier.sandbox.api_base_url", s.APIBaseURL, "http", "https")
		d.account("carrier.sandbox.account_sid", s.AccountSID, "the one that the sandbox was started with")
		if s.AuthTokenFile == "" {
			d.fault("carrier.sandbox.auth_token_file", "the file whose token the sandbox was started with",
				"is missing: a sandbox in its own process asks who we are")
		}
	}
	if s.Clock.Start.IsZero() {
		d.fault("carrier.sandbox.clock.start", "", "is no instant")
	}
	if !(s.Clock.Speed > 0 && s.Clock.Speed <= maxSpeed) {
		d.fault("carrier.sandbox.clock.speed", "1 is real time, 60 an hour a minute",
			"%v is not above 0 and at most %d", s.Clock.Speed, maxSpeed)
	}
	d.share("carrier.sandbox.stop_fraction", s.StopFraction)
	d.share("carrier.sandbox.undelivered", s.Undelivered)
	d.share("carrier.sandbox.failed", s.Failed)
	d.share("carrier.sandbox.silent", s.Silent)
	if ends := s.Undelivered + s.Failed + s.Silent; ends > 1 {
		d.fault("carrier.sandbox.undelivered", "", "undelivered, failed and silent together are %v, more than all", ends)
	}
	if s.Latency < 0 || s.Latency > maxLatency {
		d.fault("carrier.sandbox.latency", "", "%v is not from 0s to %v", s.Latency, maxLatency)
	}
}

func (c *Config) checkNATS(d *document) {
	n := c.NATS
	if n.URL == "" {
		if n.Credentials != "" {
			d.fault("nats.credentials", "set nats.url, or remove the credentials", "the embedded server takes no credentials")
		}
		if n.CA != "" {
			d.fault("nats.ca", "set nats.url, or remove it", "the embedded server has no certificate")
		}
		if n.Replicas != 1 {
			d.fault("nats.replicas", "set nats.url, or remove it", "the embedded server is one and has no others to copy to")
		}
		if d.listener("nats.embedded.listen", n.Embedded.Listen) && !loopback(n.Embedded.Listen) {
			d.fault("nats.embedded.listen", "listen on 127.0.0.1, or run a server of your own and name it with nats.url",
				"the embedded server asks nobody who they are, so it listens on this machine only")
		}
		return
	}
	if n.Replicas != 1 && n.Replicas != 3 && n.Replicas != 5 {
		d.fault("nats.replicas", "as many as the cluster has servers, up to five", "%d copies: want 1, 3 or 5, of which a majority must agree", n.Replicas)
	}
	for one := range strings.SplitSeq(n.URL, ",") {
		if d.address("nats.url", strings.TrimSpace(one), "nats", "tls", "ws", "wss") {
			continue
		}
		return
	}
}

func (c *Config) checkHTTP(d *document) {
	d.listener("http.callbacks.listen", c.HTTP.Callbacks.Listen)
	d.listener("http.ops.listen", c.HTTP.Ops.Listen)
	if c.HTTP.Ops.Listen == c.HTTP.Callbacks.Listen && !strings.HasSuffix(c.HTTP.Ops.Listen, ":0") {
		d.fault("http.ops.listen", "give each its own port", "the carrier's callbacks come in on %s already", c.HTTP.Ops.Listen)
	}
	if public := c.HTTP.Callbacks.PublicURL; public != "" {
		d.address("http.callbacks.public_url", public, schemesFor(public)...)
	}
	c.checkReports(d)
}

func (c *Config) checkReports(d *document) {
	r := c.HTTP.Reports
	switch {
	case (r.Certificate == "") != (r.Key == ""):
		d.fault("http.reports", "name both certificate and key, or neither", "a certificate and its key go together")
	case r.Listen == "":
		if r.Certificate != "" {
			d.fault("http.reports.listen", "such as 0.0.0.0:8444", "is missing: there is a certificate, and nobody listens")
		}
	case d.listener("http.reports.listen", r.Listen) && r.Certificate == "" && !loopback(r.Listen):
		d.fault("http.reports.listen", "name certificate and key, or listen on 127.0.0.1 behind a proxy that has them",
			"tokens would travel in clear")
	}
}

// schemesFor returns the schemes that an address may have: what never leaves
// this machine needs no encryption.
func schemesFor(address string) []string {
	if onThisMachine(address) {
		return []string{"https", "http"}
	}
	return []string{"https"}
}

// onThisMachine tells whether the address is a loopback one.
func onThisMachine(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && loopback(net.JoinHostPort(parsed.Hostname(), "0"))
}

func (d *document) oneOf(field, value string, known ...string) {
	if !slices.Contains(known, value) {
		d.fault(field, suggest(value, known), "%q is not known", value)
	}
}

func (d *document) inRange(field string, value, least, most int) {
	if value < least || value > most {
		d.fault(field, "", "%d is not from %d to %d", value, least, most)
	}
}

func (d *document) share(field string, value float64) {
	if !(value >= 0 && value <= 1) { // a NaN is neither
		d.fault(field, "0.02 is two in a hundred", "%v is not from 0 to 1", value)
	}
}

func (d *document) account(field, sid, hint string) {
	switch {
	case sid == "":
		d.fault(field, hint, "is missing")
	case !accountPattern.MatchString(sid):
		d.fault(field, hint, "%q is not AC and 32 hexadecimal digits", sid)
	}
}

// address checks a URL of a server, and tells whether it is one.
func (d *document) address(field, text string, schemes ...string) bool {
	parsed, err := url.Parse(text)
	hint := fmt.Sprintf("such as %s://example.org", schemes[0])
	switch {
	case err != nil || parsed.Host == "":
		d.fault(field, hint, "this is no address of a server")
	case !slices.Contains(schemes, parsed.Scheme):
		d.fault(field, hint, "begins with %s://, want %s://", parsed.Scheme, strings.Join(schemes, ":// or "))
	case parsed.User != nil:
		d.fault(field, "a secret never stands in a file like this one", "a user or password stands in the address")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		d.fault(field, "end it before the ? or the #", "more follows than an address and a path")
	default:
		return true
	}
	return false
}

// listener checks a host:port to listen on, and tells whether it is one.
func (d *document) listener(field, text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		var number uint64
		if number, err = strconv.ParseUint(port, 10, 16); err == nil && strconv.FormatUint(number, 10) == port {
			return true
		}
	}
	d.fault(field, "such as 127.0.0.1:9427; port 0 takes any that is free", "%q is no host:port", text)
	return false
}

// loopback tells whether a host:port is reached from this machine alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
