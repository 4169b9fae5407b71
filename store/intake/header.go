package intake

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Column is one column that a list may have.
type Column struct {
	// Name is the column's declared name. It also counts as a header.
	Name string
	// Synonyms are other headers for it. Case, accents, and whether words are
	// parted by spaces, dots, hyphens, apostrophes or underscores make no
	// difference.
	Synonyms []string
	// Required refuses a list without this column.
	Required bool
}

// Columns are all columns that a list may have. Their indexes are those of
// Row's methods.
type Columns struct {
	// DeclaredIn names where the columns are declared ("directory.yaml"), so
	// that whoever reads an error knows where to look.
	DeclaredIn string
	// List is the columns.
	List []Column
}

// header maps the declared columns to their places in one file.
type header struct {
	place []int // by declared column: index in the file, or -1
	width int   // columns in the file
	// synthetic tells that a title says that the list is of invented people.
	synthetic bool
}

// SyntheticMark begins a title of a list of invented people whose numbers
// somebody may have: "synthetic number". It stands in a title because the list
// cannot be read without that, by no program; each list of such people has it,
// and nobody may ever be dialled for one.
const SyntheticMark = "synthetic"

// find returns the column that a title stands for, and whether the title marks
// the list as synthetic.
func find(known map[string]int, title string) (column int, declared, synthetic bool) {
	folded := Fold(title)
	if column, declared = known[folded]; declared {
		return column, true, false
	}
	if bare, marked := strings.CutPrefix(folded, SyntheticMark+" "); marked {
		column, declared = known[bare]
		return column, declared, declared
	}
	return 0, false, false
}

// resolve finds every declared column in a list's header line. All faults are
// told at once, so that a list is mended in one go.
func (c Columns) resolve(name string, line int, titles []string) (header, error) {
	known, err := c.synonyms()
	if err != nil {
		return header{}, err
	}
	for len(titles) > 0 && titles[len(titles)-1] == "" {
		titles = titles[:len(titles)-1] // Spreadsheets leave delimiters behind where a column was deleted.
	}
	h := header{place: make([]int, len(c.List)), width: len(titles)}
	for i := range h.place {
		h.place[i] = -1
	}
	for at, title := range titles {
		if _, declared, _ := find(known, title); !declared && private(title) {
			return header{}, &FileError{
				File: name, Line: line, Reason: fmt.Sprintf("column %d (%s): the first line seems to be data", at+1, Shape(title)),
				Hint: "put a line before it that names the columns",
			}
		}
	}
	var faults []error
	refuse := func(hint, reason string, args ...any) {
		faults = append(faults, &FileError{File: name, Line: line, Reason: fmt.Sprintf(reason, args...), Hint: hint})
	}
	for at, title := range titles {
		column, declared, synthetic := find(known, title)
		switch {
		case title == "":
			refuse("name the column or remove it", "column %d has no name", at+1)
		case !declared:
			refuse("remove the column, or declare it if it may be kept at all", "column %d %s: not declared in %s", at+1, printable(title), c.DeclaredIn)
		case h.place[column] >= 0:
			refuse("leave one of them", "column %d %s: %s stands in column %d already",
				at+1, printable(title), c.List[column].Name, h.place[column]+1)
		default:
			h.place[column] = at
			h.synthetic = h.synthetic || synthetic
		}
	}
	for i, column := range c.List {
		if column.Required && h.place[i] < 0 {
			names := append([]string{column.Name}, column.Synonyms...)
			refuse("name it one of: "+strings.Join(names, ", "), "no column for %s", column.Name)
		}
	}
	return h, errors.Join(faults...)
}

func (c Columns) synonyms() (map[string]int, error) {
	known := make(map[string]int)
	for i, column := range c.List {
		own := map[string]bool{} // A column's synonyms may fold to the same word.
		for _, title := range append([]string{column.Name}, column.Synonyms...) {
			folded := Fold(title)
			if other, taken := known[folded]; taken && !own[folded] {
				return nil, fmt.Errorf("%s: %q stands for both %s and %s", c.DeclaredIn, title, c.List[other].Name, column.Name)
			}
			own[folded] = true
			known[folded] = i
		}
	}
	return known, nil
}

// Fold brings the ways to write one header, or one declared value, together:
// case, accents, and whether words are parted by spaces, dots, hyphens,
// underscores or apostrophes make no difference.
func Fold(title string) string {
	var folded strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(title)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r) || strings.ContainsRune("_-.'’", r):
			gap = folded.Len() > 0
		default:
			if gap {
				folded.WriteByte(' ')
				gap = false
			}
			folded.WriteRune(r)
		}
	}
	return folded.String()
}

// private tells whether a header may be somebody's number or address, as it is
// where the header line is missing.
func private(title string) bool {
	digits := 0
	for _, r := range title {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return digits > 4 || strings.ContainsRune(title, '@')
}

// printable quotes a header for an error.
func printable(title string) string {
	const longest = 40
	if utf8.RuneCountInString(title) > longest {
		return fmt.Sprintf("%q...", string([]rune(title)[:longest]))
	}
	return fmt.Sprintf("%q", title)
}
