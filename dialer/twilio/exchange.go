package twilio

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/dialer"
)

// How much of an answer is read, in bytes. An answer to one message has about
// 800; a page of 1,000 messages has about 2 MB.
const (
	answerLimit = 64 << 10
	pageLimit   = 16 << 20
	headerLimit = 64 << 10
	// pooledLimit keeps the buffers of large pages out of the pool.
	pooledLimit = 2 * answerLimit
)

var (
	errNotSent = errors.New("the request was not sent")
	errTooLong = errors.New("the answer is too long")
	// errNotFinal is for 101: its body is the bare connection, which would be
	// read for ever.
	errNotFinal = errors.New("the protocol was switched")
	// errRead keeps twilio-go from decoding an answer. Its generated types
	// fail as a whole if one field changes its type, and a message that was
	// created must not look doubtful for that.
	errRead = errors.New("the answer has been read")
)

// exchange is one request and what came back. It stands under twilio-go as its
// client.BaseClient, so that a context goes in and the response's headers come
// out, neither of which twilio-go can carry.
type exchange struct {
	client    *Client
	ctx       context.Context
	operation string
	limit     int64

	// connected tells whether a connection was handed to the request. Until
	// then not a byte of it can have been written; from then on one may have
	// been, whatever the error says.
	connected atomic.Bool
	reused    atomic.Bool

	started    time.Time
	status     int // 0 where no response came
	retryAfter time.Duration
	requestID  string
	concurrent int
	body       *bytes.Buffer
	err        error // why there is no whole answer
}

var _ client.BaseClient = (*exchange)(nil)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (c *Client) newExchange(ctx context.Context, operation string, limit int64) *exchange {
	body := buffers.Get().(*bytes.Buffer)
	body.Reset()
	return &exchange{client: c, ctx: ctx, operation: operation, limit: limit, body: body, err: errNotSent}
}

// release gives the body's buffer back. Nothing may point into it any more.
func (e *exchange) release() {
	if e.body.Cap() <= pooledLimit {
		buffers.Put(e.body)
	}
	e.body = nil
}

// service returns twilio-go's generated calls on top of e. The handler is made
// by hand, since its constructor reads the environment.
func (e *exchange) service() *api.ApiService {
	return api.NewApiService(&client.RequestHandler{Client: e})
}

// AccountSid is part of client.BaseClient.
func (e *exchange) AccountSid() string { return e.client.account }

// SetTimeout is part of client.BaseClient; the context bounds the exchange.
func (e *exchange) SetTimeout(time.Duration) {}

// SetOauth is part of client.BaseClient; the account's token is used.
func (e *exchange) SetOauth(client.OAuth) {}

// OAuth is part of client.BaseClient.
func (e *exchange) OAuth() client.OAuth { return nil }

// SendRequest is part of client.BaseClient. It sends the request once, keeps
// what came back in e, and returns an error in every case; see errRead.
func (e *exchange) SendRequest(method, rawURL string, data url.Values,
	_ map[string]any, _ ...byte,
) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(e.ctx, e.client.timeout)
	defer cancel()
	request, err := e.request(ctx, method, rawURL, data)
	if err != nil {
		e.err = errNotSent
		return nil, errRead
	}
	e.started = time.Now()
	e.err = e.roundTrip(request)
	e.client.note(Exchange{
		Operation: e.operation, HTTPStatus: e.status, Duration: time.Since(e.started),
		NewConnection: e.connected.Load() && !e.reused.Load(), ConcurrentRequests: e.concurrent,
		RetryAfter: e.retryAfter, RequestID: e.requestID,
	})
	return nil, errRead
}

func (e *exchange) request(ctx context.Context, method, rawURL string, data url.Values) (*http.Request, error) {
	target, err := url.Parse(rawURL)
	if err != nil {
		return nil, errNotSent
	}
	target.Scheme, target.Host = e.client.base.Scheme, e.client.base.Host
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		e.connected.Store(true)
		e.reused.Store(info.Reused)
	}})
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(data.Encode())
	} else {
		target.RawQuery = data.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, "", body)
	if err != nil {
		return nil, errNotSent
	}
	request.URL, request.Header = target, e.client.header(method)
	return request, nil
}

const userAgent = "hustings twilio-go/" + client.LibraryVersion

// newHeader returns a function that returns the header of every request with a
// method; it prints nothing of what is in there. The header is shared: a transport
// only reads it.
func newHeader(account string, token Secret) func(method string) http.Header {
	credentials := append([]byte(account+":"), token.bytes()...)
	header := http.Header{
		"User-Agent":    {userAgent},
		"Accept":        {"application/json"},
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString(credentials)},
	}
	posting := header.Clone()
	posting["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	return func(method string) http.Header {
		if method == http.MethodPost {
			return posting
		}
		return header
	}
}

// roundTrip sends the request and reads the answer whole. It asks the
// transport and not an http.Client, which would follow redirects and write the
// URL, with the number in it, into its errors.
func (e *exchange) roundTrip(request *http.Request) error {
	response, err := e.client.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // It was only read.
	e.status = response.StatusCode
	e.readHeader(response.Header)
	if e.status < http.StatusOK {
		return errNotFinal
	}
	read, err := e.body.ReadFrom(io.LimitReader(response.Body, e.limit+1))
	switch {
	case err != nil:
		return err
	case read > e.limit:
		return errTooLong
	}
	return nil
}

func (e *exchange) readHeader(header http.Header) {
	now := time.Now()
	if text := header.Get("Date"); text != "" {
		if date, err := http.ParseTime(text); err == nil {
			e.client.date.Store(&dialer.CarrierDate{Date: date, Asked: e.started, Answered: now})
			now = date
		}
	}
	e.retryAfter = parseRetryAfter(header.Get("Retry-After"), now)
	e.requestID = parseRequestID(header.Get("Twilio-Request-Id"))
	if n, err := strconv.Atoi(header.Get("Twilio-Concurrent-Requests")); err == nil && n > 0 && n <= concurrentLimit {
		e.concurrent = n
	}
}

// retryAfterLimit is the longest wait that is believed; more than that is for
// a person to decide.
const retryAfterLimit = 24 * time.Hour

// concurrentLimit is the greatest load that is believed: what is longer could
// be anything, a phone number too.
const concurrentLimit = 1_000_000

// parseRetryAfter reads seconds or a date (RFC 9110, section 10.2.3). What it
// cannot read asks for nothing.
func parseRetryAfter(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(retryAfterLimit/time.Second))) * time.Second
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), retryAfterLimit)
}

// parseRequestID returns the request's name where it looks like one: two
// letters and 32 hexadecimal digits. Anything else could be a text that must
// not stand in a log.
func parseRequestID(text string) string {
	if len(text) != sidSize || text[:2] != "RQ" || !isHex(text[2:]) {
		return ""
	}
	return text
}

// newTransport makes the one transport of a Client. It speaks HTTP/1.1 only: a
// connection carries one request at a time, so what befell the connection says
// what may have befallen the request. net/http dials anew by itself only for a
// kept connection on which, by its own count, it had written no byte of the
// request; it never repeats a POST of which it had.
func newTransport(options Options) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            options.Dial,
		TLSClientConfig:        &tls.Config{RootCAs: options.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		MaxIdleConnsPerHost:    options.MaxConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: headerLimit,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}
