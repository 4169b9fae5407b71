package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/intake"
)

// listKeeper keeps outside lists: dialer.Dialer.
type listKeeper interface {
	ListOf(name string) (consent.List, error)
	CheckListDate(name string, fileDate time.Time) error
	ReplaceList(ctx context.Context, file dialer.ListFile, rows iter.Seq2[dialer.ListRow, error], progress func(written uint64)) error
	NoteList(ctx context.Context, file dialer.ListFile) error
}

// outsideFile is what an import of an outside list says of its file: the list
// that it is, and how old it is.
func outsideFile(o *intakeOptions, open queue.IntakeOpen) (consent.List, dialer.ListFile, error) {
	refuse := func(message, hint string) error {
		return &queue.ControlError{Code: queue.CodeInvalid, Message: message, Hint: hint}
	}
	file := dialer.ListFile{Source: open.Source, ImportedAt: o.clock.Now(), Operator: open.Operator}
	list, err := o.lists.ListOf(open.List)
	if err != nil {
		return list, file, refuse(err.Error(), "dialctl list show names the lists that the pack asks for")
	}
	file.Name = list.Name
	if file.FileDate, err = intake.ParseInstant(open.FileDate, regionZone(o.schema.Region)); err != nil {
		return list, file, refuse("the date of the file cannot be read", "say how old the list is, such as 2027-03-09: it counts from then, not from its import")
	}
	if file.FileDate.After(file.ImportedAt) {
		return list, file, refuse("the date of the file lies in the future", "it is "+file.ImportedAt.Format(time.DateOnly)+" here")
	}
	if err := o.lists.CheckListDate(list.Name, file.FileDate); errors.Is(err, dialer.ErrListOlder) {
		return list, file, refuse(err.Error(), "who was entered since would fall off the list: import the newest file")
	} else if err != nil {
		return list, file, err
	}
	if len(open.Files) != 1 {
		return list, file, refuse(fmt.Sprintf("%d files were announced, want one", len(open.Files)), "a list has one date: put its parts into one file")
	}
	return list, file, nil
}

// newIntakeOutside returns what takes in an outside list: by the row where they
// are objections, all or nothing otherwise.
func newIntakeOutside(o *intakeOptions, open queue.IntakeOpen, report *intakeReport) (intakeList, error) {
	list, file, err := outsideFile(o, open)
	if err != nil {
		return nil, err
	}
	if list.Holds == consent.ListOfObjections {
		return &intakeFeedOfObjections{intakeOptOuts: newIntakeOptOuts(o, report), lists: o.lists, file: file}, nil
	}
	rows, err := store.NewSortedRows(o.scratch, 0)
	if err != nil {
		return nil, err
	}
	l := &intakeOutside{
		lists: o.lists, file: file, rows: rows, report: report, identity: o.keys.Identity, region: o.schema.Region,
		zone: regionZone(o.schema.Region), now: file.ImportedAt, declared: outsideColumns(o.schema.Columns.Number),
	}
	if list.Holds == consent.ListOfAnswers {
		l.declared = answerColumns(o.schema.Columns.Number)
	}
	return l, nil
}

// The columns of an outside list.
const (
	outsideNumber = iota
	outsideAnswer
	outsideSince
)

func outsideColumns(number []string) intake.Columns {
	return intake.Columns{DeclaredIn: "the form of an outside list", List: []intake.Column{
		outsideNumber: {Name: "number", Synonyms: number, Required: true},
	}}
}

// answerColumns are those of a reassigned numbers database's answers. What it
// answers depends on the date that it was asked about, so that an answer without
// one answers nothing.
func answerColumns(number []string) intake.Columns {
	return intake.Columns{DeclaredIn: "the form of a list of answers", List: []intake.Column{
		outsideNumber: {Name: "number", Synonyms: number, Required: true},
		outsideAnswer: {Name: "answer", Synonyms: []string{"result", "réponse"}, Required: true},
		outsideSince:  {Name: "since", Synonyms: []string{"date", "consent date", "date of consent", "asked about"}, Required: true},
	}}
}

// intakeOutside takes a list of people, or of answers about them. A row that is
// left out would be a person who is reached although they stand on the list, so
// that one row that cannot be read refuses all of it.
type intakeOutside struct {
	lists    listKeeper
	file     dialer.ListFile
	rows     *store.SortedRows
	report   *intakeReport
	identity contact.IDKey
	region   string
	zone     *time.Location
	now      time.Time
	declared intake.Columns
	refused  int
}

func (l *intakeOutside) columns() intake.Columns { return l.declared }

func (l *intakeOutside) beginFile(string, bool) {}

func (l *intakeOutside) afterFailure() string { return "the list is as it was before" }

func (l *intakeOutside) refuse(e *intake.RowError) error {
	l.report.read(1)
	l.refused++
	l.report.refuse(refusedMalformed, e)
	return nil
}

func (l *intakeOutside) take(_ context.Context, row intake.Row) error {
	l.report.read(1)
	id, value, fault := l.parse(row)
	if fault != nil {
		l.refused++
		l.report.refuse(fault.word, row.Refuse(fault.column, fault.shape, fault.hint))
		return nil
	}
	return l.rows.Add(id, appendOutsideRow(nil, value))
}

func (l *intakeOutside) parse(row intake.Row) (id contact.ID, value dialer.ListRow, fault *intakeFault) {
	written := row.Bytes(outsideNumber)
	if len(written) == 0 {
		return id, value, &intakeFault{outsideNumber, refusedNumberMissing, "", ""}
	}
	// A number that the plan does not have costs nothing to keep, and the plan
	// may be behind the times.
	number, _, err := contact.Parse(written, l.region)
	if err != nil {
		return id, value, &intakeFault{outsideNumber, refusedNumber, shape(written), "want a national number of " + l.region + ", or one that begins with + and a country code"}
	}
	id = l.identity.ID(number)
	if len(l.declared.List) <= outsideAnswer {
		return id, value, nil
	}
	if err := value.Answer.UnmarshalText(row.Bytes(outsideAnswer)); err != nil {
		return id, value, &intakeFault{outsideAnswer, refusedAnswer, shape(row.Bytes(outsideAnswer)), "want yes, no or no_data, as the database words it"}
	}
	if value.Since, err = intake.ParseInstant(row.Text(outsideSince), l.zone); err != nil {
		return id, value, &intakeFault{outsideSince, refusedInstant, shape(row.Bytes(outsideSince)), "want the date that the database was asked about, such as 2026-11-02"}
	}
	if value.Since.After(l.now) {
		return id, value, &intakeFault{outsideSince, refusedFuture, shape(row.Bytes(outsideSince)), "nobody can be asked about tomorrow"}
	}
	return id, value, nil
}

// appendOutsideRow and readOutsideRow keep what a row says while it is sorted.
func appendOutsideRow(row []byte, value dialer.ListRow) []byte {
	if value.Since.IsZero() {
		return row
	}
	return binary.BigEndian.AppendUint64(append(row, byte(value.Answer)), uint64(value.Since.UnixNano()))
}

func readOutsideRow(id contact.ID, row []byte) dialer.ListRow {
	value := dialer.ListRow{Contact: id}
	if len(row) == 1+8 {
		value.Answer, value.Since = consent.Reassigned(row[0]), time.Unix(0, int64(binary.BigEndian.Uint64(row[1:])))
	}
	return value
}

func (l *intakeOutside) endFile(_ context.Context, hash [sha256.Size]byte) error {
	l.file.FileHash = hash[:]
	return nil
}

func (l *intakeOutside) finish(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, l.rows.Close()) }()
	if l.refused > 0 {
		return &intake.FileError{
			File: "list " + l.file.Name, Reason: fmt.Sprintf("%d rows cannot be read, so that nothing of it was taken", l.refused),
			Hint: "mend the rows: who is left out would be reached although they stand on the list",
		}
	}
	total := l.rows.Count()
	if err := l.lists.ReplaceList(ctx, l.file, l.distinct(), func(written uint64) { l.report.built(written, total) }); err != nil {
		return err
	}
	l.report.built(total, total)
	return nil
}

// distinct yields one row for each contact. Of several answers about one, that
// counts which lets the fewest be reached; of two that say no, the one that says
// it of a longer time.
func (l *intakeOutside) distinct() iter.Seq2[dialer.ListRow, error] {
	return func(yield func(dialer.ListRow, error) bool) {
		var held dialer.ListRow
		holding := false
		for row, err := range l.rows.Rows() {
			if err != nil {
				yield(dialer.ListRow{}, err)
				return
			}
			next := readOutsideRow(row.ID, row.Row)
			if row.Repeated {
				l.report.count(refusedDuplicate, 1)
				held = stricter(held, next)
				continue
			}
			l.report.count(countAdded, 1)
			if holding && !yield(held, nil) {
				return
			}
			held, holding = next, true
		}
		if holding {
			yield(held, nil)
		}
	}
}

func stricter(a, b dialer.ListRow) dialer.ListRow {
	strictness := func(r dialer.ListRow) int {
		return map[consent.Reassigned]int{consent.WasReassigned: 2, consent.NoData: 1, consent.NotReassigned: 0}[r.Answer]
	}
	switch {
	case strictness(a) != strictness(b):
		if strictness(b) > strictness(a) {
			return b
		}
	case b.Since.Before(a.Since):
		return b
	}
	return a
}

func (l *intakeOutside) abort(context.Context) error { return l.rows.Close() }

// intakeFeedOfObjections takes a list of objections that somebody took for us.
// Its rows hold as they come, like those of any list of opt-outs; the list's
// date moves on once it was read to its end.
type intakeFeedOfObjections struct {
	*intakeOptOuts
	lists listKeeper
	file  dialer.ListFile
	rows  uint64
}

func (f *intakeFeedOfObjections) take(ctx context.Context, row intake.Row) error {
	f.rows++
	return f.intakeOptOuts.take(ctx, row)
}

func (f *intakeFeedOfObjections) endFile(ctx context.Context, hash [sha256.Size]byte) error {
	f.file.FileHash = hash[:]
	return f.intakeOptOuts.endFile(ctx, hash)
}

func (f *intakeFeedOfObjections) finish(ctx context.Context) error {
	if err := f.intakeOptOuts.finish(ctx); err != nil {
		return err
	}
	f.file.Rows = f.rows
	return f.lists.NoteList(ctx, f.file)
}
