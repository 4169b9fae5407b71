package daemon

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/intake"
)

func mustRefuse(tb testing.TB) *intake.RowError {
	tb.Helper()
	return &intake.RowError{File: "a.csv", Line: 2, Column: 1, Field: "number", Reason: "2 digits"}
}

// grants returns all rows of the ledger's grants.
func (h *intakeHall) grants(tb testing.TB) []string {
	tb.Helper()
	var rows []string
	err := h.ledger.View(func(tx dialer.Tx) error {
		for _, row := range tx.Rows(dialer.BucketGrant, nil) {
			rows = append(rows, string(row))
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// Ensure that the sample's grants are entered once, with the evidence of where
// they came from, also where their contacts are not known.
func TestIntakeGrants_Sample(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	files := sampleFiles(t, "grants.csv")
	const all = 6259 + 674 + 5927 + 700
	s := h.mustImport(t, queue.IntakeGrants, files)
	want := map[string]uint64{countAdded: all, countUnknownContact: all}
	if p := s.progress; p.Phase != queue.PhaseDone || p.Rows != all || p.Built != all || !maps.Equal(p.Counts, want) {
		t.Fatalf("got %s %q, %d rows, %v; want %v", p.Phase, p.Error, p.Rows, p.Counts, want)
	}
	hash := sha256.Sum256(files["grants.csv"])
	rows := h.grants(t)
	if len(rows) != all {
		t.Fatalf("got %d grants, want %d", len(rows), all)
	}
	numbers := numbersIn(t, files)
	for _, row := range rows[:200] {
		if !strings.Contains(row, string(hash[:])) || !strings.Contains(row, "test of grants") {
			t.Fatal("a grant lacks its source")
		}
		mustHoldNoNumber(t, "a grant's row", row, numbers)
	}
	lines := bytes.SplitAfterN(files["grants.csv"], []byte("\n"), 502)
	part := bytes.Join(lines[:501], nil)
	again := h.mustImport(t, queue.IntakeGrants, map[string][]byte{"again.csv": part})
	if counts := again.progress.Counts; counts[countKnown] != 500 || counts[countAdded] != 0 || len(h.grants(t)) != all {
		t.Errorf("the second import: %v", counts)
	}
	mustHoldNoNumber(t, "the log", h.log.String(), numbers)
	if left, err := os.ReadDir(h.desk.options.scratch); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Ensure that a grant which proves nothing is refused, each for its own reason.
func TestIntakeGrants_Refusals(t *testing.T) {
	t.Parallel()
	good := []string{"0639980001", "sms", "party-a", "political", "2026-11-02T10:00:00+01:00", "data_subject", "oui", "2025-1", "J'accepte.", "18:00-20:00", "form-000001"}
	tests := []struct {
		column int
		text   string
		want   string
	}{
		{grantNumber, "", "number_missing"},
		{grantNumber, "063998", "number_invalid: 6 digits"},
		{grantNumber, "0123", "number_invalid: 4 digits"},
		{grantChannel, "fax", "channel_unknown: 3 characters, 3 letters"},
		{grantChannel, "any", "channel_unknown: 3 characters, 3 letters"},
		{grantParty, "party-z", "party_unknown: 7 characters, 6 letters"},
		{grantParty, "*", "party_unknown: 1 character, no letters or digits"},
		{grantPurpose, "offers", "purpose_unknown: 6 characters, 6 letters"},
		{grantGivenAt, "lately", "instant_invalid: 6 characters, 6 letters"},
		{grantGivenAt, "2027-05-01", "instant_in_future: 8 digits"},
		{grantCollectedFrom, "", "collected_from_missing: empty"},
		{grantExplicit, "maybe", "explicit_invalid: 5 characters, 5 letters"},
		{grantWording, "", "wording_missing"},
		{grantSlot, "20:00-18:00", "slot_invalid: 8 digits"},
		{grantEvidence, "SMS of +33 6 39 98 00 01", "holds_number: 24 characters, 5 letters"},
		{grantCollectedFrom, "06.39.98.00.01", "holds_number: 10 digits"},
	}
	h := mustMakeHall(t)
	titles := make([]string, 0, len(good))
	for _, column := range grantColumns(nil).List {
		titles = append(titles, column.Name)
	}
	lines := []string{strings.Join(titles, ";"), strings.Join(good, ";")}
	var want []string
	for i, test := range tests {
		row := slices.Clone(good)
		row[test.column] = test.text
		lines = append(lines, strings.Join(row, ";"))
		want = append(want, fmt.Sprintf("%d:%d %s", i+3, test.column+1, test.want))
	}
	s := h.mustImport(t, queue.IntakeGrants, list(lines...))
	var got []string
	for _, r := range s.refusals {
		got = append(got, fmt.Sprintf("%d:%d %s", r.Line, r.Column, r.Reason))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s.progress.Counts[countAdded] != 1 {
		t.Errorf("got %v", s.progress.Counts)
	}
}

// Ensure that what goes through the spool comes back in the order of contacts,
// each contact's grants as they came, with the hash of their own file.
func TestIntakeSpool(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "scratch")
	s, err := newIntakeSpool(folder)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := consent.ParseSlot("18:00-20:00")
	if err != nil {
		t.Fatal(err)
	}
	want := []dialer.Grant{
		{Contact: contact.ID{1}, Grant: consent.Grant{Channel: contact.SMS, Party: "party-a", Purpose: "political", GivenAt: sampleNow, CollectedFrom: "x", Explicit: true, Slot: slot}, Wording: "a", WordingVersion: "1", Evidence: "e", SourceHash: [32]byte{1}},
		{Contact: contact.ID{1}, Grant: consent.Grant{Channel: contact.SMS, Party: "party-b", GivenAt: sampleNow}, Wording: "b", SourceHash: [32]byte{3}},
		{Contact: contact.ID{2}, Grant: consent.Grant{Channel: contact.LiveCall, Party: "party-b", GivenAt: sampleNow.Add(time.Nanosecond)}, Wording: "b", SourceHash: [32]byte{2}},
	}
	for _, i := range []int{2, 0, 1} {
		want[i].WordingHash = sha256.Sum256([]byte(want[i].Wording))
		if err := s.add(&want[i]); err != nil {
			t.Fatal(err)
		}
		s.endFile(want[i].SourceHash)
	}
	s.rewind()
	for i := range want {
		got, err := s.next()
		if err != nil || !got.GivenAt.Equal(want[i].GivenAt) {
			t.Fatalf("got %v, %v", got.GivenAt, err)
		}
		got.GivenAt = want[i].GivenAt
		if got != want[i] {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
	if _, err := s.next(); !errors.Is(err, io.EOF) {
		t.Errorf("the spool has no end: %v", err)
	}
	for range 2 {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Ensure that bad rows cost no other row its effect, that what cannot be read
// makes an objection wider, and that a number which somebody pasted into a
// reason is masked.
func TestIntakeOptOuts_BadRows(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	s := h.mustImport(t, queue.IntakeOptOuts, list(
		"number;received_at;reason;way;channel;party",
		"0639980001;2027-04-01T10:00:00+02:00;stop au 06 39 98 00 01;SMS;sms;party-a",
		"no number;2027-04-01;;;;",
		";2027-04-01;;;;",
		"0639980002;yesterday;"+strings.Repeat("é", 300)+";;fax;party-z",
		"0639980003",
		"0639980004;2030-01-01;0639980004;;any;*",
	))
	want := map[string]uint64{
		string(dialer.Effective): 3, countUnknownContact: 3, refusedNumber: 1, refusedNumberMissing: 1, refusedMalformed: 1,
		countWidened: 2, countInstantAssumed: 2,
	}
	if p := s.progress; p.Phase != queue.PhaseDone || !maps.Equal(p.Counts, want) || len(s.refusals) != 3 {
		t.Fatalf("got %s %q %v, want %v", p.Phase, p.Error, p.Counts, want)
	}
	id := func(text string) contact.ID { return h.idOf(t, text) }
	first := dialer.Objection{
		Contact: id("0639980001"), Channel: contact.SMS, Party: "party-a", At: time.Date(2027, time.April, 1, 8, 0, 0, 0, time.UTC),
		Way: "sms", Reason: h.objections[0].Reason,
	}
	got := h.objections[0]
	got.At = got.At.UTC()
	if got != first || strings.ContainsAny(got.Reason, "0123456789") || !strings.HasPrefix(got.Reason, "stop au ") {
		t.Errorf("got %+v, want %+v", got, first)
	}
	for i, number := range []string{"0639980002", "0639980004"} {
		o := h.objections[i+1]
		if o.Contact != id(number) || o.Channel != contact.AnyChannel || o.Party != consent.AnyParty || !o.At.Equal(sampleNow) || o.Way != "list" ||
			len([]rune(o.Reason)) > 200 || strings.ContainsAny(o.Reason, "0123456789") {
			t.Errorf("got %+v", o)
		}
	}
}

// Ensure that objections take effect while the list is still being sent, a
// bounded number at a time, and hold although the sender breaks off.
func TestIntakeOptOuts_EffectiveAtOnce(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	s := h.mustOpen(t, queue.IntakeOptOuts, "a.csv")
	var lines strings.Builder
	lines.WriteString("number,reason\n")
	for i := range optOutChunk + 200 {
		fmt.Fprintf(&lines, "063998%04d,%s\n", i, strings.Repeat("stop ", 40))
	}
	s.mustSend(t, 0, []byte(lines.String()), 100_000)
	<-h.objected
	s.mustAsk(t, queue.VerbIntakeAbort)
	h.mu.Lock()
	defer h.mu.Unlock()
	read := s.progress.Rows
	if read == 0 || uint64(len(h.objections)) != read || slices.Max(h.chunks) > optOutChunk {
		t.Errorf("got %d objections of %d rows in %v", len(h.objections), read, h.chunks)
	}
}

var parserTests = []struct {
	territory, zone, birth, band string
	wantTerritory, wantZone      string
	wantBirth                    int
	wantBand                     uint16
	refused                      string
}{
	{"75", "", "", "", "FR-75", "", 0, 0, ""},
	{"FR-75", "", "", "", "FR-75", "", 0, 0, ""},
	{"2a", "", "", "", "FR-2A", "", 0, 0, ""},
	{"1", "", "", "", "FR-01", "", 0, 0, ""},
	{"971", "", "", "", "FR-971", "", 0, 0, ""},
	{"MQ", "", "", "", "FR-972", "", 0, 0, ""},
	{"FR", "", "", "", "FR", "", 0, 0, ""},
	{"", "", "", "", "", "", 0, 0, ""},
	{"20", "", "", "", "", "", 0, 0, refusedTerritory},
	{"", "Europe/Paris", "", "", "", "Europe/Paris", 0, 0, ""},
	{"", "Asia/Calcutta", "", "", "", "Asia/Calcutta", 0, 0, ""},
	{"", "Local", "", "", "", "", 0, 0, refusedZone},
	{"", "UTC", "", "", "", "", 0, 0, refusedZone},
	{"", "Europe/../Paris", "", "", "", "", 0, 0, refusedZone},
	{"", "Europe/Lutece", "", "", "", "", 0, 0, refusedZone},
	{"", "", "2009", "", "", "", 2009, 0, ""},    // 17 for sure, 18 perhaps: in no band
	{"", "", "2008", "", "", "", 2008, 1, ""},    // 18 for sure
	{"", "", "1961", "", "", "", 1961, 5, ""},    // 65 for sure
	{"", "", "1962", "", "", "", 1962, 4, ""},    // 64 for sure
	{"", "", "", "18-24", "", "", 2008, 1, ""},   // read as 18 in the worst case
	{"", "", "", "65+", "", "", 1961, 5, ""},     // the same at the other end
	{"", "", "1950", "65+", "", "", 1950, 5, ""}, // both are kept as they are
	{"", "", "1906", "", "", "", 0, 0, refusedBirthYear},
	{"", "", "2028", "", "", "", 0, 0, refusedBirthYear},
	{"", "", "+200", "", "", "", 0, 0, refusedBirthYear},
	{"", "", "01/02/1950", "", "", "", 0, 0, refusedBirthYear},
	{"", "", "", "30-40", "", "", 0, 0, refusedValue},
}

// Ensure that territories, zones, years of birth and bands of ages are read as
// lists write them.
func TestIntakeParser(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	p := newIntakeParser(&h.desk.options, h.desk.zones)
	for _, test := range parserTests {
		t.Run(strings.Join([]string{test.territory, test.zone, test.birth, test.band}, "|"), func(t *testing.T) {
			t.Parallel()
			fields := map[int]string{
				columnNumber: "0639980001", columnTerritory: test.territory, columnZone: test.zone, columnBirthYear: test.birth, p.attributes[1].column: test.band,
			}
			c := dialer.Contact{Values: make([]uint16, len(p.attributes))}
			_, fault := p.parse(func(column int) []byte { return []byte(fields[column]) }, &c)
			if fault != nil || test.refused != "" {
				if fault == nil || fault.word != test.refused {
					t.Fatalf("got %+v, want %q", fault, test.refused)
				}
				return
			}
			territory, zone := "", ""
			if c.Territory != nil {
				territory = c.Territory.Code
			}
			if c.Zone != nil {
				zone = c.Zone.String()
			}
			if territory != test.wantTerritory || zone != test.wantZone || c.BirthYear != test.wantBirth || c.Values[1] != test.wantBand || c.Line != contact.Mobile {
				t.Errorf("got %s %s %d %d", territory, zone, c.BirthYear, c.Values[1])
			}
			value := ""
			if c.Values[0] > 0 {
				value = h.desk.options.schema.Attributes[0].Values[c.Values[0]-1]
			}
			if value != territory {
				t.Errorf("the attribute says %q, the territory is %q", value, territory)
			}
		})
	}
}

// Ensure that a list holds only numbers of the region, its parts and the countries that
// are declared, and that a correction does not ask.
func TestIntakeParser_Countries(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	schema := *h.desk.options.schema
	schema.Countries = []string{"BE"}
	options := h.desk.options
	options.schema = &schema
	p := newIntakeParser(&options, h.desk.zones)
	for country, taken := range map[string]bool{"FR": true, "MQ": true, "RE": true, "NC": true, "BE": true, "CH": false, "SO": false, "CU": false, "US": false} {
		example := phonenumbers.Format(phonenumbers.GetExampleNumberForType(country, phonenumbers.MOBILE), phonenumbers.E164)
		if country == "US" {
			example = "+12025550123"
		}
		field := func(column int) []byte {
			if column == columnNumber {
				return []byte(example)
			}
			return nil
		}
		c := dialer.Contact{Values: make([]uint16, len(p.attributes))}
		switch _, fault := p.parse(field, &c); {
		case taken && fault != nil:
			t.Errorf("%s: refused, %s", country, fault.word)
		case !taken && (fault == nil || fault.word != refusedCountry):
			t.Errorf("%s: got %+v", country, fault)
		}
		anywhere := *p
		anywhere.countries = nil
		if _, fault := anywhere.parse(field, &c); fault != nil {
			t.Errorf("%s: a correction is refused, %s", country, fault.word)
		}
	}
}

// Ensure that values are recognised by their synonyms, without case and
// accents.
func TestIntakeAttribute_Value(t *testing.T) {
	t.Parallel()
	h := mustMakeHall(t)
	p := newIntakeParser(&h.desk.options, h.desk.zones)
	gender, commune := &p.attributes[2], &p.attributes[3]
	for text, want := range map[string]uint16{"f": 1, "Femme": 1, "FÉMININ": 1, "Mme": 1, "h": 2, "autre": 3, "q": 0} {
		if got := gender.value([]byte(text)); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
	if a, b := commune.value([]byte("saint etienne")), commune.value([]byte("Saint-Étienne")); a == 0 || a != b {
		t.Errorf("got %d and %d", a, b)
	}
}

// Ensure that the place of every row is found again, and that memory for places
// is bounded.
func TestIntakePlaces(t *testing.T) {
	t.Parallel()
	var p intakePlaces
	lines := map[string][]int{"a": {2, 3, 4, 7, 8, 20}, "b": {2, 9, 10}}
	var want []string
	for _, file := range []string{"a", "b"} {
		p.beginFile(file)
		for _, line := range lines[file] {
			p.add(line)
			want = append(want, fmt.Sprint(file, line))
		}
	}
	for ordinal, place := range want {
		if file, line, known := p.find(uint64(ordinal)); !known || fmt.Sprint(file, line) != place {
			t.Errorf("row %d: got %s %d, want %s", ordinal, file, line, place)
		}
	}
	if len(p.runs) != 5 {
		t.Errorf("got %d runs, want 5", len(p.runs))
	}
	for i := range placeRuns {
		p.add(100 + 2*i)
	}
	if _, _, known := p.find(p.next - 1); known || len(p.runs) != placeRuns {
		t.Errorf("got %d runs", len(p.runs))
	}
	if _, _, known := p.find(0); !known {
		t.Error("the first place is lost")
	}
}

// How fast contacts come in, the sealing, the build and the syncs included.
func BenchmarkIntake_Contacts(b *testing.B) {
	const rows = 100_000
	var lines strings.Builder
	lines.WriteString("number;territory;age_band;gender;commune;zone\n")
	for i := range rows {
		fmt.Fprintf(&lines, "06 12 %02d %02d %02d;75;65+;f;Paris;\n", i/10_000, i/100%100, i%100)
	}
	h := mustMakeHall(b)
	for b.Loop() {
		s := h.mustOpen(b, queue.IntakeContacts, "a.csv")
		s.mustSend(b, 0, []byte(lines.String()), queue.ChunkSize)
		if p := s.mustEnd(b); p.Phase != queue.PhaseDone {
			b.Fatal(p.Error)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}
