package dialer

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A ledger that was put back from a copy does not know what was sent since, and
// nothing in it says so: it looks as it did when it was copied. It is recognised
// by three things that it cannot have taken back with it:
//
//   - a backup is marked inside as one;
//   - a mark outside the ledger counts on beside it, always a step behind, so
//     that an honest crash leaves the ledger level with it or one ahead, and an
//     old copy leaves it behind;
//   - the carrier remembers every message (account.go).
//
// A restored ledger dials nobody, and moves no campaign, until Reconcile has
// brought it up to date. Then it begins a new life: whatever is copied from an
// older one is recognised again.

// Mark is how far a ledger has come.
type Mark struct {
	// Life is drawn anew for each new ledger, and after each reconcile.
	Life [16]byte
	// Count goes up by one now and then, as long as anything happens.
	Count uint64
}

// Witness keeps the newest mark where no copy of the ledger takes it along.
type Witness interface {
	// Last returns the mark kept last, the zero Mark where there is none. The
	// error wraps ErrMarkDamaged where something is there that is no mark.
	Last() (Mark, error)
	// Keep puts the mark in the last one's place, and returns once that is on
	// disk.
	Keep(mark Mark) error
}

// ErrMarkDamaged is wrapped where a mark cannot be understood.
var ErrMarkDamaged = errors.New("the ledger's mark is damaged")

// Restoration is what is known of a ledger that was put back.
type Restoration struct {
	// Since is the instant from which on the ledger may lack messages; zero
	// where it knows of none at all.
	Since time.Time `json:"since,omitzero"`
	// Why says how it was recognised, and At when.
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// BackupNote is what stands in a copy of the ledger that was made as a backup.
type BackupNote struct {
	// At is when it was made, in the campaigns' time.
	At time.Time `json:"at"`
}

// MetaBackup names the row of BucketMeta that holds a BackupNote, in JSON.
const MetaBackup = "backup"

const (
	metaLife     = "life"
	metaRestored = "restored"
)

// life is a ledger's present life.
type life struct {
	Mark
	// previous is the life in the witness's hands when this one began: a crash
	// before it learnt of the new one is an honest crash.
	previous [16]byte
	born     time.Time
}

func (l *life) append(row []byte) []byte {
	row = binary.BigEndian.AppendUint64(append(row, l.Life[:]...), l.Count)
	return binary.BigEndian.AppendUint64(append(row, l.previous[:]...), uint64(nanoseconds(l.born)))
}

// life returns the ledger's life, the zero life where none was begun.
func (b books) life() life {
	var l life
	row := b.Get(BucketMeta, []byte(metaLife))
	if row == nil {
		return l
	}
	if len(row) != 16+8+16+8 {
		b.Fail(fmt.Errorf("row of the ledger's life: %d bytes cannot be read", len(row)))
		return l
	}
	l.Life, l.Count = [16]byte(row), binary.BigEndian.Uint64(row[16:])
	l.previous, l.born = [16]byte(row[24:]), instant(int64(binary.BigEndian.Uint64(row[40:])))
	return l
}

func (b books) putLife(l life) { b.Put(BucketMeta, []byte(metaLife), l.append(nil)) }

// restoration returns what is known of the ledger as a restored one, nil for one
// that is not.
func (b books) restoration() *Restoration {
	row := b.Get(BucketMeta, []byte(metaRestored))
	if row == nil {
		return nil
	}
	r := new(Restoration)
	if err := json.Unmarshal(row, r); err != nil {
		b.Fail(fmt.Errorf("row of the restored ledger: %w", err))
	}
	return r
}

// doubt says why the ledger must be an older copy, empty where nothing says so.
func (b books) doubt(last Mark, damaged, blind bool) string {
	if row := b.Get(BucketMeta, []byte(MetaBackup)); row != nil {
		var note BackupNote
		if err := json.Unmarshal(row, &note); err != nil {
			return "it is a backup"
		}
		return "it is the backup of " + note.At.UTC().Format(time.RFC3339)
	}
	l := b.life()
	switch {
	case blind:
		return ""
	case damaged:
		return "the mark beside the journal cannot be read"
	case last == Mark{}:
		if l.Count > 1 {
			return "the mark beside the journal is missing"
		}
	case l.Count == 0:
		return "it is a new one beside the mark of another"
	case l.Life == last.Life:
		if l.Count < last.Count {
			return "the mark beside the journal is ahead of it"
		}
	case l.Count > 1 || l.previous != last.Life:
		return "the mark beside the journal is of another life"
	}
	return ""
}

// lastKnown is the instant up to which the ledger knows of everything that was
// sent: its last attempt, or its birth if that was later.
func (b books) lastKnown() time.Time {
	known := b.life().born
	if a := b.attempt(b.number(sequenceAttempt)); a != nil && a.intended.Add(-clockSlack).After(known) {
		return a.intended.Add(-clockSlack)
	}
	return known
}

// attemptsASecond is more than any dialer makes.
const attemptsASecond = 1 << 16

// restore notes that the ledger is a restored one. Its next attempts are numbered
// past all that were made since it was copied, since their callbacks may still
// come.
func (b books) restore(r *Restoration) {
	r.Since = b.lastKnown()
	row, err := json.Marshal(r)
	if err != nil {
		b.Fail(fmt.Errorf("note that the ledger was restored: %w", err))
		return
	}
	b.Put(BucketMeta, []byte(metaRestored), row)
	b.setNumber(sequenceAttempt, max(b.number(sequenceAttempt), uint64(r.At.Unix())*attemptsASecond))
	b.Put(BucketMeta, []byte(metaUnquoted), []byte(quoteDay(r.At))) // what was drawn on this day may be forgotten
	b.audit(auditControl, fmt.Appendf(nil, "%s the ledger was restored: %s", r.At.UTC().Format(time.RFC3339Nano), r.Why))
}

// recognise finds out whether the ledger was restored, and marks it. It is called
// before anything is moved or dialled.
func (d *Dialer) recognise(ctx context.Context) error {
	d.marking.Lock()
	defer d.marking.Unlock()
	move := &recogniseMove{at: d.clock.Now(), blind: d.witness == nil}
	d.start.Store(move.at.UnixNano())
	_, _ = rand.Read(move.drawn[:]) // never fails (crypto/rand)
	if d.witness != nil {
		var err error
		move.last, err = d.witness.Last()
		if move.damaged = errors.Is(err, ErrMarkDamaged); err != nil && !move.damaged {
			return fmt.Errorf("read the ledger's mark: %w", err)
		}
	}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("recognise the ledger: %w", err)
	}
	if move.restored != nil {
		d.distrust(move.restored)
		return nil
	}
	d.keepMark(move.mark)
	return nil
}

// began is when this dialer began to work.
func (d *Dialer) began() time.Time { return time.Unix(0, d.start.Load()) }

// distrust halts all dialling until a reconcile.
func (d *Dialer) distrust(r *Restoration) {
	d.log.Error().Str(FieldEvent, EventRestored).Str(FieldReason, r.Why).Time(FieldSince, r.Since).Send()
	d.Halt(HaltRestored, true)
}

// recogniseMove decides whether the ledger was restored. It begins the life of a
// new one, and counts that of any other up: a copy made while the daemon was
// stopped is behind from now on.
type recogniseMove struct {
	last           Mark
	damaged, blind bool
	drawn          [16]byte
	at             time.Time

	mark     Mark
	restored *Restoration
}

// Apply decides.
func (m *recogniseMove) Apply(tx Tx) {
	b := books{tx}
	if m.restored = b.restoration(); m.restored != nil {
		return
	}
	if why := b.doubt(m.last, m.damaged, m.blind); why != "" {
		m.restored = &Restoration{Why: why, At: m.at}
		b.restore(m.restored)
		return
	}
	l := b.life()
	if l.Count == 0 {
		l.Life, l.born = m.drawn, m.at
		for c := range b.campaigns() { // a job may have been accepted before
			if c.Accepted.Before(l.born) {
				l.born = c.Accepted
			}
		}
	}
	l.Count++
	b.putLife(l)
	m.mark = l.Mark
}

// markEvery is how often, in real time, a ledger in which anything happens is
// marked anew.
const markEvery = time.Second

// markAgain marks the ledger if anything has happened since the last time: its
// audit log grows with every intent, objection and order.
func (d *Dialer) markAgain(ctx context.Context) error {
	if d.witness == nil {
		return nil
	}
	d.marking.Lock()
	defer d.marking.Unlock()
	var happened uint64
	err := d.ledger.View(func(tx Tx) error {
		happened = books{tx}.number(sequenceAudit)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look whether anything has happened: %w", err)
	}
	if happened == d.marked {
		return nil
	}
	move := new(markMove)
	if err := d.ledger.Commit(ctx, move); err != nil {
		if ctx.Err() != nil {
			return nil // the daemon is stopping
		}
		return fmt.Errorf("mark the ledger: %w", err)
	}
	d.marked = happened
	if move.mark != (Mark{}) {
		d.keepMark(move.mark)
	}
	return nil
}

// keepMark tells the witness. One that is a few marks behind only recognises a
// young copy later, by the carrier's memory: that is no reason to stop.
func (d *Dialer) keepMark(mark Mark) {
	if d.witness == nil {
		return
	}
	if err := d.witness.Keep(mark); err != nil {
		d.log.Warn().Str(FieldEvent, EventMarkFailed).Err(err).Send()
	}
}

// markMove counts the ledger's life up, unless it was restored: what that one
// lacks must not be painted over.
type markMove struct{ mark Mark }

// Apply counts.
func (m *markMove) Apply(tx Tx) {
	b := books{tx}
	if b.restoration() != nil {
		return
	}
	l := b.life()
	l.Count++
	b.putLife(l)
	m.mark = l.Mark
}

// Restored returns what is known of the ledger as a restored one, nil for one
// that is not.
func (d *Dialer) Restored() (*Restoration, error) {
	var r *Restoration
	err := d.ledger.View(func(tx Tx) error {
		r = books{tx}.restoration()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look whether the ledger was restored: %w", err)
	}
	return r, nil
}

// RestoredBecause says why a ledger, beside the mark that was kept last, is or must
// be an older copy; empty where nothing says so.
func RestoredBecause(tx Tx, last Mark) string {
	b := books{tx}
	if r := b.restoration(); r != nil {
		return r.Why
	}
	return b.doubt(last, false, false)
}
