package intake

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzReader ensures that no list can break the reader: it ends, its counts
// add up, lines go forward, fields are UTF-8, and memory stays bounded.
func FuzzReader(f *testing.F) {
	names, err := filepath.Glob("testdata/*.csv*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		list, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		reader, err := Open("list.csv", bytes.NewReader(list), people)
		if err != nil {
			return
		}
		defer reader.Close()
		rows, refused, line := 0, 0, 0
		for {
			row, err := reader.Next()
			var refusal *RowError
			switch {
			case errors.As(err, &refusal):
				refused++
				row.Line = refusal.Line
			case err != nil:
				if counts := reader.Counts(); counts.Rows != rows || counts.Refused != refused {
					t.Fatalf("counted %+v, saw %d rows and %d refusals", counts, rows, refused)
				}
				return
			default:
				rows++
				checkFields(t, row)
			}
			if row.Line <= line {
				t.Fatalf("line %d comes after line %d", row.Line, line)
			}
			if line = row.Line; cap(reader.window.data) > MaxRow {
				t.Fatalf("the window took %d bytes", cap(reader.window.data))
			}
		}
	})
}

func checkFields(t *testing.T, row Row) {
	t.Helper()
	for i := range people.List {
		if field := row.Bytes(i); !utf8.Valid(field) || len(field) > 3*MaxField || hasControl(field) {
			t.Fatalf("line %d: column %d is not fit to be used", row.Line, i)
		}
	}
}

// FuzzReader_RoundTrip ensures that what the standard library writes is read
// as it was meant, on the lines where it stands.
func FuzzReader_RoundTrip(f *testing.F) {
	f.Add("0639980001", "75", "Paris", "0639980002", "2A", "\"Ajaccio\"\nport", byte(';'))
	f.Add("1", "", ";,\t", "x", "y", "é\"", byte('\t'))
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string, delimiter byte) {
		if !strings.ContainsRune(";,\t", rune(delimiter)) {
			return
		}
		records := [][]string{{"number", "territory", "commune"}, {a, b, c}, {d, e, g}}
		var list bytes.Buffer
		w := csv.NewWriter(&list)
		w.Comma = rune(delimiter)
		for i, record := range records {
			for j, field := range record {
				field = strings.ReplaceAll(strings.ToValidUTF8(field, ""), "\r", "")
				if field == "" || len(field) > MaxField/2 || hasControl([]byte(field)) {
					field = "x"
				}
				records[i][j] = field
			}
			if err := w.Write(record); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		reader, err := Open("list.csv", &list, people)
		if err != nil {
			t.Fatal(err)
		}
		line := 2
		for _, record := range records[1:] {
			row, err := reader.Next()
			if err != nil || row.Line != line {
				t.Fatalf("%q: line %d, want %d, %v", record, row.Line, line, err)
			}
			for i, field := range record {
				if row.Text(i) != strings.TrimSpace(field) {
					t.Fatalf("got %q, want %q", row.Text(i), field)
				}
				line += strings.Count(field, "\n")
			}
			line++
		}
		if _, err := reader.Next(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	})
}

// FuzzParse ensures that the parsers refuse without showing what they refuse,
// and that what they read is in bounds.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"2026-09-01", "01/09/2026 10:00", "2026-09-01T10:00:00+02:00", "oui", "0639980001", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		date, errDate := ParseDate(text)
		instant, errInstant := ParseInstant(text, time.UTC)
		_, errBool := ParseBool(text)
		for _, err := range []error{errDate, errInstant, errBool} {
			if err != nil && len(text) > 12 && strings.Contains(err.Error(), text) && !slices.Contains(instantForms, text) {
				t.Errorf("%v shows %q", err, text)
			}
		}
		if errDate == nil && (errInstant != nil || !instant.Equal(date)) {
			t.Errorf("%q is the date %v and the instant %v", text, date, instant)
		}
		if shape := Shape(text); len(text) > 40 && strings.Contains(shape, text) {
			t.Errorf("%q shows %q", shape, text)
		}
	})
}
