package configs

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// Ensure that special categories and their proxies are found under the names
// that lists give them, in French and in English.
//
//nolint:misspell // French is not misspelt English
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"religion", "Religion", "religious_affiliation", "culte", "confession", "croyance", "faith", "church_goer", "juif", "musulman", "Athée",
		"ethnic_origin", "ethnicity", "origin", "origine", "Origine_Géographique", "race", "nationality", "nationalité", "langue_maternelle", "immigré",
		"political_opinion", "opinion", "sympathie", "adhérent", "party", "parti", "left_wing", "gauche", "vote_intention", "intention_de_vote",
		"past_turnout", "turnout", "abstentionniste", "participation_2022", "donor", "petition_signed",
		"health", "santé", "état_de_santé", "handicap", "disability", "maladie", "medical", "genetic",
		"sexual_orientation", "orientation_sexuelle", "orientation", "lgbt", "trade_union", "syndicat", "syndiqué", "union",
		"name_consonance", "consonance_du_nom", "surname_sound", "nom_sonorité", "birth_place", "birthplace", "lieu_naissance", "pays_de_naissance",
		"interest_antisemitism", "interest_hunting", "interests", "centre_d'intérêt", "hobbies", "profil", "lifestyle_score", "lookalike",
		"name", "nom", "prénom", "surname", "address", "adresse", "rue", "email", "date_de_naissance", "casier", "conviction",
	} {
		if reason, hint := forbidden(name); reason == "" || hint == "" {
			t.Errorf("%q can be declared", name)
		}
	}
}

// Ensure that what the law lets select, or what the pack decides on, can be
// declared.
func TestForbidden_Harmless(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"territory", "department", "département", "commune", "constituency", "circonscription", "polling_station", "bureau_de_vote", "canton",
		"age_band", "tranche_d'âge", "gender", "sexe", "genre", "income", "revenu", "profession", "household_size", "urban", "zone", "birth_year",
		"année_de_naissance", "list_date", "region", "postal_code",
	} {
		if reason, _ := forbidden(name); reason != "" {
			t.Error(reason)
		}
	}
	for _, value := range []string{"médecin", "employé", "retraité", "Saint-Denis", "f", "65+"} {
		if reason, _ := forbiddenValue(value); reason != "" {
			t.Error(reason)
		}
	}
}

// Ensure that bands of ages are read as an import must understand them.
func TestBand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value    string
		from, to int
		ok       bool
	}{
		{"18-24", 18, 24, true},
		{"65+", 65, 120, true},
		{"18-18", 18, 18, true},
		{"24-18", 0, 0, false},
		{"18-", 0, 0, false},
		{"18", 0, 0, false},
		{"senior", 0, 0, false},
		{"18-999", 0, 0, false},
		{"-5-10", 0, 0, false},
	} {
		from, to, ok := Band(test.value)
		if ok != test.ok || ok && (from != test.from || to != test.to) {
			t.Errorf("%q: got %d, %d, %v", test.value, from, to, ok)
		}
	}
}

// Ensure that territories select by codes of the region and its parts only.
func TestTerritoryCodes(t *testing.T) {
	t.Parallel()
	codes := territoryCodes("FR")
	for _, want := range []string{"FR", "FR-01", "FR-2A", "FR-75", "FR-972", "FR-988", "FR-99"} {
		if !slices.Contains(codes, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if len(codes) != 109 || slices.Contains(codes, "MQ") {
		t.Errorf("got %d codes: %v", len(codes), codes)
	}
}

// Ensure that the embedded declaration takes in the sample: every header, and
// every value but those that are faulty on purpose.
func TestLoadDirectory_Sample(t *testing.T) {
	t.Parallel()
	schema, err := Defaults("").LoadDirectory()
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]int{"number": -1, "territory": -1, "zone": -1, "birth year": -1}
	for i, headers := range [][]string{schema.Columns.Number, schema.Columns.Territory, schema.Columns.Zone, schema.Columns.BirthYear} {
		for _, header := range headers {
			columns[fold(header)] = -1 - i
		}
	}
	for i, a := range schema.Attributes {
		if a.Kind != KindTerritory {
			columns[fold(a.Name)] = i
		}
	}
	for _, name := range []string{"contacts-1.csv", "contacts-2.csv.gz"} {
		rows := readSample(t, name)
		unknown := 0
		for _, row := range rows[1:] {
			for at, header := range rows[0] {
				column, declared := columns[fold(header)]
				if !declared {
					t.Fatalf("%s: header %q is not declared", name, header)
				}
				if column >= 0 && at < len(row) && row[at] != "" && !slices.Contains(schema.Attributes[column].Values, row[at]) {
					unknown++
				}
			}
		}
		if most := len(rows) / 50; len(rows) < 1000 || unknown > most {
			t.Errorf("%s: %d of %d rows hold a value that is not declared", name, unknown, len(rows))
		}
	}
}

func readSample(t *testing.T, name string) [][]string {
	t.Helper()
	file, err := os.Open(filepath.Join("sample", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var text io.Reader
	comma := ','
	if strings.HasSuffix(name, ".gz") {
		if text, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	} else {
		if _, err := file.Seek(3, io.SeekStart); err != nil { // the byte order mark
			t.Fatal(err)
		}
		text, comma = charmap.Windows1252.NewDecoder().Reader(file), ';'
	}
	list := csv.NewReader(text)
	list.Comma, list.FieldsPerRecord = comma, -1
	rows, err := list.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Ensure that a directory may declare every commune of France, and that of a
// file in which everything is wrong only the first faults are told.
func TestLoadDirectory_Large(t *testing.T) {
	t.Parallel()
	var good, bad strings.Builder
	good.WriteString("attributes:\n  - name: commune\n    kind: place\n    values:\n")
	bad.WriteString(good.String())
	for i := range 35_000 {
		fmt.Fprintf(&good, "      - \"%05d\"\n", i)
	}
	for i := range 1_000 {
		fmt.Fprintf(&bad, "      - 1%05d\n", i)
	}
	path := filepath.Join(t.TempDir(), "directory.yaml")
	for text, faults := range map[string]int{good.String(): 0, bad.String(): maxFaults} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := (&Config{DirectoryFile: path}).LoadDirectory()
		var found Faults
		if errors.As(err, &found); len(found) != faults {
			t.Errorf("got %d faults, want %d", len(found), faults)
		}
	}
}
