package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hustings/hustings/dialer"
)

// JetStream may come back empty, or as it was some time ago: its files were lost
// or restored. The ledger knows better. What it knows of that was told over a
// stream is told again: rejections, reports, how each campaign stands. What only
// the stream had is lost: jobs and objections that nobody had answered, and the
// history of events.

// Loss is what became of the queue's files.
type Loss struct {
	// At is when it was noticed.
	At time.Time
	// Known is the last place in the order of acceptance that the ledger knew,
	// Found the last one that the queue did; 0 where it was empty.
	Known, Found uint64
}

// String says so to people.
func (l *Loss) String() string {
	what := "came back empty"
	if l.Found > 0 {
		what = fmt.Sprintf("came back as it was at job %d", l.Found)
	}
	return fmt.Sprintf("NATS %s at %s, %d jobs were known: submit again what has no answer", what, l.At.UTC().Format(time.RFC3339), l.Known)
}

// Loss returns the last loss of the queue's files that was noticed, nil for none.
func (c *Conn) Loss() *Loss { return c.loss.Load() }

func (c *Conn) lost(loss Loss) {
	loss.At = time.Now()
	c.loss.Store(&loss)
	c.log.Warn().Str(fieldEvent, eventQueueLost).Uint64(fieldWant, loss.Known).Uint64(fieldHave, loss.Found).Send()
}

// Returned yields a token whenever the streams may be others than before: at the
// beginning, after each reconnection, and where one had to be made.
func (c *Conn) Returned() <-chan struct{} { return c.returned }

func (c *Conn) mayHaveChanged() {
	select {
	case c.returned <- struct{}{}:
	default:
	}
}

// metadataOwner is where the queue of jobs says whose it is.
const metadataOwner = "hustings_owner"

func (c *Conn) ownership() map[string]string {
	if c.owner == "" {
		return nil
	}
	return map[string]string{metadataOwner: c.owner}
}

// checkOwner refuses a queue that is another store's.
func (c *Conn) checkOwner(have jetstream.StreamConfig) error {
	if owner := have.Metadata[metadataOwner]; owner != "" && c.owner != "" && owner != c.owner {
		return &ControlError{
			Code: CodeConflict, Message: fmt.Sprintf("the jobs on %s are for another store: its daemon would take some of them and this one the rest", c.URL()),
			Hint: "give each daemon a NATS of its own, or an account; if that store is gone for good: nats stream rm " + streamSubmit,
		}
	}
	return nil
}

// mendOrder sees whether the queue of jobs has gone back behind what the ledger
// knows, and if so lets it go on where it was, once the jobs that came back with
// it have left. It tells whether that remains to be done.
func (c *Conn) mendOrder(ctx context.Context) (remains bool, err error) {
	stream, err := c.js.Stream(ctx, streamSubmit)
	if err != nil {
		return false, fmt.Errorf("look at the queue of jobs: %w", err)
	}
	info := stream.CachedInfo()
	if err := c.checkOwner(info.Config); err != nil {
		return false, err
	}
	state, last := info.State, c.last.Load()
	if state.LastSeq >= last {
		return false, nil
	}
	if loss := c.loss.Load(); loss == nil || loss.Known != last {
		c.lost(Loss{Known: last, Found: state.LastSeq})
	}
	if state.Msgs > 0 {
		return true, nil
	}
	// A stream that is purged up to a place it has not reached goes on from there.
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(last+1)); err != nil {
		return false, fmt.Errorf("let the queue of jobs go on at %d: %w", last+1, err)
	}
	c.log.Info().Str(fieldEvent, eventQueueMended).Uint64(fieldWant, last).Send()
	return false, nil
}

// Told is what the streams hold, by the last token of the subject: rejections by
// submission, events and reports by campaign.
type Told struct{ Rejections, Events, Reports map[string]bool }

// Told makes the streams that are missing and returns what they hold.
func (c *Conn) Told(ctx context.Context) (Told, error) {
	ctx, cancel := withDeadline(ctx, 2*requestWait)
	defer cancel()
	var told Told
	if err := c.EnsureStreams(ctx); err != nil {
		return told, err
	}
	for name, tokens := range map[string]*map[string]bool{
		streamRejected: &told.Rejections, streamEvent: &told.Events, streamReport: &told.Reports,
	} {
		stream, err := c.js.Stream(ctx, name)
		if err != nil {
			return told, fmt.Errorf("look at stream %s: %w", name, err)
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"))
		if err != nil {
			return told, fmt.Errorf("look at stream %s: %w", name, err)
		}
		*tokens = make(map[string]bool, len(info.State.Subjects))
		for subject := range info.State.Subjects {
			(*tokens)[subject[strings.LastIndexByte(subject, '.')+1:]] = true
		}
	}
	return told, nil
}

// PublishRejection tells once more why a submission was rejected, and returns
// once that is on disk.
func (p *Publisher) PublishRejection(ctx context.Context, rejection dialer.Rejection) error {
	subject, err := RejectedSubject(rejection.Submission)
	if err != nil {
		return fmt.Errorf("publish a rejection: %w", err)
	}
	data, err := json.Marshal(rejection)
	if err != nil {
		return fmt.Errorf("publish a rejection: %w", err)
	}
	ctx, cancel := withDeadline(ctx, requestWait)
	defer cancel()
	if _, err := p.conn.js.Publish(ctx, subject, data); err != nil {
		return fmt.Errorf("publish the rejection of %s: %w", rejection.Submission, err)
	}
	return nil
}
