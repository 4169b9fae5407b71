package daemon

import (
	"context"
	"errors"
	"io"

	"github.com/hustings/hustings/queue"
)

// intakeAhead is how many chunks a session holds that are not read yet. With
// more, a list that is read slowly would not slow its sender down; with fewer,
// an objection that waits for a request in flight would.
const intakeAhead = 8

// intakeFeed carries opened chunks from the requests that bring them to the
// session's goroutine that reads them. A chunk is opened only once there is
// room for it, so that a request that gives up leaves no gap behind.
type intakeFeed struct {
	// turn is held by the request that brings a chunk: the opener takes one at
	// a time, and a sender who lost patience may bring the same one twice.
	turn   chan struct{}
	opener *queue.ChunkOpener
	ended  bool

	room   chan struct{}
	chunks chan intakeChunk
	// current is what the reading goroutine has in hand.
	current intakeChunk
	held    bool
}

// intakeChunk is a piece of one file.
type intakeChunk struct {
	file int
	rest []byte
}

func newIntakeFeed(opener *queue.ChunkOpener) *intakeFeed {
	return &intakeFeed{
		turn: make(chan struct{}, 1), opener: opener,
		room: make(chan struct{}, intakeAhead), chunks: make(chan intakeChunk, intakeAhead),
	}
}

// bring opens a chunk and hands it on. It returns nil, without having opened
// it, where the session is over.
func (f *intakeFeed) bring(ctx context.Context, over <-chan struct{}, file int, sequence uint64, sealed []byte) error {
	if err := f.takeTurn(ctx); err != nil {
		return err
	}
	defer f.giveTurn()
	if sequence < f.opener.Next() {
		return queue.ErrChunkRepeated
	}
	if f.ended {
		return &queue.ControlError{Code: queue.CodeConflict, Message: "a chunk came after the lists were said to be complete"}
	}
	select {
	case <-over:
		return nil
	case f.room <- struct{}{}:
	case <-ctx.Done():
		return errIntakeBusy
	}
	plaintext, err := f.opener.Open(file, sequence, sealed)
	if err != nil {
		<-f.room
		return err
	}
	f.chunks <- intakeChunk{file, plaintext}
	return nil
}

var errIntakeBusy = &queue.ControlError{
	Code: queue.CodeBusy, Message: "the session is still at work on what came before", Hint: "send the chunk again in a moment",
}

// end says that no more chunks come. Saying it twice changes nothing.
func (f *intakeFeed) end(ctx context.Context) error {
	if err := f.takeTurn(ctx); err != nil {
		return err
	}
	defer f.giveTurn()
	if !f.ended {
		f.ended = true
		close(f.chunks)
	}
	return nil
}

func (f *intakeFeed) takeTurn(ctx context.Context) error {
	select {
	case f.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errIntakeBusy
	}
}

func (f *intakeFeed) giveTurn() { <-f.turn }

// file returns the content of the file with that index. Files are read in their
// order, each to its end before the next one.
func (f *intakeFeed) file(ctx context.Context, index int) io.Reader {
	return &intakeFileReader{feed: f, done: ctx.Done(), index: index, cause: func() error { return context.Cause(ctx) }}
}

// intakeFileReader reads one file of a feed.
type intakeFileReader struct {
	feed  *intakeFeed
	index int
	done  <-chan struct{}
	cause func() error
}

var errIntakeOrder = errors.New("the chunks of a file are not all read")

// Read waits for the file's next chunk. The file is over when a chunk of a
// later one comes, or no more do.
func (r *intakeFileReader) Read(p []byte) (int, error) {
	f := r.feed
	for {
		if f.held && len(f.current.rest) == 0 {
			f.held, f.current = false, intakeChunk{}
			<-f.room
		}
		if f.held {
			break
		}
		select {
		case <-r.done:
			return 0, r.cause()
		case chunk, more := <-f.chunks:
			if !more {
				return 0, io.EOF
			}
			f.current, f.held = chunk, true
		}
	}
	switch {
	case f.current.file > r.index:
		return 0, io.EOF
	case f.current.file < r.index:
		return 0, errIntakeOrder
	}
	n := copy(p, f.current.rest)
	f.current.rest = f.current.rest[n:]
	return n, nil
}
