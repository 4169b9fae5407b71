package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// A report is pushed to its party's own server where the registry names one: the
// bytes of report.json, with their detached signature in a header. The server is
// somebody else's, so that it is believed nothing: not where its name leads to, nor
// where it sends us on to.

const (
	// pushTimeout bounds one request, with its answer.
	pushTimeout = 20 * time.Second
	// pushEvery is how often, in real time, it is looked for what is due.
	pushEvery = time.Second
)

// The headers of a push, beside the usual ones.
const (
	headerDelivery  = "Hustings-Delivery"  // the same one each time that the same report is pushed
	headerCampaign  = "Hustings-Campaign"  //
	headerSignature = "Hustings-Signature" // report.json.sig, in base64
)

// errForbidden is wrapped where a server's name leads to an address that is nobody's
// on the Internet.
var errForbidden = errors.New("the address is not one of the public Internet")

// shared are ranges beside those that package net knows, to which nobody's report is
// pushed: those of carriers' own networks (RFC 6598), of benchmarks (RFC 2544), and
// those that lead to IPv4 addresses, which would hide what they are.
var shared = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
}

// public refuses to connect to any other address. It is asked when the name has been
// resolved, about the very address that is connected to, so that a name which leads
// elsewhere a moment later gains nothing. In a SANDBOX this machine is allowed, and
// nothing else beside.
func public(sandbox bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: it cannot be read", errForbidden)
		}
		ip := target.Addr().Unmap()
		if sandbox && ip.IsLoopback() {
			return nil
		}
		if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
			return errForbidden
		}
		for _, prefix := range shared {
			if prefix.Contains(ip) {
				return errForbidden
			}
		}
		return nil
	}
}

// newPusher is the client that pushes.
func newPusher(sandbox bool, seams Seams) *http.Client {
	dial := &net.Dialer{Timeout: 5 * time.Second, Control: public(sandbox)}
	return &http.Client{
		Timeout: pushTimeout,
		Transport: &http.Transport{
			DialContext: dial.DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: 5 * time.Second,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: seams.Trust},
			MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// pushReports pushes what is due, until ctx ends.
func (d *Daemon) pushReports(ctx context.Context) error {
	targets := map[string]string{}
	for _, party := range d.registry.Parties {
		if party.ReportPush != "" {
			targets[party.ID] = party.ReportPush
		}
	}
	if len(targets) == 0 {
		return nil
	}
	client := newPusher(d.carrier.sandbox, d.seams)
	// others are the campaigns of parties that have no server: none changes hands, so
	// that their reports, which are large, are read once.
	others := map[string]bool{}
	return everyReal(ctx, pushEvery, func() error {
		campaigns, err := d.releasedNames()
		if err != nil {
			return err
		}
		known, err := d.dialer.Deliveries()
		if err != nil {
			return err
		}
		for _, campaign := range campaigns {
			delivery, begun := known[campaign]
			if others[campaign] || begun && !d.dialer.Due(&delivery) {
				continue
			}
			kept, found, err := d.releasedReport(campaign)
			if err != nil {
				return err
			}
			target, wanted := targets[kept.Party]
			if others[campaign] = found && !wanted; !found || !wanted {
				continue
			}
			if !begun {
				delivery = dialer.NewDelivery(&kept)
			}
			if err := d.pushOne(ctx, client, target, delivery, &kept); err != nil {
				return ignoreEnd(ctx, err)
			}
		}
		return nil
	})
}

// pushOne makes one try and keeps what came of it. A try that is cut off by the
// daemon's own end counts for nothing.
func (d *Daemon) pushOne(ctx context.Context, client *http.Client, target string, delivery dialer.Delivery, kept *dialer.StoredReport) error {
	failed := push(ctx, client, target, delivery, kept)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure, level := "", zerolog.InfoLevel
	if failed != nil {
		failure, level = failed.Error(), zerolog.WarnLevel
	}
	delivery, err := d.dialer.NoteDelivery(ctx, delivery, failure)
	if err != nil {
		return err
	}
	d.log.WithLevel(level).AnErr("error", failed).Str(dialer.FieldEvent, eventReportPushed).Str(dialer.FieldCampaign, delivery.Campaign).Str(dialer.FieldParty, delivery.Party).
		Int("tries", delivery.Tries).Bool("given_up", !delivery.GivenUp.IsZero()).Send()
	return nil
}

func push(ctx context.Context, client *http.Client, target string, delivery dialer.Delivery, kept *dialer.StoredReport) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(kept.Files["report.json"]))
	if err != nil {
		return errors.New("the address cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(headerDelivery, delivery.ID)
	request.Header.Set(headerCampaign, delivery.Campaign)
	request.Header.Set(headerSignature, base64.StdEncoding.EncodeToString(kept.Files["report.json.sig"]))
	response, err := client.Do(request)
	if err != nil {
		return explainedPush(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // what it says does not matter
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the server answered %d", response.StatusCode)
	}
	return nil
}

// explainedPush says why nobody answered, without what the server put into it.
func explainedPush(err error) error {
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, errForbidden):
		return errForbidden
	case errors.As(err, &certificate):
		return errors.New("the server's certificate is not good for its name")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("the server did not answer in time")
	default:
		return errors.New("the server cannot be reached")
	}
}

func (d *Daemon) resendReport(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.CampaignRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	delivery, err := d.dialer.Resend(ctx, asked.Campaign, dialer.Look{Operator: withoutDigits(asked.Operator), Reason: withoutDigits(asked.Reason)})
	return delivery, explained(err)
}
