package intake

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// Ensure that refusals come back as a list with their place, those of the
// reader and those of whoever interprets the rows.
func TestRefusals(t *testing.T) {
	t.Parallel()
	list := "commune;number\nParis;0639980001\nParis\n\"Lyon, 2e\";06399800\n"
	reader, err := Open("list.csv", strings.NewReader(list), people)
	if err != nil {
		t.Fatal(err)
	}
	var written strings.Builder
	refusals := NewRefusals(&written)
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var refusal *RowError
		if err != nil && !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		if refusal == nil && len(row.Bytes(0)) != 10 {
			refusal = row.Refuse(0, Shape(row.Text(0))+", want 10", "write the number in full")
		}
		if refusal == nil {
			continue
		}
		if err := refusals.Add(refusal); err != nil {
			t.Fatal(err)
		}
	}
	if err := refusals.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "file,line,column,field,reason,hint\n" +
		"list.csv,3,,,\"1 column, want 2\",a field that holds the delimiter must stand in quotes\n" +
		"list.csv,4,2,number,\"8 digits, want 10\",write the number in full\n"
	if written.String() != want || refusals.Count() != 2 {
		t.Errorf("got %d:\n%s\nwant\n%s", refusals.Count(), written.String(), want)
	}
}

// Ensure that a refusal reads as place, field, reason and hint, and leaves out
// what it has not.
func TestRowError_Error(t *testing.T) {
	t.Parallel()
	tests := []struct {
		refusal RowError
		want    string
	}{
		{RowError{File: "a.csv", Line: 3, Column: 2, Field: "number", Reason: "empty", Hint: "write it"}, `a.csv:3: column 2 "number": empty; write it`},
		{RowError{File: "a.csv", Line: 3, Reason: "empty"}, `a.csv:3: empty`},
	}
	for _, test := range tests {
		if got := test.refusal.Error(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// Ensure that a disk which is full is not taken for a list without refusals.
func TestRefusals_WriteFails(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is full")
	refusals := NewRefusals(full{cause})
	err := refusals.Add(&RowError{File: "list.csv", Line: 2, Reason: strings.Repeat("x", 8<<10)})
	if err := errors.Join(err, refusals.Flush()); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }
