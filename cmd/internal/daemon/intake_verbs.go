package daemon

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hustings/hustings/queue"
)

func (d *intakeDesk) open(_ context.Context, request queue.Request) (any, error) {
	var open queue.IntakeOpen
	if err := request.Decode(&open); err != nil {
		return nil, err
	}
	if err := checkIntakeOpen(open); err != nil {
		return nil, err
	}
	private, err := d.options.keys.HPKE.Bytes()
	if err != nil {
		return nil, fmt.Errorf("read the sealing key: %w", err)
	}
	opener, err := queue.NewChunkOpener(private, open.Encapsulated)
	if err != nil {
		return nil, err
	}
	s, err := d.admit(open, opener)
	if err != nil {
		return nil, err
	}
	return s.report.answer(0), nil
}

func checkIntakeOpen(open queue.IntakeOpen) error {
	refuse := func(message, hint string) error {
		return &queue.ControlError{Code: queue.CodeInvalid, Message: message, Hint: hint}
	}
	switch open.Kind {
	case queue.IntakeContacts, queue.IntakeGrants, queue.IntakeOptOuts, queue.IntakeList:
	default:
		return refuse("no such kind of list", "want contacts, grants, optouts or list")
	}
	if strings.TrimSpace(open.Source) == "" {
		return refuse("the source has no name", "say where the lists come from: it is kept as evidence")
	}
	if len(open.Files) == 0 || len(open.Files) > intakeFiles {
		return refuse(fmt.Sprintf("%d files were announced, want 1 to %d", len(open.Files), intakeFiles), "")
	}
	for i, name := range open.Files {
		if name == "" || len(name) > intakeName {
			return refuse(fmt.Sprintf("file %d: its name has %d bytes, want 1 to %d", i+1, len(name), intakeName), "")
		}
	}
	return nil
}

// find returns the session and notes that its sender is there.
func (d *intakeDesk) find(id string) (*intakeSession, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, known := d.sessions[id]
	if !known {
		return nil, &queue.ControlError{
			Code: queue.CodeNotFound, Message: "there is no such intake session",
			Hint: fmt.Sprintf("a session ends when its sender is silent for %s, and when the daemon stops: send the lists again", intakePatience),
		}
	}
	s.touch()
	return s, nil
}

func (d *intakeDesk) named(request queue.Request) (*intakeSession, queue.IntakeRequest, error) {
	var asked queue.IntakeRequest
	if err := request.Decode(&asked); err != nil {
		return nil, asked, err
	}
	s, err := d.find(asked.Session)
	return s, asked, err
}

func (d *intakeDesk) chunk(ctx context.Context, request queue.Request) (any, error) {
	s, err := d.find(request.Header[queue.HeaderSession])
	if err != nil {
		return nil, err
	}
	file, fileErr := strconv.Atoi(request.Header[queue.HeaderFile])
	sequence, sequenceErr := strconv.ParseUint(request.Header[queue.HeaderSequence], 10, 64)
	if fileErr != nil || sequenceErr != nil || file < 0 || file >= len(s.open.Files) {
		return nil, &queue.ControlError{
			Code: queue.CodeInvalid, Message: "the chunk does not say which one it is",
			Hint: fmt.Sprintf("want the headers %s (0 to %d) and %s", queue.HeaderFile, len(s.open.Files)-1, queue.HeaderSequence),
		}
	}
	err = s.feed.bring(ctx, s.over, file, sequence, request.Data)
	repeated := errors.Is(err, queue.ErrChunkRepeated)
	if err != nil && !repeated {
		return nil, err
	}
	return s.report.answerChunk(repeated), nil
}

func (d *intakeDesk) finish(ctx context.Context, request queue.Request) (any, error) {
	s, asked, err := d.named(request)
	if err != nil {
		return nil, err
	}
	if err := s.feed.end(ctx); err != nil {
		return nil, err
	}
	return s.report.answer(asked.Refusals), nil
}

func (d *intakeDesk) status(_ context.Context, request queue.Request) (any, error) {
	s, asked, err := d.named(request)
	if err != nil {
		return nil, err
	}
	return s.report.answer(asked.Refusals), nil
}

// abort ends the session and forgets it. The answer tells how it ended: an
// abort may come too late.
func (d *intakeDesk) abort(ctx context.Context, request queue.Request) (any, error) {
	s, asked, err := d.named(request)
	if err != nil {
		return nil, err
	}
	s.cancel(errIntakeAborted)
	select {
	case <-s.over:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the end of the session: %w", ctx.Err())
	}
	d.mu.Lock()
	delete(d.sessions, s.id)
	d.mu.Unlock()
	s.idle.Stop()
	return s.report.answer(asked.Refusals), nil
}
