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

// FuzzCSVCell ensures that no value begins as a formula does, and that nothing else is changed.
func FuzzCSVCell(f *testing.F) {
	for _, seed := range []string{"", "a", "=1+1", "+33", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'x", "\xff=", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		cell := csvCell(value)
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
			t.Errorf("%q is a formula", cell)
		}
		if cell != value && cell != "'"+value {
			t.Errorf("%q became %q", value, cell)
		}
		if dangerous := value != "" && strings.ContainsAny(value[:1], "=+-@\t\r\n"); dangerous && cell == value {
			t.Errorf("%q was left as it is", value)
		}
	})
}
