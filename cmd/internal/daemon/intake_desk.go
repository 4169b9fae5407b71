package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

const (
	// intakePatience is how long a session may hear nothing of its sender, in
	// real time, before it is aborted.
	intakePatience = time.Minute
	// intakeKept is how long the end of a session can still be asked for.
	intakeKept = 10 * time.Minute
	// intakeSessions is how many sessions may be under way at once. Operators
	// are few, and each session holds a few megabytes.
	intakeSessions = 16
	// intakeEnded is how many ended sessions are kept, since each may hold as
	// many refusals as are told at all.
	intakeEnded = 16
	// intakeFiles and intakeName bound what a session may be opened with.
	intakeFiles = 1000
	intakeName  = 255
)

// intakeOptions are what the intake desk works with.
type intakeOptions struct {
	directories *store.Directories
	paths       store.Paths
	keys        *store.Keys
	schema      *configs.DirectorySchema
	registry    *dialer.Registry
	ledger      dialer.Ledger
	// object makes objections effective: dialer.(*Dialer).Object.
	object func(ctx context.Context, objections ...dialer.Objection) (dialer.ObjectionEffect, error)
	// erased tells whom the directory must not hold, and correct what lists get
	// wrong about a contact: dialer.(*Dialer).Corrected.
	erased  func() (map[contact.ID]bool, error)
	correct func(contact.ID) func(*dialer.Contact)
	// note puts an import on record: dialer.(*Dialer).Note.
	note func(ctx context.Context, what string, by dialer.Look) error
	// synthetic takes note of a list of invented people, or refuses it.
	synthetic func(context.Context) error
	// lists keeps outside lists.
	lists listKeeper
	clock dialer.Clock
	log   zerolog.Logger
	// scratch is the folder for temporary files. Nobody else uses it.
	scratch string
}

// intakeDesk takes in the lists that operators send: contacts, grants, opt-outs
// and outside lists. Each session has its own goroutine, which reads the files as they
// come, so that no list ever lies in memory or on disk as a whole.
type intakeDesk struct {
	options intakeOptions
	zones   *intakeZones
	ctx     context.Context //nolint:containedctx // the desk's life, which sessions share and requests do not
	cancel  context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	// rebuilding tells that the directory is built anew, without an import.
	rebuilding bool
	sessions   map[string]*intakeSession
}

// The reasons for which sessions are aborted.
var (
	errIntakeAborted = errors.New("the session was aborted by its sender")
	errIntakeSilent  = fmt.Errorf("the session was aborted: its sender was silent for %s", intakePatience)
	errIntakeClosing = errors.New("the session was aborted: the daemon is stopping")
)

// newIntakeDesk returns a desk that takes lists in until it is closed, and
// removes what a killed daemon left in the scratch folder.
func newIntakeDesk(options intakeOptions) *intakeDesk {
	ctx, cancel := context.WithCancelCause(context.Background())
	d := &intakeDesk{options: options, zones: newIntakeZones(), ctx: ctx, cancel: cancel, sessions: map[string]*intakeSession{}}
	if err := store.RemoveSorted(options.scratch); err != nil {
		options.log.Warn().Str(dialer.FieldEvent, eventIntakeFailed).Err(err).Send()
	}
	return d
}

// handlers returns what answers the intake's verbs.
func (d *intakeDesk) handlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{
		queue.VerbIntakeOpen:   d.open,
		queue.VerbIntakeChunk:  d.chunk,
		queue.VerbIntakeFinish: d.finish,
		queue.VerbIntakeStatus: d.status,
		queue.VerbIntakeAbort:  d.abort,
	}
}

// close aborts all sessions, waits until nothing of them remains and takes no
// more.
func (d *intakeDesk) close() {
	d.mu.Lock()
	d.closed = true
	sessions := d.sessions
	d.sessions = map[string]*intakeSession{}
	d.mu.Unlock()
	d.cancel(errIntakeClosing)
	for _, s := range sessions {
		<-s.over
		s.idle.Stop()
	}
}

// admit begins a session unless there are too many, or it is the second one
// that would rebuild the directory.
func (d *intakeDesk) admit(open queue.IntakeOpen, opener *queue.ChunkOpener) (*intakeSession, error) {
	// A source and an operator are typed by people, who type all sorts of
	// things; both are kept and logged.
	open.Source, open.Operator = withoutDigits(open.Source), withoutDigits(open.Operator)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, &queue.ControlError{Code: queue.CodeBusy, Message: "the daemon is stopping", Hint: "ask again once it is back"}
	}
	if d.rebuilding && open.Kind == queue.IntakeContacts {
		return nil, &queue.ControlError{
			Code: queue.CodeBusy, Message: "the directory is being built anew", Hint: "ask again in a minute",
		}
	}
	atWork := 0
	for _, other := range d.sessions {
		if other.ended() {
			continue
		}
		atWork++
		if open.Kind == queue.IntakeContacts && other.open.Kind == queue.IntakeContacts {
			return nil, &queue.ControlError{
				Code: queue.CodeBusy, Message: "contacts are being imported already, " + other.describe(),
				Hint: "wait until that import is over: each one rebuilds the whole directory",
			}
		}
	}
	if atWork >= intakeSessions {
		return nil, &queue.ControlError{
			Code: queue.CodeBusy, Message: fmt.Sprintf("%d lists are being imported already", atWork), Hint: "ask again when one is over",
		}
	}
	s, err := d.begin(open, opener)
	if _, said := errors.AsType[*queue.ControlError](err); said {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("begin the import: %w", err)
	}
	return s, nil
}

// begin starts the session's goroutine. The desk is locked.
func (d *intakeDesk) begin(open queue.IntakeOpen, opener *queue.ChunkOpener) (*intakeSession, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("draw a session: %w", err)
	}
	s := newIntakeSession(hex.EncodeToString(random[:]), open, opener, &d.options)
	var err error
	switch open.Kind {
	case queue.IntakeContacts:
		s.list, err = newIntakeContacts(&d.options, d.zones, open, s.report)
	case queue.IntakeGrants:
		s.list, err = newIntakeGrants(&d.options, open, s.report)
	case queue.IntakeOptOuts:
		s.list = newIntakeOptOuts(&d.options, s.report)
	case queue.IntakeList:
		s.list, err = newIntakeOutside(&d.options, open, s.report)
	}
	if err != nil {
		return nil, err
	}
	d.forgetOldest()
	d.sessions[s.id] = s
	ctx, cancel := context.WithCancelCause(d.ctx)
	s.cancel = cancel
	s.idle = time.AfterFunc(intakePatience, func() { d.look(s) })
	s.logOpened()
	go s.run(ctx)
	return s, nil
}

// forgetOldest makes room for the end of one more session. The desk is locked.
func (d *intakeDesk) forgetOldest() {
	var oldest *intakeSession
	ended := 0
	for _, s := range d.sessions {
		if s.ended() {
			ended++
			if oldest == nil || s.began.Before(oldest.began) {
				oldest = s
			}
		}
	}
	if ended >= intakeEnded {
		oldest.idle.Stop()
		delete(d.sessions, oldest.id)
	}
}

// look is called when a session may have been silent for too long. One that
// builds is left alone: its sender has ordered the build and may go.
func (d *intakeDesk) look(s *intakeSession) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.sessions[s.id] != s {
		return
	}
	silent := s.silence()
	switch {
	case s.ended() && silent >= intakeKept:
		delete(d.sessions, s.id)
	case s.ended():
		s.idle.Reset(intakeKept - silent)
	case s.report.phase() == queue.PhaseBuilding:
		s.idle.Reset(intakePatience)
	case silent >= intakePatience:
		s.cancel(errIntakeSilent)
		s.idle.Reset(intakeKept - silent)
	default:
		s.idle.Reset(intakePatience - silent)
	}
}
