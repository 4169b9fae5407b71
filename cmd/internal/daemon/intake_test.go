package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

var contactLists = []string{"contacts-1.csv", "contacts-2.csv.gz"}

// Ensure that the sample's contacts and opt-outs come in as its README counts
// them, the packed list included, and that neither refusals nor the log tell a
// number.
func TestIntake_Sample(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	files := sampleFiles(t, contactLists...)
	s := h.mustImport(t, queue.IntakeContacts, files)
	want := map[string]uint64{
		countAdded: 9500, refusedDuplicate: 300, refusedMalformed: 33, refusedNumber: 68, refusedNumberMissing: 33,
		refusedTerritory: 33, refusedValue: 33,
	}
	if p := s.progress; p.Phase != queue.PhaseDone || p.Rows != 10_000 || !maps.Equal(p.Counts, want) {
		t.Fatalf("got %s, %d rows, %v; want %v", p.Phase, p.Rows, p.Counts, want)
	}
	if len(s.refusals) != 500 {
		t.Errorf("got %d refusals, want 500", len(s.refusals))
	}
	numbers := numbersIn(t, files)
	run := regexp.MustCompile(`(\d[ ./-]*){6}`)
	for _, r := range s.refusals {
		text := strings.Join([]string{r.Field, r.Reason, r.Hint}, "|")
		if run.MatchString(text) || r.Line < 2 || !slices.Contains(contactLists, r.File) {
			t.Errorf("refusal at %s:%d holds too many digits or has no place: %q", r.File, r.Line, text)
		}
		mustHoldNoNumber(t, "a refusal", text, numbers)
	}
	mustHoldNoNumber(t, "the log", h.log.String(), numbers)
	mobiles, bands, zones := 0, map[uint16]int{}, 0
	err := h.directories.Contacts(func(c *dialer.Contact) bool {
		if c.Line == contact.Mobile {
			mobiles++
			bands[c.Values[1]]++
			if c.Zone != nil {
				zones++
			}
		}
		return true
	})
	if wantBands := map[uint16]int{1: 855, 2: 1387, 3: 1899, 4: 1884, 5: 2575}; err != nil || mobiles != 8600 || !maps.Equal(bands, wantBands) || zones != 297 {
		t.Errorf("got %d mobiles, bands %v, %d zones: %v", mobiles, bands, zones, err)
	}
	first := files[contactLists[0]]
	part := first[:bytes.LastIndexByte(first[:40_000], '\n')+1]
	again := h.mustImport(t, queue.IntakeContacts, map[string][]byte{"part.csv": part}).progress.Counts
	if h.contacts() != 9500 || again[countAdded]+again[countUpdated] != 0 || again[countUnchanged]+again[countKept] != 9500 || again[countUnchanged] < 1000 {
		t.Errorf("the second import of a list: %v", again)
	}
	optOuts := h.mustImport(t, queue.IntakeOptOuts, sampleFiles(t, "optouts.csv")).progress
	if want := map[string]uint64{string(dialer.Effective): 309, countUnknownContact: 38}; !maps.Equal(optOuts.Counts, want) {
		t.Fatalf("opt-outs: got %s %q %v, want %v", optOuts.Phase, optOuts.Error, optOuts.Counts, want)
	}
	for _, o := range h.objections {
		if o.Channel != contact.AnyChannel || o.Party != consent.AnyParty || o.Way == "" || o.At.After(sampleNow) {
			t.Fatalf("got %+v", o)
		}
	}
}

// Ensure that the rows which are refused, and only they, are told with their
// place, and that rows of one contact are told where the later ones stand.
func TestIntake_Places(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	s := h.mustOpen(t, queue.IntakeContacts, "a.csv", "b.csv")
	s.mustSend(t, 0, []byte("Téléphone;Département;age\n06 39 98 00 01;75;18-24\n\n0639980002;20;18-24\n06.39.98.00.01;75;65+\n"), 7)
	s.mustSend(t, 1, []byte("age_band,number,dept\n18-24,+33639980001,75\n65+,123,75\n30-40,0639980004,\n\"65+,0639980005,75\n65+,0639980006,2a\n"), 1000)
	if p := s.mustEnd(t); p.Phase != queue.PhaseDone || p.Counts["added"] != 2 || p.Rows != 8 {
		t.Fatalf("got %s %q, %d rows, %v", p.Phase, p.Error, p.Rows, p.Counts)
	}
	var got []string
	for _, r := range s.refusals {
		got = append(got, fmt.Sprintf("%s:%d:%d %s %s", r.File, r.Line, r.Column, r.Field, r.Reason))
	}
	want := []string{
		"a.csv:4:2 territory territory_unknown: 2 digits",
		"b.csv:3:2 number number_invalid: 3 digits",
		"b.csv:4:1 age_band value_unknown: 4 digits",
		"b.csv:5:1 age_band row_malformed: a quote is opened and not closed within 4096 bytes",
		"a.csv:5:0  duplicate: an earlier row is for the same number",
		"b.csv:2:0  duplicate: an earlier row is for the same number",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := h.mustFind(t, "0639980001"); c.Values[1] != 1 || c.Territory.Code != "FR-75" {
		t.Errorf("the first row of a contact did not win: %+v", c)
	}
}

// Ensure that a killed import, whoever kills it, leaves the directory and the
// disk as they were.
func TestIntake_Abort(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := mustMakeHall(t)
	h.mustImport(t, queue.IntakeContacts, list("number;territory", "0639980001;75"))
	before := filesUnder(t, filepath.Dir(h.paths.Directory))
	content := sampleFiles(t, "contacts-1.csv")["contacts-1.csv"]

	s := h.mustOpen(t, queue.IntakeContacts, "contacts-1.csv")
	s.mustSend(t, 0, content[:len(content)/2], 50_000)
	if during := filesUnder(t, filepath.Dir(h.paths.Directory)); len(during) == len(before) {
		t.Fatal("the import has no working files, so that this test shows nothing")
	}
	s.mustAsk(t, queue.VerbIntakeAbort)
	if s.progress.Phase != queue.PhaseFailed || s.progress.Error != errIntakeAborted.Error() {
		t.Errorf("got %s %q", s.progress.Phase, s.progress.Error)
	}
	if _, err := h.call(t, queue.VerbIntakeStatus, nil, queue.IntakeRequest{Session: s.id}); queue.CodeOf(err) != queue.CodeNotFound {
		t.Errorf("an aborted session is still known: %v", err)
	}
	s = h.mustOpen(t, queue.IntakeContacts, "contacts-1.csv")
	s.mustSend(t, 0, content[:len(content)/2], 50_000)
	h.desk.close()
	if after := filesUnder(t, filepath.Dir(h.paths.Directory)); !slices.Equal(after, before) || h.contacts() != 1 {
		t.Errorf("got %v and %d contacts, want %v and 1", after, h.contacts(), before)
	}
	if _, err := h.open(t, queue.IntakeContacts, "x.csv"); queue.CodeOf(err) != queue.CodeBusy {
		t.Errorf("a closed desk takes more: %v", err)
	}
	if log := h.log.String(); strings.Count(log, eventIntakeAborted) != 2 || strings.Count(log, eventIntakeOpened) != 3 {
		t.Errorf("the log does not tell of it:\n%s", log)
	}
	if err := h.directories.Close(); err != nil {
		t.Error(err)
	}
	if err := h.ledger.Close(); err != nil {
		t.Error(err)
	}
}

func filesUnder(tb testing.TB, folder string) []string {
	tb.Helper()
	var names []string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return names
}

// Ensure that a sender who falls silent loses the session after a minute, that
// one who asks does not, and that the end can be asked for a while.
func TestIntake_Silence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := mustMakeHall(t)
		s := h.mustOpen(t, queue.IntakeContacts, "contacts-1.csv")
		s.mustSend(t, 0, []byte("number;territory\n0639980001;75\n"), 1000)
		for range 3 {
			advance(t, 40*time.Second)
			s.mustAsk(t, queue.VerbIntakeStatus)
		}
		if s.progress.Phase != queue.PhaseReading {
			t.Fatalf("a session that was asked for ended: %q", s.progress.Error)
		}
		advance(t, 2*intakePatience)
		s.mustAsk(t, queue.VerbIntakeStatus)
		if s.progress.Phase != queue.PhaseFailed || s.progress.Error != errIntakeSilent.Error() || h.contacts() != 0 {
			t.Errorf("got %s %q", s.progress.Phase, s.progress.Error)
		}
		advance(t, 2*intakeKept)
		if _, err := h.call(t, queue.VerbIntakeStatus, nil, queue.IntakeRequest{Session: s.id}); queue.CodeOf(err) != queue.CodeNotFound {
			t.Errorf("a session is kept for ever: %v", err)
		}
		h.desk.close()
	})
}

// advance lets the bubble's time pass.
func advance(tb testing.TB, span time.Duration) {
	tb.Helper()
	<-time.After(span)
	synctest.Wait()
}

// Ensure that only one import rebuilds the directory at a time, and that the
// refusal says who is at it.
func TestIntake_Busy(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	first := h.mustOpen(t, queue.IntakeContacts, "a.csv")
	_, err := h.open(t, queue.IntakeContacts, "b.csv")
	if queue.CodeOf(err) != queue.CodeBusy || !strings.Contains(err.Error(), "op-anne since 20") {
		t.Errorf("got %v", err)
	}
	optOuts := h.mustOpen(t, queue.IntakeOptOuts, "c.csv")
	optOuts.mustAsk(t, queue.VerbIntakeAbort)
	first.mustAsk(t, queue.VerbIntakeAbort)
	h.mustOpen(t, queue.IntakeContacts, "b.csv")
	for range intakeSessions - 1 {
		h.mustOpen(t, queue.IntakeOptOuts, "c.csv")
	}
	if _, err := h.open(t, queue.IntakeOptOuts, "c.csv"); queue.CodeOf(err) != queue.CodeBusy {
		t.Errorf("there is no end of sessions: %v", err)
	}
}

// Ensure that a chunk which is out of order, changed or misplaced is refused,
// and that the session goes on with the right one.
func TestIntake_Chunks(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	s := h.mustOpen(t, queue.IntakeContacts, "a.csv", "b.csv")
	var sealed [][]byte
	for _, part := range []string{"number;territory\n06399800", "01;75\n0639980002;xx\n"} {
		_, chunk, err := s.sealer.Seal(0, []byte(part))
		if err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, chunk)
	}
	changed := bytes.Clone(sealed[0])
	changed[len(changed)/2] ^= 1
	bring := func(file int, sequence uint64, chunk []byte, want queue.Code) queue.IntakeProgress {
		t.Helper()
		progress, err := h.call(t, queue.VerbIntakeChunk, s.header(file, sequence), chunk)
		if queue.CodeOf(err) != want {
			t.Errorf("chunk %d of file %d: got %v, want %q", sequence, file, err, want)
		}
		return progress
	}
	bring(0, 1, sealed[1], queue.CodeConflict)
	bring(0, 0, changed, queue.CodeInvalid)
	bring(1, 0, sealed[0], queue.CodeInvalid) // moved to another file
	bring(2, 0, sealed[0], queue.CodeInvalid)
	bring(0, 0, sealed[0], "")
	bring(0, 0, sealed[0], "") // again: its answer was lost
	bring(0, 1, sealed[1], "")
	s.mustSend(t, 1, []byte("number\n0639980003\n"), 1000)
	if p := s.mustEnd(t); p.Phase != queue.PhaseDone || p.Counts["added"] != 2 {
		t.Errorf("got %s %q %v", p.Phase, p.Error, p.Counts)
	}
	bring(1, 2, sealed[0], "") // again, long after
	bring(1, 9, sealed[0], queue.CodeConflict)
	s.id = "nobody"
	bring(0, 0, sealed[0], queue.CodeNotFound)
}

// Ensure that lists which cannot be lists of their kind end the session with a
// reason and a hint, and that nothing of earlier files is kept.
func TestIntake_WrongLists(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, content string
		kind          queue.IntakeKind
		want, hint    string
	}{
		{"undeclared", "number;religion\n0639980001;x\n", queue.IntakeContacts, `b.csv:1: column 2 "religion": not declared in directory.yaml`, "remove the column"},
		{"two faults", "territory;faith\n75;x\n", queue.IntakeContacts, "; ", ""},
		{"no number", "territory;age\n75;x\n", queue.IntakeContacts, "no column for number", "name it one of: number, téléphone"},
		{"no header", "0639980001;75\n", queue.IntakeContacts, "the first line seems to be data", "put a line before it"},
		{"empty", "", queue.IntakeContacts, "b.csv: is empty", "the first line"},
		{"broken gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00broken", queue.IntakeContacts, "b.csv", ""},
		{"grants", "number;channel\n0639980001;sms\n", queue.IntakeGrants, "no column for party", "name it one of"},
		{"opt-outs", "number;name\n0639980001;x\n", queue.IntakeOptOuts, "not declared in the form of a list of opt-outs", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := mustMakeHall(t)
			s := h.mustOpen(t, test.kind, "a.csv", "b.csv")
			first := map[queue.IntakeKind]string{
				queue.IntakeContacts: "number\n0639980007\n", queue.IntakeOptOuts: "number\n0639980007\n",
				queue.IntakeGrants: "number,channel,party,purpose,given_at,collected_from,explicit,wording\n" +
					"0639980007,sms,party-a,political,2026-11-02,data_subject,oui,J'accepte.\n",
			}
			s.mustSend(t, 0, []byte(first[test.kind]), 1000)
			s.mustSend(t, 1, []byte(test.content), 1000)
			p := s.mustEnd(t)
			if p.Phase != queue.PhaseFailed || !strings.Contains(p.Error, test.want) || !strings.Contains(p.Hint, test.hint) || p.Hint == "" {
				t.Errorf("got %s %q, hint %q", p.Phase, p.Error, p.Hint)
			}
			mustHoldNoNumber(t, "the failure", p.Error+p.Hint+h.log.String(), map[string]bool{"639980001": true, "639980007": true})
			wantObjections := 0
			if test.kind == queue.IntakeOptOuts {
				wantObjections = 1 // an objection that was read holds
			}
			if h.contacts() != 0 || len(h.grants(t)) != 0 || len(h.objections) != wantObjections {
				t.Errorf("kept %d contacts, %d grants, %d objections", h.contacts(), len(h.grants(t)), len(h.objections))
			}
		})
	}
}

// Ensure that a session is only begun by what makes sense.
func TestIntake_OpenRefused(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	encapsulated, _, err := queue.NewChunkSealer(h.keys.HPKE.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	good := queue.IntakeOpen{Kind: queue.IntakeGrants, Source: "x", Files: []string{"a"}, Encapsulated: encapsulated}
	tests := map[string]func(*queue.IntakeOpen){
		"kind": func(o *queue.IntakeOpen) { o.Kind = "names" }, "source": func(o *queue.IntakeOpen) { o.Source = " " },
		"files": func(o *queue.IntakeOpen) { o.Files = nil }, "name": func(o *queue.IntakeOpen) { o.Files = []string{""} },
		"key": func(o *queue.IntakeOpen) { o.Encapsulated = []byte("short") },
	}
	for name, change := range tests {
		open := good
		change(&open)
		if _, err := h.call(t, queue.VerbIntakeOpen, nil, open); queue.CodeOf(err) != queue.CodeInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if len(h.desk.sessions) != 0 {
		t.Error("a refused session is kept")
	}
}

// Ensure that an answer brings so many refusals and no more, that a lost answer
// loses none, and that their number is bounded.
func TestIntakeReport_Refusals(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	var content bytes.Buffer
	content.WriteString("number\n")
	for range 1300 {
		content.WriteString("12\n")
	}
	s := h.mustImport(t, queue.IntakeContacts, map[string][]byte{"a.csv": content.Bytes()})
	if len(s.refusals) != 1300 || s.refusals[1299].Line != 1301 || s.progress.Counts[refusedNumber] != 1300 {
		t.Errorf("got %d refusals", len(s.refusals))
	}
	r := newIntakeReport("x")
	row := mustRefuse(t)
	for range 700 {
		r.refuse(refusedNumber, row)
	}
	first, lost, rest := r.answerChunk(false), r.answerChunk(false), r.answerChunk(true)
	if len(first.Refusals) != intakeAnswer || len(lost.Refusals) != 200 || len(rest.Refusals) != 200 {
		t.Errorf("got %d, %d and %d refusals", len(first.Refusals), len(lost.Refusals), len(rest.Refusals))
	}
	for range intakeTold {
		r.refuse(refusedNumber, row)
	}
	if last := r.refusals[len(r.refusals)-1]; len(r.refusals) != intakeTold+1 || last.Reason != refusedMore || r.answer(0).Counts[refusedNumber] != intakeTold+700 {
		t.Errorf("got %d refusals, the last one %+v", len(r.refusals), last)
	}
}

// Ensure that what people type into sources and operators reaches no log.
func TestIntake_LogMasksNumbers(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	encapsulated, _, err := queue.NewChunkSealer(h.keys.HPKE.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.call(t, queue.VerbIntakeOpen, nil, queue.IntakeOpen{
		Kind: queue.IntakeOptOuts, Source: "mail of 06\u00a039\u00a098\u00a000\u00a001", Operator: "0639980001", Files: []string{"a"}, Encapsulated: encapsulated,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.desk.close()
	if log := h.log.String(); strings.Contains(digitsOf([]byte(log)), "639980001") || !strings.Contains(log, "mail of") {
		t.Errorf("got %s", log)
	}
}

// Ensure that a failing store ends the session with what to do.
func TestIntake_StoreFails(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	h.objectErr = errors.New("the journal has stopped")
	s := h.mustImport(t, queue.IntakeOptOuts, list("number", "0639980001"))
	if p := s.progress; p.Phase != queue.PhaseFailed || !strings.Contains(p.Error, "the journal has stopped") || p.Hint == "" {
		t.Errorf("got %s %q", p.Phase, p.Error)
	}
}

// Ensure that a request which finds no room gives up without having opened its
// chunk, so that the same chunk may come again.
func TestIntakeFeed_Full(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	encapsulated, sealer, err := queue.NewChunkSealer(h.keys.HPKE.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	private, err := h.keys.HPKE.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	opener, err := queue.NewChunkOpener(private, encapsulated)
	if err != nil {
		t.Fatal(err)
	}
	feed, want := newIntakeFeed(opener), ""
	bring := func(ctx context.Context, sequence uint64, chunk []byte) error {
		return feed.bring(ctx, make(chan struct{}), 0, sequence, chunk)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	var last []byte
	for i := range uint64(intakeAhead + 1) {
		part := fmt.Sprint("part ", i, ",")
		want += part
		if _, last, err = sealer.Seal(0, []byte(part)); err != nil {
			t.Fatal(err)
		}
		if i < intakeAhead {
			err = bring(t.Context(), i, last)
		} else if err = bring(done, i, last); queue.CodeOf(err) == queue.CodeBusy {
			err = nil
		}
		if err != nil {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
	reader, first := feed.file(t.Context(), 0), make([]byte, 10)
	n, err := reader.Read(first)
	if err != nil {
		t.Fatal(err)
	}
	m, err := reader.Read(first[n:]) // lets go of the first chunk
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(bring(t.Context(), intakeAhead, last), feed.end(t.Context()), feed.end(t.Context())); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(reader)
	if got := string(first[:n+m]) + string(rest); err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// Ensure that the first row of a contact wins, that every other one is told with
// its line and that nothing is counted twice, however many parsers and sorted runs
// stand between a row and the directory.
func TestIntakeContacts_FirstRowWins(t *testing.T) {
	t.Parallel()
	const people, rows = 3000, 20_000
	random := rand.New(rand.NewPCG(3, 3))
	lines := []string{"number;birth_year"}
	first := map[string]int{} // by number: the year of its first row
	var refused []string
	for line := 2; line <= rows+1; line++ {
		number, year := fmt.Sprintf("06 39 98 %02d %02d", random.IntN(people)/100, random.IntN(100)), 1930+random.IntN(70)
		switch _, seen := first[number]; {
		case random.IntN(50) == 0:
			number = "06 39"
			refused = append(refused, fmt.Sprintf("%d number_invalid: 4 digits", line))
		case seen:
			refused = append(refused, fmt.Sprintf("%d duplicate: an earlier row is for the same number", line))
		default:
			first[number] = year
		}
		lines = append(lines, fmt.Sprintf("%s;%d", number, year))
	}
	h := mustMakeHall(t)
	s := h.mustImport(t, queue.IntakeContacts, list(lines...))
	if p := s.progress; p.Phase != queue.PhaseDone || p.Rows != rows || p.Counts[countAdded] != uint64(len(first)) ||
		p.Counts[refusedDuplicate]+p.Counts[refusedNumber] != uint64(len(refused)) || h.contacts() != uint64(len(first)) {
		t.Fatalf("got %s %q, %d rows, %v; want %d contacts", p.Phase, p.Error, p.Rows, p.Counts, len(first))
	}
	told := make([]string, 0, len(s.refusals))
	for _, r := range s.refusals {
		told = append(told, fmt.Sprintf("%d %s", r.Line, r.Reason))
	}
	slices.Sort(told)
	slices.Sort(refused)
	if !slices.Equal(told, refused) {
		t.Errorf("%d refusals are told, want %d", len(told), len(refused))
	}
	for number, year := range first {
		if c := h.mustFind(t, number); c.BirthYear != year {
			t.Fatalf("a contact has the year %d, want %d", c.BirthYear, year)
		}
	}
}

// Ensure that a panic ends its session alone, and that its text, which may
// quote a row, reaches neither the log nor the sender.
func TestIntake_Panic(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	s := newIntakeSession(strings.Repeat("0", 32), queue.IntakeOpen{}, nil, &intakeOptions{log: zerolog.New(h.log)})
	if err := s.guard(func() error { panic("row 0639980001") }); !errors.Is(err, errIntakePanic) {
		t.Errorf("got %v", err)
	}
	if log := h.log.String(); strings.Contains(log, "639980001") || !strings.Contains(log, "intake_test.go") {
		t.Errorf("got %s", log)
	}
	batch := newIntakeBatch()
	batch.rows = append(batch.rows, intakeRow{})
	if batch.parse(new(intakeParser), nil); !errors.Is(batch.err, errIntakePanic) {
		t.Errorf("a batch that could not be parsed: %v", batch.err)
	}
}

// Ensure that the ends of sessions do not pile up.
func TestIntake_Forgets(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	for range 2 * intakeEnded {
		h.mustImport(t, queue.IntakeOptOuts, list("number"))
	}
	if kept := len(h.desk.sessions); kept != intakeEnded {
		t.Errorf("kept %d, want %d", kept, intakeEnded)
	}
}
