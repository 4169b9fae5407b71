package intake

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the .want files of testdata")

// people are the columns that the tests read.
var people = Columns{DeclaredIn: "directory.yaml", List: []Column{
	{Name: "number", Synonyms: []string{"Téléphone", "N° de téléphone", "portable"}, Required: true},
	{Name: "territory", Synonyms: []string{"Département"}},
	{Name: "commune"},
}}

// render reads a list to its end and writes down all that happened.
func render(name string, r io.Reader) (string, error) {
	var text strings.Builder
	reader, err := Open(name, r, people)
	if err != nil {
		return fmt.Sprintln(err), nil
	}
	defer reader.Close()
	for {
		row, err := reader.Next()
		var refusal *RowError
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintf(&text, "%+v\n", reader.Counts())
			return text.String(), nil
		case errors.As(err, &refusal):
			fmt.Fprintln(&text, refusal)
		case err != nil:
			fmt.Fprintln(&text, err)
			if _, again := reader.Next(); !errors.Is(again, err) {
				return "", fmt.Errorf("after %w came %w", err, again)
			}
			return text.String(), nil
		default:
			fmt.Fprintf(&text, "%d %s", row.Line, shorten(row))
		}
	}
}

func shorten(row Row) string {
	var text strings.Builder
	for i := range people.List {
		field := row.Text(i)
		if len(field) > 60 {
			field = fmt.Sprintf("(%d bytes)", len(field))
		}
		fmt.Fprintf(&text, " %q", field)
	}
	return text.String() + "\n"
}

// Ensure that messy files read as written down beside them.
func TestReader_Testdata(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.csv*")
	if err != nil || len(names) == 0 {
		t.Fatal("no test data", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".want") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			list, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer list.Close()
			got, err := render(filepath.Base(name), list)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(name+".want", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Ensure that rows come out the same however few bytes a read returns.
func TestReader_SmallReads(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("testdata/quotes.csv")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := render("quotes.csv", strings.NewReader(string(list)))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{1, 2, 3, 7, 4096} {
		got, err := render("quotes.csv", &slow{list: list, step: step})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("step %d: -want +got\n%s", step, diff)
		}
	}
}

// slow returns a list some bytes at a time, and nothing at all in between.
type slow struct {
	list []byte
	step int
	idle bool
}

func (s *slow) Read(p []byte) (int, error) {
	if s.idle = !s.idle; s.idle {
		return 0, nil
	}
	if len(s.list) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step)], s.list)
	s.list = s.list[n:]
	return n, nil
}

// Ensure that a row beyond all bounds costs itself and neither memory nor the
// rows after it.
func TestReader_Bounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*MaxRow)
	tests := []struct{ name, list, want string }{
		{"row", "number\n" + long + "\n0639980001\n", "list.csv:2: longer than 1048576 bytes"},
		{"row of columns", "number,commune\n" + strings.Repeat(",", 300) + "x\n0639980001,\n", "list.csv:2: more than 200 columns"},
		{"row of quoted columns", "number,commune\n" + strings.Repeat(`"",`, 300) + "x\n0639980001,\n", "list.csv:2: more than 200 columns"},
		{"quoted field", "number\n\"" + long + "\"\n0639980001\n", "list.csv:2: longer than 1048576 bytes"},
		{"quoted field of lines", "number\n\"" + strings.Repeat("\n", 5000) + "\n0639980001\n", "list.csv:2: column 1 \"number\": a quote is opened and not closed within 4096 bytes"},
		{"quoted row", "number\n\"\n\"" + strings.Repeat("\r", 2*MaxRow) + "\n0639980001\n", "list.csv:2: column 1 \"number\": a quote is opened and the row is longer than 1 MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reader, err := Open("list.csv", strings.NewReader(test.list), people)
			if err != nil {
				t.Fatal(err)
			}
			_, err = reader.Next()
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			last := ""
			for {
				row, err := reader.Next()
				var refusal *RowError
				if err != nil && !errors.As(err, &refusal) {
					break
				}
				if err == nil {
					last = row.Text(0)
				}
			}
			if last != "0639980001" {
				t.Errorf("the row after it reads %q", last)
			}
			if got := cap(reader.window.data); got > MaxRow {
				t.Errorf("the window took %d bytes", got)
			}
		})
	}
}

// Ensure that a list which cannot be read on says so once and stays ended,
// with its last half row not taken for a row.
func TestReader_BrokenSource(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is gone")
	rows := strings.Repeat("0639980001\n", firstWindow/11+1)
	for _, last := range []string{"06399", "\"06399", "\"063998\"", "\"063998\","} {
		reader, err := Open("list.csv", io.MultiReader(strings.NewReader("number\n"+rows+last), failing{cause}), people)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = reader.Next()
		}
		var refusal *FileError
		if !errors.Is(err, cause) || !errors.As(err, &refusal) || refusal.Line != reader.Counts().Rows+2 {
			t.Errorf("after %q: got %v with %+v", last, err, reader.Counts())
		}
	}
	if _, err := Open("list.csv", failing{cause}, people); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if _, err := Open("list.csv", stuck{}, people); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

// Ensure that reading a row stays off the heap.
func TestReader_Allocations(t *testing.T) {
	list := "number;territory;commune\n" + strings.Repeat("0639980001;75;\"Paris \"\"1er\"\"\"\n0639980002;38;N\xeemes\n", 2000)
	reader, err := Open("list.csv", strings.NewReader(list), people)
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(1000, func() {
		row, err := reader.Next()
		if err != nil || len(row.Bytes(0)) != 10 {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("a row allocates %v times", n)
	}
}

type failing struct{ err error }

func (b failing) Read([]byte) (int, error) { return 0, b.err }

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
