package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// uploadPoll is how often the build's progress is asked for.
	uploadPoll = 250 * time.Millisecond
	// uploadTries is how often a question without an answer is asked again.
	uploadTries = 4
	abortWait   = 3 * time.Second
)

// The phases of an intake.
const (
	PhaseReading  = "reading"
	PhaseBuilding = "building"
	PhaseDone     = "done"
	PhaseFailed   = "failed"
)

// Upload is a set of lists that are taken together or not at all.
type Upload struct {
	// Open says what the lists are; Encapsulated is filled in.
	Open IntakeOpen
	// Files are read in the order of Open.Files.
	Files []io.Reader
	// SealKey is the daemon's public key; empty asks the daemon for it.
	SealKey []byte
	// Progress, if set, is called after every answer with what the daemon says
	// and how many bytes of the files were sent.
	Progress func(progress IntakeProgress, sent int64)
	// Refused, if set, is called with every refused row that the daemon tells.
	Refused func(refusal Refusal)
}

// Upload sends the lists and waits until the daemon has built them in. Where
// that fails nothing of them remains, and the error is a *ControlError if the
// daemon says why. The last progress comes with the error.
func (c *Client) Upload(ctx context.Context, upload Upload) (IntakeProgress, error) {
	if len(upload.Files) != len(upload.Open.Files) {
		return IntakeProgress{}, fmt.Errorf("upload: %d files and %d names", len(upload.Files), len(upload.Open.Files))
	}
	if len(upload.SealKey) == 0 {
		var err error
		if upload.SealKey, err = c.sealKey(ctx); err != nil {
			return IntakeProgress{}, err
		}
	}
	encapsulated, sealer, err := NewChunkSealer(upload.SealKey)
	if err != nil {
		return IntakeProgress{}, err
	}
	upload.Open.Encapsulated = encapsulated
	sending := sending{client: c, upload: upload, sealer: sealer}
	if err := c.Call(ctx, VerbIntakeOpen, upload.Open, &sending.progress); err != nil {
		return IntakeProgress{}, err
	}
	err = sending.run(ctx)
	if err != nil && sending.progress.Phase != PhaseFailed {
		sending.abort(ctx)
	}
	return sending.progress, err
}

// sending is one session as its sender sees it.
type sending struct {
	client   *Client
	upload   Upload
	sealer   *ChunkSealer
	sent     int64
	seen     int // refusals
	progress IntakeProgress
}

func (s *sending) run(ctx context.Context) error {
	s.tell()
	for index, file := range s.upload.Files {
		if err := s.send(ctx, index, file); err != nil {
			return fmt.Errorf("send %s: %w", s.upload.Open.Files[index], err)
		}
	}
	if err := s.ask(ctx, VerbIntakeFinish); err != nil {
		return err
	}
	for {
		if err := s.failure(); err != nil {
			return errors.Join(err, s.ask(ctx, VerbIntakeStatus))
		}
		done := s.progress.Phase == PhaseDone
		if !done && !pause(ctx, uploadPoll) {
			return fmt.Errorf("wait for the build: %w", ctx.Err())
		}
		before := s.seen
		if err := s.ask(ctx, VerbIntakeStatus); err != nil {
			return err
		}
		if done && s.seen == before {
			return nil
		}
	}
}

// send sends one file. The daemon answers each chunk before the next one goes,
// so a slow daemon slows the sender down and nothing piles up in between.
func (s *sending) send(ctx context.Context, index int, file io.Reader) error {
	buffer := make([]byte, ChunkSize)
	for {
		size, err := io.ReadFull(file, buffer)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if size > 0 {
			if err := s.sendChunk(ctx, index, buffer[:size]); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

func (s *sending) sendChunk(ctx context.Context, index int, plaintext []byte) error {
	sequence, sealed, err := s.sealer.Seal(index, plaintext)
	if err != nil {
		return err
	}
	header := nats.Header{
		HeaderSession:  []string{s.progress.Session},
		HeaderFile:     []string{strconv.Itoa(index)},
		HeaderSequence: []string{strconv.FormatUint(sequence, 10)},
	}
	s.sent += int64(len(plaintext))
	return s.exchange(ctx, VerbIntakeChunk, header, sealed)
}

func (s *sending) ask(ctx context.Context, verb Verb) error {
	body, err := json.Marshal(IntakeRequest{Session: s.progress.Session, Refusals: s.seen})
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return s.exchange(ctx, verb, nil, body)
}

// exchange asks until there is an answer. Asking twice is safe: a chunk has its
// sequence, and the other questions change nothing the second time.
func (s *sending) exchange(ctx context.Context, verb Verb, header nats.Header, body []byte) error {
	for failures := 0; ; failures++ {
		answer, err := s.client.call(ctx, verb, header, body)
		if err == nil {
			return s.take(verb, answer)
		}
		code := CodeOf(err)
		again := code == CodeTimeout || code == CodeBusy || code == CodeUnreachable
		if !again || failures == uploadTries || !pause(ctx, backoff(failures)) {
			return err
		}
	}
}

func (s *sending) take(verb Verb, answer []byte) error {
	progress := IntakeProgress{}
	if err := json.Unmarshal(answer, &progress); err != nil {
		return fmt.Errorf("%s: the daemon's answer is not understood: %w", verb, err)
	}
	if progress.Session == "" {
		progress.Session = s.progress.Session
	}
	s.progress = progress
	s.tell()
	if verb == VerbIntakeChunk {
		return s.failure()
	}
	return nil
}

func (s *sending) tell() {
	s.seen += len(s.progress.Refusals)
	if s.upload.Refused != nil {
		for _, refusal := range s.progress.Refusals {
			s.upload.Refused(refusal)
		}
	}
	if s.upload.Progress != nil {
		s.upload.Progress(s.progress, s.sent)
	}
}

// failure returns why the daemon gave up, nil if it did not.
func (s *sending) failure() error {
	if s.progress.Phase != PhaseFailed {
		return nil
	}
	message := s.progress.Error
	if message == "" {
		message = "the daemon could not take the lists"
	}
	return &ControlError{Code: CodeInvalid, Message: message, Hint: s.progress.Hint}
}

// abort tells the daemon to forget the session; the caller's context may be
// what ended it.
func (s *sending) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWait)
	defer cancel()
	request := IntakeRequest{Session: s.progress.Session}
	_ = s.client.Call(ctx, VerbIntakeAbort, request, nil) // the daemon forgets it by itself after a while
}
