package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams' names, as NATS's own tools show them.
const (
	streamSubmit   = "SUBMIT"
	streamRejected = "REJECTED"
	streamEvent    = "EVENT"
	streamReport   = "REPORT"
	streamOptOut   = "OPTOUT"
)

const (
	// maxSubmission is the most that a job's message may have in bytes: what
	// dialer.ParseJob reads, and headers. A job that is a little too long then
	// still comes through to be rejected with a reason.
	maxSubmission = 64<<10 + 8<<10
	// maxOptOut is the most that a sealed objection may have in bytes.
	maxOptOut = 8 << 10
	// duplicateWindow is how long the server recognises a message that is sent
	// again because its acknowledgement was lost.
	duplicateWindow = 2 * time.Minute
	day             = 24 * time.Hour
)

// streams returns how the streams must be. All are bounded, since a disk that
// NATS fills would stop the ledger too.
func streams() []jetstream.StreamConfig {
	return []jetstream.StreamConfig{
		{
			Name: streamSubmit, Subjects: []string{subjectSubmit + "*.*"},
			Description: "jobs that the daemon has not answered yet, in the order of acceptance",
			Retention:   jetstream.WorkQueuePolicy,
			// A full queue says so to whoever submits, instead of dropping the
			// first that came.
			Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
			MaxMsgSize: maxSubmission, MaxBytes: 64 << 20,
			Storage: jetstream.FileStorage, Duplicates: duplicateWindow,
		},
		{
			Name: streamOptOut, Subjects: []string{SubjectOptOut},
			Description: "sealed objections that are not effective yet",
			Retention:   jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew,
			MaxMsgsPerSubject: -1, MaxMsgSize: maxOptOut, MaxBytes: 64 << 20,
			Storage: jetstream.FileStorage, Duplicates: duplicateWindow,
		},
		{
			Name: streamRejected, Subjects: []string{subjectRejected + "*"},
			Description: "why jobs were rejected",
			Retention:   jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxMsgsPerSubject: 1,
			MaxBytes: 64 << 20, MaxAge: 90 * day,
			Storage: jetstream.FileStorage, Duplicates: duplicateWindow,
		},
		{
			Name: streamEvent, Subjects: []string{subjectEvent + "*"},
			Description: "what happens to campaigns, for operators who watch",
			Retention:   jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxMsgsPerSubject: 256,
			MaxBytes: 128 << 20, MaxAge: 90 * day,
			Storage: jetstream.FileStorage, Duplicates: duplicateWindow,
		},
		{
			Name: streamReport, Subjects: []string{subjectReport + "*.*"},
			Description: "released reports, for the broker's own systems",
			Retention:   jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxMsgsPerSubject: 16,
			MaxBytes: 256 << 20, MaxAge: 400 * day,
			Storage: jetstream.FileStorage, Duplicates: duplicateWindow,
		},
	}
}

// EnsureStreams makes the streams that are missing and brings the others up to
// what this version wants. A stream that cannot be changed so is an error with
// a hint, and stays as it is.
func (c *Conn) EnsureStreams(ctx context.Context) error {
	ctx, cancel := withDeadline(ctx, 2*requestWait)
	defer cancel()
	if err := checkServer(c.nats.ConnectedServerVersion()); err != nil {
		return err
	}
	for _, want := range streams() {
		if err := c.ensureStream(ctx, want); err != nil {
			return fmt.Errorf("prepare stream %s: %w", want.Name, err)
		}
	}
	return nil
}

// oldestServer is the first NATS server that is used. Those before it have lost messages
// of queues with replicas that they had acknowledged (nats-server #7817).
var oldestServer = [3]int{2, 12, 5}

// checkServer refuses a server that is too old, or whose version nobody can read.
func checkServer(version string) error {
	var have [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2]); err == nil && slices.Compare(have[:], oldestServer[:]) >= 0 {
		return nil
	}
	return &ControlError{
		Code:    CodeConflict,
		Message: fmt.Sprintf("the NATS server is of version %q, which may lose what it has acknowledged", version),
		Hint:    fmt.Sprintf("bring it to %d.%d.%d or later, or leave nats.url out to use the embedded server", oldestServer[0], oldestServer[1], oldestServer[2]),
	}
}

func (c *Conn) ensureStream(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := c.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if want.Name == streamSubmit {
			want.FirstSeq = c.last.Load() + 1
			want.Metadata = c.ownership()
		}
		want.Replicas = c.replicas
		if _, err := c.js.CreateStream(ctx, want); err != nil {
			return explainStream(err)
		}
		c.log.Info().Str(fieldEvent, eventStreamMade).Str(fieldStream, want.Name).Send()
		if want.Name == streamSubmit && c.last.Load() > 0 {
			c.lost(Loss{Known: c.last.Load()})
		}
		c.mayHaveChanged()
		return nil
	}
	if err != nil {
		return explainStream(err)
	}
	have := stream.CachedInfo().Config
	if have.Retention != want.Retention || have.Storage != want.Storage {
		return &ControlError{
			Code: CodeConflict,
			Message: fmt.Sprintf("it exists with retention %s in %s storage, while %s in %s storage is wanted",
				have.Retention, have.Storage, want.Retention, want.Storage),
			Hint: "another program may use the name; if the stream may go, remove it: nats stream rm " + want.Name,
		}
	}
	if have.PersistMode == jetstream.AsyncPersistMode {
		return &ControlError{
			Code: CodeConflict, Message: "it acknowledges messages before they are on disk",
			Hint: "make it anew without persist mode async; once it is empty: nats stream rm " + want.Name,
		}
	}
	if want.Name == streamSubmit {
		if err := c.checkOwner(have); err != nil {
			return err
		}
		want.Metadata = c.ownership()
	}
	merged := mergeStream(have, want)
	merged.Replicas = max(have.Replicas, c.replicas) // fewer only by whoever runs the cluster
	if reflect.DeepEqual(have, merged) {
		return nil
	}
	if _, err := c.js.UpdateStream(ctx, merged); err != nil {
		return explainStream(err)
	}
	c.log.Info().Str(fieldEvent, eventStreamChanged).Str(fieldStream, want.Name).Send()
	return nil
}

// mergeStream changes what the daemon depends on and leaves what belongs to
// whoever runs the cluster: replicas, placement, limits of bytes and age.
func mergeStream(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	merged := have
	merged.Description = want.Description
	merged.Subjects = want.Subjects
	merged.Discard = want.Discard
	merged.DiscardNewPerSubject = want.DiscardNewPerSubject
	merged.MaxMsgsPerSubject = want.MaxMsgsPerSubject
	merged.MaxMsgSize = want.MaxMsgSize
	merged.Duplicates = want.Duplicates
	if len(want.Metadata) > 0 { // the server keeps entries of its own there
		merged.Metadata = maps.Clone(have.Metadata)
		if merged.Metadata == nil {
			merged.Metadata = map[string]string{}
		}
		maps.Copy(merged.Metadata, want.Metadata)
	}
	if want.MaxMsgSize == 0 {
		merged.MaxMsgSize = have.MaxMsgSize // the server writes -1 for none
	}
	return merged
}

func explainStream(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return &ControlError{
			Code: CodeUnreachable, Message: "the NATS server has no JetStream for this account",
			Hint: "enable JetStream there, or leave nats.url out to use the embedded server", cause: err,
		}
	case errors.As(err, &api):
		return &ControlError{
			Code: CodeConflict, Message: fmt.Sprintf("the NATS server refused: %s (%d)", api.Description, api.ErrorCode),
			Hint: "compare its settings and limits: nats stream info, nats account info", cause: err,
		}
	default:
		return err
	}
}

// withDeadline gives the context a deadline unless it has one.
func withDeadline(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, wait)
}
