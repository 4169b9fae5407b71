package queue_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hustings/hustings/queue"
)

// intake stands for the daemon's: it opens chunks and keeps what was in them.
type intake struct {
	private, public []byte

	mu       sync.Mutex
	opener   *queue.ChunkOpener
	opened   queue.IntakeOpen
	files    map[int]*bytes.Buffer
	finished int
	aborted  int
	// told is the last message of a chunk, failure what the build ends with.
	told    queue.IntakeProgress
	failure string
	// silent makes the daemon lose that many answers to chunks.
	silent int
}

func newIntake(t *testing.T) *intake {
	t.Helper()
	i := &intake{files: make(map[int]*bytes.Buffer)}
	i.private, i.public = mustSealKey(t)
	return i
}

func (i *intake) handlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{
		queue.VerbStatus: func(context.Context, queue.Request) (any, error) { return queue.Status{SealKey: i.public}, nil },
		queue.VerbIntakeOpen: func(_ context.Context, r queue.Request) (any, error) {
			i.mu.Lock()
			defer i.mu.Unlock()
			if err := r.Decode(&i.opened); err != nil {
				return nil, err
			}
			var err error
			i.opener, err = queue.NewChunkOpener(i.private, i.opened.Encapsulated)
			return queue.IntakeProgress{Session: "s1", Phase: queue.PhaseReading}, err
		},
		queue.VerbIntakeChunk:  i.chunk,
		queue.VerbIntakeFinish: i.finish,
		queue.VerbIntakeStatus: i.status,
		queue.VerbIntakeAbort: func(context.Context, queue.Request) (any, error) {
			i.mu.Lock()
			defer i.mu.Unlock()
			i.aborted++
			return nil, nil
		},
	}
}

func (i *intake) chunk(_ context.Context, r queue.Request) (any, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	file, err := strconv.Atoi(r.Header[queue.HeaderFile])
	if err != nil || r.Header[queue.HeaderSession] != "s1" {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "headers"}
	}
	sequence, err := strconv.ParseUint(r.Header[queue.HeaderSequence], 10, 64)
	if err != nil {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "headers"}
	}
	plaintext, err := i.opener.Open(file, sequence, r.Data)
	if err != nil && !errors.Is(err, queue.ErrChunkRepeated) {
		return nil, err
	}
	if i.files[file] == nil {
		i.files[file] = new(bytes.Buffer)
	}
	i.files[file].Write(plaintext)
	if i.silent > 0 {
		i.silent--
		return nil, &queue.ControlError{Code: queue.CodeBusy, Message: "lost"}
	}
	if i.told.Phase != "" {
		return i.told, nil
	}
	return queue.IntakeProgress{Session: "s1", Phase: queue.PhaseReading, Rows: sequence + 1}, nil
}

func (i *intake) finish(context.Context, queue.Request) (any, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.finished++
	return queue.IntakeProgress{Session: "s1", Phase: queue.PhaseBuilding}, nil
}

// status tells of three refused rows, two at a time, and is done then.
func (i *intake) status(_ context.Context, r queue.Request) (any, error) {
	var request queue.IntakeRequest
	if err := r.Decode(&request); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	progress := queue.IntakeProgress{Session: "s1", Phase: queue.PhaseBuilding, Total: 3, Built: uint64(request.Refusals)}
	if request.Refusals > 0 {
		progress.Phase = queue.PhaseDone
	}
	if i.failure != "" {
		progress.Phase, progress.Error, progress.Hint = queue.PhaseFailed, i.failure, "make room"
	}
	for line := request.Refusals; line < min(3, request.Refusals+2); line++ {
		progress.Refusals = append(progress.Refusals, queue.Refusal{File: "a.csv", Line: line + 2, Reason: "bad"})
	}
	return progress, nil
}

func randomBytes(size int) []byte {
	data := make([]byte, size)
	source := rand.NewChaCha8([32]byte{7})
	_, _ = source.Read(data)
	return data
}

// Ensure lists arrive byte for byte, in chunks, with every refusal told once.
func TestUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := newIntake(t)
	i.silent = 2 // answers that get lost must do no harm
	serve(t, b.daemon, i.handlers())
	lists := [][]byte{randomBytes(3 << 20), {}, []byte("number\n+33700900123\n")}
	var sent []int64
	var refused []int
	final, err := b.client.Upload(t.Context(), queue.Upload{
		Open:     queue.IntakeOpen{Kind: queue.IntakeContacts, Source: "test", Files: []string{"a.csv", "b.csv", "c.csv"}},
		Files:    []io.Reader{bytes.NewReader(lists[0]), bytes.NewReader(lists[1]), bytes.NewReader(lists[2])},
		Progress: func(_ queue.IntakeProgress, bytesSent int64) { sent = append(sent, bytesSent) },
		Refused:  func(refusal queue.Refusal) { refused = append(refused, refusal.Line) },
	})
	if err != nil || final.Phase != queue.PhaseDone {
		t.Fatalf("got %+v, %v", final, err)
	}
	for index, list := range lists {
		var got []byte
		if i.files[index] != nil {
			got = i.files[index].Bytes()
		}
		if sha256.Sum256(got) != sha256.Sum256(list) {
			t.Errorf("file %d: %d bytes arrived, %d were sent", index, len(got), len(list))
		}
	}
	if fmt.Sprint(refused) != "[2 3 4]" {
		t.Errorf("the refusals told are those of lines %v", refused)
	}
	if want := int64(len(lists[0]) + len(lists[2])); sent[len(sent)-1] != want || len(sent) < 13 {
		t.Errorf("%d bytes were counted in %d steps, want %d", sent[len(sent)-1], len(sent), want)
	}
	if i.finished != 1 || i.aborted != 0 || i.opened.Source != "test" || b.hasClear(t, "33700900123") {
		t.Errorf("finished %d times, aborted %d, source %q", i.finished, i.aborted, i.opened.Source)
	}
}

// hasClear tells whether the daemon's log holds the text.
func (b bundle) hasClear(t *testing.T, text string) bool {
	t.Helper()
	return strings.Contains(b.log.String(), text)
}

// Ensure a failed build is told with its reason and leaves nothing to abort.
func TestUpload_BuildFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := newIntake(t)
	i.failure = "no space left"
	serve(t, b.daemon, i.handlers())
	final, err := b.client.Upload(t.Context(), oneFile(strings.NewReader("x")))
	if queue.CodeOf(err) != queue.CodeInvalid || !strings.Contains(err.Error(), "no space left") || queue.HintOf(err) != "make room" {
		t.Errorf("got %v, hint %q", err, queue.HintOf(err))
	}
	if final.Phase != queue.PhaseFailed || i.aborted != 0 {
		t.Errorf("ended in phase %s, aborted %d times", final.Phase, i.aborted)
	}
}

// Ensure sending ends at once when the daemon refuses the list while reading.
func TestUpload_ListRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := newIntake(t)
	i.told = queue.IntakeProgress{Session: "s1", Phase: queue.PhaseFailed, Error: "column religion is not declared"}
	serve(t, b.daemon, i.handlers())
	_, err := b.client.Upload(t.Context(), oneFile(bytes.NewReader(randomBytes(2<<20))))
	if !strings.Contains(fmt.Sprint(err), "religion") || i.files[0].Len() > queue.ChunkSize || i.finished != 0 {
		t.Errorf("got %v after %d bytes", err, i.files[0].Len())
	}
}

// Ensure a list that cannot be read to its end, and a caller who leaves, make
// the daemon forget the session.
func TestUpload_Aborted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := newIntake(t)
	serve(t, b.daemon, i.handlers())
	broken := io.MultiReader(bytes.NewReader(randomBytes(300<<10)), failingReader{})
	if _, err := b.client.Upload(t.Context(), oneFile(broken)); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "a.csv") {
		t.Errorf("got %v, want the reader's failure with the file's name", err)
	}
	if i.aborted != 1 {
		t.Errorf("aborted %d times, want once", i.aborted)
	}
	ctx, cancel := context.WithCancel(t.Context())
	upload := oneFile(bytes.NewReader(randomBytes(2 << 20)))
	upload.Progress = func(_ queue.IntakeProgress, sent int64) {
		if sent > 0 {
			cancel()
		}
	}
	if _, err := b.client.Upload(ctx, upload); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if i.aborted != 2 {
		t.Errorf("aborted %d times, want twice", i.aborted)
	}
}

// Ensure nothing is sent without the daemon's key, or with a wrong one.
func TestUpload_NoKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := newIntake(t)
	_, other := mustSealKey(t)
	upload := oneFile(strings.NewReader("x"))
	upload.SealKey = other
	i.public = nil
	serve(t, b.daemon, i.handlers())
	if _, err := b.client.Upload(t.Context(), oneFile(strings.NewReader("x"))); queue.CodeOf(err) != queue.CodeBusy {
		t.Errorf("got %v, want that there is no key yet", err)
	}
	if _, err := b.client.Upload(t.Context(), upload); queue.CodeOf(err) != queue.CodeInvalid || len(i.files) != 0 {
		t.Errorf("got %v, want that it does not open", err)
	}
	upload.Files = nil
	if _, err := b.client.Upload(t.Context(), upload); err == nil {
		t.Error("a name without a file was sent")
	}
}

func oneFile(file io.Reader) queue.Upload {
	return queue.Upload{Open: queue.IntakeOpen{Kind: queue.IntakeContacts, Files: []string{"a.csv"}}, Files: []io.Reader{file}}
}

var errBroken = errors.New("the disk is broken")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errBroken }
