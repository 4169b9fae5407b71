package intake

import (
	"strings"
	"testing"
)

// Ensure that the ways to write one header are one, and different words stay
// different.
func TestFold(t *testing.T) {
	t.Parallel()
	for _, title := range []string{"Année de naissance", "ANNEE DE NAISSANCE", " année_de-naissance ", "Anne\u0301e.de\u00a0 naissance"} {
		if got := Fold(title); got != "annee de naissance" {
			t.Errorf("%q folds to %q", title, got)
		}
	}
	if Fold("re\u0301sume\u0301") == Fold("resumer") || Fold("") != "" || Fold(" _-. ") != "" {
		t.Error("folds too much")
	}
}

// Ensure that the header is resolved whatever the order, and that every fault
// of it is told.
func TestColumns_Resolve(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, list, want string }{
		{"synonym", "commune;DEPARTEMENT;N°_de_telephone\n", ""},
		{"one column", "Portable\n", ""},
		{"trailing delimiters", "number;commune;;\n", ""},
		{"quoted delimiter", "\"number\",\"comm;;;une\"\n", `column 2 "comm;;;une": not declared in directory.yaml`},
		{"missing", "commune;territory\n", "list.csv:1: no column for number; name it one of: number, Téléphone"},
		{"twice", "number;portable\n", `column 2 "portable": number stands in column 1 already`},
		{"unnamed", "number;;commune\n", "column 2 has no name"},
		{"forged", "number;\"x\ny\"\n", `column 2 "x\ny": not declared`},
		{"long", "number;" + strings.Repeat("é", 60) + "\n", `"` + strings.Repeat("é", 40) + `"...: not declared`},
		{"too long", "number;" + strings.Repeat("x", MaxField+1) + "\n", "list.csv:1: header: longer than 4096 bytes"},
		{"too many", strings.Repeat("number;", MaxColumns+1) + "\n", "list.csv:1: header: more than 200 columns"},
		{"quote", "number;\"x\"y\n", "list.csv:1: header: text follows a closing quote"},
		{"control", "number;x\x01\n", "list.csv:1: header: holds a control character"},
		{"later line", "\n\nnumber;x\n", "list.csv:3: column 2"},
		{"address", "number;someone@example.org\n", "column 2 (19 characters, 17 letters): the first line seems to be data"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open("list.csv", strings.NewReader(test.list), people)
			if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "someone@") {
				t.Errorf("the error shows the content: %v", err)
			}
		})
	}
}

// Ensure that a list says in a title that its people are invented, and that a
// program that declared no such column for itself takes nothing else for it.
func TestColumns_Synthetic(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]bool{
		"number;commune\n": false, "synthetic number;commune\n": true, "commune;SYNTHETIC_Téléphone\n": true, "\"Synthetic.number\"\n": true,
		"number;synthetic commune\n": true,
	} {
		reader, err := Open("list.csv", strings.NewReader(list), people)
		if err != nil {
			t.Fatalf("%q: %v", list, err)
		}
		if reader.Synthetic() != want || !reader.Has(0) {
			t.Errorf("%q: synthetic is %t, want %t", list, reader.Synthetic(), want)
		}
		reader.Close()
	}
	for _, list := range []string{"syntheticnumber\n", "synthetic\n", "number;synthetic\n", "number;synthetic number\n", "number;synthetic street\n"} {
		if _, err := Open("list.csv", strings.NewReader(list), people); err == nil {
			t.Errorf("%q: no error", list)
		}
	}
	own := Columns{DeclaredIn: "directory.yaml", List: []Column{{Name: "number"}, {Name: "synthetic number"}}}
	reader, err := Open("list.csv", strings.NewReader("number;synthetic number\n"), own)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if reader.Synthetic() || !reader.Has(1) {
		t.Error("a column that was declared under that name is taken for the mark")
	}
}

// Ensure that columns which cannot be told apart are found before any list is
// read, and that a caller can ask for what a list has.
func TestColumns_Declared(t *testing.T) {
	t.Parallel()
	ambiguous := Columns{DeclaredIn: "directory.yaml", List: []Column{
		{Name: "number", Synonyms: []string{"Numéro", "numero"}}, {Name: "street", Synonyms: []string{"numero"}},
	}}
	if _, err := Open("list.csv", strings.NewReader("number\n"), ambiguous); err == nil || !strings.Contains(err.Error(), "both number and street") {
		t.Errorf("got %v", err)
	}
	reader, err := Open("list.csv", strings.NewReader("commune;number\n;0639980001\n"), people)
	if err != nil {
		t.Fatal(err)
	}
	row, err := reader.Next()
	if err != nil || !reader.Has(0) || reader.Has(1) || row.Text(1) != "" || row.Text(2) != "" || row.Text(0) != "0639980001" {
		t.Errorf("got %q %q %q, %v", row.Text(0), row.Text(1), row.Text(2), err)
	}
}
