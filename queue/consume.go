package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hustings/hustings/dialer"
)

const (
	jobConsumer = "jobs"
	// laterFirst and laterMost bound the wait before a job comes again; it
	// doubles in between.
	laterFirst = 500 * time.Millisecond
	laterMost  = 30 * time.Second
	// pullExpiry is how long one question for a job stands, and two missing
	// heartbeats mean that nobody knows of it any more.
	pullExpiry    = 10 * time.Second
	pullHeartbeat = time.Second
	// confirmWait bounds one try to have an acknowledgement confirmed.
	confirmWait = 2 * time.Second
	// confirmTries is how often it is tried again; it takes half a minute.
	confirmTries = 5
)

// Consume hands out jobs until the context ends, one at a time and in the
// order of acceptance. It outlives every trouble with NATS, so it only returns
// at the context's end. One Consume may run against the streams at a time.
func (c *Conn) Consume(ctx context.Context, handler JobHandler) {
	for failures := 0; ; failures++ {
		began := time.Now()
		err := c.consume(ctx, handler)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > laterMost {
			failures = 0
		}
		wait := backoff(failures)
		c.log.Warn().Str(fieldEvent, eventConsumeBroken).Err(err).Dur(fieldRetryAfter, wait).Send()
		if !pause(ctx, wait) {
			return
		}
	}
}

// consume runs until something breaks.
func (c *Conn) consume(ctx context.Context, handler JobHandler) error {
	preparing, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	consumer, err := c.js.CreateOrUpdateConsumer(preparing, streamSubmit, jetstream.ConsumerConfig{
		Durable: jobConsumer, Description: "the daemon, one job at a time",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.ackWait,
		// One in flight keeps the order even when a job has to come again.
		MaxAckPending: 1, MaxDeliver: -1,
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) { // NATS came back without its files
		err = errors.Join(err, c.EnsureStreams(preparing))
	}
	if err != nil {
		return fmt.Errorf("open the queue of jobs: %w", err)
	}
	behind, err := c.mendOrder(preparing)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1),
		jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat))
	if err != nil {
		return fmt.Errorf("open the queue of jobs: %w", err)
	}
	defer messages.Stop()
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("wait for a job: %w", err)
		}
		if err := c.take(ctx, message, handler); err != nil {
			return err
		}
		if behind {
			if behind, err = c.mendOrder(ctx); err != nil {
				return err
			}
		}
	}
}

// take has one job decided on and tells the queue.
func (c *Conn) take(ctx context.Context, message jetstream.Msg, handler JobHandler) error {
	submission, err := readSubmission(message)
	if err != nil {
		return err
	}
	wrong := submission.readSubject()
	c.last.Store(max(c.last.Load(), submission.StreamSequence))
	var disposition Disposition
	if wrong != nil {
		// Its subject is no job's, so the handler's ledger has no place for it.
		disposition = Rejected(dialer.Rejection{Faults: []dialer.Fault{*wrong}})
	} else {
		stop := c.keepAlive(message)
		disposition = c.decide(ctx, submission, handler)
		stop()
	}
	// What the handler decided is told even while the daemon stops.
	telling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if pause(telling, requestWait) {
			cancel()
		}
	})()
	switch disposition.verdict {
	case verdictAccepted:
		err = c.confirm(telling, message)
	case verdictRejected:
		err = c.reject(telling, message, submission, disposition.rejection)
	case verdictLater:
		return c.postpone(message, submission, disposition.err)
	}
	if err != nil {
		c.log.Warn().Str(fieldEvent, eventJobUnconfirmed).Err(err).Uint64(fieldStreamSequence, submission.StreamSequence).Send()
		return err
	}
	c.log.Info().Str(fieldEvent, eventJobAnswered).Str(fieldParty, submission.Party).Str(fieldCampaign, submission.Campaign).
		Uint64(fieldStreamSequence, submission.StreamSequence).Uint64(fieldDeliveries, submission.Deliveries).
		Int(fieldBytes, len(submission.Data)).Int(fieldFaults, len(disposition.rejection.Faults)).
		Str(fieldAnswer, disposition.verdict.String()).Send()
	if wrong == nil {
		c.nudge(submission)
	}
	return nil
}

func readSubmission(message jetstream.Msg) (Submission, error) {
	metadata, err := message.Metadata()
	if err != nil {
		return Submission{}, fmt.Errorf("read a job's place in the queue: %w", err)
	}
	return Submission{
		Subject: message.Subject(), Data: message.Data(), MessageID: message.Headers().Get(nats.MsgIdHdr),
		StreamSequence: metadata.Sequence.Stream, Deliveries: metadata.NumDelivered, SubmittedAt: metadata.Timestamp,
	}, nil
}

// readSubject fills in the subject's tokens, or says what is wrong with them.
func (s *Submission) readSubject() *dialer.Fault {
	var err error
	if s.Party, s.Campaign, err = parseSubmitSubject(s.Subject); err != nil {
		return &dialer.Fault{
			Field: "subject", Reason: err.Error(),
			Hint: "submit with dialctl, or publish on " + subjectSubmit + "<party>.<campaign>",
		}
	}
	return nil
}

// decide asks the handler. A panic is no rejection: the job may be in the
// ledger already.
func (c *Conn) decide(ctx context.Context, submission Submission, handler JobHandler) (disposition Disposition) {
	defer func() {
		if cause := recover(); cause != nil {
			c.log.Error().Str(fieldEvent, eventJobPanic).Str(fieldReason, dialer.DescribePanic(cause)).Str(fieldStack, dialer.Stack()).
				Uint64(fieldStreamSequence, submission.StreamSequence).Send()
			disposition = Later(errors.New("the daemon failed over the job"))
		}
	}()
	return handler(ctx, submission)
}

// keepAlive tells the server that the job is in hand, until stop is called.
func (c *Conn) keepAlive(message jetstream.Msg) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(c.ackWait / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = message.InProgress() // the next one may come through
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// confirm acknowledges until the server says that it knows.
func (c *Conn) confirm(ctx context.Context, message jetstream.Msg) error {
	return c.insist(ctx, "acknowledge a job", func(ctx context.Context) error {
		return message.DoubleAck(ctx)
	})
}

// reject stores the reasons before the job leaves the queue: whoever looks
// finds either the job or the reasons.
func (c *Conn) reject(ctx context.Context, message jetstream.Msg, s Submission, rejection dialer.Rejection) error {
	data, err := json.Marshal(s.complete(rejection))
	if err != nil {
		return fmt.Errorf("write the rejection of a job: %w", err)
	}
	subject, err := RejectedSubject(s.ID())
	if err != nil {
		return err
	}
	id := s.ID() + "-" + strconv.FormatInt(s.SubmittedAt.UnixNano(), 10)
	err = c.insist(ctx, "store the rejection of a job", func(ctx context.Context) error {
		_, err := c.js.Publish(ctx, subject, data, jetstream.WithMsgID(id))
		return err
	})
	if err != nil {
		return err
	}
	reason := fmt.Sprintf("rejected, see %s", subject)
	if err := message.TermWithReason(reason); err != nil {
		return fmt.Errorf("take a rejected job out of the queue: %w", err)
	}
	if err := c.nats.FlushTimeout(confirmWait); err != nil {
		return fmt.Errorf("take a rejected job out of the queue: %w", err)
	}
	return nil
}

func (c *Conn) postpone(message jetstream.Msg, s Submission, cause error) error {
	if cause == nil {
		cause = errNoReason
	}
	wait := backoff(int(min(s.Deliveries, 32)) - 1)
	c.log.Warn().Str(fieldEvent, eventJobLater).Err(cause).Str(fieldCampaign, s.Campaign).
		Uint64(fieldStreamSequence, s.StreamSequence).Uint64(fieldDeliveries, s.Deliveries).
		Dur(fieldRetryAfter, wait).Send()
	if err := message.NakWithDelay(wait); err != nil {
		return fmt.Errorf("put a job back: %w", err)
	}
	return nil
}

// nudge tells a submitter who waits to look now. Losing it costs a second.
func (c *Conn) nudge(s Submission) {
	if err := c.nats.Publish(answerSubject(s.Party, s.Campaign), []byte(s.ID())); err != nil {
		c.log.Debug().Str(fieldEvent, eventAnswerLost).Err(err).Send()
	}
}

// insist repeats the step until it succeeds, the context ends or trying again
// cannot help: with nobody on the other side the queue itself has changed, and
// the job comes again once it is open anew.
func (c *Conn) insist(ctx context.Context, what string, step func(context.Context) error) error {
	for failures := 0; ; failures++ {
		trying, cancel := context.WithTimeout(ctx, confirmWait)
		err := step(trying)
		cancel()
		if err == nil || errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
			return nil
		}
		gone := errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
		if gone || failures == confirmTries || c.nats.IsClosed() || !pause(ctx, backoff(failures)) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// backoff returns how long to wait after that many failures.
func backoff(failures int) time.Duration {
	return min(laterFirst<<min(max(failures, 0), 10), laterMost)
}
