package rig

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/hustings/hustings/cmd/internal/outpost"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/store"
)

// ruling is what a run came to: the carrier's figures, and beside them what the
// books say.
type ruling struct {
	sandbox.Verdict
	// unclear counts the requests that made nothing and were answered so that
	// nobody can know it; endless the messages that never got a final status.
	unclear, endless int
	// calls are those of the created that rang somebody, and digits those that were
	// pressed and heard.
	calls, digits int
	audience      int
	attempts      int
	unknown       int
}

// witness reads along with the carrier's own judge, for what that does not look
// at.
type witness struct {
	report func(format string, values ...any)
	// optedOut is when somebody has asked to be left alone by a text, in the
	// carrier's time; heard are those of them that a daemon which has started
	// since must know of.
	optedOut map[string]time.Time
	heard    map[string]bool
	// living is the message that has no final status yet, by number.
	living map[string]life
	// tried counts the requests by attempt.
	tried map[uint64]int
	// places is where people live, by number; all others live in Paris.
	places map[string]home
	// moved is when the carrier's clock was last moved, in real time.
	moved time.Time
	ruling
}

// life is a message whose outcome is open.
type life struct {
	sid   string
	since time.Time
}

// givenUp is after how long the daemon counts a message as unknown whose outcome
// it was never told, and with which it may go on to another.
const givenUp = 4 * time.Hour

// listLag is how long a carrier may leave a text out of its list, in its own
// time: as much as the standard mix of faults has it do.
const listLag = 20 * time.Second

// Texts may leave from eight in the morning to half past nine in the evening,
// every day (FR-W4).
const (
	opens  = 8 * 60
	closes = 21*60 + 30
)

// surprise is how long after somebody has moved the carrier's clock a daemon may
// still go by the old time: it asks ten times a second.
const surprise = time.Second

var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return zone
}()

func (w *witness) visit(record *sandbox.Record) {
	switch record.Kind {
	case sandbox.KindClock:
		w.moved = time.Unix(0, record.Real)
	case sandbox.KindInboundURL:
		// A daemon has started. What texts came before, it asks for before it
		// dials.
		for number, at := range w.optedOut {
			w.heard[number] = w.heard[number] || record.At.Sub(at) > listLag
		}
	case sandbox.KindInbound:
		if _, before := w.optedOut[record.From]; record.OptOut && !before {
			w.optedOut[record.From] = record.At
		}
	case sandbox.KindDigitAnswered:
		if record.HTTP/100 == 2 {
			w.digits++
		}
		if _, before := w.optedOut[record.To]; record.OptOut && !before && record.HTTP/100 == 2 {
			w.optedOut[record.To] = record.At
		}
	case sandbox.KindRequestBegun:
		w.begun(record)
	case sandbox.KindRefused:
		if slices.Contains(dark, record.Fault) {
			w.unclear++
		}
	case sandbox.KindCreated:
		if record.Call != nil {
			w.calls++
		}
		w.living[record.To] = life{record.Sid, record.At}
	case sandbox.KindStatus:
		if final(record.Status) && w.living[record.To].sid == record.Sid {
			delete(w.living, record.To)
		}
	default: // the rest is for the sandbox's own judge
	}
}

// dark are the faults by which the carrier makes nothing and leaves that open.
var dark = []sandbox.Fault{sandbox.FaultRefuse, sandbox.FaultDrop, sandbox.FaultForbid}

func final(status string) bool {
	switch status {
	case "delivered", "undelivered", "failed", "canceled", "completed", "busy", "no-answer":
		return true
	}
	return false
}

func (w *witness) begun(record *sandbox.Record) {
	if w.heard[record.To] {
		w.report("a request to somebody whose STOP had come before the daemon's start (I1)")
	}
	if open, busy := w.living[record.To]; busy && record.At.Sub(open.since) < givenUp {
		w.report("a request to a contact with a message under way (I8)")
	}
	if time.Unix(0, record.Real).Sub(w.moved) >= surprise {
		w.hours(record)
	}
	attempt, err := attemptOf(record.StatusCallback)
	if err != nil {
		w.report("a request that names no attempt: %v (I12)", err)
		return
	}
	if w.tried[attempt]++; w.tried[attempt] > 1 {
		w.report("attempt %d was tried %d times (I2)", attempt, w.tried[attempt])
	}
}

// hours looks at a request by the clock of its place.
func (w *witness) hours(record *sandbox.Record) {
	local := record.At.In(paris)
	there, known := w.places[record.To]
	if known {
		local = there.local(record.At)
	}
	if minute := local.Hour()*60 + local.Minute(); minute < opens || minute >= closes {
		w.report("a request at %s %s (I4)", local.Format(time.TimeOnly), there.territory)
	}
	if known && !local.Before(there.silence) {
		w.report("a request on %s in %s, in its silence (I4)", local.Format(time.DateOnly), there.territory)
	}
}

// attemptOf reads which attempt a request belongs to out of the address at which
// the carrier is to report on it.
func attemptOf(callback string) (uint64, error) {
	parsed, err := url.Parse(callback)
	if err != nil {
		return 0, err
	}
	raw, err := hex.DecodeString(path.Base(parsed.Path))
	if err != nil || len(raw) < 8 {
		return 0, fmt.Errorf("no reference of an attempt")
	}
	return binary.BigEndian.Uint64(raw), nil
}

// judge holds the carrier's log against what was promised, and the books against
// the carrier's log.
func (s *scene) judge(views []*dialer.CampaignView) ruling {
	s.t.Helper()
	w := &witness{
		report: func(format string, values ...any) {
			s.t.Helper()
			s.t.Errorf("the carrier's log: "+format, values...)
		},
		optedOut: map[string]time.Time{}, heard: map[string]bool{}, living: map[string]life{}, tried: map[uint64]int{},
		places: s.places,
	}
	verdict, err := sandbox.JudgeLog(s.CarrierLog(), sandbox.JudgeOptions{
		Acknowledged: s.acknowledged, Party: outpost.Party, Visit: w.visit, Steps: s.steps,
		Campaign: func(record sandbox.Record) string { return record.From + " " + record.Body },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	verdict.AfterStop = slices.DeleteFunc(verdict.AfterStop, s.heldBack)
	if err := verdict.Err(); err != nil {
		s.t.Errorf("the carrier's log: %v (I1, I2, I3, I8)", err)
	}
	w.Verdict = verdict
	for status, count := range verdict.Statuses {
		if !final(status) {
			w.endless += count
		}
	}
	for _, view := range views {
		w.audience += int(view.Balance.Audience)
		w.attempts += int(view.Balance.Attempts)
		w.unknown += int(view.Balance.Final["unknown"])
		if view.State != "closed" || !view.Balance.Balances {
			s.t.Errorf("%s is %s: %s (I6)", view.ID, view.State, view.Balance.Fault)
		}
	}
	outpost.MustBeSound(s.t, s.Data())
	if s.restored {
		w.tried = nil
	} else {
		s.mustAddUp(w.ruling)
	}
	s.mustRemember(w.tried)
	return w.ruling
}

// heldBack tells that a request had left the daemon before the opt-out was
// acknowledged, and lay in a line that was frozen. Nobody can call it back.
func (s *scene) heldBack(after sandbox.AfterStop) bool {
	return slices.ContainsFunc(s.thaws, func(thaw time.Time) bool {
		held := after.Acknowledged.Before(thaw) && after.Begun.After(thaw) && after.Begun.Sub(thaw) < time.Second
		if held {
			s.t.Log("figures: a request that a frozen line had held back arrived after an opt-out that was acknowledged meanwhile")
		}
		return held
	})
}

// mustAddUp holds the books' figures against the carrier's: what the carrier has
// not got is unknown, and no more is unknown than what was in flight when the
// daemon died and what the carrier itself left in the dark.
func (s *scene) mustAddUp(r ruling) {
	s.t.Helper()
	if lost := r.attempts - r.Created; lost < 0 || lost > r.unknown {
		s.t.Errorf("%d attempts, %d created, %d unknown: these do not add up (I5, I12)", r.attempts, r.Created, r.unknown)
	}
	if most := s.cut + r.unclear + r.endless; r.unknown > most {
		s.t.Errorf("%d are unknown, of %d that may be: %d were cut off at most, %d answers left it open, %d have no end",
			r.unknown, most, s.cut, r.unclear, r.endless)
	}
}

// openLedger opens the ledger of a daemon that has stopped. Whoever calls it closes it.
func (s *scene) openLedger() (*store.Ledger, *store.Keys) {
	s.t.Helper()
	paths := store.PathsIn(s.Data())
	keys, err := store.LoadOrCreateKeys(paths.Keys, true)
	if err != nil {
		s.t.Fatal(err)
	}
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		s.t.Fatal(err)
	}
	return ledger, keys
}

// mustRemember opens the store of a daemon that has stopped, and looks for the
// attempt of every request and the objection of everybody to whom one was
// acknowledged.
func (s *scene) mustRemember(tried map[uint64]int) {
	s.t.Helper()
	ledger, keys := s.openLedger()
	defer func() { _ = ledger.Close() }()
	err := ledger.View(func(tx dialer.Tx) error {
		for attempt := range tried {
			if tx.Get(dialer.BucketAttempt, binary.BigEndian.AppendUint64(nil, attempt)) == nil {
				s.t.Errorf("the carrier knows a request of attempt %d, the ledger does not (I12)", attempt)
			}
		}
		forgotten := 0
		for text := range s.acknowledged {
			if !objected(tx, s.identify(keys, text)) {
				forgotten++
			}
		}
		if forgotten > 0 {
			s.t.Errorf("%d of %d acknowledged opt-outs are not in the ledger (I13)", forgotten, len(s.acknowledged))
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func objected(tx dialer.Tx, id contact.ID) bool {
	for key := range tx.Rows(dialer.BucketObjection, id[:]) {
		return len(key) >= len(id) && contact.ID(key[:len(id)]) == id
	}
	return false
}

// mustBalance looks at the store of a daemon that has died a moment ago: its
// pages are whole, its books balance as they do at every instant, and its journal
// has every opt-out that was acknowledged. What the journal has and the ledger
// has not is no fault here: the daemon reads it at its next start.
func (s *scene) mustBalance() {
	s.t.Helper()
	paths := store.PathsIn(s.Data())
	keys, err := store.LoadOrCreateKeys(paths.Keys, true)
	if err != nil {
		s.t.Fatal(err)
	}
	journal := map[contact.ID]bool{}
	findings, err := store.Check(context.Background(), store.CheckOptions{
		Paths: paths, Keys: keys, Books: dialer.CheckBooks,
		Objected: func(_ dialer.Tx, entry store.JournalEntry) bool { journal[entry.ID] = true; return true },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, finding := range findings {
		s.t.Errorf("the store after the daemon's death: %s", finding)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := 0
	for text := range s.acknowledged {
		if !journal[s.identify(keys, text)] {
			lost++
		}
	}
	if lost > 0 {
		s.t.Errorf("%d of %d acknowledged opt-outs are not in the journal after the daemon's death (I13)", lost, len(s.acknowledged))
	}
}

// identify returns the pseudonym of a number.
func (s *scene) identify(keys *store.Keys, text string) contact.ID {
	s.t.Helper()
	number, err := contact.ParseE164(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return keys.Identity.ID(number)
}
