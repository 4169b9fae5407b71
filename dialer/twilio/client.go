package twilio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/dialer"
)

const (
	// connectTimeout bounds making a connection, and the TLS handshake after
	// it, each: a request must not begin long after its gate has opened.
	connectTimeout = 2 * time.Second
	// idleTimeout is shorter than that of common load balancers, so that it is
	// we who close idle connections: one that dies just as a request is
	// written leaves that request in doubt.
	idleTimeout = 30 * time.Second
	// longestValidity is the longest that Twilio keeps a message in its queue.
	longestValidity = 36_000 * time.Second
)

// Client asks Twilio. It is safe for concurrent use.
type Client struct {
	account    string
	header     func(method string) http.Header
	base       *url.URL
	public     publicAddress
	references references
	timeout    time.Duration
	receivers  []string
	callers    []string
	transport  *http.Transport
	observe    func(Exchange)
	logger     zerolog.Logger
	date       atomic.Pointer[dialer.CarrierDate]
}

var (
	_ dialer.Carrier        = (*Client)(nil)
	_ dialer.CarrierRecords = (*Client)(nil)
	_ dialer.CarrierTime    = (*Client)(nil)
)

// New makes a Client. It refuses options that could not work, and asks nothing
// of Twilio yet.
func New(options Options) (*Client, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, fmt.Errorf("twilio: %w", err)
	}
	base, err := parseBase(options.APIBaseURL, false)
	if err != nil {
		return nil, fmt.Errorf("twilio: api base url: %w", err)
	}
	public, err := parsePublicAddress(options.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("twilio: public url: %w", err)
	}
	if options.Dial == nil {
		options.Dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	return &Client{
		account:    options.AccountSID,
		header:     newHeader(options.AccountSID, options.AuthToken),
		base:       base,
		public:     public,
		references: newReferences(options.ReferenceKey),
		timeout:    options.Timeout,
		receivers:  options.Receivers,
		callers:    options.Callers,
		transport:  newTransport(options),
		observe:    options.Observe,
		logger:     options.Logger,
	}, nil
}

// Close closes the idle connections. Exchanges under way are not disturbed.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// CarrierDate returns the last Date header that Twilio sent; see
// dialer.CarrierTime.
func (c *Client) CarrierDate() dialer.CarrierDate {
	if last := c.date.Load(); last != nil {
		return *last
	}
	return dialer.CarrierDate{}
}

// Place makes one try to have Twilio send a message; see dialer.Carrier.
func (c *Client) Place(ctx context.Context, request dialer.Request) dialer.Answer {
	switch {
	case request.To.IsZero():
		return dialer.Answer{Kind: dialer.Refused, Detail: "not sent: the request has no number"}
	case request.ValidFor < time.Second:
		// Without a validity Twilio would keep the message for ten hours, far
		// past the end of any window.
		return dialer.Answer{Kind: dialer.Withdrawn, Detail: "not sent: less than a second of validity is left"}
	case request.IsCall():
		return c.placeCall(ctx, request)
	}
	e := c.newExchange(ctx, "create", answerLimit)
	defer e.release()
	_, _ = e.service().CreateMessage(c.createParams(request)) // The exchange knows more than twilio-go's error.
	return e.answer(validMessageSID)
}

func (c *Client) createParams(request dialer.Request) *api.CreateMessageParams {
	params := new(api.CreateMessageParams)
	params.SetTo(request.To.E164())
	if isMessagingService(request.From) {
		params.SetMessagingServiceSid(request.From)
	} else {
		params.SetFrom(request.From)
	}
	params.SetBody(request.Body)
	params.SetStatusCallback(c.public.statusURL(c.references.reference(request.Attempt)))
	params.SetValidityPeriod(int(min(request.ValidFor, longestValidity) / time.Second))
	// Twilio would replace characters to save segments: the text that the
	// party had approved is sent, to the letter.
	params.SetSmartEncoded(false)
	return params
}

func isMessagingService(sender string) bool {
	return len(sender) == sidSize && strings.HasPrefix(sender, "MG") && isHex(sender[2:])
}

// Cancel asks Twilio not to send a message that it still queues, and not to ring,
// or to stop ringing, for a call. That it came too late is not an error. The error is
// an *Error: the sid is none, or Twilio could not be asked, did not know us or was too
// busy.
func (c *Client) Cancel(ctx context.Context, sid string) error {
	const operation = "cancel"
	if validCallSID(sid) {
		return c.updateCall(ctx, operation, sid, new(api.UpdateCallParams).SetStatus("canceled"))
	}
	if !validMessageSID(sid) {
		return &Error{Operation: operation, fault: "the sid is no message's"}
	}
	e := c.newExchange(ctx, "cancel", answerLimit)
	defer e.release()
	_, _ = e.service().UpdateMessage(sid, new(api.UpdateMessageParams).SetStatus("canceled")) // As in Place.
	return e.unlessLate(operation)
}

// Forget asks Twilio to delete its copy of a message or a call. That it has none is not an
// error. One that it refuses to delete, since it is not over, wraps
// dialer.ErrNotForgotten; every other error means that Twilio could not be asked,
// did not know us or was too busy.
func (c *Client) Forget(ctx context.Context, sid string) error {
	const operation = "delete"
	if !validMessageSID(sid) && !validCallSID(sid) {
		return fmt.Errorf("%s: the sid is no message's and no call's: %w", operation, dialer.ErrNotForgotten)
	}
	e := c.newExchange(ctx, "delete", answerLimit)
	defer e.release()
	e.deleteCopy(sid)
	if e.gone() {
		return nil
	}
	err := e.fail(operation)
	failure, refused := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return &Error{Operation: operation, HTTPStatus: e.status, fault: fmt.Sprintf("%d is no answer to a deletion", e.status)}
	case refused && failure.HTTPStatus == http.StatusNotFound && failure.Code != 0:
		return nil
	case refused && failure.tooLate():
		return fmt.Errorf("%w: %w", dialer.ErrNotForgotten, err)
	}
	return err
}

// tooLate tells whether Twilio refused because of the message's own state:
// with any error object of its own except those about us.
func (e *Error) tooLate() bool {
	switch e.HTTPStatus {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return e.Code != 0 && e.HTTPStatus >= 400 && e.HTTPStatus <= 499
	}
}
