package daemon

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/storetest"
)

// benchContacts is how many rows the lists of benchmarks have, by this variable:
// a whole country has 28 million.
const benchContactsVariable = "HUSTINGS_BENCH_CONTACTS"

func benchContacts(b *testing.B) int {
	b.Helper()
	text := os.Getenv(benchContactsVariable)
	if text == "" {
		return 100_000
	}
	rows, err := strconv.Atoi(text)
	if err != nil || rows <= 0 {
		b.Fatalf("%s: want a number of rows", benchContactsVariable)
	}
	return rows
}

// inventedContacts is a list of so many contacts, made while it is read. Their
// numbers are mobiles, each once, in no order; they never leave the process.
type inventedContacts struct {
	rows, at int
	random   *rand.Rand
	line     []byte
}

func newInventedContacts(rows int) *inventedContacts {
	return &inventedContacts{rows: rows, random: rand.New(rand.NewPCG(1, 1)), line: []byte("phone;dept;birth_year;gender;commune\n")}
}

// Read fills p with lines.
func (l *inventedContacts) Read(p []byte) (n int, err error) {
	communes := [...]string{"Paris", "Lyon", "Nantes", "Saint-Denis", ""}
	for n < len(p) {
		if len(l.line) == 0 {
			if l.at == l.rows {
				return n, io.EOF
			}
			draw := l.random.Uint64()
			// Steps that share no factor with 10 go through all seven digits before one comes again.
			l.line = fmt.Appendf(l.line, "+336%c%07d;FR-%02d;%d;%c;%s\n", "12678"[l.at%5], l.at/5*6_123_277%10_000_000, 21+draw%70, 1930+draw>>8%75,
				"fm"[draw>>16%2], communes[draw>>24%uint64(len(communes))])
			l.at++
		}
		copied := copy(p[n:], l.line)
		l.line, n = l.line[copied:], n+copied
	}
	return n, nil
}

// BenchmarkImport takes in a list as an operator sends it, sealed and in chunks,
// up to the directory that is in place and open, against bbolt's raw load of the
// very same sorted rows in the same run. The second import of the list finds
// everybody there already. Run the size of a country with:
//
//	HUSTINGS_BENCH_CONTACTS=28000000 go test -run '^$' -bench 'Import$' -benchtime 1x -timeout 1h ./cmd/internal/daemon
func BenchmarkImport(b *testing.B) {
	rows := benchContacts(b)
	list := filepath.Join(b.TempDir(), "list.csv")
	writeInvented(b, list, rows)
	for b.Loop() {
		h := mustMakeHall(b)
		first := h.importFile(b, list, rows)
		again := h.importFile(b, list, rows)
		raw := storetest.RawLoad(b, h.paths.Directory)
		b.ReportMetric(first.Seconds(), "s/import")
		b.ReportMetric(again.Seconds(), "s/again")
		b.ReportMetric(raw.Seconds(), "s/raw")
		b.ReportMetric(first.Seconds()/raw.Seconds(), "import/raw")
		b.ReportMetric(again.Seconds()/raw.Seconds(), "again/raw")
	}
}

func writeInvented(b *testing.B, path string, rows int) {
	b.Helper()
	file, err := os.Create(path)
	if err == nil {
		_, err = io.Copy(file, newInventedContacts(rows))
	}
	if err := errors.Join(err, file.Close()); err != nil {
		b.Fatal(err)
	}
}

// importFile imports a list and returns how long that took.
func (h *intakeHall) importFile(b *testing.B, path string, rows int) time.Duration {
	b.Helper()
	began := time.Now()
	s := h.mustOpen(b, queue.IntakeContacts, "list.csv")
	content, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = content.Close() }() // only read
	chunk := make([]byte, queue.ChunkSize)
	for {
		n, err := io.ReadFull(content, chunk)
		if n > 0 {
			s.mustSend(b, 0, chunk[:n], queue.ChunkSize)
		}
		if err != nil {
			break
		}
	}
	reading := time.Since(began)
	progress := s.mustEnd(b)
	if progress.Phase != queue.PhaseDone || h.contacts() != uint64(rows) {
		b.Fatalf("%d of %d contacts: %+v", h.contacts(), rows, progress)
	}
	took := time.Since(began)
	b.Logf("%d rows in %s, %s of it reading", rows, took.Round(time.Millisecond), reading.Round(time.Millisecond))
	return took
}
