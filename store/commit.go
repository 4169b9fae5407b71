package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// batchLimit bounds the moves of one kind in one transaction, so that an
// objection never waits for more than this many others.
const batchLimit = 1024

var errClosed = fmt.Errorf("%w: it was closed", ErrStopped)

// batch is the moves that will share a transaction. All of their callers wait
// for the same channel: one close wakes them, with nothing made per move.
type batch struct {
	moves []dialer.Move
	done  chan struct{}
	err   error // set before done is closed
}

// queue is the batches of one kind that wait, oldest first. Only the last one
// is not full. Every move in it has a caller that waits, which bounds it.
type queue struct{ batches []*batch }

func (q *queue) add(move dialer.Move) *batch {
	if n := len(q.batches); n > 0 && len(q.batches[n-1].moves) < batchLimit {
		last := q.batches[n-1]
		last.moves = append(last.moves, move)
		return last
	}
	b := &batch{moves: append(make([]dialer.Move, 0, 64), move), done: make(chan struct{})}
	q.batches = append(q.batches, b)
	return b
}

// waiting returns how many moves wait.
func (q *queue) waiting() (n int) {
	for _, b := range q.batches {
		n += len(b.moves)
	}
	return n
}

// take removes the oldest batch, nil where none waits.
func (q *queue) take() *batch {
	if len(q.batches) == 0 {
		return nil
	}
	b := q.batches[0]
	q.batches = append(q.batches[:0], q.batches[1:]...)
	return b
}

// Commit hands the move to the committer and returns once it is on disk.
//
// A context that is done beforehand is refused with its own error, and the
// move is surely not made. From then on the context no longer matters: the
// move will be made whether or not its caller still listens, and a caller that
// went away would act as if it were not. A commit takes milliseconds.
//
// Every other error wraps ErrStopped: nobody knows whether the move was made.
func (l *Ledger) Commit(ctx context.Context, move dialer.Move) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the move was not made: %w", err)
	}
	_, urgent := move.(dialer.Urgent)
	l.mu.Lock()
	if l.stopped != nil || l.closing {
		defer l.mu.Unlock()
		if l.stopped == nil {
			return errClosed
		}
		return l.stopped
	}
	q := &l.ordinary
	if urgent {
		q = &l.urgent
		select {
		case l.hurry <- struct{}{}:
		default:
		}
	}
	b := q.add(move)
	l.arrived.Signal()
	l.mu.Unlock()
	<-b.done
	return b.err
}

// run is the committer: the only goroutine that writes.
func (l *Ledger) run() {
	var urgent, ordinary *batch
	reason := errors.New("a move ended the committer")
	// Reached after Close, after a failure, and also where a move ends the
	// goroutine; in every case nobody may be left waiting.
	defer func() {
		l.stop(reason, urgent, ordinary)
		close(l.finished)
	}()
	t := newTx()
	for {
		urgent, ordinary = l.next()
		if urgent == nil && ordinary == nil {
			reason = nil
			return
		}
		start := time.Now()
		if err := l.write(t, urgent, ordinary); err != nil {
			reason = err
			return
		}
		l.gather(l.answer(start, urgent, ordinary))
	}
}

// A transaction costs most for its pages and its sync, and little for one more
// move. So where a crowd has just been answered and most of it is still on its
// way, the next transaction waits a moment for it, but never with an objection.
const (
	crowd  = 16
	moment = 500 * time.Microsecond
)

// gather lets those just answered hand in their next move, so that they share
// the next sync with those who came during the last one. Otherwise two halves
// of the callers take turns, and half the rate is lost.
func (l *Ledger) gather(answered int) {
	if l.yield() >= answered/2 || answered < crowd {
		return
	}
	moment := time.NewTimer(moment)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-l.hurry:
	}
	l.yield()
}

// yield lets others run as long as that brings moves and no objection waits, and
// returns how many wait.
func (l *Ledger) yield() int {
	for waiting := -1; ; {
		l.mu.Lock()
		urgent := l.urgent.waiting()
		now := urgent + l.ordinary.waiting()
		l.mu.Unlock()
		if urgent > 0 || now == waiting || now >= batchLimit {
			return now
		}
		waiting = now
		runtime.Gosched()
	}
}

// next waits for moves and takes a batch of each kind. Taking both keeps a
// flood of objections from stopping all else. It returns nils once the ledger
// is being closed and nothing is left.
func (l *Ledger) next() (urgent, ordinary *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		urgent, ordinary = l.urgent.take(), l.ordinary.take()
		if urgent != nil || ordinary != nil || l.closing {
			return urgent, ordinary
		}
		l.arrived.Wait()
	}
}

// longestPanic is how much of a panic's text is told, in characters.
const longestPanic = 200

// write applies the batches in one transaction and syncs it.
func (l *Ledger) write(t *tx, batches ...*batch) (err error) {
	var at dialer.Move
	defer func() {
		if cause := recover(); cause != nil {
			// A move knows no number, and its panics are our own sentences; even so.
			err = fmt.Errorf("move %T panicked: %s\n%s", at, contact.WithoutDigits(fmt.Sprint(cause), longestPanic), dialer.Stack())
		}
	}()
	return l.db.Update(func(btx *bolt.Tx) error {
		t.begin(btx)
		defer t.end()
		for _, b := range batches {
			if b == nil {
				continue
			}
			for _, at = range b.moves {
				if at.Apply(t); t.err != nil {
					return fmt.Errorf("move %T: %w", at, t.err)
				}
			}
		}
		at = nil
		t.finish()
		return t.err
	})
}

// answer wakes those whose moves are on disk, and returns how many there were.
func (l *Ledger) answer(start time.Time, urgent, ordinary *batch) int {
	var stats CommitStats
	for _, b := range []*batch{urgent, ordinary} {
		if b != nil {
			stats.Moves += len(b.moves)
			close(b.done)
		}
	}
	if urgent != nil {
		stats.Urgent = len(urgent.moves)
	}
	stats.Took = time.Since(start)
	if l.onCommit != nil {
		l.onCommit(stats)
	}
	return stats.Moves
}

// stop breaks the ledger for good and gives every waiting caller the cause. No
// cause means that the ledger was closed.
func (l *Ledger) stop(cause error, inHand ...*batch) {
	l.mu.Lock()
	if cause == nil {
		l.stopped = errClosed
	} else {
		l.stopped = fmt.Errorf("%w: %w", ErrStopped, cause)
		close(l.failed)
	}
	err := l.stopped
	waiting := slices.Concat(inHand, l.urgent.batches, l.ordinary.batches)
	l.urgent.batches, l.ordinary.batches = nil, nil
	l.mu.Unlock()
	for _, b := range waiting {
		if b != nil {
			b.err = err
			close(b.done)
		}
	}
}
