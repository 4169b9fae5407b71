package sample

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/store/intake"
)

var update = flag.Bool("update", false, "rewrite the committed lists")

var committed = Options{Contacts: 10_000, Seed: 1}

var listNames = []string{"contacts-1.csv", "contacts-2.csv.gz", "grants.csv", "optouts.csv"}

func generate(t testing.TB, options Options) string {
	t.Helper()
	dir := t.TempDir()
	if err := Generate(options, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// text returns a list's text, unpacked: how gzip packs it may change with the
// toolchain, and the list is the same.
func text(t testing.TB, name string, list []byte) []byte {
	t.Helper()
	if !strings.HasSuffix(name, ".gz") {
		return list
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// Ensure that the committed files are what the seed gives, on every machine
// and for ever.
func TestGenerate_Committed(t *testing.T) {
	dir := generate(t, committed)
	for _, name := range append([]string{"SYNTHETIC"}, listNames...) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(name, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text(t, name, got), text(t, name, want)) {
			t.Errorf("%s differs; if the sample is meant to change, run go test -update", name)
		}
	}
}

// Ensure that the fictional numbers suffice for every size that is allowed,
// rows and opt-outs of no person included.
func TestSharesOf(t *testing.T) {
	t.Parallel()
	for contacts := 1; contacts <= MaxContacts; contacts++ {
		s := sharesOf(contacts)
		people := s.mobiles + s.landlines
		if people+s.twice+s.faulty != contacts {
			t.Fatalf("%d contacts: %+v do not add up", contacts, s)
		}
		landlines := rangeSize * len(landlinePrefixes)
		if s.mobiles > rangeSize || s.landlines > landlines || people+s.faulty+people/250 > rangeSize+landlines {
			t.Fatalf("%d contacts: %+v need more numbers than there are", contacts, s)
		}
	}
}

// Ensure that another seed gives other people, and that samples which cannot
// be made are refused.
func TestGenerate_Options(t *testing.T) {
	t.Parallel()
	for _, contacts := range []int{1, 10, 100, 1000} {
		dir := generate(t, Options{Contacts: contacts, Seed: 7})
		rows := len(readList(t, dir, "contacts-1.csv", contactColumns)) + len(readList(t, dir, "contacts-2.csv.gz", contactColumns))
		if rows > contacts || rows < contacts-contacts*2/100 {
			t.Errorf("%d contacts: got %d rows that can be split", contacts, rows)
		}
	}
	for _, contacts := range []int{-1, 0, MaxContacts + 1} {
		if err := Generate(Options{Contacts: contacts}, t.TempDir()); err == nil {
			t.Errorf("%d contacts: no error", contacts)
		}
	}
	one, other := generate(t, Options{Contacts: 10, Seed: 1}), generate(t, Options{Contacts: 10, Seed: 2})
	if slices.EqualFunc(readList(t, one, "contacts-1.csv", contactColumns), readList(t, other, "contacts-1.csv", contactColumns), slices.Equal) {
		t.Error("two seeds give the same people")
	}
}

var (
	contactColumns = columns("number=Téléphone", "territory=Département", "age_band", "gender", "commune", "zone")
	grantColumns   = columns("number", "channel", "party", "purpose", "given_at", "collected_from", "explicit", "wording_version", "wording", "slot", "evidence")
	optOutColumns  = columns("number", "received_at", "reason", "way")
)

func columns(names ...string) intake.Columns {
	c := intake.Columns{DeclaredIn: "the test"}
	for _, name := range names {
		titles := strings.Split(name, "=")
		c.List = append(c.List, intake.Column{Name: titles[0], Synonyms: titles[1:], Required: true})
	}
	return c
}

// readList returns the rows of a list that can be split.
func readList(t testing.TB, dir, name string, columns intake.Columns) [][]string {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := intake.Open(name, file, columns)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var rows [][]string
	for {
		row, err := reader.Next()
		if _, ok := errors.AsType[*intake.RowError](err); ok {
			continue
		}
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		fields := make([]string, len(columns.List))
		for i := range fields {
			fields[i] = row.Text(i)
		}
		rows = append(rows, fields)
	}
}

// Ensure that nobody can be dialled by mistake: every number is fictional, and
// what is left of the broken ones leads nowhere.
func TestFiles_NumbersAreFictional(t *testing.T) {
	t.Parallel()
	lists := map[string]intake.Columns{
		"contacts-1.csv": contactColumns, "contacts-2.csv.gz": contactColumns, "grants.csv": grantColumns, "optouts.csv": optOutColumns,
	}
	for name, columns := range lists {
		for _, row := range readList(t, ".", name, columns) {
			national := nationalDigits(row[0])
			if national != "" && !strings.HasPrefix(national, mobilePrefix) && !slices.Contains(landlinePrefixes, national[:min(5, len(national))]) {
				t.Errorf("%s: a number beginning with %.5s is not fictional", name, national)
			}
		}
	}
}

// nationalDigits returns the digits of a French number however it is written,
// without its leading zero.
func nationalDigits(text string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	for _, prefix := range []string{"0033", "33", "0"} {
		if strings.HasPrefix(digits, prefix) {
			return digits[len(prefix):]
		}
	}
	return digits
}

// Ensure that grants and opt-outs can be read whole, and name only what the
// rules know.
func TestFiles_GrantsAndOptOuts(t *testing.T) {
	t.Parallel()
	for _, row := range readList(t, ".", "grants.csv", grantColumns) {
		channel, errChannel := contact.ParseChannel(row[1])
		_, errAt := intake.ParseInstant(row[4], recent.Location())
		_, errExplicit := intake.ParseBool(row[6])
		slot, errSlot := consent.ParseSlot(row[9])
		if err := errors.Join(errChannel, errAt, errExplicit, errSlot); err != nil || len(nationalDigits(row[0])) != 9 || slot.IsZero() == channel.IsVoice() {
			t.Fatalf("%q: %v", row[1:], err)
		}
	}
	for _, row := range readList(t, ".", "optouts.csv", optOutColumns) {
		if _, err := intake.ParseInstant(row[1], recent.Location()); err != nil || len(nationalDigits(row[0])) != 9 || row[2] == "" || row[3] == "" {
			t.Fatalf("%q: %v", row[1:], err)
		}
	}
}
