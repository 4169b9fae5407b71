package daemon

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// taskDesk does the work that takes longer than an answer may: whoever ordered it
// asks again and again how far it is. One task runs at a time.
type taskDesk struct {
	ctx    context.Context //nolint:containedctx // the desk's life, which tasks share and requests do not
	cancel context.CancelFunc

	log     zerolog.Logger
	mu      sync.Mutex
	running bool
	// last is the task that runs or ran last: its end can still be asked for.
	last *task
	work sync.WaitGroup
}

// task is one piece of work.
type task struct {
	cancel   context.CancelFunc
	over     chan struct{}
	mu       sync.Mutex
	progress queue.TaskProgress
}

func newTaskDesk(log zerolog.Logger) *taskDesk {
	ctx, cancel := context.WithCancel(context.Background())
	return &taskDesk{ctx: ctx, cancel: cancel, log: log}
}

func (d *taskDesk) handlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{queue.VerbTaskStatus: d.status, queue.VerbTaskAbort: d.abort}
}

// close ends what runs and takes no more.
func (d *taskDesk) close() {
	d.mu.Lock()
	d.running = true
	d.mu.Unlock()
	d.cancel()
	d.work.Wait()
}

// tell is how work says how far it is.
type tell func(phase string, done, total uint64)

// start begins a task, and answers with its name.
func (d *taskDesk) start(do func(ctx context.Context, tell tell) (result any, err error)) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running {
		return nil, &queue.ControlError{
			Code: queue.CodeBusy, Message: "another task is under way, or the daemon is stopping", Hint: "ask again once that is over",
		}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	t := &task{cancel: cancel, over: make(chan struct{}), progress: queue.TaskProgress{Task: hex.EncodeToString(randomBytes(8))}}
	d.running, d.last = true, t
	d.work.Go(func() {
		defer dialer.EndOnPanic(d.log)
		defer cancel()
		result, err := do(ctx, t.tell)
		t.end(result, err)
		d.mu.Lock()
		d.running = d.ctx.Err() != nil
		d.mu.Unlock()
		close(t.over)
	})
	return t.now(), nil
}

func (t *task) tell(phase string, done, total uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Phase, t.progress.Done, t.progress.Total = phase, done, total
}

func (t *task) end(result any, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Over = true
	if err == nil {
		t.progress.Result, err = json.Marshal(result)
	}
	if err != nil {
		t.progress.Failure = failureOf(err)
	}
}

// failureOf gives an error the form that travels.
func failureOf(err error) *queue.ControlError {
	if control, ok := errors.AsType[*queue.ControlError](err); ok {
		return control
	}
	return &queue.ControlError{Code: queue.CodeOf(err), Message: err.Error()}
}

func (t *task) now() queue.TaskProgress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.progress
}

func (d *taskDesk) find(request queue.Request) (*task, error) {
	var asked queue.TaskRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil || d.last.now().Task != asked.Task {
		return nil, &queue.ControlError{
			Code: queue.CodeNotFound, Message: "there is no such task",
			Hint: "a task ends with the daemon: give the order again",
		}
	}
	return d.last, nil
}

func (d *taskDesk) status(_ context.Context, request queue.Request) (any, error) {
	t, err := d.find(request)
	if err != nil {
		return nil, err
	}
	return t.now(), nil
}

// abort ends the task and answers once it has: it may have been faster.
func (d *taskDesk) abort(ctx context.Context, request queue.Request) (any, error) {
	t, err := d.find(request)
	if err != nil {
		return nil, err
	}
	t.cancel()
	select {
	case <-t.over:
		return t.now(), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the end of the task: %w", ctx.Err())
	}
}
