package dialer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

// person is a contact of the fake directory, with the number in clear.
type person struct {
	dialer.Contact
	number contact.Number
	// never says why nobody may dial the contact, if nobody may.
	never string
}

func (p *person) zones() []*time.Location { return p.Zones() }

// fakeDirectory is a directory in memory.
type fakeDirectory struct {
	people []*person // ascending by ID
	byID   map[contact.ID]*person
	// met, where it is set, is told whose row and whose number are looked up.
	met atomic.Pointer[func(contact.ID)]
	// sick is what the next call returns, where it is set.
	sick atomic.Pointer[error]
	// gone tells that the file is not there.
	gone atomic.Bool
}

func (d *fakeDirectory) fault() error {
	if err := d.sick.Swap(nil); err != nil {
		return *err
	}
	return nil
}

func (d *fakeDirectory) meet(id contact.ID) {
	if met := d.met.Load(); met != nil {
		(*met)(id)
	}
}

// Contact fills row with the contact.
func (d *fakeDirectory) Contact(id contact.ID, row *dialer.Contact) (bool, error) {
	d.meet(id)
	p, found := d.byID[id]
	if found = found && !d.gone.Load(); found {
		values := append(row.Values[:0], p.Values...) // which a correction changes
		*row = p.Contact
		row.Values = values
	}
	return found, d.fault()
}

// Contacts calls each for every contact.
func (d *fakeDirectory) Contacts(each func(*dialer.Contact) bool) error {
	for _, p := range d.people {
		row := p.Contact
		if !each(&row) {
			break
		}
	}
	return d.fault()
}

// Number returns the contact's number.
func (d *fakeDirectory) Number(id contact.ID) (contact.Number, error) {
	d.meet(id)
	if p, found := d.byID[id]; found {
		return p.number, d.fault()
	}
	return contact.Number{}, errors.New("no such contact")
}

// fakeJournal keeps objections in memory.
type fakeJournal struct {
	mu      sync.Mutex
	entries []dialer.Objection
	broken  error
}

// Append keeps the objections.
func (j *fakeJournal) Append(objections ...dialer.Objection) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.entries = append(j.entries, objections...)
	}
	return j.broken
}

// processJournal is the journal as one process has it open: what is dead writes
// nothing more.
type processJournal struct {
	*fakeJournal
	killed *atomic.Bool
}

// Append keeps the objections unless the process is dead.
func (j processJournal) Append(objections ...dialer.Objection) error {
	if j.killed.Load() {
		return errKilled
	}
	return j.fakeJournal.Append(objections...)
}

// count returns how many entries there are.
func (j *fakeJournal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.entries)
}

// after returns the entries that come after the first so many.
func (j *fakeJournal) after(known uint64) []dialer.Objection {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries[min(known, uint64(len(j.entries))):])
}

// syncedLog is a log that may be read while it is written.
type syncedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *syncedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns the end of the log.
func (l *syncedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text.Bytes()[max(0, l.text.Len()-4000):])
}

// nobody watches.
type nobody struct{}

// PublishEvent drops the event.
func (nobody) PublishEvent(context.Context, dialer.Event) {}

// fastClock runs at a speed of its own from an instant of 2027 on, or stands
// still where it is moved by hand.
type fastClock struct {
	start  time.Time
	anchor time.Time
	speed  float64
	still  bool
	moved  time.Duration
}

// Now returns the campaigns' time.
func (c *fastClock) Now() time.Time {
	if c.still {
		return c.start.Add(c.moved)
	}
	return c.start.Add(c.Span(time.Since(c.anchor)))
}

// Span returns how much of it passes in a real duration.
func (c *fastClock) Span(real time.Duration) time.Duration {
	return time.Duration(float64(real) * c.speed)
}

// frailLedger is the real ledger with a hand on it: it can be killed, and a
// move can be met before it is made.
type frailLedger struct {
	*store.Ledger
	// dead tells that the ledger has failed, killed that its process is no more.
	dead, killed atomic.Bool
	// left counts the commits down to the one that breaks the ledger for good;
	// below 0 none does. Made tells whether that move is made all the same.
	left atomic.Int64
	made atomic.Bool
	// fails may be nil; its error is what Commit returns for the move, which is
	// made all the same where it says so.
	fails func(move string) (err error, made bool)
	// meet may be nil; its error is what Commit returns, with nothing made.
	meet atomic.Pointer[func(move string) error]
	// after may be nil; it is told which move was made, before its caller is.
	after atomic.Pointer[func(move string)]
}

var errKilled = errors.New("killed")

// Commit makes the move unless the ledger is dead.
func (l *frailLedger) Commit(ctx context.Context, move dialer.Move) error {
	if meet := l.meet.Load(); meet != nil {
		if err := (*meet)(fmt.Sprintf("%T", move)); err != nil {
			return err
		}
	}
	if l.fails != nil {
		if err, made := l.fails(fmt.Sprintf("%T", move)); err != nil {
			if made {
				err = errors.Join(err, l.Ledger.Commit(ctx, move))
			}
			return err
		}
	}
	breaks := l.left.Add(-1) == 0
	if breaks && !l.made.Load() {
		l.dead.Store(true)
	}
	if l.dead.Load() {
		return errKilled
	}
	err := l.Ledger.Commit(ctx, move)
	if breaks {
		l.dead.Store(true)
		return errKilled
	}
	if after := l.after.Load(); after != nil {
		(*after)(fmt.Sprintf("%T", move))
	}
	return err
}

// kill ends the process that the ledger is open in.
func (l *frailLedger) kill() {
	l.killed.Store(true)
	l.dead.Store(true)
}

// breakAt makes the ledger fail for good at the commit that so many are before.
func (l *frailLedger) breakAt(after int64, made bool) {
	l.made.Store(made)
	l.left.Store(after + 1)
}

// View reads unless the ledger is dead.
func (l *frailLedger) View(read func(dialer.Tx) error) error {
	if l.dead.Load() {
		return errKilled
	}
	return l.Ledger.View(read)
}
