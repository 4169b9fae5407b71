package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Submission is one job as it came out of the queue. Its data is not read yet.
type Submission struct {
	Subject string
	// Party and Campaign are the subject's tokens. They are valid tokens; the
	// job's own ids must equal them.
	Party    string
	Campaign string
	Data     []byte
	// StreamSequence is the place in the order of acceptance.
	StreamSequence uint64
	// MessageID is what the submitter called the message, empty for none.
	MessageID string
	// Deliveries counts from 1 how often the job was handed out.
	Deliveries uint64
	// SubmittedAt is when the queue took the job.
	SubmittedAt time.Time
}

// ID names the submission, for its rejection.
func (s Submission) ID() string { return submissionID(s.StreamSequence) }

// JobHandler decides on a job. It is called with one job at a time, in the
// order of acceptance, and again with the same sequence where the answer may
// have been lost: a job that was accepted before must be accepted again, with
// no further effect. The context ends when the daemon stops.
type JobHandler func(ctx context.Context, submission Submission) Disposition

// Disposition is what came of a job. The zero Disposition is Later.
type Disposition struct {
	verdict   verdict
	rejection dialer.Rejection
	err       error
}

type verdict uint8

const (
	verdictLater verdict = iota
	verdictAccepted
	verdictRejected
)

// Accepted says that the job is durable in the ledger.
func Accepted() Disposition { return Disposition{verdict: verdictAccepted} }

// Rejected says that the job is wrong and why. Submission, campaign, party and
// instant are filled in where they are empty.
func Rejected(rejection dialer.Rejection) Disposition {
	return Disposition{verdict: verdictRejected, rejection: rejection}
}

// Later says that nobody can tell yet, for a reason that passes. The job comes
// again and those behind it wait, since the order of acceptance is theirs.
func Later(err error) Disposition { return Disposition{err: err} }

var errNoReason = errors.New("no reason was given")

// String returns the answer's name as the log writes it.
func (v verdict) String() string {
	switch v {
	case verdictAccepted:
		return "accepted"
	case verdictRejected:
		return "rejected"
	case verdictLater:
		return "later"
	default:
		return "unknown"
	}
}

// complete fills in what the queue knows better than the handler.
func (s Submission) complete(rejection dialer.Rejection) dialer.Rejection {
	rejection.Submission = s.ID()
	if rejection.Campaign == "" {
		rejection.Campaign = s.Campaign
	}
	if rejection.Party == "" {
		rejection.Party = s.Party
	}
	if rejection.At.IsZero() {
		rejection.At = time.Now().UTC()
	}
	return rejection
}
