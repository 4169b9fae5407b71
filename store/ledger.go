package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/hustings/hustings/dialer"
)

// ErrStopped is wrapped by every error of a ledger that takes no more moves:
// a commit failed, or the ledger was closed. After a failure nobody knows what
// is on disk. The only way on is to exit and open the ledger again.
var ErrStopped = errors.New("the ledger has stopped")

// ledgerSchema is raised when older programs could misread the file. Since 2 a
// contact's history names the last attempt and not the one in flight: an older
// program would take it for one without an end.
const ledgerSchema = 2

// ledgerMap is how much address space the ledger's file is mapped into. A
// writer that outgrows its map waits for every reader, so that the map is
// larger than any ledger we size for (28 million contacts, a few campaigns
// each: about 20 GB). It costs addresses, not memory.
const ledgerMap = 32 << 30

// ledgerLockTimeout leaves a process that is just shutting down the time to
// let go of the file.
const ledgerLockTimeout = 2 * time.Second

// The store's own rows in the meta table.
var (
	metaSchema = []byte("schema")
	metaCheck  = "key_check."
)

// LedgerOptions are the choices of whoever opens a ledger. The zero value is
// usable.
type LedgerOptions struct {
	// Keys are checked against those that the ledger was made with. Nil skips
	// the check, for programs that look at rows and never dial.
	Keys *Keys
	// LockTimeout is how long to wait for another process to let go of the
	// file, 2 s where it is 0.
	LockTimeout time.Duration
	// OnCommit is told about every transaction, on the committer's goroutine:
	// it must be quick and must not call the ledger. It may be nil.
	OnCommit func(CommitStats)
}

// CommitStats describes one durable transaction.
type CommitStats struct {
	// Moves is how many moves shared it, Urgent how many of them were urgent.
	Moves, Urgent int
	// Took is the real time from the first move's turn to the end of the sync.
	Took time.Duration
}

// Ledger is the durable record in one bbolt file. It implements dialer.Ledger
// and is safe for concurrent use.
type Ledger struct {
	db       *bolt.DB
	path     string
	onCommit func(CommitStats)
	readers  sync.Pool // of *tx

	// mu guards what follows and the batches that wait; the committer holds it
	// only to take them.
	mu       sync.Mutex
	arrived  sync.Cond
	urgent   queue
	ordinary queue
	closing  bool
	stopped  error // sticky; wraps ErrStopped

	// hurry tells the committer, once, that an objection waits.
	hurry    chan struct{}
	failed   chan struct{}
	finished chan struct{}
}

var _ dialer.Ledger = (*Ledger)(nil)

// OpenLedger opens the ledger at path and makes it where there is none. It is
// refused while another process has it open, when the keys are not those it
// was made with, and when a newer program has written it.
func OpenLedger(path string, options LedgerOptions) (*Ledger, error) {
	there, err := exists(path)
	if err == nil && !there {
		err = createLedger(path, options.Keys)
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	timeout := options.LockTimeout
	if timeout == 0 {
		timeout = ledgerLockTimeout
	}
	db, err := openFile(path, &bolt.Options{
		Timeout: timeout, FreelistType: bolt.FreelistMapType, InitialMmapSize: ledgerMap, NoStatistics: true,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open ledger: %w: %s has this store open; stop it first", err, readOwner(path))
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l := newLedger(db, path, options.OnCommit)
	if err := l.prepare(options.Keys); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), db.Close())
	}
	go l.run()
	return l, nil
}

func newLedger(db *bolt.DB, path string, onCommit func(CommitStats)) *Ledger {
	l := &Ledger{
		db: db, path: path, onCommit: onCommit,
		hurry: make(chan struct{}, 1), failed: make(chan struct{}), finished: make(chan struct{}),
	}
	l.arrived.L = &l.mu
	l.readers.New = func() any { return newTx() }
	return l
}

// createLedger makes the file under another name first, so that a crash leaves
// either a whole ledger or none.
func createLedger(path string, keys *Keys) error {
	temp, err := createTemp(path)
	if err != nil {
		return err
	}
	db, err := bolt.Open(temp, 0o600, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	err = db.Update(func(btx *bolt.Tx) error { return writeHead(btx, keys) })
	if err := errors.Join(err, db.Close()); err != nil {
		return errors.Join(fmt.Errorf("write first rows: %w", err), removeIfThere(temp))
	}
	return publish(temp, path)
}

func writeHead(btx *bolt.Tx, keys *Keys) error {
	if err := upgrade(btx); err != nil {
		return err
	}
	return putIdentityCheck(btx.Bucket(bucketKeys[dialer.BucketMeta]), keys)
}

// upgrade adds the tables that an older program did not know, and notes that
// this one has written the file.
func upgrade(btx *bolt.Tx) error {
	for _, name := range bucketKeys {
		if _, err := btx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create table %s: %w", name, err)
		}
	}
	return btx.Bucket(bucketKeys[dialer.BucketMeta]).Put(metaSchema, binary.BigEndian.AppendUint32(nil, ledgerSchema))
}

// prepare refuses a ledger that this program must not write, and upgrades one of
// an older program.
func (l *Ledger) prepare(keys *Keys) error {
	var older bool
	err := l.db.View(func(btx *bolt.Tx) error {
		if err := readHead(btx, keys); err != nil {
			return err
		}
		schema := binary.BigEndian.Uint32(btx.Bucket(bucketKeys[dialer.BucketMeta]).Get(metaSchema))
		older = schema < ledgerSchema || slices.ContainsFunc(bucketKeys, func(name []byte) bool { return btx.Bucket(name) == nil })
		return nil
	})
	if err == nil && older {
		err = l.db.Update(upgrade)
	}
	if err == nil {
		err = removeTemps(l.path)
	}
	if err != nil {
		return err
	}
	writeOwner(l.path)
	return nil
}

// readHead checks size, schema and the identity key. No row of a ledger is sealed: a
// check value of the seal key, which older programs wrote, says nothing.
func readHead(btx *bolt.Tx, keys *Keys) error {
	if err := checkSize(btx); err != nil {
		return err
	}
	meta := btx.Bucket(bucketKeys[dialer.BucketMeta])
	if meta == nil {
		return errors.New("the file is no ledger: it has no meta table")
	}
	if err := checkSchema(meta.Get(metaSchema), ledgerSchema); err != nil {
		return err
	}
	return checkIdentity(meta, keys)
}

func checkSchema(row []byte, known uint32) error {
	if len(row) != 4 {
		return errors.New("the file does not tell its schema: it was not made by this program, or is damaged; restore it from backup")
	}
	if schema := binary.BigEndian.Uint32(row); schema > known {
		return fmt.Errorf("the file has schema %d and this program knows %d at most: a newer program has written it; run that one", schema, known)
	}
	return nil
}

// View runs read over one consistent state. It is refused once the ledger has
// failed, since what is on disk is then unknown. The transaction is read's
// only during the call.
func (l *Ledger) View(read func(dialer.Tx) error) error {
	select {
	case <-l.failed:
		return l.Err()
	default:
	}
	return l.db.View(func(btx *bolt.Tx) error {
		t := l.readers.Get().(*tx)
		t.begin(btx)
		defer func() {
			t.end()
			l.readers.Put(t)
		}()
		if err := read(t); err != nil {
			return err
		}
		return t.err
	})
}

// WriteTo copies one consistent state of the ledger to w while moves go on,
// and returns the number of bytes. The ledger's file cannot reuse its free
// pages meanwhile and grows, so that w should be a fast disk.
func (l *Ledger) WriteTo(w io.Writer) (int64, error) {
	var written int64
	err := l.db.View(func(btx *bolt.Tx) error {
		var err error
		written, err = btx.WriteTo(w)
		return err
	})
	if err != nil {
		return written, fmt.Errorf("copy ledger: %w", err)
	}
	return written, nil
}

// Failed is closed when a commit has failed. The program must then stop
// dialling and exit.
func (l *Ledger) Failed() <-chan struct{} { return l.failed }

// Err returns why the ledger takes no more moves, nil as long as it does.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// Close commits what was handed in before it, refuses the rest with an error
// that wraps ErrStopped, waits for readers and lets go of the file. A second
// Close does nothing.
func (l *Ledger) Close() error {
	l.mu.Lock()
	already := l.closing
	l.closing = true
	l.arrived.Signal()
	l.mu.Unlock()
	<-l.finished
	if already {
		return nil
	}
	// The note goes first: without the lock it might already be the next one's.
	err := removeIfThere(ownerPath(l.path))
	if err := errors.Join(err, l.db.Close()); err != nil {
		return fmt.Errorf("close ledger %s: %w", filepath.Base(l.path), err)
	}
	return nil
}
