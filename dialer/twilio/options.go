package twilio

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/rs/zerolog"
)

// Defaults that an unset option takes.
const (
	DefaultAPIBaseURL     = "https://api.twilio.com"
	DefaultMaxConnections = 64
	DefaultTimeout        = 10 * time.Second
)

// Options say how to reach Twilio. AccountSID, AuthToken, PublicURL and
// ReferenceKey are required.
type Options struct {
	// AccountSID is AC and 32 hexadecimal digits.
	AccountSID string
	// AuthToken is the account's token.
	AuthToken Secret
	// APIBaseURL is the scheme and host of the API: another region's, or the
	// sandbox's. It must be https unless the host is this machine.
	APIBaseURL string
	// PublicURL is where Twilio reaches Callbacks, without /twilio/...
	PublicURL string
	// ReferenceKey makes the MACs of callback addresses: 16 bytes or more. If
	// it changes, callbacks on their way are refused and their attempts end
	// by being looked up.
	ReferenceKey Secret
	// MaxConnections is how many idle connections are kept: as many as
	// requests run at the same time.
	MaxConnections int
	// Timeout bounds one exchange, from the first byte of the connection to
	// the last of the body. What ends by it is in doubt.
	Timeout time.Duration
	// Receivers are the senders that contacts can answer. If there are some,
	// Inbound asks for each; else it reads through all messages, sent ones
	// included, which takes long for a busy account.
	Receivers []string
	// Callers are the numbers that we call from. Outbound lists the calls of each.
	Callers []string

	// Dial makes the network connections; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are trusted instead of the system's, where not nil.
	RootCAs *x509.CertPool
	// Observe, where not nil, is told of every exchange. It must not block.
	Observe func(Exchange)
	// Logger takes each exchange at level debug. The zero value discards.
	Logger zerolog.Logger
}

// Exchange is one request to Twilio as metrics and rate control see it.
type Exchange struct {
	// Operation is "create", "list", "cancel" or "delete".
	Operation string
	// HTTPStatus is 0 where no response came.
	HTTPStatus int
	// Duration is how long the exchange took, reading the body included.
	Duration time.Duration
	// NewConnection tells whether a connection had to be made.
	NewConnection bool
	// ConcurrentRequests is the account's load as Twilio states it, 0 where it
	// does not (header Twilio-Concurrent-Requests).
	ConcurrentRequests int
	// RetryAfter is how long Twilio asks us to wait, 0 where it does not.
	RetryAfter time.Duration
	// RequestID is Twilio's name for the request, for its support.
	RequestID string
}

var accountPattern = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

func (o Options) withDefaults() Options {
	if o.APIBaseURL == "" {
		o.APIBaseURL = DefaultAPIBaseURL
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = DefaultMaxConnections
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	return o
}

// validate refuses what could not work or would be unsafe. It never repeats a
// secret.
func (o Options) validate() error {
	switch {
	case !accountPattern.MatchString(o.AccountSID):
		return errors.New("account sid: want AC and 32 hexadecimal digits")
	case o.MaxConnections < 0:
		return fmt.Errorf("connections: %d is negative", o.MaxConnections)
	case o.Timeout < 0:
		return fmt.Errorf("timeout: %v is negative", o.Timeout)
	}
	return validateSecrets(o.AuthToken, o.ReferenceKey)
}

func validateSecrets(token, referenceKey Secret) error {
	if token.IsZero() {
		// With an empty token everybody could sign callbacks.
		return errors.New("auth token: is empty")
	}
	if got := len(referenceKey.bytes()); got < referenceKeyMinimum {
		return fmt.Errorf("reference key: want %d bytes or more, got %d", referenceKeyMinimum, got)
	}
	return nil
}
