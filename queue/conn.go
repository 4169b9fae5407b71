package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

const (
	connectWait   = 5 * time.Second
	reconnectWait = time.Second
	// drainWait is how long Close waits for what is under way.
	drainWait = 5 * time.Second
	// defaultAckWait is how long a job may stay without a sign of life before
	// it is handed out again: what a crash of the daemon costs in waiting.
	defaultAckWait = 10 * time.Second
	// requestWait bounds questions to JetStream that have no deadline of
	// their own.
	requestWait = 5 * time.Second
)

// ConnectOptions is what a connection needs to know.
type ConnectOptions struct {
	// URL is the server's address, or several with commas between; empty is
	// nats://127.0.0.1:4222. It is not used with InProcess.
	URL string
	// Credentials is the path of a NATS credentials file, or of one with the seed
	// of an nkey; Token is the secret of an embedded server. At most one of them is
	// used, Credentials first.
	Credentials string
	Token       string
	// CA is the path of a file, in PEM, of the authorities that have signed the
	// server's certificate; empty is the system's.
	CA string
	// Replicas is on how many servers of a cluster each message is kept; 0 leaves
	// streams as they are.
	Replicas int
	// Name tells connections apart in NATS's own tools.
	Name string
	// InProcess connects to a server in this process, without a socket and
	// with that server's token.
	InProcess *Server
	// Patient makes the first connection keep trying as all later ones do:
	// the daemon must dial on although NATS is away.
	Patient bool
	// AckWait is how long a job may stay without a sign of life before it is
	// handed out again; 0 is ten seconds.
	AckWait time.Duration
	// LastOrder is the last place in the order of acceptance that the ledger
	// knows. Where the queue's files were lost, the new queue goes on after it.
	LastOrder uint64
	// Owner names the store whose jobs the queue holds. Jobs are not taken from
	// a queue that has another one: two daemons would share them out. Empty is
	// for those who take none.
	Owner  string
	Logger zerolog.Logger
}

// Conn is a connection to NATS. It reconnects for ever, until it is closed.
type Conn struct {
	nats    *nats.Conn
	js      jetstream.JetStream
	url     string
	ackWait time.Duration
	log     zerolog.Logger
	closed  chan struct{}
	last    atomic.Uint64 // place in the order of acceptance
	owner   string
	// replicas is on how many servers streams are kept, 0 for as they are.
	replicas int
	// returned holds a token whenever the streams may be others than before.
	returned chan struct{}
	loss     atomic.Pointer[Loss]
}

// Connect connects. Where nothing answers the error is a ControlError with a
// hint, unless the options say to be patient.
func Connect(options ConnectOptions) (*Conn, error) {
	c := &Conn{url: options.URL, ackWait: options.AckWait, log: options.Logger, closed: make(chan struct{}), owner: options.Owner, replicas: options.Replicas, returned: make(chan struct{}, 1)}
	if c.url == "" {
		c.url = nats.DefaultURL
	}
	if c.ackWait == 0 {
		c.ackWait = defaultAckWait
	}
	c.last.Store(options.LastOrder)
	settings := c.settings(options)
	switch {
	case options.InProcess != nil:
		c.url = options.InProcess.ClientURL()
		settings = append(settings, nats.InProcessServer(options.InProcess.inner), nats.Token(options.InProcess.token))
	case options.Credentials != "":
		identity, err := identify(options.Credentials)
		if err != nil {
			return nil, fmt.Errorf("read NATS credentials: %w", err)
		}
		settings = append(settings, identity)
	case options.Token != "":
		settings = append(settings, nats.Token(options.Token))
	}
	if options.CA != "" {
		settings = append(settings, nats.RootCAs(options.CA))
	}
	inner, err := nats.Connect(c.url, settings...)
	if err != nil {
		return nil, explainConnect(err, displayURL(c.url))
	}
	c.nats = inner
	if c.js, err = jetstream.New(inner); err != nil {
		inner.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return c, nil
}

// identify returns by what a file of credentials identifies: an account's signed
// word, as nsc writes it, or an nkey whose seed is all that the file holds.
func identify(path string) (nats.Option, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(content, []byte("NATS USER JWT")) {
		return nats.UserCredentials(path), nil
	}
	return nats.NkeyOptionFromSeed(path)
}

// URL returns the server's address, without any secret in it.
func (c *Conn) URL() string { return displayURL(c.url) }

// Connected tells whether the server is in reach at this moment.
func (c *Conn) Connected() bool { return c.nats.IsConnected() }

// Close finishes what is under way, for five seconds at most, and closes the
// connection. Calling it again does nothing.
func (c *Conn) Close() {
	if err := c.nats.Drain(); err != nil {
		c.nats.Close()
	}
	<-c.closed
}

func (c *Conn) settings(options ConnectOptions) []nats.Option {
	name := options.Name
	if name == "" {
		name = "hustings"
	}
	return []nats.Option{
		nats.Name(name),
		// A prefix of its own lets a server permit each user its own answers
		// and nobody else's.
		nats.CustomInboxPrefix("_INBOX_" + strings.Map(tokenRune, name) + "." + rand.Text()),
		nats.Timeout(connectWait),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.RetryOnFailedConnect(options.Patient),
		// A secret that was changed is put right by a person, while the
		// connection must come back by itself.
		nats.IgnoreAuthErrorAbort(),
		nats.DrainTimeout(drainWait),
		nats.ConnectHandler(func(*nats.Conn) { c.connected() }),
		nats.ReconnectHandler(func(*nats.Conn) { c.connected() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil when this side closes
				c.log.Warn().Str(fieldEvent, eventDisconnected).Err(err).Str(fieldURL, c.URL()).Send()
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.log.Warn().Str(fieldEvent, eventAsyncError).Err(err).Send()
		}),
		nats.ClosedHandler(func(*nats.Conn) {
			c.log.Debug().Str(fieldEvent, eventClosed).Send()
			close(c.closed)
		}),
	}
}

func (c *Conn) connected() {
	c.log.Info().Str(fieldEvent, eventConnected).Str(fieldURL, c.URL()).Send()
	c.mayHaveChanged()
}

func tokenRune(r rune) rune {
	if (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') || r == '-' {
		return r
	}
	return '-'
}

func explainConnect(err error, address string) error {
	failure := &ControlError{Code: CodeUnreachable, cause: err}
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		failure.Code = CodeRefused
		failure.Message = fmt.Sprintf("the NATS server at %s refused the secret", address)
		failure.Hint = "name the daemon's data directory with --data-directory, or set HUSTINGS_NATS_TOKEN"
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		failure.Message = noDaemon(address)
		failure.Hint = hintStart
	default:
		failure.Message = fmt.Sprintf("connect to NATS at %s: %v", address, err)
	}
	return failure
}

const hintStart = "is it running? start it with `dialerd`"

func noDaemon(address string) string { return "no dialerd answers on " + address }

// displayURL cuts secrets out of an address.
func displayURL(address string) string {
	parts := strings.Split(address, ",")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
		if parsed, err := url.Parse(parts[i]); err == nil && parsed.User != nil {
			parsed.User = nil
			parts[i] = parsed.String()
		} else if at := strings.LastIndexByte(parts[i], '@'); at >= 0 {
			parts[i] = parts[i][at+1:]
		}
	}
	return strings.Join(parts, ",")
}

// pause waits and tells whether the whole time passed before the context's end.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
