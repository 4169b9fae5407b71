package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
)

const (
	// serviceName is how `nats micro ls` shows the daemon.
	serviceName = "dialerd"
	// maxRequests is how many requests are in hand at once. Operators are few;
	// more than this is a program that does not wait for answers.
	maxRequests = 64
	// handleWait bounds one request: nobody waits longer for an answer.
	handleWait = 2 * time.Minute
)

// Request is one question or order.
type Request struct {
	Verb Verb
	// Data is the body: JSON, or sealed bytes.
	Data []byte
	// Header holds the message's headers, the first value of each.
	Header map[string]string
	// ReceivedAt is the real instant at which it came.
	ReceivedAt time.Time
}

// Handler answers a request: with bytes that are sent as they are, with a
// value that is sent as JSON, or with an error. A *ControlError is sent whole;
// of any other error the text is sent, as CodeInternal. Handlers run at the
// same time as each other, for two minutes at most.
type Handler func(ctx context.Context, request Request) (answer any, err error)

var errMoreFollows = errors.New("more follows after the JSON")

// Decode reads the request's JSON into the value. What it does not understand
// it refuses, as CodeInvalid.
func (r Request) Decode(value any) error {
	decoder := json.NewDecoder(strings.NewReader(string(r.Data)))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(value)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errMoreFollows
		}
	}
	if err != nil {
		return &ControlError{
			Code: CodeInvalid, Message: fmt.Sprintf("%s: the request is not understood", r.Verb),
			Hint: "is dialctl of another version than dialerd? see dialctl version", cause: err,
		}
	}
	return nil
}

// Service answers requests on the control subjects.
type Service struct {
	conn   *Conn
	micro  micro.Service
	log    zerolog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{}

	mu       sync.Mutex // guards stopping against a late Add to running
	stopping bool
	running  sync.WaitGroup
}

// Serve begins to answer requests, a goroutine each. The version is the
// daemon's; NATS's own tools show it.
func Serve(conn *Conn, version string, handlers map[Verb]Handler) (*Service, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Service{conn: conn, log: conn.log, ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxRequests)}
	inner, err := micro.AddService(conn.nats, micro.Config{
		Name: serviceName, Version: semanticVersion(version), Description: "Hustings' dialer: questions and orders",
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open the control service: %w", err)
	}
	s.micro = inner
	verbs := make([]Verb, 0, len(handlers))
	for verb := range handlers {
		verbs = append(verbs, verb)
	}
	slices.Sort(verbs) // the same order in NATS's tools at every start
	for _, verb := range verbs {
		err = errors.Join(err, s.add(verb, ControlSubject(verb), handlers[verb]))
	}
	if err = errors.Join(err, conn.flush()); err != nil {
		cancel()
		return nil, fmt.Errorf("open the control service: %w", errors.Join(err, inner.Stop()))
	}
	s.log.Info().Str(fieldEvent, eventServiceStarted).Str(fieldURL, conn.URL()).Send()
	return s, nil
}

// Stop takes no more requests and waits for those in hand; at the context's
// end it ends theirs, and waits on.
func (s *Service) Stop(ctx context.Context) error {
	defer s.cancel()
	err := s.micro.Stop()
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.running.Wait()
	}()
	select {
	case <-finished:
	case <-ctx.Done():
		s.log.Warn().Str(fieldEvent, eventServiceOverrun).Int(fieldRequests, len(s.slots)).Send()
		s.cancel()
		<-finished
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("close the control service: %w", err)
	}
	return nil
}

func (s *Service) add(verb Verb, subject string, handler Handler) error {
	name := strings.NewReplacer(".", "-").Replace(strings.TrimPrefix(subject, "dialer.v1."))
	return s.micro.AddEndpoint(name, micro.HandlerFunc(func(request micro.Request) {
		s.take(verb, request, handler)
	}), micro.WithEndpointSubject(subject))
}

// take starts the work and returns: the subscription must stay free for those
// who ask next.
func (s *Service) take(verb Verb, incoming micro.Request, handler Handler) {
	received := time.Now()
	if !mayAnswer(incoming.Reply()) {
		return // nobody waits for an answer, so nobody may give orders
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		s.fail(incoming.Reply(), &ControlError{Code: CodeBusy, Message: "the daemon is stopping", Hint: "ask again once it is back"})
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.fail(incoming.Reply(), &ControlError{
			Code: CodeBusy, Message: fmt.Sprintf("the daemon has %d requests in hand", maxRequests), Hint: "ask again in a moment",
		})
		return
	}
	s.running.Go(func() {
		defer func() { <-s.slots }()
		s.answer(verb, incoming, handler, received)
	})
}

func (s *Service) answer(verb Verb, incoming micro.Request, handler Handler, received time.Time) {
	request := Request{Verb: verb, Data: incoming.Data(), Header: make(map[string]string), ReceivedAt: received}
	for name, values := range incoming.Headers() {
		if len(values) > 0 {
			request.Header[name] = values[0]
		}
	}
	body, err := s.call(request, handler)
	if limit := s.conn.nats.MaxPayload(); err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("the answer has %d bytes, the NATS server takes %d at most (max_payload)", len(body), limit)
	}
	if err == nil {
		s.send(&nats.Msg{Subject: incoming.Reply(), Data: body})
		return
	}
	failure := asControlError(err)
	s.log.Warn().Str(fieldEvent, eventRequestFailed).Str(fieldVerb, string(verb)).
		Str(fieldCode, string(failure.Code)).Str(fieldReason, failure.Message).Send() // faults may quote the request
	s.fail(incoming.Reply(), failure)
}

// call runs the handler. A panic ends the request, not the daemon; its text
// stays here, since it may quote the request.
func (s *Service) call(request Request, handler Handler) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, handleWait)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error().Str(fieldEvent, eventRequestPanic).Str(fieldReason, dialer.DescribePanic(cause)).Str(fieldStack, dialer.Stack()).
				Str(fieldVerb, string(request.Verb)).Send()
			err = &ControlError{Code: CodeInternal, Message: "internal error", Hint: "the daemon's log tells where"}
		}
	}()
	answer, err := handler(ctx, request)
	if err != nil {
		return nil, err
	}
	return encode(answer)
}

func (s *Service) fail(reply string, failure *ControlError) {
	body, err := json.Marshal(failure)
	if err != nil {
		body = nil // texts only: the headers say enough
	}
	// The headers are those of nats.go/micro, so that its tools see a failure.
	s.send(&nats.Msg{Subject: reply, Data: body, Header: nats.Header{
		micro.ErrorHeader:     []string{oneLine(failure.Message)},
		micro.ErrorCodeHeader: []string{string(failure.Code)},
	}})
}

// send answers past micro.Request, which may only be used while the
// subscription waits.
func (s *Service) send(message *nats.Msg) {
	if err := s.conn.nats.PublishMsg(message); err != nil {
		s.log.Warn().Str(fieldEvent, eventAnswerLost).Err(err).Send()
	}
}

// encode gives bytes as they are, nothing as an empty object and the rest as
// JSON.
func encode(value any) ([]byte, error) {
	switch value := value.(type) {
	case nil:
		return []byte("{}"), nil
	case []byte:
		return value, nil
	default:
		body, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("write as JSON: %w", err)
		}
		return body, nil
	}
}

// oneLine makes a text fit for a header.
func oneLine(text string) string {
	return strings.Join(strings.Fields(shorten(text, 500)), " ")
}

var versionForm = regexp.MustCompile(`^v?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})(?:[-+].*)?$`)

// semanticVersion gives NATS the form of version that it insists on; what has
// no such form becomes 0.0.0.
func semanticVersion(version string) string {
	if parts := versionForm.FindStringSubmatch(version); parts != nil {
		return parts[1]
	}
	return "0.0.0"
}
