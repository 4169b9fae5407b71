package audit

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Verdict is what came of going through a log.
type Verdict struct {
	// Entries counts the entries, Deleted those whose text is gone.
	Entries uint64        `json:"entries"`
	Deleted uint64        `json:"deleted"`
	Years   []YearVerdict `json:"years,omitempty"`
	// Proven is what a proof, which is of one entry, shows.
	Proven *Proven `json:"proven,omitempty"`
	// Admitted tell of checkpoints that fit no more, as the log itself says: it was
	// put back from a copy.
	Admitted []string `json:"admitted,omitempty"`
	// Findings are what is wrong, each with its place.
	Findings []string `json:"findings,omitempty"`
}

// Proven is the place of an entry, from 1, in the log that a checkpoint was made of.
type Proven struct {
	Year  int       `json:"year"`
	Place int64     `json:"place"`
	Of    int64     `json:"of"`
	At    time.Time `json:"at"`
}

// YearVerdict is how much of a year's log is shown to be what it was.
type YearVerdict struct {
	Year    int   `json:"year"`
	Entries int64 `json:"entries"`
	// Covered counts the year's first entries that a checkpoint covers, Checkpoints
	// the signed statements that fit.
	Covered     int64 `json:"covered"`
	Checkpoints int   `json:"checkpoints"`
}

// Verifier goes through a log, entry by entry, and holds it against checkpoints.
type Verifier struct {
	// WentBack reads an entry's text: whether it says that the log was put back, and
	// what it had lost.
	WentBack func(text []byte) (lost Lost, is bool)

	years       []Year
	checkpoints map[int][]Checkpoint // by year, by ascending size
	tree        Tree
	first       uint64 // the first entry of the tree
	last        uint64
	admissions  []admission
	misfits     []misfit
	verdict     Verdict
}

// Lost is the last checkpoint of a log of which a part was lost.
type Lost struct {
	Year int
	Size int64
	At   time.Time
}

// admission is an entry that says that the log went back.
type admission struct {
	sequence uint64
	lost     Lost
}

// covers tells whether a checkpoint is of what was lost.
func (a admission) covers(c Checkpoint) bool {
	older := c.Year < a.lost.Year || c.Year == a.lost.Year && c.Size <= a.lost.Size
	return older && !c.At.After(a.lost.At)
}

// misfit is a checkpoint that does not fit the log, with what is to be said of it.
type misfit struct {
	Checkpoint
	text string
}

// NewVerifier returns one for a log whose years begin there, and for checkpoints of
// it whose signatures were checked.
func NewVerifier(years []Year, checkpoints []Checkpoint) *Verifier {
	v := &Verifier{years: slices.Clone(years), checkpoints: map[int][]Checkpoint{}}
	slices.SortFunc(v.years, func(a, b Year) int { return cmp.Compare(a.First, b.First) })
	for _, c := range checkpoints {
		v.checkpoints[c.Year] = append(v.checkpoints[c.Year], c)
	}
	for _, list := range v.checkpoints {
		slices.SortStableFunc(list, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	}
	return v
}

func (v *Verifier) found(format string, values ...any) {
	v.verdict.Findings = append(v.verdict.Findings, fmt.Sprintf(format, values...))
}

// Add takes the next entry.
func (v *Verifier) Add(entry Entry) {
	switch {
	case entry.Sequence == v.last+1:
	case entry.Sequence > v.last+1:
		v.found("%s missing", span(v.last+1, entry.Sequence-1))
	default:
		v.found("entry %d stands behind entry %d", entry.Sequence, v.last)
	}
	v.last = max(v.last, entry.Sequence)
	v.verdict.Entries++
	v.turn(entry.Sequence)
	switch {
	case len(entry.Text) == 0:
		v.verdict.Deleted++
	case sha256.Sum256(entry.Text) != entry.Leaf:
		v.found("the text of entry %d was changed", entry.Sequence)
	case v.WentBack != nil:
		if lost, is := v.WentBack(entry.Text); is {
			v.admissions = append(v.admissions, admission{entry.Sequence, lost})
		}
	}
	v.tree.Add(entry.Leaf)
	v.present().Entries++
	v.compare(entry.Sequence)
}

// span names entries from one to another.
func span(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("entry %d is", from)
	}
	return fmt.Sprintf("entries %d to %d are", from, to)
}

// turn begins the tree of another year where the entry is its first.
func (v *Verifier) turn(sequence uint64) {
	for len(v.years) > 0 && sequence >= v.years[0].First {
		v.leave()
		v.begin(v.years[0].Year, sequence)
		v.years = v.years[1:]
	}
	if len(v.verdict.Years) == 0 {
		v.found("it is not said of which year entry %d is", sequence)
		v.begin(0, sequence)
	}
}

func (v *Verifier) begin(year int, first uint64) {
	v.tree, v.first = Tree{}, first
	v.verdict.Years = append(v.verdict.Years, YearVerdict{Year: year})
}

// present is the year that entries are taken for.
func (v *Verifier) present() *YearVerdict { return &v.verdict.Years[len(v.verdict.Years)-1] }

// compare holds the tree against the checkpoints of its size.
func (v *Verifier) compare(sequence uint64) {
	year := v.present()
	list := v.checkpoints[year.Year]
	for len(list) > 0 && list[0].Size == v.tree.Size() {
		if list[0].Root == v.tree.Root() {
			year.Checkpoints++
			year.Covered = v.tree.Size()
		} else {
			v.misfit(list[0], "the entries up to %d are not those of the checkpoint of %s: something in %d to %d was changed, dropped or swapped",
				sequence, list[0].At.UTC().Format(time.RFC3339), v.first+uint64(year.Covered), sequence)
		}
		list = list[1:]
	}
	v.checkpoints[year.Year] = list
}

// leave looks at the checkpoints that the year's tree has not come up to.
func (v *Verifier) leave() {
	if len(v.verdict.Years) == 0 {
		return
	}
	year := v.present()
	for _, c := range v.checkpoints[year.Year] {
		v.misfit(c, "the log of %d ends with %d entries, the checkpoint of %s has %d: it was cut, or is an older copy",
			year.Year, year.Entries, c.At.UTC().Format(time.RFC3339), c.Size)
	}
	delete(v.checkpoints, year.Year)
}

// misfit is a checkpoint that does not fit: a finding, unless the log admits it,
// which it may do further on. What it says is kept until the end.
func (v *Verifier) misfit(c Checkpoint, format string, values ...any) {
	v.misfits = append(v.misfits, misfit{c, fmt.Sprintf(format, values...)})
}

// End tells what came of it all.
func (v *Verifier) End() Verdict {
	v.leave()
	for _, year := range slices.Sorted(maps.Keys(v.checkpoints)) {
		for _, c := range v.checkpoints[year] {
			v.misfit(c, "the checkpoint of %s is of %d, and the log has no such year", c.At.UTC().Format(time.RFC3339), year)
		}
	}
	for _, m := range v.misfits {
		admitted := slices.IndexFunc(v.admissions, func(a admission) bool { return a.covers(m.Checkpoint) })
		if admitted < 0 {
			v.found("%s", m.text)
			continue
		}
		v.verdict.Admitted = append(v.verdict.Admitted, fmt.Sprintf("the checkpoint of %s (%d entries) is of a log that was lost when an older copy was put back: entry %d says so",
			m.At.UTC().Format(time.RFC3339), m.Size, v.admissions[admitted].sequence))
	}
	if v.verdict.Entries == 0 {
		v.found("the log has no entry")
	}
	for _, year := range v.verdict.Years {
		if year.Checkpoints == 0 {
			v.found("no checkpoint of %d fits: nothing shows that its entries are what they were", year.Year)
		}
	}
	return v.verdict
}
