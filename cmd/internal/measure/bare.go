package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio"
)

const (
	bareBody     = "Publicité politique. Parti 001, parti001.example/pub - fichier Contacts Citoyens. STOP au 36111"
	bareValidFor = 4 * time.Minute
)

// bareLoop is what any dialer must do, and nothing else: it sends messages as
// fast as it can with our own client, and counts what a server for callbacks
// hears. It is a process of its own, and prints how much CPU time it used, in
// microseconds a message, and how long it took, in seconds.
func bareLoop(ctx context.Context, url string, messages, workers int, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return fmt.Errorf("listen for callbacks: %w", err)
	}
	var final atomic.Int64
	done := make(chan struct{})
	server := &http.Server{ReadHeaderTimeout: gracePeriod, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // a form without its status counts for nothing
		if r.PostForm.Get("MessageStatus") == "delivered" && final.Add(1) == int64(messages) {
			close(done)
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = server.Serve(listener) }() // until it is closed
	defer func() { _ = server.Close() }()
	client, err := twilio.New(twilio.Options{
		AccountSID: stubAccount, AuthToken: twilio.NewSecret([]byte(stubToken)), APIBaseURL: url,
		PublicURL: "http://" + listener.Addr().String(), ReferenceKey: twilio.NewSecret(make([]byte, 32)), MaxConnections: workers,
	})
	if err != nil {
		return fmt.Errorf("make the client: %w", err)
	}
	defer client.Close()
	before, began := ownCPU(), time.Now()
	if err := placeAll(ctx, client, messages, workers); err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("%d of %d callbacks came: %w", final.Load(), messages, ctx.Err())
	}
	_, err = fmt.Fprintf(out, "%f %f\n", float64((ownCPU()-before).Nanoseconds())/1e3/float64(messages), time.Since(began).Seconds())
	return err
}

var errNotPlaced = errors.New("the stub did not take a message")

func placeAll(ctx context.Context, client *twilio.Client, messages, workers int) error {
	var next, refused atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := next.Add(1); i <= int64(messages) && ctx.Err() == nil; i = next.Add(1) {
				// Numbers that only ever reach the stub.
				number, _ := contact.ParseE164(fmt.Sprintf("+336%08d", 10_000_000+i*7))
				answer := client.Place(ctx, dialer.Request{Attempt: uint64(i), To: number, From: "PARTI001", Body: bareBody, ValidFor: bareValidFor})
				if answer.Kind != dialer.Accepted {
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
