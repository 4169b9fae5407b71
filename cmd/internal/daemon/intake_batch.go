package daemon

import (
	"sort"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/intake"
)

// intakeBatch is some rows on their way through a parser. A reader's row is
// valid only until the next one, so that its fields are copied.
type intakeBatch struct {
	rows   []intakeRow
	text   []byte
	ends   []int  // of the fields in text, row after row
	packed []byte // the rows as the directory keeps them, one after the other
	err    error
	parsed chan struct{}
}

// intakeRow is one row: where it stood, where its fields are in the batch, and
// what became of it.
type intakeRow struct {
	row     intake.Row
	first   int // of its ends
	begin   int // of its text
	id      contact.ID
	packed  int // the end of its packed form
	word    string
	refused *intake.RowError
}

func newIntakeBatch() *intakeBatch {
	return &intakeBatch{rows: make([]intakeRow, 0, batchRows), parsed: make(chan struct{}, 1)}
}

// add copies the row's fields.
func (b *intakeBatch) add(row intake.Row, columns int) {
	added := intakeRow{row: row, first: len(b.ends), begin: len(b.text)}
	for column := range columns {
		b.text = append(b.text, row.Bytes(column)...)
		b.ends = append(b.ends, len(b.text))
	}
	b.rows = append(b.rows, added)
}

// parse turns all rows into packed contacts or refusals. A panic spoils the batch
// instead of ending the daemon.
func (b *intakeBatch) parse(p *intakeParser, packer *store.Packer) {
	b.err = errIntakePanic
	defer func() { _ = recover() }() // its value may quote a row; the error tells
	c := dialer.Contact{Values: make([]uint16, len(p.attributes))}
	for i := range b.rows {
		row := &b.rows[i]
		if row.refused != nil {
			continue
		}
		number, fault := p.parse(func(column int) []byte { return b.field(row, column) }, &c)
		if fault != nil {
			row.word, row.refused = fault.word, row.row.Refuse(fault.column, fault.shape, fault.hint)
			continue
		}
		packed, err := packer.Pack(b.packed, &c, number)
		if err != nil {
			b.err = err
			return
		}
		b.packed, row.id, row.packed = packed, c.ID, len(packed)
	}
	b.err = nil
}

func (b *intakeBatch) field(row *intakeRow, column int) []byte {
	begin := row.begin
	if column > 0 {
		begin = b.ends[row.first+column-1]
	}
	return b.text[begin:b.ends[row.first+column]]
}

// reset makes the batch ready for other rows and wipes the numbers in it.
func (b *intakeBatch) reset() {
	clear(b.rows)
	clear(b.text)
	b.rows, b.text, b.ends, b.packed = b.rows[:0], b.text[:0], b.ends[:0], b.packed[:0]
}

// placeRuns bounds the memory that places take, at 16 bytes each. A list whose
// rows are so irregular that they need more has its later duplicates counted,
// but not told.
const placeRuns = 1 << 20

// intakePlaces remembers where the row of an ordinal stood. Since most rows
// follow each other line by line, runs of such rows are kept.
type intakePlaces struct {
	files []string
	runs  []placeRun
	next  uint64
	full  bool
	most  uint64 // ordinals from here on have no place, where full
}

type placeRun struct {
	ordinal uint64
	file    uint32
	line    uint32
}

func (p *intakePlaces) beginFile(name string) { p.files = append(p.files, name) }

// add notes the line of the next ordinal, in the file begun last.
func (p *intakePlaces) add(line int) {
	ordinal, file := p.next, uint32(len(p.files)-1)
	p.next++
	if p.full {
		return
	}
	if last := len(p.runs) - 1; last >= 0 {
		run := p.runs[last]
		if run.file == file && uint64(line) == uint64(run.line)+ordinal-run.ordinal {
			return
		}
	}
	if len(p.runs) == placeRuns {
		p.full, p.most = true, ordinal
		return
	}
	p.runs = append(p.runs, placeRun{ordinal, file, uint32(line)})
}

func (p *intakePlaces) find(ordinal uint64) (file string, line int, known bool) {
	if ordinal >= p.next || p.full && ordinal >= p.most {
		return "", 0, false
	}
	after := sort.Search(len(p.runs), func(i int) bool { return p.runs[i].ordinal > ordinal })
	run := p.runs[after-1]
	return p.files[run.file], int(uint64(run.line) + ordinal - run.ordinal), true
}
