package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
)

const (
	bareBody     = "Publicité politique. Parti 001, parti001.example/pub - fichier Contacts Citoyens. STOP au 36111"
	bareValidFor = 4 * time.Minute
)

// bareLoop is what any dialer must do, and nothing else: it sends messages as
// fast as it can, and counts what a server for callbacks hears. It is a process of
// its own, and prints how much CPU time it used, in microseconds a message, and how
// long it took, in seconds.
func bareLoop(ctx context.Context, o *options, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return fmt.Errorf("listen for callbacks: %w", err)
	}
	var final atomic.Int64
	done := make(chan struct{})
	server := &http.Server{ReadHeaderTimeout: gracePeriod, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // a form without its status counts for nothing
		if r.PostForm.Get("MessageStatus") == "delivered" && final.Add(1) == int64(o.Sends) {
			close(done)
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = server.Serve(listener) }() // until it is closed
	defer func() { _ = server.Close() }()
	place, err := bareClients[o.bareClient](o, "http://"+listener.Addr().String())
	if err != nil {
		return err
	}
	before, began := ownCPU(), time.Now()
	if err := placeAll(ctx, place, o); err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("%d of %d callbacks came: %w", final.Load(), o.Sends, ctx.Err())
	}
	_, err = fmt.Fprintf(out, "%f %f\n", float64((ownCPU()-before).Nanoseconds())/1e3/float64(o.Sends), time.Since(began).Seconds())
	return err
}

// placing places the message of that number, to that E.164 number, and tells whether
// it was taken.
type placing func(ctx context.Context, i int, to string) bool

// The clients that a bare loop may have.
const (
	clientTwilioGo = "twilio-go"
	clientOurs     = "ours"
)

var bareClients = map[string]func(o *options, callbacks string) (placing, error){clientTwilioGo: bareTwilioGo, clientOurs: bareOurs}

// bareTwilioGo places by twilio-go as it comes, but for a transport that keeps its
// connections and leads to the stub.
func bareTwilioGo(o *options, callbacks string) (placing, error) {
	address, err := url.Parse(o.bare)
	if err != nil {
		return nil, fmt.Errorf("read the stub's address: %w", err)
	}
	base := &client.Client{
		Credentials: client.NewCredentials(stubAccount, stubToken),
		HTTPClient:  &http.Client{Timeout: gracePeriod, Transport: toStub{&http.Transport{MaxIdleConnsPerHost: o.InFlight}, address}},
	}
	base.SetAccountSid(stubAccount)
	service := api.NewApiService(client.NewRequestHandler(base))
	return func(_ context.Context, i int, to string) bool {
		params := new(api.CreateMessageParams)
		params.SetTo(to).SetFrom("PARTI001").SetBody(bareBody).SetSmartEncoded(false)
		params.SetStatusCallback(fmt.Sprintf("%s/status/%d", callbacks, i)).SetValidityPeriod(int(bareValidFor.Seconds()))
		message, err := service.CreateMessage(params)
		return err == nil && message.Sid != nil && *message.Sid != ""
	}, nil
}

// toStub leads requests for Twilio to the stub.
type toStub struct {
	http.RoundTripper

	address *url.URL
}

// RoundTrip asks the stub.
func (t toStub) RoundTrip(request *http.Request) (*http.Response, error) {
	request.URL.Scheme, request.URL.Host = t.address.Scheme, t.address.Host
	return t.RoundTripper.RoundTrip(request) //nolint:wrapcheck // it stands in for the transport
}

// bareOurs places by our own client.
func bareOurs(o *options, callbacks string) (placing, error) {
	ours, err := twilio.New(twilio.Options{
		AccountSID: stubAccount, AuthToken: twilio.NewSecret([]byte(stubToken)), APIBaseURL: o.bare,
		PublicURL: callbacks, ReferenceKey: twilio.NewSecret(make([]byte, 32)), MaxConnections: o.InFlight,
	})
	if err != nil {
		return nil, fmt.Errorf("make the client: %w", err)
	}
	return func(ctx context.Context, i int, to string) bool {
		number, err := contact.ParseE164(to)
		return err == nil && ours.Place(ctx, dialer.Request{
			Attempt: uint64(i), To: number, From: "PARTI001", Body: bareBody, ValidFor: bareValidFor,
		}).Kind == dialer.Accepted
	}, nil
}

var errNotPlaced = errors.New("the stub did not take a message")

func placeAll(ctx context.Context, place placing, o *options) error {
	var next, refused atomic.Int64
	var group sync.WaitGroup
	for range o.InFlight {
		group.Go(func() {
			for i := next.Add(1); i <= int64(o.Sends) && ctx.Err() == nil; i = next.Add(1) {
				// Numbers that only ever reach the stub.
				if !place(ctx, int(i), fmt.Sprintf("+336%08d", 10_000_000+i*7)) {
					refused.Add(1)
				}
			}
		})
	}
	group.Wait()
	if refused.Load() > 0 {
		return fmt.Errorf("%w: %d of them", errNotPlaced, refused.Load())
	}
	return nil
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for nobody but RUSAGE_SELF's kind
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
