package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// past is what a log tells a sandbox that starts.
type past struct {
	store      *store
	clock      *Clock
	last       uint64             // sequence
	requests   *arrivals          // create requests begun
	texts      *arrivals          // inbound texts
	pending    map[uint64]arrival // create requests without an end, by their sequence
	at         time.Time
	clockState *ClockState
	inboundURL string
	voiceURL   string
	answeredBy map[string]bool // sids of messages whose reply has been played
}

// recoverLog locks a log, replays it, and cuts off a torn last line.
func recoverLog(file *os.File) (*past, error) {
	if err := lockFile(file); err != nil {
		return nil, err
	}
	recovered := &past{
		store: newStore(), requests: newArrivals(), texts: newArrivals(),
		pending: map[uint64]arrival{}, answeredBy: map[string]bool{},
	}
	whole, err := scanLog(file, recovered.visit)
	if err != nil {
		return nil, fmt.Errorf("replay sandbox log %s: %w", file.Name(), err)
	}
	if err := file.Truncate(whole); err != nil {
		return nil, fmt.Errorf("cut torn line off sandbox log: %w", err)
	}
	if _, err := file.Seek(whole, io.SeekStart); err != nil {
		return nil, fmt.Errorf("seek in sandbox log: %w", err)
	}
	return recovered, nil
}

// errUnknownSid says that a record tells of a message that was never made.
var errUnknownSid = errors.New("record of an unknown message")

// visit takes in one record.
func (recovered *past) visit(record *Record) error {
	recovered.last, recovered.at = record.Seq, record.At
	switch record.Kind {
	case KindClock:
		recovered.clockState = record.Clock
	case KindRequestBegun:
		recovered.pending[record.Seq] = recovered.requests.count(record.To)
	case KindRefused:
		delete(recovered.pending, record.Request)
	case KindCreated:
		recovered.store.insert(newMessage(record, recovered.pending[record.Request]))
		delete(recovered.pending, record.Request)
	case KindInbound:
		recovered.store.insert(newMessage(record, recovered.texts.count(record.From)))
		recovered.answeredBy[record.ReplyTo] = true
		if record.Blocked {
			recovered.store.blocked[[2]string{record.From, record.To}] = struct{}{}
		}
	case KindStatus:
		return recovered.change(record, func(found *message) { found.apply(record) })
	case KindShown:
		return recovered.change(record, func(found *message) { found.shown = true })
	case KindRedacted:
		return recovered.change(record, func(found *message) { found.redact(record) })
	case KindDeleted:
		return recovered.change(record, recovered.store.remove)
	case KindRungBack:
		recovered.store.insert(newMessage(record, recovered.texts.count(record.From)))
	case KindVoiceURL:
		recovered.voiceURL = record.URL
	case KindInboundURL:
		recovered.inboundURL = record.URL
	case KindFault, KindRequestEnded, KindCallback, KindInboundAnswered, KindForged, KindFaultsSet, KindOutage,
		KindSaid, KindDigit, KindDigitAnswered:
	}
	return nil
}

// change makes the change that a record tells of.
func (recovered *past) change(record *Record, apply func(*message)) error {
	found := recovered.store.bySid[record.Sid]
	if found == nil {
		return fmt.Errorf("%w: %w %q", ErrLogDamaged, errUnknownSid, record.Sid)
	}
	apply(found)
	return nil
}

// resumeClock continues the clock of the log, or starts the one of the options.
func (recovered *past) resumeClock(options *Options) error {
	var err error
	if recovered.clockState != nil {
		recovered.clock, err = ResumeClock(*recovered.clockState, recovered.at)
	} else {
		recovered.clock, err = NewClock(options.Start, options.Speed)
	}
	if err != nil {
		return fmt.Errorf("sandbox clock: %w", err)
	}
	return nil
}

// takeUp lets the lives go on that the log left unfinished. Callbacks and inbound
// texts that were under way are lost; the dialer finds them by listing.
func (server *Server) takeUp(past *past) {
	for _, playing := range past.store.all {
		if playing.call != nil && playing.status == statusInProgress {
			// The line went with the process.
			server.change(playing, step{status: statusCompleted}, nil)
			continue
		}
		if playing.deleted || playing.inbound {
			continue
		}
		plan := server.options.plan(playing)
		next := 0
		for next < len(plan.steps) && rank(plan.steps[next].status) <= rank(playing.status) {
			next++
		}
		if next < len(plan.steps) || playing.status == statusDelivered && !past.answeredBy[playing.sid] {
			server.live(playing, next)
		}
	}
}
