package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/hustings/hustings/dialer"
)

const (
	// HeaderAnswer names the subject on which the sender of an objection wants
	// the answer, an OptOutAnswer or a ControlError, once it is effective: the
	// message's own reply is JetStream's.
	HeaderAnswer = "Hustings-Answer"

	optOutConsumer = "optouts"
	// optOutAckWait is how long an objection may be in hand before it is handed
	// out again: longer than the longest wait for a request in flight.
	optOutAckWait = 30 * time.Second
	// optOutsAtOnce bounds how many are in hand. They share syncs and
	// transactions, so that more at once are not slower each.
	optOutsAtOnce = 64
)

// SealOptOut seals an objection to the daemon's public key, as SubjectOptOut and
// VerbOptOut want it.
func SealOptOut(public []byte, optOut OptOut) ([]byte, error) {
	plaintext, err := json.Marshal(optOut)
	if err != nil {
		return nil, fmt.Errorf("write the objection: %w", err)
	}
	return Seal(public, PurposeOptOut, plaintext)
}

// SendOptOut puts an objection into the queue, where it is safe even while no
// daemon runs, and waits for the answer that it is effective. Where none comes
// before the context's end the error has CodeTimeout: the objection is kept then,
// and will be made effective. Public is the daemon's key, as Status told it.
func (c *Client) SendOptOut(ctx context.Context, public []byte, optOut OptOut) (OptOutAnswer, error) {
	var answer OptOutAnswer
	sealed, err := SealOptOut(public, optOut)
	if err != nil {
		return answer, err
	}
	ctx, cancel := withDeadline(ctx, answerWait)
	defer cancel()
	inbox := c.conn.nats.NewInbox()
	answers, err := c.conn.nats.SubscribeSync(inbox)
	if err != nil {
		return answer, fmt.Errorf("send an objection: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	message := &nats.Msg{Subject: SubjectOptOut, Data: sealed, Header: nats.Header{HeaderAnswer: []string{inbox}}}
	if _, err := c.conn.js.PublishMsg(ctx, message, jetstream.WithMsgID(rand.Text())); err != nil {
		// Not CodeTimeout, which says that it is kept.
		return answer, &ControlError{
			Code: CodeUnreachable, Message: fmt.Sprintf("the queue on %s did not confirm the objection", c.URL()),
			Hint: "send it again: the same objection twice does no harm", cause: err,
		}
	}
	told, err := answers.NextMsgWithContext(ctx)
	if err != nil {
		return answer, &ControlError{
			Code: CodeTimeout, Message: "the objection is in the queue and not effective yet", cause: err,
			Hint: "it stays there until a daemon has made it effective: see dialctl status",
		}
	}
	if told.Header.Get(headerFailed) != "" {
		return answer, decodeFailure(told.Header.Get(headerFailed), "the objection was not taken", told.Data)
	}
	if err := json.Unmarshal(told.Data, &answer); err != nil {
		return answer, fmt.Errorf("read the answer to an objection: %w", err)
	}
	return answer, nil
}

// headerFailed holds the code of an answer that is a ControlError.
const headerFailed = "Hustings-Error-Code"

// ConsumeOptOuts hands out objections until the context ends, several at a time.
// The handler is that of VerbOptOut. One leaves the stream when it is effective,
// or when the handler's error is CodeInvalid: then the reasons are stored where
// those of jobs are. After any other error it comes again.
func (c *Conn) ConsumeOptOuts(ctx context.Context, handler Handler) {
	for failures := 0; ; failures++ {
		began := time.Now()
		err := c.consumeOptOuts(ctx, handler)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > laterMost {
			failures = 0
		}
		wait := backoff(failures)
		c.log.Warn().Str(fieldEvent, eventConsumeBroken).Str(fieldStream, streamOptOut).Err(err).Dur(fieldRetryAfter, wait).Send()
		if !pause(ctx, wait) {
			return
		}
	}
}

func (c *Conn) consumeOptOuts(ctx context.Context, handler Handler) error {
	preparing, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	consumer, err := c.js.CreateOrUpdateConsumer(preparing, streamOptOut, jetstream.ConsumerConfig{
		Durable: optOutConsumer, Description: "the daemon, objections of other systems",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: optOutAckWait, MaxAckPending: optOutsAtOnce, MaxDeliver: -1,
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) { // NATS came back without its files, or is new
		err = errors.Join(err, c.EnsureStreams(preparing))
	}
	if err != nil {
		return fmt.Errorf("open the queue of objections: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(optOutsAtOnce),
		jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat))
	if err != nil {
		return fmt.Errorf("open the queue of objections: %w", err)
	}
	defer messages.Stop()
	var inHand errgroup.Group
	inHand.SetLimit(optOutsAtOnce)
	defer func() { _ = inHand.Wait() }() // none returns an error
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("wait for an objection: %w", err)
		}
		inHand.Go(func() error { c.takeOptOut(ctx, message, handler, time.Now()); return nil })
	}
}

// OptOutsWaiting returns how many objections in the queue are not effective yet.
func (c *Conn) OptOutsWaiting(ctx context.Context) (uint64, error) {
	stream, err := c.js.Stream(ctx, streamOptOut)
	if err != nil {
		return 0, fmt.Errorf("look at the queue of objections: %w", err)
	}
	return stream.CachedInfo().State.Msgs, nil
}

// takeOptOut has one objection made effective and tells the queue, and whoever
// sent it. What was begun is brought to its end while the daemon stops.
func (c *Conn) takeOptOut(ctx context.Context, message jetstream.Msg, handler Handler, received time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), optOutAckWait)
	defer cancel()
	metadata, err := message.Metadata()
	if err != nil {
		return // not handed out by a stream; it comes again
	}
	body, failure := c.callOptOut(ctx, Request{Verb: VerbOptOut, Data: message.Data(), ReceivedAt: received}, handler)
	id := "optout-" + strconv.FormatUint(metadata.Sequence.Stream, 10)
	switch {
	case failure == nil:
		err = c.confirm(ctx, message)
	case failure.Code == CodeInvalid:
		err = c.rejectOptOut(ctx, message, id, failure)
	default:
		wait := backoff(int(min(metadata.NumDelivered, 32)) - 1)
		c.log.Warn().Str(fieldEvent, eventOptOutLater).Str(fieldReason, failure.Message).
			Uint64(fieldStreamSequence, metadata.Sequence.Stream).Dur(fieldRetryAfter, wait).Send()
		_ = message.NakWithDelay(wait) // unheard, it comes again all the same
		return
	}
	if err != nil { // it comes again, and changes nothing then
		c.log.Warn().Str(fieldEvent, eventJobUnconfirmed).Err(err).Uint64(fieldStreamSequence, metadata.Sequence.Stream).Send()
	}
	c.answerOptOut(message.Headers().Get(HeaderAnswer), body, failure)
	level, event, reason := zerolog.InfoLevel, eventOptOutTaken, ""
	if failure != nil {
		level, event, reason = zerolog.ErrorLevel, eventOptOutRejected, failure.Message
	}
	c.log.WithLevel(level).Str(fieldEvent, event).Str(fieldReason, reason).
		Uint64(fieldStreamSequence, metadata.Sequence.Stream).Uint64(fieldDeliveries, metadata.NumDelivered).Send()
}

// callOptOut runs the handler. A panic is no answer: the objection comes again.
func (c *Conn) callOptOut(ctx context.Context, request Request, handler Handler) (body []byte, failure *ControlError) {
	defer func() {
		if cause := recover(); cause != nil {
			c.log.Error().Str(fieldEvent, eventRequestPanic).Str(fieldReason, dialer.DescribePanic(cause)).Str(fieldStack, dialer.Stack()).
				Str(fieldVerb, string(request.Verb)).Send()
			failure = &ControlError{Code: CodeInternal, Message: "internal error"}
		}
	}()
	answer, err := handler(ctx, request)
	if err == nil {
		body, err = encode(answer)
	}
	if err != nil {
		return nil, asControlError(err)
	}
	return body, nil
}

// rejectOptOut stores the reasons before the objection leaves the queue.
func (c *Conn) rejectOptOut(ctx context.Context, message jetstream.Msg, id string, failure *ControlError) error {
	rejection := dialer.Rejection{Submission: id, At: time.Now().UTC(), Faults: failure.Faults}
	if len(rejection.Faults) == 0 {
		rejection.Faults = []dialer.Fault{{Reason: failure.Message, Hint: failure.Hint}}
	}
	data, err := json.Marshal(rejection)
	if err != nil {
		return fmt.Errorf("write the rejection of an objection: %w", err)
	}
	err = c.insist(ctx, "store the rejection of an objection", func(ctx context.Context) error {
		_, err := c.js.Publish(ctx, subjectRejected+id, data)
		return err
	})
	if err != nil {
		return err
	}
	if err := message.TermWithReason("rejected, see " + subjectRejected + id); err != nil {
		return fmt.Errorf("take a rejected objection out of the queue: %w", err)
	}
	return nil
}

// mayAnswer tells whether an answer may go to the subject that whoever asks has named.
// We may publish what they may not, and no answer may give orders: it goes to no
// subject of ours or of the server's.
func mayAnswer(subject string) bool {
	return subject != "" && !strings.ContainsAny(subject, " \t\r\n*>") && !strings.HasPrefix(subject, "dialer.") && !strings.HasPrefix(subject, "$")
}

// answerOptOut tells the sender, where it wants to be told.
func (c *Conn) answerOptOut(subject string, body []byte, failure *ControlError) {
	if !mayAnswer(subject) {
		return
	}
	answer := &nats.Msg{Subject: subject, Data: body}
	if failure != nil {
		answer.Data, _ = json.Marshal(failure) // texts only
		answer.Header = nats.Header{headerFailed: []string{string(failure.Code)}}
	}
	if err := c.nats.PublishMsg(answer); err != nil {
		c.log.Warn().Str(fieldEvent, eventAnswerLost).Err(err).Send()
	}
}
