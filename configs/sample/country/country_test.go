package country

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store/intake"
)

var small = Options{Contacts: 20_000, Seed: 7, Grants: 3_000, OptOuts: 200, Campaigns: 3, Size: 500, Format: "csv"}

// generate writes a country and returns its files' contents by name.
func generate(t *testing.T, options Options) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	names, err := Generate(t.Context(), options, dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(filepath.Join(dir, path))
		return err
	})
	if err != nil || !slices.Equal(names, slices.Sorted(maps.Keys(files))) {
		t.Fatalf("told %q, wrote %q, %v", names, slices.Sorted(maps.Keys(files)), err)
	}
	return files
}

// rows reads a list as an import would, and returns what each row holds of the
// columns, nil where it was refused.
func rows(t *testing.T, name string, content []byte, columns ...string) [][]string {
	t.Helper()
	declared := intake.Columns{DeclaredIn: "the test"}
	for _, column := range columns {
		titles := strings.Split(column, "=")
		declared.List = append(declared.List, intake.Column{Name: titles[0], Synonyms: titles[1:]})
	}
	reader, err := intake.Open(name, bytes.NewReader(content), declared)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if !reader.Synthetic() {
		t.Errorf("%s does not say that it is synthetic", name)
	}
	var all [][]string
	for {
		row, err := reader.Next()
		_, refused := errors.AsType[*intake.RowError](err)
		switch {
		case errors.Is(err, io.EOF):
			return all
		case refused:
			all = append(all, nil)
			continue
		case err != nil:
			t.Fatal(err)
		}
		fields := make([]string, len(declared.List))
		for i := range fields {
			fields[i] = row.Text(i)
		}
		all = append(all, fields)
	}
}

// plain are a list's columns, without the mark.
func plain(header string) []string {
	return strings.Split(strings.TrimPrefix(header, intake.SyntheticMark+" "), ",")
}

// contacts reads all lists of contacts.
func contacts(t *testing.T, files map[string][]byte) [][]string {
	t.Helper()
	var all [][]string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasPrefix(name, "contacts-") {
			all = append(all, rows(t, name, files[name], "number=téléphone=mobile", "territory=département", "age_band=tranche d'âge", "gender=sexe", "commune", "income_band", "birth_year")...)
		}
	}
	return all
}

// Ensure that the same options give the same bytes, however lists are packed,
// and another seed other people.
func TestGenerate_Deterministic(t *testing.T) {
	t.Parallel()
	options := small
	options.Contacts, options.Grants = 2_000, 500
	first := generate(t, options)
	if second := generate(t, options); !maps.EqualFunc(first, second, bytes.Equal) {
		t.Error("the same options give other files")
	}
	options.Format = "csv.zst"
	packed := generate(t, options)
	want, got := rows(t, "grants", first["grants.csv"], plain(grantHeader)...), rows(t, "grants", packed["grants.csv.zst"], plain(grantHeader)...)
	if len(got) == 0 || !slices.EqualFunc(got, want, slices.Equal) || len(packed["contacts-1.csv.zst"]) > len(first["contacts-1.csv"])/2 {
		t.Error("packed lists are other ones")
	}
	options.Format, options.Grants, options.Campaigns = "csv", 100, 1
	if fewer := generate(t, options); !bytes.Equal(fewer["contacts-3.csv"], first["contacts-3.csv"]) {
		t.Error("contacts depend on how many of them consent")
	}
	options.Seed++
	if other := generate(t, options); bytes.Equal(other["contacts-1.csv"], first["contacts-1.csv"]) {
		t.Error("two seeds give the same people")
	}
}

// Ensure that the lists are those of a plausible country: nearly all numbers
// valid and different, a few rows twice, a few not to be taken, everywhere
// somebody, and people of every kind.
func TestGenerate_Contacts(t *testing.T) {
	t.Parallel()
	numbers, counts := map[contact.Number]bool{}, map[string]int{}
	for i, row := range contacts(t, generate(t, small)) {
		counts["rows"]++
		if row == nil {
			counts["refused"]++
			continue
		}
		territory, known := contact.FindTerritory("FR-" + strings.TrimPrefix(row[1], "FR-"))
		number, line, err := contact.Parse(row[0], "FR")
		if !known || err != nil || !line.Valid {
			counts["refused"]++
			continue
		}
		if numbers[number] {
			counts["twice"]++
		}
		numbers[number] = true
		counts[line.Type.String()]++
		counts[territory.Code]++
		counts["band "+row[2]]++
		if row[2] == "" && (row[6] < "1930" || row[6] > "2009") {
			t.Fatalf("row %d: year of birth %q", i, row[6])
		}
	}
	between := func(what string, least, most int) {
		if counts[what] < least || counts[what] > most {
			t.Errorf("%d %s, want %d to %d", counts[what], what, least, most)
		}
	}
	between("rows", 20_000, 20_000)
	between("refused", 50, 150)
	between("twice", 220, 400)
	between("mobile", 17_700, 18_500)
	between("landline", 1_500, 2_100)
	between("FR-59", 600, 1_000)
	between("FR-2A", 10, 90)
	between("FR-99", 10, 90)
	between("band 65+", 3_500, 4_300)
	if len(counts) < 6+104 {
		t.Errorf("only %d kinds of people: %v", len(counts), counts)
	}
}

// Ensure that the plain list has everybody once, and that lists of contacts can
// be left out.
func TestWritePeople(t *testing.T) {
	t.Parallel()
	options := small
	options.Contacts, options.Grants, options.OptOuts = 2_000, 10, 10
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := WritePeople(t.Context(), options, path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, row := range rows(t, "people.csv", content, "number", "territory", "age_band", "gender", "commune", "income_band") {
		if len(row[0]) != len("33639980001") || seen[row[0]] {
			t.Fatalf("a number of %d digits, seen before: %t", len(row[0]), seen[row[0]])
		}
		seen[row[0]] = true
	}
	// Everybody in the lists of contacts is in the plain one, and nobody else.
	for _, row := range contacts(t, generate(t, options)) {
		if row == nil {
			continue
		}
		_, known := contact.FindTerritory("FR-" + strings.TrimPrefix(row[1], "FR-"))
		number, line, err := contact.Parse(row[0], "FR")
		if err != nil || !line.Valid || !known {
			continue
		}
		if !seen[strings.TrimPrefix(number.E164(), "+")] {
			t.Fatalf("somebody in department %s is not in the plain list", row[1])
		}
	}
	if len(seen) < 1_920 || len(seen) > 1_990 {
		t.Errorf("%d people", len(seen))
	}
	options.WithoutContacts = true
	for name := range generate(t, options) {
		if strings.HasPrefix(name, "contacts-") {
			t.Errorf("%s was written", name)
		}
	}
}

// Ensure that the numbers in use are all different, as far as lists may go.
func TestNumbering(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		d := drawsOf(seed, streamNumbers, 0)
		for _, ranges := range [][]uint64{mobileRanges, landlineRanges} {
			n := newNumbering(ranges, &d)
			count := uint64(len(ranges)) * rangeSize
			if divisor(n.a, count) != 1 || count < MaxContacts {
				t.Fatalf("seed %d: %d numbers, and steps of %d do not hit each once", seed, count, n.a)
			}
			if number := n.number(MaxContacts - 1); len(digitsOf(number)) != nationalDigits || number < 1e8 || number >= 1e9 {
				t.Fatalf("%d is no national number", number)
			}
		}
	}
}

// Ensure that about as many consented and objected as were asked for, that all
// of them are contacts, and that every party has its share.
func TestGenerate_Consents(t *testing.T) {
	t.Parallel()
	files := generate(t, small)
	known := map[contact.Number]bool{}
	for _, row := range contacts(t, files) {
		if row == nil {
			continue
		}
		if number, _, err := contact.Parse(row[0], "FR"); err == nil {
			known[number] = true
		}
	}
	parties, texts := map[string]int{}, 0
	for _, row := range rows(t, "grants.csv", files["grants.csv"], plain(grantHeader)...) {
		number, _, err := contact.Parse(row[0], "FR")
		_, wrong := intake.ParseInstant(row[4], recentConsent.Location())
		if err != nil || wrong != nil || !known[number] {
			t.Fatalf("a grant cannot be used: %v, %v", err, wrong)
		}
		parties[row[2]]++
		if row[1] == "sms" && row[6] == "true" && row[4] > "2025" && row[5] == "data_subject" {
			texts++
		}
	}
	for party, count := range parties {
		if count < 800 || count > 1_100 || len(parties) != 3 {
			t.Errorf("%d grants for %s of %d parties", count, party, len(parties))
		}
	}
	if texts < 2_300 || texts > 2_900 {
		t.Errorf("%d grants can be used for a text", texts)
	}
	objections := rows(t, "optouts.csv", files["optouts.csv"], plain(objectionHeader)...)
	if len(objections) < 140 || len(objections) > 260 {
		t.Errorf("%d objections", len(objections))
	}
}

// Ensure that a daemon takes the configuration, and its registry the campaigns.
func TestGenerate_Campaigns(t *testing.T) {
	t.Parallel()
	for _, campaigns := range []int{1, MaxCampaigns} {
		options, dir := small, t.TempDir()
		options.Campaigns, options.Size = campaigns, 20_000
		names, err := Generate(t.Context(), options, dir)
		if err != nil {
			t.Fatal(err)
		}
		config, err := configs.Load(filepath.Join(dir, "dialerd.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		registry, err := config.LoadRegistry()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.LoadDirectory(); err != nil {
			t.Fatal(err)
		}
		jobs := map[string]*dialer.Job{}
		for _, name := range names {
			if !strings.HasPrefix(name, "campaigns/") {
				continue
			}
			job, err := configs.ReadCampaign(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if faults := job.Validate(registry); len(faults) > 0 {
				t.Fatalf("%s: %v", name, faults)
			}
			jobs[job.Party] = job
		}
		if len(jobs) != campaigns {
			t.Errorf("%d parties have a campaign, want %d", len(jobs), campaigns)
		}
	}
}

// Ensure that what cannot be made is refused before anything is written, and
// that a run can be stopped.
func TestGenerate_Refused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"none": func(o *Options) { o.Contacts = 0 }, "too many": func(o *Options) { o.Contacts = MaxContacts + 1 },
		"campaigns": func(o *Options) { o.Campaigns = MaxCampaigns + 1 }, "no campaign": func(o *Options) { o.Campaigns = 0 },
		"grants": func(o *Options) { o.Grants = o.Contacts + 1 }, "opt-outs": func(o *Options) { o.OptOuts = -1 },
		"size": func(o *Options) { o.Size = 0 }, "format": func(o *Options) { o.Format = "xlsx" },
	} {
		options, dir := small, filepath.Join(t.TempDir(), "country")
		change(&options)
		if _, err := Generate(t.Context(), options, dir); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was written", name)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Generate(stopped, small, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
