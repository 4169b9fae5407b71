package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hustings/hustings/dialer"
)

// Watch yields the last event of the campaign, then every new one as it
// happens, until the context ends or the caller stops. No campaign means all
// of them. An error is the last thing yielded; the context's end is none.
func (c *Client) Watch(ctx context.Context, campaign string) iter.Seq2[dialer.Event, error] {
	return func(yield func(dialer.Event, error) bool) {
		if err := c.watch(ctx, campaign, yield); err != nil && ctx.Err() == nil {
			yield(dialer.Event{}, err)
		}
	}
}

func (c *Client) watch(ctx context.Context, campaign string, yield func(dialer.Event, error) bool) error {
	subject := subjectEvent + "*"
	if campaign != "" {
		var err error
		if subject, err = EventSubject(campaign); err != nil {
			return &ControlError{Code: CodeInvalid, Message: "watch a campaign: " + err.Error(), cause: err}
		}
	}
	consumer, err := c.conn.js.OrderedConsumer(ctx, streamEvent, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
	})
	if err != nil {
		return fmt.Errorf("watch on %s: %w", c.URL(), err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("watch on %s: %w", c.URL(), err)
	}
	defer messages.Stop()
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("watch on %s: %w", c.URL(), err)
		}
		var event dialer.Event
		if err := json.Unmarshal(message.Data(), &event); err != nil {
			return fmt.Errorf("read an event of %s: %w", message.Subject(), err)
		}
		if !yield(event, nil) {
			return nil
		}
	}
}
