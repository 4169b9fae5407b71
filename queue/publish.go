package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hustings/hustings/dialer"
)

// EventProgress is the name of the events that only say how far a campaign is.
// Each makes the one before it worthless, so they are dropped first.
const EventProgress = "progress"

// maxEvents is how many events wait for NATS at most.
const maxEvents = 1024

// The headers of a report's message.
const (
	HeaderFormat    = "Hustings-Format"
	HeaderSignature = "Hustings-Signature"
	HeaderKeyID     = "Hustings-Key-Id"
)

// Publisher tells the world what happens, and never makes dialling wait for it.
type Publisher struct {
	conn *Conn
	wake chan struct{}
	done chan struct{}
	stop context.CancelFunc

	mu      sync.Mutex
	waiting []outgoing
	closed  bool
	dropped uint64
}

type outgoing struct {
	id    string
	event dialer.Event
}

// NewPublisher returns a publisher; it must be closed.
func NewPublisher(conn *Conn) *Publisher {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Publisher{conn: conn, wake: make(chan struct{}, 1), done: make(chan struct{}), stop: cancel}
	go p.run(ctx)
	return p
}

// PublishEvent hands the event over and returns at once. While NATS is away
// 1,024 events are kept; then progress is dropped first, the oldest first. The
// context is not waited on.
func (p *Publisher) PublishEvent(_ context.Context, event dialer.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.dropped++
		return
	}
	if event.Name == EventProgress {
		p.waiting = slices.DeleteFunc(p.waiting, func(o outgoing) bool {
			return o.event.Name == EventProgress && o.event.Campaign == event.Campaign
		})
	}
	if len(p.waiting) == maxEvents {
		victim := max(0, slices.IndexFunc(p.waiting, func(o outgoing) bool { return o.event.Name == EventProgress }))
		p.waiting = slices.Delete(p.waiting, victim, victim+1)
		p.dropped++
	}
	p.waiting = append(p.waiting, outgoing{id: rand.Text(), event: event})
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Dropped returns how many events were lost since the start. Progress that
// newer progress replaced is not counted.
func (p *Publisher) Dropped() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// Close sends what waits until the context ends, and drops the rest.
func (p *Publisher) Close(ctx context.Context) {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.wake)
	}
	p.mu.Unlock()
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	p.stop()
	<-p.done
}

// run sends what waits, in order. What cannot be sent now stays first.
func (p *Publisher) run(ctx context.Context) {
	defer close(p.done)
	defer p.abandon()
	for open := true; open; {
		select {
		case _, open = <-p.wake:
		case <-ctx.Done():
			return
		}
		for failures := 0; ; {
			next, ok := p.first()
			if !ok {
				break
			}
			err := p.send(ctx, next)
			if err != nil && !hopeless(err) {
				if failures == 0 {
					p.conn.log.Warn().Str(fieldEvent, eventPublishFailed).Err(err).Send()
				}
				if !pause(ctx, backoff(failures)) {
					return
				}
				failures++
				continue
			}
			failures = 0
			p.remove(next.id, err)
		}
	}
}

func (p *Publisher) first() (outgoing, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return outgoing{}, false
	}
	return p.waiting[0], true
}

// remove forgets an event that was sent or, with an error, never can be. It
// may be gone already, where newer progress replaced it.
func (p *Publisher) remove(id string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(o outgoing) bool { return o.id == id })
	if err != nil {
		p.dropped++
		p.conn.log.Warn().Str(fieldEvent, eventPublishDropped).Err(err).Send()
	}
}

// abandon counts what was never sent.
func (p *Publisher) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped += uint64(len(p.waiting))
	p.waiting = nil
}

func (p *Publisher) send(ctx context.Context, o outgoing) error {
	subject, err := EventSubject(o.event.Campaign)
	if err != nil {
		return &ControlError{Code: CodeInvalid, Message: "publish an event: " + err.Error()}
	}
	body, err := json.Marshal(o.event)
	if err != nil {
		return &ControlError{Code: CodeInvalid, Message: "publish an event: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	if _, err := p.conn.js.Publish(ctx, subject, body, jetstream.WithMsgID(o.id)); err != nil {
		return fmt.Errorf("publish an event: %w", err)
	}
	return nil
}

// hopeless tells whether trying again cannot help.
func hopeless(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, nats.ErrMaxPayload) || CodeOf(err) == CodeInvalid ||
		(errors.As(err, &refused) && refused.Code < 500)
}

// Report is one rendering of a released report, as the bytes that were signed.
type Report struct {
	Party    string
	Campaign string
	// Format is "json", "csv" or "html".
	Format    string
	Data      []byte
	Signature []byte
	KeyID     string
}

// PublishReport stores the rendering for the broker's own systems and returns
// once it is on disk, or with an error. Publishing it again has no effect
// within two minutes; later it appears twice, with the same bytes.
func (p *Publisher) PublishReport(ctx context.Context, report Report) error {
	subject, err := ReportSubject(report.Party, report.Campaign)
	if err != nil {
		return fmt.Errorf("publish a report: %w", err)
	}
	hash := sha256.Sum256(report.Data)
	ctx, cancel := withDeadline(ctx, requestWait)
	defer cancel()
	_, err = p.conn.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: report.Data, Header: nats.Header{
		HeaderFormat:    []string{report.Format},
		HeaderSignature: []string{base64.StdEncoding.EncodeToString(report.Signature)},
		HeaderKeyID:     []string{report.KeyID},
	}}, jetstream.WithMsgID(report.Campaign+"-"+report.Format+"-"+hex.EncodeToString(hash[:])))
	if err != nil {
		return fmt.Errorf("publish the report of campaign %s: %w", report.Campaign, err)
	}
	return nil
}

// flush waits until the server has seen all that was sent, for a moment; it
// does not wait for a server that is away.
func (c *Conn) flush() error {
	if !c.nats.IsConnected() {
		return nil
	}
	return c.nats.FlushTimeout(min(requestWait, 2*time.Second))
}
