package queue

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hustings/hustings/dialer"
)

const (
	// answerWait is how long Submit waits for the daemon's answer unless the
	// caller's context says otherwise.
	answerWait = 30 * time.Second
	// answerPoll is how often it looks when no nudge comes.
	answerPoll = time.Second
	// errorStoreFailed is JetStream's code for a message that the stream's
	// limits keep out.
	errorStoreFailed = 10077
)

// Result is the daemon's answer to a job. One of Campaign and Rejection is set.
type Result struct {
	// Submission names the job's place in the queue.
	Submission string
	// Order is that place: campaigns are served in this order.
	Order uint64
	// Campaign is what the job became.
	Campaign *dialer.CampaignView
	// Rejection says why the job became none.
	Rejection *dialer.Rejection
}

// Submit puts a job into the queue and waits for the daemon's answer. The same
// job submitted again gets the same answer and changes nothing. An error of
// CodeTimeout means that the job is in the queue and not answered yet; one of
// CodeConflict that another job for the campaign is.
func (c *Client) Submit(ctx context.Context, job *dialer.Job) (Result, error) {
	subject, err := SubmitSubject(job.Party, job.ID)
	if err != nil {
		return Result{}, &ControlError{Code: CodeInvalid, Message: "submit a job: " + err.Error(), cause: err}
	}
	body, err := json.Marshal(job)
	if err != nil {
		return Result{}, fmt.Errorf("submit a job: %w", err)
	}
	ctx, cancel := withDeadline(ctx, answerWait)
	defer cancel()
	// Before publishing: the daemon may be quick.
	nudges, err := c.conn.nats.SubscribeSync(answerSubject(job.Party, job.ID))
	if err != nil {
		return Result{}, fmt.Errorf("submit campaign %s: %w", job.ID, err)
	}
	defer func() { _ = nudges.Unsubscribe() }()
	wait := func(ctx context.Context) {
		waiting, cancel := context.WithTimeout(ctx, answerPoll)
		defer cancel()
		_, _ = nudges.NextMsgWithContext(waiting) // lost or not, the next step is to look
	}

	hash := job.Hash()
	id := job.ID + "-" + hex.EncodeToString(hash[:])
	acknowledged, err := c.publishJob(ctx, subject, id, body)
	if err != nil {
		return Result{}, err
	}
	result, err := c.await(ctx, acknowledged.Sequence, job.ID, wait)
	if err != nil || !acknowledged.Duplicate || result.Rejection == nil {
		return result, err
	}
	// The queue took it for a repetition of one that was rejected a moment
	// ago, but what was wrong may have been put right since.
	if acknowledged, err = c.publishJob(ctx, subject, id+"-"+rand.Text(), body); err != nil {
		return Result{}, err
	}
	return c.await(ctx, acknowledged.Sequence, job.ID, wait)
}

func (c *Client) publishJob(ctx context.Context, subject, id string, body []byte) (*jetstream.PubAck, error) {
	acknowledged, err := c.conn.js.Publish(ctx, subject, body, jetstream.WithMsgID(id))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return acknowledged, nil
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return nil, &ControlError{Code: CodeUnreachable, Message: noDaemon(c.URL()), Hint: hintStart, cause: err}
	case errors.As(err, &refused) && refused.ErrorCode == errorStoreFailed && strings.Contains(refused.Description, "per subject"):
		return nil, &ControlError{
			Code: CodeConflict, Message: "another job for this campaign is in the queue and not answered yet",
			Hint: "wait until the daemon has answered it, or give this campaign another id", cause: err,
		}
	case errors.As(err, &refused) && refused.ErrorCode == errorStoreFailed:
		return nil, &ControlError{
			Code: CodeBusy, Message: "the queue of jobs is full: " + refused.Description,
			Hint: "does dialerd take jobs? see dialctl status", cause: err,
		}
	case errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return nil, &ControlError{
			Code: CodeInvalid, cause: err,
			Message: fmt.Sprintf("the job has %d bytes, the queue takes %d at most", len(body), maxSubmission),
		}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &ControlError{
			Code: CodeTimeout, Message: fmt.Sprintf("the NATS server on %s did not confirm the job in time", c.URL()),
			Hint: "submit it again: the same job is only taken once", cause: err,
		}
	default:
		return nil, fmt.Errorf("submit a job on %s: %w", c.URL(), err)
	}
}

// await looks at the queue until the job has left it.
func (c *Client) await(ctx context.Context, sequence uint64, campaign string, wait func(context.Context)) (Result, error) {
	result := Result{Submission: submissionID(sequence), Order: sequence}
	for {
		answered, err := c.look(ctx, sequence, &result)
		switch {
		case ctx.Err() != nil:
			return result, &ControlError{
				Code: CodeTimeout, cause: ctx.Err(),
				Message: fmt.Sprintf("campaign %s is in the queue as %s and not answered yet", campaign, result.Submission),
				Hint:    "it stays there: the daemon takes it when it runs and is ready, see dialctl status",
			}
		case err != nil:
			return result, fmt.Errorf("look for the answer to campaign %s: %w", campaign, err)
		case !answered:
			wait(ctx)
			continue
		case result.Rejection != nil:
			return result, nil
		}
		result.Campaign = new(dialer.CampaignView)
		err = c.Call(ctx, VerbCampaignShow, CampaignRequest{Campaign: campaign}, result.Campaign)
		if CodeOf(err) == CodeNotFound {
			return result, &ControlError{
				Code: CodeNotFound, Message: fmt.Sprintf("campaign %s has left the queue and has no answer: NATS may have lost its files", campaign),
				Hint: "submit it again: the same job is only taken once", cause: err,
			}
		}
		if err != nil {
			return result, fmt.Errorf("campaign %s was accepted as %s, but could not be shown: %w", campaign, result.Submission, err)
		}
		return result, nil
	}
}

// look tells whether the job has left the queue, and why if it was rejected.
// The order matters: reasons are stored before a rejected job leaves.
func (c *Client) look(ctx context.Context, sequence uint64, result *Result) (answered bool, err error) {
	queue, err := c.conn.js.Stream(ctx, streamSubmit)
	if err != nil {
		return false, err
	}
	if _, err = queue.GetMsg(ctx, sequence); !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, err
	}
	rejections, err := c.conn.js.Stream(ctx, streamRejected)
	if err != nil {
		return false, err
	}
	message, err := rejections.GetLastMsgForSubject(ctx, subjectRejected+result.Submission)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	result.Rejection = new(dialer.Rejection)
	if err := json.Unmarshal(message.Data, result.Rejection); err != nil {
		return false, fmt.Errorf("read the rejection %s: %w", result.Submission, err)
	}
	return true, nil
}
