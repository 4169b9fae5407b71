package daemon

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/configs/sample"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// stoppedClock always tells the same instant, a week before the sample's poll.
type stoppedClock struct{}

var sampleNow = time.Date(2027, time.April, 11, 10, 0, 0, 0, time.UTC)

func (stoppedClock) Now() time.Time                     { return sampleNow }
func (stoppedClock) Span(d time.Duration) time.Duration { return d }

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// intakeHall is a desk over a store of its own, with those who stand before it.
type intakeHall struct {
	desk        *intakeDesk
	directories *store.Directories
	ledger      *store.Ledger
	keys        *store.Keys
	paths       store.Paths
	log         *lockedBuffer
	gone        map[contact.ID]bool // who asked for erasure

	mu         sync.Mutex
	objections []dialer.Objection
	chunks     []int // sizes of the calls of object
	objectErr  error
	objected   chan struct{} // told of the first call of object
}

func (h *intakeHall) object(_ context.Context, objections ...dialer.Objection) (dialer.ObjectionEffect, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.objectErr != nil {
		return "", h.objectErr
	}
	h.objections = append(h.objections, objections...)
	h.chunks = append(h.chunks, len(objections))
	if len(h.chunks) == 1 {
		close(h.objected)
	}
	return dialer.Effective, nil
}

func mustMakeHall(tb testing.TB) *intakeHall {
	tb.Helper()
	config := new(configs.Config)
	schema, err := config.LoadDirectory()
	if err != nil {
		tb.Fatal(err)
	}
	registry, err := config.LoadRegistry()
	if err != nil {
		tb.Fatal(err)
	}
	h := &intakeHall{paths: store.PathsIn(tb.TempDir()), keys: storetest.MustMakeKeys(tb), log: new(lockedBuffer), objected: make(chan struct{})}
	h.ledger = storetest.MustOpenLedger(tb)
	if h.directories, err = store.OpenDirectories(h.paths.Directory, h.keys, schema.Declared()); err != nil {
		tb.Fatal(err)
	}
	h.desk = newIntakeDesk(intakeOptions{
		directories: h.directories, paths: h.paths, keys: h.keys, schema: schema, registry: registry, ledger: h.ledger,
		erased: func() (map[contact.ID]bool, error) { return h.gone, nil }, correct: func(contact.ID) func(*dialer.Contact) { return nil },
		note:   func(context.Context, string, dialer.Look) error { return nil },
		object: h.object, synthetic: func(context.Context) error { return nil }, clock: stoppedClock{}, log: zerolog.New(h.log), scratch: filepath.Join(tb.TempDir(), "scratch"),
	})
	tb.Cleanup(func() {
		h.desk.close()
		if err := h.directories.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

func (h *intakeHall) contacts() uint64 {
	if current := h.directories.Current(); current != nil {
		return current.Count()
	}
	return 0
}

// call asks the desk what the control service would.
func (h *intakeHall) call(tb testing.TB, verb queue.Verb, header map[string]string, body any) (queue.IntakeProgress, error) {
	tb.Helper()
	data, sealed := body.([]byte)
	if !sealed {
		var err error
		if data, err = json.Marshal(body); err != nil {
			tb.Fatal(err)
		}
	}
	answer, err := h.desk.handlers()[verb](tb.Context(), queue.Request{Verb: verb, Data: data, Header: header})
	if err != nil {
		return queue.IntakeProgress{}, err
	}
	return answer.(queue.IntakeProgress), nil
}

// intakeSender is one who sends lists, as dialctl does.
type intakeSender struct {
	hall     *intakeHall
	sealer   *queue.ChunkSealer
	id       string
	refusals []queue.Refusal
	progress queue.IntakeProgress
}

func (h *intakeHall) open(tb testing.TB, kind queue.IntakeKind, files ...string) (*intakeSender, error) {
	tb.Helper()
	encapsulated, sealer, err := queue.NewChunkSealer(h.keys.HPKE.PublicKey().Bytes())
	if err != nil {
		tb.Fatal(err)
	}
	progress, err := h.call(tb, queue.VerbIntakeOpen, nil, queue.IntakeOpen{
		Kind: kind, Source: "test of " + string(kind), Files: files, Encapsulated: encapsulated, Operator: "op-anne",
	})
	return &intakeSender{hall: h, sealer: sealer, id: progress.Session}, err
}

func (h *intakeHall) mustOpen(tb testing.TB, kind queue.IntakeKind, files ...string) *intakeSender {
	tb.Helper()
	s, err := h.open(tb, kind, files...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *intakeSender) take(progress queue.IntakeProgress) {
	s.refusals = append(s.refusals, progress.Refusals...)
	s.progress = progress
}

func (s *intakeSender) header(file int, sequence uint64) map[string]string {
	return map[string]string{
		queue.HeaderSession: s.id, queue.HeaderFile: strconv.Itoa(file), queue.HeaderSequence: strconv.FormatUint(sequence, 10),
	}
}

// mustSend sends a file in chunks of the given size.
func (s *intakeSender) mustSend(tb testing.TB, file int, content []byte, size int) {
	tb.Helper()
	for part := range slices.Chunk(content, size) {
		sequence, sealed, err := s.sealer.Seal(file, part)
		if err != nil {
			tb.Fatal(err)
		}
		progress, err := s.hall.call(tb, queue.VerbIntakeChunk, s.header(file, sequence), sealed)
		if err != nil {
			tb.Fatal(err)
		}
		s.take(progress)
	}
}

// mustEnd finishes the session, waits for its end and collects all refusals.
func (s *intakeSender) mustEnd(tb testing.TB) queue.IntakeProgress {
	tb.Helper()
	s.mustAsk(tb, queue.VerbIntakeFinish)
	s.wait(tb)
	for before := -1; before != len(s.refusals); {
		before = len(s.refusals)
		s.mustAsk(tb, queue.VerbIntakeStatus)
	}
	return s.progress
}

func (s *intakeSender) mustAsk(tb testing.TB, verb queue.Verb) {
	tb.Helper()
	progress, err := s.hall.call(tb, verb, nil, queue.IntakeRequest{Session: s.id, Refusals: len(s.refusals)})
	if err != nil {
		tb.Fatal(err)
	}
	s.take(progress)
}

// wait returns once nothing of the session runs any more.
func (s *intakeSender) wait(tb testing.TB) {
	tb.Helper()
	s.hall.desk.mu.Lock()
	session := s.hall.desk.sessions[s.id]
	s.hall.desk.mu.Unlock()
	if session == nil {
		tb.Fatal("the session is not known any more")
	}
	<-session.over
}

// mustImport takes lists in as dialctl does and returns how that ended.
func (h *intakeHall) mustImport(tb testing.TB, kind queue.IntakeKind, files map[string][]byte) *intakeSender {
	tb.Helper()
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	s := h.mustOpen(tb, kind, names...)
	for i, name := range names {
		s.mustSend(tb, i, files[name], 10_000)
		if s.progress.Phase == queue.PhaseFailed {
			return s
		}
	}
	s.mustEnd(tb)
	return s
}

func list(lines ...string) map[string][]byte {
	return map[string][]byte{"list.csv": []byte(strings.Join(lines, "\n") + "\n")}
}

func sampleFiles(tb testing.TB, names ...string) map[string][]byte {
	tb.Helper()
	files := make(map[string][]byte)
	for _, name := range names {
		content, err := sample.Files.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		files[name] = content
	}
	return files
}

// plain unpacks what is packed.
func plain(tb testing.TB, content []byte) []byte {
	tb.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return content
	}
	if content, err = io.ReadAll(packed); err != nil {
		tb.Fatal(err)
	}
	return content
}

// digitsOf returns the text's digits, whatever stands between them.
func digitsOf(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, string(text))
}

// numbersIn returns the last nine digits of every number in the first column of
// the lists, however it is written. What has fewer than six is nobody's number.
func numbersIn(tb testing.TB, files map[string][]byte) map[string]bool {
	tb.Helper()
	numbers := make(map[string]bool)
	for _, content := range files {
		for line := range bytes.Lines(plain(tb, content)) {
			first, _, _ := bytes.Cut(bytes.ReplaceAll(line, []byte(";"), []byte(",")), []byte(","))
			if digits := digitsOf(first); len(digits) >= 6 {
				numbers[digits[max(0, len(digits)-9):]] = true
			}
		}
	}
	return numbers
}

// mustHoldNoNumber fails where a text tells one of the numbers, whatever parts
// its digits.
func mustHoldNoNumber(tb testing.TB, what, text string, numbers map[string]bool) {
	tb.Helper()
	joined := strings.NewReplacer(" ", "", ".", "", "-", "", "/", "", "\u00a0", "").Replace(text)
	for i := range joined {
		for length := 6; length <= 9 && i+length <= len(joined); length++ {
			if numbers[joined[i:i+length]] {
				tb.Fatalf("%s holds a number of the list", what)
			}
		}
	}
}

func (h *intakeHall) idOf(tb testing.TB, text string) contact.ID {
	tb.Helper()
	number, _, err := contact.Parse(text, "FR")
	if err != nil {
		tb.Fatal(err)
	}
	return h.keys.Identity.ID(number)
}

func (h *intakeHall) mustFind(tb testing.TB, text string) dialer.Contact {
	tb.Helper()
	var row dialer.Contact
	if found, err := h.directories.Contact(h.idOf(tb, text), &row); err != nil || !found {
		tb.Fatalf("contact: found %v, %v", found, err)
	}
	return row
}
