package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// taskPoll is how often a task's progress is asked for.
const taskPoll = 250 * time.Millisecond

// Task starts a task and waits until it is over: its result is read into result.
// Progress, if set, is called after every answer. Where the context ends the
// daemon is told to end the task, too.
func (c *Client) Task(ctx context.Context, verb Verb, request any, progress func(TaskProgress), result any) error {
	var p TaskProgress
	if err := c.Call(ctx, verb, request, &p); err != nil {
		return err
	}
	task := TaskRequest{Task: p.Task}
	for failures := 0; !p.Over; {
		if progress != nil {
			progress(p)
		}
		if !pause(ctx, taskPoll) {
			return c.abort(ctx, verb, task)
		}
		var next TaskProgress
		switch err := c.Call(ctx, VerbTaskStatus, task, &next); {
		case err == nil:
			p, failures = next, 0
		case ctx.Err() != nil:
			return c.abort(ctx, verb, task)
		default:
			code := CodeOf(err)
			again := code == CodeTimeout || code == CodeBusy || code == CodeUnreachable
			if failures++; !again || failures == uploadTries {
				return fmt.Errorf("%s: ask how far it is: %w", verb, err)
			}
		}
	}
	if progress != nil {
		progress(p)
	}
	if p.Failure != nil {
		return p.Failure
	}
	if err := json.Unmarshal(p.Result, result); err != nil {
		return fmt.Errorf("%s: the daemon's answer is not understood: %w", verb, err)
	}
	return nil
}

// abort ends the task; the caller's context has ended already.
func (c *Client) abort(ctx context.Context, verb Verb, task TaskRequest) error {
	cause := ctx.Err()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWait)
	defer cancel()
	if err := c.Call(ctx, VerbTaskAbort, task, nil); err != nil {
		return fmt.Errorf("%s: %w, and whether it was ended is not known: %w", verb, cause, err)
	}
	return fmt.Errorf("%s: %w", verb, cause)
}
