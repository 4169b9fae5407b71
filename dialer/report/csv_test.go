package report

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
)

// Ensure that the table reads back: a header row, a row per class, every row of the same width, withheld told apart from zero.
func TestRender_CSV(t *testing.T) {
	t.Parallel()
	golden := goldenCases(t)["held"]
	document := mustRender(t, golden.heading, golden.figures)
	rows, err := csv.NewReader(bytes.NewReader(document.CSV)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 {
		t.Fatalf("%d rows", len(rows))
	}
	column := map[string]int{}
	for index, name := range rows[0] {
		column[name] = index
	}
	for index, class := range golden.figures.classes() {
		row := rows[index+1]
		contacts, withheld := row[column["contacts"]], row[column["withheld"]]
		_, shown := class.figure.Contacts()
		if row[column["class"]] != class.name || (withheld == "true") == shown || (contacts == "") == shown {
			t.Errorf("row %q for %s = %s", row, class.name, class.figure)
		}
		if got := row[column["campaign"]]; got != "'=fr-2027-robocall" {
			t.Errorf("campaign %q would run as a formula", got)
		}
	}
	if strings.Contains(string(document.CSV), "SANDBOX") {
		t.Error("a real report says SANDBOX")
	}
}

// Ensure that nothing in a name is a formula, in whichever way a spreadsheet cuts lines into cells.
func TestCSVCell(t *testing.T) {
	t.Parallel()
	for value, expected := range map[string]string{
		"":                         "",
		"fr-2027-r1-sms-01":        "fr-2027-r1-sms-01",
		"=1+1":                     "'=1+1",
		"a;=HYPERLINK(1)":          "a;'=HYPERLINK(1)",
		"a|+1":                     "a|'+1",
		`a";=1`:                    `a";'=1`,
		"a;-1;@SUM(A1)":            "a;'-1;'@SUM(A1)",
		"＝1":                       "'＝1",
		"a, b - c (2 + 2 = 4) @ d": "a, b - c (2 + 2 = 4) @ d",
	} {
		if got := csvCell(value); got != expected {
			t.Errorf("%q became %q, not %q", value, got, expected)
		}
	}
}

// FuzzCSVCell ensures that no value begins a formula, at whichever sign lines are cut, and that nothing else is changed.
func FuzzCSVCell(f *testing.F) {
	for _, seed := range []string{"", "a", "=1+1", "+33", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'x", "\xff=", "é", "a;=1", `";=1`, "''=1", ";;+\t-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		cell := csvCell(value)
		for _, separators := range []string{"", ",", ";", "|", `"`, ",;|\""} {
			for _, piece := range strings.FieldsFunc(cell, func(char rune) bool { return strings.ContainsRune(separators, char) }) {
				if strings.ContainsAny(piece[:1], "=+-@\t\r\n") {
					t.Errorf("%q of %q is a formula", piece, cell)
				}
			}
		}
		left := value
		for _, char := range []byte(cell) {
			switch {
			case left != "" && left[0] == char:
				left = left[1:]
			case char != '\'':
				t.Fatalf("%q became %q", value, cell)
			}
		}
		if left != "" {
			t.Errorf("%q became %q, without %q", value, cell, left)
		}
	})
}
