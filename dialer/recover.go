package dialer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// After a restart nobody knows whether the requests of the open intents began.
// They are in doubt, and what is in doubt is never sent again: it is looked up
// at the carrier until it is found, or until it counts as unknown.

// looksAfter is when an attempt in doubt is looked up, counted from its intent.
// After the last look it is unknown.
var looksAfter = []time.Duration{time.Minute, 10 * time.Minute, time.Hour}

// pollsAfter is when a placed attempt without an outcome is looked up: its
// callback may have been lost. After the last one its outcome is unknown.
var pollsAfter = []time.Duration{10 * time.Minute, time.Hour, 4 * time.Hour}

// doubtOpenIntents marks every open intent as in doubt. It is called before
// anything is dialled.
func (d *Dialer) doubtOpenIntents(ctx context.Context) error {
	var total int
	for {
		move := new(doubtMove)
		if err := d.ledger.Commit(ctx, move); err != nil {
			return fmt.Errorf("mark open intents as in doubt: %w", err)
		}
		total += move.count
		if !move.more {
			break
		}
	}
	if total > 0 {
		d.log.Warn().Str(FieldEvent, EventRecovered).Int(FieldCount, total).Send()
	}
	return nil
}

// doubtMove marks open intents as in doubt, some at a time.
type doubtMove struct {
	count int
	more  bool
}

// Apply marks them.
func (m *doubtMove) Apply(tx Tx) {
	b := books{tx}
	var sequences []uint64
	for key, row := range b.Rows(BucketOpen, nil) {
		if attemptState(row[0]) != attemptIntended {
			continue
		}
		if m.more = len(sequences) == planChunk; m.more {
			break
		}
		sequences = append(sequences, readSequence(key))
	}
	for _, sequence := range sequences {
		(&answerMove{sequence: sequence, kind: Unclear}).Apply(tx)
	}
	m.count = len(sequences)
}

// look is one attempt to be looked up at the carrier.
type look struct {
	sequence uint64
	attempt  *attemptRecord
	job      *Job
}

// looksAtOnce bounds how many attempts one round of looking takes on.
const looksAtOnce = 256

// lookUp asks the carrier about the attempts that are due for it.
func (d *Dialer) lookUp(ctx context.Context) error {
	if !d.clockIsSure() {
		return nil // a wrong clock would make three looks of one
	}
	now := d.clock.Now()
	var due []look
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for key, row := range b.Rows(BucketOpen, nil) {
			state, at := readOpen(row)
			if state == attemptIntended || at.After(now) {
				continue // an intent's request is under way: the answer will tell
			}
			sequence := readSequence(key)
			a := b.attempt(sequence)
			if a == nil {
				continue
			}
			record, ok := b.campaign(a.recipient.campaign())
			if !ok {
				continue
			}
			if due = append(due, look{sequence, a, &record.Job}); len(due) == looksAtOnce {
				break
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list attempts to look up: %w", err)
	}
	for _, l := range due {
		if err := d.lookAt(ctx, l, now); err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// lookDue is when the attempt is to be looked up next.
func lookDue(a *attemptRecord) time.Time {
	instants := schedule(a)
	return a.intended.Add(instants[min(int(a.looks), len(instants)-1)])
}

// openRow is the attempt's row in the index of open ones: its state and when it
// is to be looked up, so that looking for what is due reads nothing else.
func openRow(a *attemptRecord) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(a.state)}, uint64(lookDue(a).UnixNano()))
}

func readOpen(row []byte) (attemptState, time.Time) {
	if len(row) != 1+8 {
		return 0, time.Time{} // due at once: the attempt itself is read then
	}
	return attemptState(row[0]), instant(int64(binary.BigEndian.Uint64(row[1:])))
}

// schedule is when an attempt is looked up, counted from its intent.
func schedule(a *attemptRecord) []time.Duration {
	if a.state == attemptPlaced {
		return pollsAfter
	}
	return looksAfter
}

// lookAt asks the carrier about one attempt and enters what it says. A carrier
// that cannot be asked is asked again; that is not an answer.
func (d *Dialer) lookAt(ctx context.Context, l look, now time.Time) error {
	number, err := d.directory.Number(l.attempt.contact)
	var records []Record
	if err == nil {
		records, err = d.records.Find(ctx, l.job.Channel, number, l.attempt.intended.Add(-clockSlack))
	}
	if err != nil && ctx.Err() != nil {
		return nil //nolint:nilerr // the daemon is stopping: the attempt stays as it is
	}
	move := &lookedMove{sequence: l.sequence, at: now, failed: err != nil}
	if err != nil {
		d.log.Warn().Str(FieldEvent, EventLookFailed).Uint64(FieldAttempt, l.sequence).Err(err).Send()
	}
	move.candidates = matching(records, l)
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("write what the carrier remembers: %w", err)
	}
	if move.found.Status.leaves() {
		d.backlog.leave(l.sequence)
	}
	d.log.Info().Str(FieldEvent, EventLooked).Uint64(FieldAttempt, l.sequence).Str(FieldState, move.result).Send()
	return d.follow(ctx, move.found.Effect, move.found.Code, l.attempt.contact, d.campaignOf(l.attempt.recipient.campaign()))
}

// clockSlack is how far the carrier's clock may be behind ours.
const clockSlack = 2 * time.Minute

// matching keeps the records that may be the attempt's: its own name if it has
// one, else the same sender and text, created since the intent.
func matching(records []Record, l look) []Record {
	var candidates []Record
	a := l.attempt
	for _, r := range records {
		if a.sid != "" {
			if r.SID == a.sid {
				return []Record{r}
			}
			continue
		}
		if sameText(a, l.job, &r) {
			candidates = append(candidates, r)
		}
	}
	return candidates
}

// sameText tells whether a message is of the attempt's sender and text, and was
// created since the attempt's intent. A call has no text to tell it by.
func sameText(a *attemptRecord, job *Job, r *Record) bool {
	if r.From != a.from(job) || r.Call != job.isCall() || !r.CreatedAt.After(a.intended.Add(-clockSlack)) {
		return false
	}
	return r.Call || sha256.Sum256([]byte(r.Body)) == a.text
}

// lookedMove enters what the carrier remembers of an attempt.
type lookedMove struct {
	sequence   uint64
	candidates []Record
	at         time.Time
	// failed tells that the carrier could not be asked: that is no look.
	failed bool
	// found is the message that is the attempt's, result what came of it all.
	found  Record
	result string
}

// Apply places the attempt if it was found, and counts the look if not.
func (m *lookedMove) Apply(tx Tx) {
	b := books{tx}
	a := b.attempt(m.sequence)
	if a == nil || !a.state.open() || a.state == attemptIntended {
		m.result = "settled meanwhile"
		return
	}
	doubted := a.state == attemptInDoubt
	m.merge(b, a)
	if a = b.attempt(m.sequence); a == nil || !a.state.open() {
		return
	}
	switch {
	case m.failed && m.at.Before(a.intended.Add(24*time.Hour)):
		m.result = "could not be asked"
		return
	case doubted && a.state == attemptPlaced:
		a.looks = pollsPassed(a, m.at) // found just now: it has its polls before it
	default:
		a.looks++
	}
	if int(a.looks) >= len(schedule(a)) {
		m.result = OutcomeUnknown.String()
		balance := b.balance(a.recipient.campaign())
		old, _ := b.recipient(a.recipient)
		b.finish(a, &balance, old, OutcomeUnknown, m.at)
		b.putBalance(a.recipient.campaign(), &balance)
	}
	b.putAttempt(m.sequence, a)
}

// merge enters the status of the message that is the attempt's, if there is one.
func (m *lookedMove) merge(b books, a *attemptRecord) {
	for _, r := range m.candidates {
		if a.sid == "" && b.known(a, m.sequence, r.SID) {
			continue
		}
		m.found, m.result = r, r.Status.String()
		status := &statusMove{at: m.at}
		status.merge(b, StatusUpdate{Attempt: m.sequence, SID: r.SID, Status: r.Status, Code: r.Code, Effect: r.Effect})
		return
	}
}

// pollsPassed counts the polls whose time is over already, but for the last
// one: that is made in any case.
func pollsPassed(a *attemptRecord, at time.Time) uint8 {
	var passed uint8
	for _, after := range pollsAfter[:len(pollsAfter)-1] {
		if !a.intended.Add(after).After(at) {
			passed++
		}
	}
	return passed
}

// known tells whether a message belongs to another attempt to the same contact.
func (b books) known(a *attemptRecord, sequence uint64, sid string) bool {
	history := b.history(a.contact)
	for _, past := range history.past {
		if past.sequence == sequence {
			continue
		}
		if other := b.attempt(past.sequence); other != nil && other.sid == sid {
			return true
		}
	}
	return false
}
