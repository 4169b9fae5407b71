package dialer

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// The log of shares keeps, for every minute of the campaigns' time, every campaign
// and each of its senders, how long it had work, what capacity it was offered and what it used:
// enough to work out afterwards whether all were treated the same. It is written
// once a second, so that a crash costs it the last one, and it says nothing about
// any contact.

// ShareLogKept is for how long the log of shares is kept: longer than an election
// and the settling of its accounts take.
const ShareLogKept = 180 * 24 * time.Hour

// shareEntry is one campaign's minute at one sender.
type shareEntry struct {
	// worked is how long there was work.
	worked time.Duration
	// offered and used count segments; requests counts what began at the carrier.
	offered, used, requests uint64
}

// shareHolder is a campaign at one of its senders. Without a sender it is the only
// one that the campaign has.
type shareHolder struct {
	campaign uint32
	sender   string
}

type shareKey struct {
	minute int64 // since 1970
	shareHolder
}

func (k shareKey) row() []byte {
	row := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, uint64(k.minute)), k.campaign)
	return append(row, k.sender...)
}

func readShareKey(row []byte) (shareKey, bool) {
	if len(row) < 12 {
		return shareKey{}, false
	}
	return shareKey{int64(binary.BigEndian.Uint64(row)), shareHolder{binary.BigEndian.Uint32(row[8:]), string(row[12:])}}, true
}

func (e shareEntry) append(row []byte) []byte {
	for _, n := range [...]uint64{uint64(e.worked.Milliseconds()), e.offered, e.used, e.requests} {
		row = binary.AppendUvarint(row, n)
	}
	return row
}

func readShareEntry(row []byte) (shareEntry, error) {
	var figures [4]uint64
	for i := range figures {
		n, size := binary.Uvarint(row)
		if size <= 0 {
			return shareEntry{}, fmt.Errorf("a row of the log of shares cannot be read")
		}
		figures[i], row = n, row[size:]
	}
	return shareEntry{time.Duration(figures[0]) * time.Millisecond, figures[1], figures[2], figures[3]}, nil
}

func (e *shareEntry) add(other shareEntry) {
	e.worked += other.worked
	e.offered += other.offered
	e.used += other.used
	e.requests += other.requests
}

// shareLog gathers what was not written yet. The dispatcher notes, and another
// goroutine writes.
type shareLog struct {
	mu      sync.Mutex
	entries map[shareKey]*shareEntry
	// working says since when each has had work, as far as that is not in the
	// entries.
	working map[shareHolder]time.Time
}

func newShareLog() *shareLog {
	return &shareLog{entries: map[shareKey]*shareEntry{}, working: map[shareHolder]time.Time{}}
}

func (l *shareLog) entry(at time.Time, holder shareHolder) *shareEntry {
	key := shareKey{at.Unix() / 60, holder}
	e := l.entries[key]
	if e == nil {
		e = new(shareEntry)
		l.entries[key] = e
	}
	return e
}

// offered notes capacity that a campaign was given at a sender.
func (l *shareLog) offered(holder shareHolder, segments int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry(now, holder).offered += uint64(segments)
}

// used notes that a request was made with it.
func (l *shareLog) used(holder shareHolder, segments int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(now, holder)
	e.used += uint64(segments)
	e.requests++
}

// begins notes that a campaign has work for a sender from now on.
func (l *shareLog) begins(holder shareHolder, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.working[holder] = now
}

// ceases notes that it has none any more.
func (l *shareLog) ceases(holder shareHolder, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.worked(holder, now)
	delete(l.working, holder)
}

// longestSpan is the longest time between two looks at who has work. What is
// longer is a clock that was stepped, or a sandbox's that was sent ahead: nobody
// had work for so long, and a year of it would be half a million rows.
const longestSpan = time.Hour

// worked enters the time for which there has been work, minute by minute.
func (l *shareLog) worked(holder shareHolder, now time.Time) {
	since, works := l.working[holder]
	if !works {
		return
	}
	if now.Sub(since) > longestSpan {
		since = now
	}
	for since.Before(now) {
		end := since.Truncate(time.Minute).Add(time.Minute)
		if end.After(now) {
			end = now
		}
		l.entry(since, holder).worked += end.Sub(since)
		since = end
	}
	l.working[holder] = now
}

// forget begins anew with a clock that was stepped: the span would be wrong.
func (l *shareLog) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for holder := range l.working {
		l.working[holder] = now
	}
}

// take hands out what is to be written.
func (l *shareLog) take(now time.Time) map[shareKey]*shareEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	for holder := range l.working {
		l.worked(holder, now)
	}
	entries := l.entries
	l.entries = make(map[shareKey]*shareEntry, len(entries))
	return entries
}

// writeShares makes durable what the log of shares has gathered.
func (d *Dialer) writeShares(ctx context.Context) error {
	now := d.clock.Now()
	entries := d.dispatcher.log.take(now)
	if len(entries) == 0 {
		return nil
	}
	if err := d.ledger.Commit(ctx, &sharesMove{entries: entries, kept: now.Add(-ShareLogKept).Unix() / 60}); err != nil {
		return fmt.Errorf("write the log of shares: %w", err)
	}
	return nil
}

// sharesMove adds to the log of shares, and lets go of what is past its time.
type sharesMove struct {
	entries map[shareKey]*shareEntry
	// kept is the first minute that stays.
	kept int64
}

// sharesForgotten bounds how many rows one move deletes.
const sharesForgotten = 1000

// Apply adds the entries to what the log has.
func (m *sharesMove) Apply(tx Tx) {
	b := books{tx}
	for key, more := range m.entries {
		sum := b.shareEntry(key)
		sum.add(*more)
		b.Put(BucketShare, key.row(), sum.append(nil))
	}
	var old [][]byte
	for row := range b.Rows(BucketShare, nil) {
		if key, ok := readShareKey(row); (ok && key.minute >= m.kept) || len(old) == sharesForgotten {
			break
		}
		old = append(old, append([]byte(nil), row...))
	}
	for _, row := range old {
		b.Delete(BucketShare, row)
	}
}

func (b books) shareEntry(key shareKey) shareEntry {
	row := b.Get(BucketShare, key.row())
	if row == nil {
		return shareEntry{}
	}
	e, err := readShareEntry(row)
	if err != nil {
		b.Fail(err)
	}
	return e
}
