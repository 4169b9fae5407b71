package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Journal is the objection journal: append-only, outside the ledger and its
// backups. A ledger restored from a backup does not know the objections that
// came after it; the journal does. It is safe for concurrent use.
type Journal struct {
	file    journalFile
	path    string
	reserve reserve

	// mu guards pending: the entries that the next write will take along.
	mu      sync.Mutex
	pending *journalBatch

	// writing is held over a write and its sync, and guards what follows.
	writing sync.Mutex
	end     int64 // where the next record goes; all before is on disk
	broken  error // sticky: after a failed sync nobody knows what is on disk
	closed  bool
}

// journalBatch is the records that share one write and one sync.
type journalBatch struct {
	records []byte
	written bool
	err     error
}

// journalFile is what the journal needs of a file.
type journalFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// ErrJournalStopped is wrapped by the errors of a journal that takes no more
// entries: a sync failed, or it was closed. Whether the last entries are on
// disk nobody knows. Dialling must stop.
var ErrJournalStopped = errors.New("the objection journal has stopped")

// OpenJournal opens the journal at path and makes it where there is none. A
// record that a crash left half written at the very end is cut off; nobody was
// told that it holds. Damage anywhere else is an error that names the offset:
// an objection may be lost there, and a person must look.
//
// The ledger's lock keeps a second process away, so open the ledger first.
func OpenJournal(path string) (*Journal, error) {
	there, err := exists(path)
	if err == nil && !there {
		err = createFile(path, []byte(journalHead))
	}
	if err != nil {
		return nil, fmt.Errorf("open objection journal: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open objection journal: %w", err)
	}
	j, err := newJournal(f, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open objection journal: %w", err), f.Close())
	}
	return j, nil
}

// EmptyJournal tells whether the journal at path is without a single entry: a daemon
// that was started without its own has made that, and has gone no further. It changes
// nothing, so that a daemon may have the journal open.
func EmptyJournal(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("open objection journal: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	empty := true
	if _, err := readJournal(f, func(JournalEntry) error { empty = false; return nil }); err != nil {
		return false, fmt.Errorf("read objection journal: %w", err)
	}
	return empty, nil
}

func newJournal(f journalFile, path string) (*Journal, error) {
	reading, err := readJournal(f, func(JournalEntry) error { return nil })
	if err != nil {
		return nil, err
	}
	if reading.torn > 0 {
		if err := f.Truncate(reading.end); err != nil {
			return nil, fmt.Errorf("cut off the record torn at offset %d: %w", reading.end, err)
		}
		// Unless this is on disk, a crash could bring the torn bytes back
		// behind or within what is appended next.
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("sync after cutting: %w", err)
		}
	}
	j := &Journal{file: f, path: path, end: reading.end, pending: new(journalBatch)}
	j.reserve.path = filepath.Join(filepath.Dir(path), "journal.reserve")
	j.reserve.prepare()
	claim(f, j.end, reserveSize)
	return j, nil
}

// Append writes the entries, all or none, and returns once they are on disk.
// Callers that come while a sync runs share the next one. After any error
// nothing may be acknowledged. One that wraps ErrJournalStopped is for good;
// any other, such as a full disk, leaves the journal as it was, and Append may
// be called again.
func (j *Journal) Append(entries ...JournalEntry) error {
	if len(entries) == 0 {
		return nil
	}
	for i := range entries {
		if err := entries[i].validate(); err != nil {
			return fmt.Errorf("append to objection journal: %w", err)
		}
	}
	j.mu.Lock()
	mine := j.pending
	for i := range entries {
		mine.records = appendRecord(mine.records, &entries[i])
	}
	j.mu.Unlock()

	j.writing.Lock()
	defer j.writing.Unlock()
	if !mine.written {
		// Whoever gets here first writes for all who have joined by now.
		j.mu.Lock()
		j.pending = new(journalBatch)
		j.mu.Unlock()
		mine.err = j.write(mine.records)
		mine.written = true
	}
	return mine.err
}

// write appends the records and syncs them. Caller holds writing.
func (j *Journal) write(records []byte) error {
	if j.broken != nil {
		return j.broken
	}
	_, err := j.file.WriteAt(records, j.end)
	if errors.Is(err, syscall.ENOSPC) && j.reserve.release() {
		claim(j.file, j.end, reserveSize)
		_, err = j.file.WriteAt(records, j.end)
	}
	if err != nil {
		// What was written in part would be a damaged record once more is
		// appended behind it.
		if cut := j.file.Truncate(j.end); cut != nil {
			return j.fail(fmt.Errorf("write: %w; cut off again: %w", err, cut))
		}
		claim(j.file, j.end, reserveSize) // the cut has given up what was claimed
		return fmt.Errorf("write objection journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return j.fail(fmt.Errorf("sync: %w", err))
	}
	j.end += int64(len(records))
	return nil
}

func (j *Journal) fail(cause error) error {
	j.broken = fmt.Errorf("%w: %w", ErrJournalStopped, cause)
	return j.broken
}

// Replay calls each for every entry on disk, oldest first, until it returns an
// error, which Replay returns. Entries appended meanwhile are left out.
func (j *Journal) Replay(each func(JournalEntry) error) error {
	j.writing.Lock()
	end := j.end
	j.writing.Unlock()
	if _, err := readJournal(io.NewSectionReader(j.file, 0, end), each); err != nil {
		return fmt.Errorf("replay objection journal: %w", err)
	}
	return nil
}

// Reserve sets space aside for objections that come while the disk is full,
// where that is not done yet, and tells whether there is any. It is done at
// OpenJournal; later it is for whoever watches the disk.
func (j *Journal) Reserve() bool {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.reserve.prepare()
	claim(j.file, j.end, reserveSize)
	return j.reserve.held
}

// Close lets go of the file. Append fails afterwards; a second Close does
// nothing.
func (j *Journal) Close() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	if j.broken == nil {
		j.broken = fmt.Errorf("%w: it was closed", ErrJournalStopped)
	}
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close objection journal: %w", err)
	}
	return nil
}

// reserveSize is room for some 20,000 objections.
const reserveSize = 2 << 20

// reserve is a file that only takes up space. A full disk stops everything
// else first; then it makes way for objections, which must never be refused.
// It is for systems that do not let the journal claim as much behind its own end
// beforehand: on a full disk all others are after what the reserve gives up.
type reserve struct {
	path string
	held bool
}

// prepare sets the space aside. It is not an error if the disk has none left:
// the journal must open all the same.
func (r *reserve) prepare() {
	if r.held {
		return
	}
	if info, err := os.Stat(r.path); err == nil && info.Size() == reserveSize {
		r.held = true
		return
	}
	filler := make([]byte, reserveSize)
	for i := range filler {
		filler[i] = byte(i * i >> 3) // not zeros, which some file systems do not store
	}
	if err := writeSynced(r.path, filler); err != nil {
		_ = os.Remove(r.path) // half a reserve would stand in the way of the next try
		return
	}
	r.held = true
}

// release gives the space back and tells whether there was any.
func (r *reserve) release() bool {
	if !r.held {
		return false
	}
	r.held = false
	return os.Remove(r.path) == nil
}
