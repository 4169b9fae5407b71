package main

import (
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/hustings/hustings/queue"
)

// importResult is what became of the rows.
type importResult struct {
	Kind queue.IntakeKind `json:"kind"`
	Rows uint64           `json:"rows"`
	// Taken counts rows and contacts by what became of them, Refused the rows
	// by why they were not taken.
	Taken       map[string]uint64 `json:"taken"`
	Refused     map[string]uint64 `json:"refused"`
	RefusedRows uint64            `json:"refused_rows"`
	// Refusals is the file that lists the refused rows.
	Refusals string `json:"refusals,omitempty"`
}

// takenWord is a count that is no refusal.
type takenWord struct{ word, meaning string }

// takenWords are the counts that are no refusals, in the order in which they
// are told, with what they mean.
var takenWords = [...]takenWord{
	{"added", "new"},
	{"updated", "known before, with something new"},
	{"unchanged", "known before, with nothing new"},
	{"known", "entered before"},
	{"effective", "in force: nobody of them is tried any more"},
	{"received", "in force, while one request was in flight and may still arrive"},
	{"duplicate", "repeated in these lists, the first row counts"},
	{"kept", "in the directory before and not in these lists"},
	{"erased", "left out: the contact asked for erasure"},
	{"unknown_contact", "the directory does not have the contact"},
	{"widened", "taken as an objection to everything"},
	{"instant_assumed", "without an instant, taken as of now"},
}

// splitCounts parts what was taken from the reasons of refusal.
func splitCounts(counts map[string]uint64) (taken, refused map[string]uint64) {
	taken, refused = map[string]uint64{}, map[string]uint64{}
	for word, n := range counts {
		known := slices.ContainsFunc(takenWords[:], func(t takenWord) bool { return t.word == word })
		switch {
		case n == 0:
		case known:
			taken[word] = n
		default:
			refused[word] = n
		}
	}
	return taken, refused
}

// imported counts the rows that said something that could be used.
func (r importResult) imported() uint64 {
	return r.Taken["added"] + r.Taken["updated"] + r.Taken["unchanged"] + r.Taken["known"] +
		r.Taken["effective"] + r.Taken["received"]
}

func (r importResult) print(w io.Writer) error {
	rows := []string{cell("rows", grouped(r.Rows), "")}
	for _, t := range takenWords {
		if n := r.Taken[t.word]; n > 0 {
			rows = append(rows, cell("  "+t.word, grouped(n), t.meaning))
		}
	}
	note := ""
	if r.Refusals != "" {
		note = "listed in " + r.Refusals
	}
	rows = append(rows, cell("refused", grouped(r.RefusedRows), note))
	for _, word := range largest(r.Refused) {
		rows = append(rows, cell("  "+word, grouped(r.Refused[word]), ""))
	}
	return table(w, rows...)
}

// refusalFile lists refused rows as CSV. It is made with its first row, and
// takes its name when it is whole.
type refusalFile struct {
	path  string
	count int
	file  *os.File
	rows  *csv.Writer
	err   error
}

func (f *refusalFile) add(r queue.Refusal) {
	if f.err != nil {
		return
	}
	if f.file == nil {
		if f.file, f.err = os.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+".*"); f.err != nil {
			return
		}
		f.rows = csv.NewWriter(f.file)
		f.err = f.rows.Write([]string{"file", "line", "column", "field", "reason", "hint"})
	}
	column := ""
	if r.Column > 0 {
		column = strconv.Itoa(r.Column)
	}
	if f.err == nil {
		f.err = f.rows.Write([]string{r.File, strconv.Itoa(r.Line), column, r.Field, r.Reason, r.Hint})
		f.count++
	}
}

// close gives the file its name, or removes it.
func (f *refusalFile) close(keep bool) error {
	if f.file == nil {
		return f.err
	}
	f.rows.Flush()
	err := errors.Join(f.err, f.rows.Error(), f.file.Close())
	if err == nil && keep {
		err = os.Rename(f.file.Name(), f.path)
	}
	if err != nil || !keep {
		_ = os.Remove(f.file.Name())
	}
	return err
}

var quoted = regexp.MustCompile(`"[^"]*"`)

// quotedMasked masks what may be a number in what an error quotes: the header of
// a list without one is its first row.
func quotedMasked(err error) error {
	masked := quoted.ReplaceAllStringFunc(err.Error(), withoutNumbers)
	if masked == err.Error() {
		return err
	}
	return &failure{message: masked, cause: err, hint: hintOf(err), code: exitCode(err)}
}
