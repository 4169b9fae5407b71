package daemon

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/intake"
)

// The intake's log events.
const (
	eventIntakeOpened  = "intake.opened"
	eventIntakeDone    = "intake.done"
	eventIntakeFailed  = "intake.failed"
	eventIntakeAborted = "intake.aborted"
)

// intakeLarge is how many rows make a list whose memory is worth giving back.
const intakeLarge = 100_000

// intakeList makes something of the rows of one session. All its methods are
// called by the session's goroutine. After an error, that of finish included,
// abort comes last.
type intakeList interface {
	// columns are those that a file may have.
	columns() intake.Columns
	// beginFile is told a file's name before its rows come, and whether they are
	// of invented people.
	beginFile(name string, synthetic bool)
	// take takes a row, or refuses it in the report. An error ends the session.
	take(ctx context.Context, row intake.Row) error
	// refuse reports a row that could not even be read.
	refuse(e *intake.RowError) error
	// endFile is told the SHA-256 of a file's bytes once all its rows came.
	endFile(ctx context.Context, hash [sha256.Size]byte) error
	// finish makes what was taken hold.
	finish(ctx context.Context) error
	// abort drops what was taken.
	abort(ctx context.Context) error
	// afterFailure says what holds now and what to do.
	afterFailure() string
}

// intakeSession is one import: some files of one kind, taken by one goroutine
// while requests bring their chunks and ask how far it is.
type intakeSession struct {
	id   string
	open queue.IntakeOpen
	// record puts on record how the session ended.
	record func(ctx context.Context, what string, by dialer.Look) error
	began  time.Time
	report *intakeReport
	feed   *intakeFeed
	list   intakeList
	// synthetic takes note of a list of invented people, or refuses it.
	synthetic func(context.Context) error
	log       zerolog.Logger
	cancel    context.CancelCauseFunc
	// over is closed when nothing of the session runs any more.
	over chan struct{}
	// idle fires when the sender may have gone; heard is when it was last
	// heard, since began.
	idle  *time.Timer
	heard atomic.Int64
}

func newIntakeSession(id string, open queue.IntakeOpen, opener *queue.ChunkOpener, o *intakeOptions) *intakeSession {
	return &intakeSession{
		id: id, open: open, began: time.Now(), report: newIntakeReport(id), feed: newIntakeFeed(opener), over: make(chan struct{}),
		record: o.note, synthetic: o.synthetic, log: o.log.With().Str("session", id[:8]).Str(dialer.FieldKind, string(open.Kind)).Logger(),
	}
}

// describe says who began the session and when.
func (s *intakeSession) describe() string {
	text := "since " + s.began.UTC().Format(time.RFC3339)
	if s.open.Operator != "" {
		text = "by " + s.open.Operator + " " + text
	}
	return text
}

func (s *intakeSession) touch() { s.heard.Store(int64(time.Since(s.began))) }

// silence returns how long the sender has not been heard.
func (s *intakeSession) silence() time.Duration {
	return time.Since(s.began) - time.Duration(s.heard.Load())
}

func (s *intakeSession) ended() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// run takes the session from its first chunk to its end.
func (s *intakeSession) run(ctx context.Context) {
	defer close(s.over)
	defer s.cancel(nil)
	err := s.guard(func() error { return s.work(ctx) })
	if err != nil {
		err = errors.Join(err, s.list.abort(ctx))
	}
	s.settle(ctx, err)
	if s.report.answer(0).Rows > intakeLarge {
		debug.FreeOSMemory() // else what sorting took would be kept for the next list
	}
}

var errIntakePanic = errors.New("internal error: the daemon's log tells where")

// guard keeps a panic from ending the daemon, which has calls in flight. Its
// value is not logged: it may quote a row.
func (s *intakeSession) guard(work func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error().Str(dialer.FieldEvent, eventIntakeFailed).Str(dialer.FieldReason, dialer.DescribePanic(cause)).
				Str(dialer.FieldStack, dialer.Stack()).Send()
			err = errIntakePanic
		}
	}()
	return work()
}

func (s *intakeSession) work(ctx context.Context) error {
	for index := range s.open.Files {
		if err := s.read(ctx, index); err != nil {
			return err
		}
	}
	s.report.building()
	return s.list.finish(ctx)
}

// read takes all rows of one file.
func (s *intakeSession) read(ctx context.Context, index int) error {
	hash := sha256.New()
	content := io.TeeReader(s.feed.file(ctx, index), hash)
	reader, err := intake.Open(s.open.Files[index], content, s.list.columns())
	if err != nil {
		return err
	}
	defer reader.Close()
	if reader.Synthetic() {
		if err := s.synthetic(ctx); err != nil {
			return &intake.FileError{File: s.open.Files[index], Line: 1, Reason: err.Error(), Hint: "a daemon in a sandbox takes it, with a data directory of its own"}
		}
	}
	s.list.beginFile(s.open.Files[index], reader.Synthetic())
	for {
		row, err := reader.Next()
		var refusal *intake.RowError
		switch {
		case errors.Is(err, io.EOF):
			// Bytes behind the compressed part are part of the evidence.
			if _, err := io.Copy(io.Discard, content); err != nil {
				return err
			}
			return s.list.endFile(ctx, [sha256.Size]byte(hash.Sum(nil)))
		case errors.As(err, &refusal):
			if err := s.list.refuse(refusal); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if err := s.list.take(ctx, row); err != nil {
				return err
			}
		}
	}
}

// settle says how the session ended, to whoever asks and in the log.
func (s *intakeSession) settle(ctx context.Context, err error) {
	level, name := zerolog.InfoLevel, eventIntakeDone
	message, hint := "", ""
	if err != nil {
		level, name = zerolog.WarnLevel, eventIntakeFailed
		message, hint = describeIntakeFailure(err)
		if cause := context.Cause(ctx); cause != nil {
			name, message, hint = eventIntakeAborted, cause.Error(), ""
		}
		if hint == "" {
			hint = s.list.afterFailure()
		}
	}
	if err := s.note(ctx, name); err != nil {
		level, message = zerolog.ErrorLevel, err.Error()
	}
	s.report.end(message, hint)
	progress := s.report.answer(0)
	counts := zerolog.Dict()
	for _, word := range slices.Sorted(maps.Keys(progress.Counts)) {
		counts = counts.Uint64(word, progress.Counts[word])
	}
	// A header line that is quoted, or a file's name, may hold a number.
	s.log.WithLevel(level).Str(dialer.FieldEvent, name).Str(dialer.FieldReason, withoutDigits(message)).Str("source", s.open.Source).Uint64("rows", progress.Rows).
		Dict("counts", counts).Dur("duration", time.Since(s.began)).Send()
}

// note puts on record that lists were taken in, or not, from where and by whom.
func (s *intakeSession) note(ctx context.Context, ended string) error {
	what := fmt.Sprintf("%s import (%s) of %d files, %d rows, from %s", s.open.Kind, ended, len(s.open.Files), s.report.answer(0).Rows, s.open.Source)
	return s.record(context.WithoutCancel(ctx), what, dialer.Look{Operator: s.open.Operator})
}

func (s *intakeSession) logOpened() {
	s.log.Info().Str(dialer.FieldEvent, eventIntakeOpened).Str("source", s.open.Source).Int("files", len(s.open.Files)).
		Str(dialer.FieldOperator, s.open.Operator).Send()
}

// describeIntakeFailure puts what is wrong with a file, which may be several
// things, into one message, and takes the first hint out of it.
func describeIntakeFailure(err error) (message, hint string) {
	var faults []string
	var collect func(err error)
	collect = func(err error) {
		var fault *intake.FileError
		if joined, several := err.(interface{ Unwrap() []error }); several {
			for _, part := range joined.Unwrap() {
				collect(part)
			}
			return
		}
		if !errors.As(err, &fault) {
			faults = append(faults, err.Error())
			return
		}
		bare := *fault
		bare.Hint = ""
		faults = append(faults, bare.Error())
		if hint == "" {
			hint = fault.Hint
		}
	}
	collect(err)
	return strings.Join(faults, "; "), hint
}
