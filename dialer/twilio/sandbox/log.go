package sandbox

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// flushInterval is the longest time that a record waits in memory.
const flushInterval = 3 * time.Millisecond

// errLogClosed is what appending to a closed log returns.
var errLogClosed = errors.New("sandbox log is closed")

// logWriter is the one writer of the log. Appending only touches memory; whoever
// needs a record to be in the file flushes, and one flush writes for all.
//
// Invariants:
//   - records reach the file in the order of their sequence, without gaps;
//   - after a write error nothing is written any more, and every append fails:
//     a sandbox that cannot log does not answer;
//   - mutex is never held during a write.
type logWriter struct {
	clock   *Clock
	seed    uint64
	observe func(Record)
	dirty   chan struct{} // the buffer is no longer empty
	stop    chan struct{}
	done    chan struct{}

	mutex    sync.Mutex
	written  *sync.Cond // a write is over
	file     *os.File
	buffer   []byte
	spare    []byte
	appended uint64 // last sequence in buffer or file
	flushed  uint64 // last sequence in file
	writing  bool
	closed   bool
	err      error
}

// newLogWriter continues the log in file after the sequence last. observe may be
// nil.
func newLogWriter(file *os.File, clock *Clock, seed, last uint64, observe func(Record)) *logWriter {
	log := &logWriter{
		clock: clock, seed: seed, observe: observe, file: file, appended: last, flushed: last,
		dirty: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	log.written = sync.NewCond(&log.mutex)
	go log.run()
	return log
}

// append gives the record its sequence and its two times, and puts it in line.
// A created message and an inbound text without a sid get theirs here, from the
// sequence, so that no restart can give it again.
func (log *logWriter) append(record *Record) error {
	log.mutex.Lock()
	defer log.mutex.Unlock()
	if log.err != nil {
		return log.err
	}
	if log.closed {
		return errLogClosed
	}
	log.appended++
	record.Seq = log.appended
	record.At = log.clock.Now()
	record.Real = time.Now().UnixNano()
	if record.Sid == "" && (record.Kind == KindCreated || record.Kind == KindInbound || record.Kind == KindRungBack) {
		record.Sid = mint(log.seed, record.Seq)
		if record.Call != nil {
			record.Sid = callPrefix + record.Sid[len(callPrefix):]
		}
	}
	if len(log.buffer) == 0 {
		select {
		case log.dirty <- struct{}{}:
		default:
		}
	}
	log.buffer = record.appendTo(log.buffer)
	if log.observe != nil {
		log.observe(*record)
	}
	return nil
}

// flush returns when every record appended before the call is in the file.
func (log *logWriter) flush() error {
	log.mutex.Lock()
	defer log.mutex.Unlock()
	target := log.appended
	for log.flushed < target && log.err == nil {
		if log.writing {
			log.written.Wait()
			continue
		}
		log.writeGroup()
	}
	return log.err
}

// writeGroup writes what is in line. It needs the lock and gives it up while it
// writes.
func (log *logWriter) writeGroup() {
	group, last := log.buffer, log.appended
	log.buffer = log.spare[:0]
	log.writing = true
	log.mutex.Unlock()
	_, err := log.file.Write(group)
	log.mutex.Lock()
	log.writing = false
	log.spare = group
	if err != nil {
		log.err = fmt.Errorf("write sandbox log: %w", err)
	} else {
		log.flushed = last
	}
	log.written.Broadcast()
}

// run flushes what nobody waits for.
func (log *logWriter) run() {
	defer close(log.done)
	timer := time.NewTimer(flushInterval)
	defer timer.Stop()
	for {
		select {
		case <-log.stop:
			return
		case <-log.dirty:
		}
		timer.Reset(flushInterval)
		select {
		case <-log.stop:
			return
		case <-timer.C:
		}
		// The error stays in the log and meets the next append.
		_ = log.flush()
	}
}

// close writes what is left, syncs and closes the file. Later appends fail.
func (log *logWriter) close() error {
	log.mutex.Lock()
	if log.closed {
		log.mutex.Unlock()
		return nil
	}
	log.closed = true
	log.mutex.Unlock()
	close(log.stop)
	<-log.done
	err := log.flush()
	if syncErr := log.file.Sync(); syncErr != nil {
		err = errors.Join(err, fmt.Errorf("sync sandbox log: %w", syncErr))
	}
	if closeErr := log.file.Close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("close sandbox log: %w", closeErr))
	}
	return err
}
