package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Lag returns how many messages wait in each stream that the daemon takes from, those
// in hand included. A stream that nobody has taken from yet is left out.
func (c *Conn) Lag(ctx context.Context) (map[string]uint64, error) {
	lag := map[string]uint64{}
	for _, of := range []struct{ stream, consumer, name string }{
		{streamSubmit, jobConsumer, "jobs"}, {streamOptOut, optOutConsumer, "optouts"},
	} {
		consumer, err := c.js.Consumer(ctx, of.stream, of.consumer)
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ask how many %s wait: %w", of.name, err)
		}
		known := consumer.CachedInfo() // asked for just now
		lag[of.name] = known.NumPending + uint64(known.NumAckPending)
	}
	return lag, nil
}
