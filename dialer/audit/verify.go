package audit

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Verdict is what came of going through a log.
type Verdict struct {
	// Entries counts the entries, Deleted those whose text is gone, and Checkpoints
	// the signed statements that fit.
	Entries     uint64 `json:"entries"`
	Deleted     uint64 `json:"deleted"`
	Checkpoints int    `json:"checkpoints"`
	// Covered is the last entry that a checkpoint covers.
	Covered uint64 `json:"covered"`
	// Admitted tell of checkpoints that fit no more, as the log itself says: it was
	// put back from a copy.
	Admitted []string `json:"admitted,omitempty"`
	// Findings are what is wrong, each with its place.
	Findings []string `json:"findings,omitempty"`
}

// Verifier goes through a log, entry by entry, and holds it against checkpoints.
type Verifier struct {
	// WentBack reads an entry's text: whether it says that the log was put back, and
	// from which checkpoint's size and instant.
	WentBack func(text []byte) (size int64, at time.Time, is bool)

	years       []Year
	checkpoints map[int][]Checkpoint // by year, by ascending size
	tree        Tree
	year        int
	last        uint64
	admissions  []admission
	misfits     []misfit
	verdict     Verdict
}

// admission is an entry that says that the log went back.
type admission struct {
	year     int
	index    int64 // the entry's own
	sequence uint64
	size     int64
	at       time.Time
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
		if size, at, is := v.WentBack(entry.Text); is {
			v.admissions = append(v.admissions, admission{v.year, v.tree.Size(), entry.Sequence, size, at})
		}
	}
	v.tree.Add(entry.Leaf)
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
		v.tree, v.year = Tree{}, v.years[0].Year
		v.years = v.years[1:]
	}
}

// compare holds the tree against the checkpoints of its size.
func (v *Verifier) compare(sequence uint64) {
	list := v.checkpoints[v.year]
	for len(list) > 0 && list[0].Size == v.tree.Size() {
		if list[0].Root == v.tree.Root() {
			v.verdict.Checkpoints++
			v.verdict.Covered = sequence
		} else {
			v.misfit(list[0], "the entries up to %d are not those of the checkpoint of %s: something in %d to %d was changed, dropped or swapped",
				sequence, list[0].At.UTC().Format(time.RFC3339), v.verdict.Covered+1, sequence)
		}
		list = list[1:]
	}
	v.checkpoints[v.year] = list
}

// leave looks at the checkpoints that the year's tree has not come up to.
func (v *Verifier) leave() {
	for _, c := range v.checkpoints[v.year] {
		v.misfit(c, "the log of %d ends with %d entries, the checkpoint of %s has %d: it was cut, or is an older copy",
			v.year, v.tree.Size(), c.At.UTC().Format(time.RFC3339), c.Size)
	}
	delete(v.checkpoints, v.year)
}

// misfit is a checkpoint that does not fit: a finding, unless the log admits it,
// which it may do further on. What it says is kept until the end.
func (v *Verifier) misfit(c Checkpoint, format string, values ...any) {
	v.misfits = append(v.misfits, misfit{c, fmt.Sprintf(format, values...)})
}

// End tells what came of it all.
func (v *Verifier) End() Verdict {
	v.leave()
	for _, m := range v.misfits {
		admitted := slices.IndexFunc(v.admissions, func(a admission) bool {
			return a.year == m.Year && a.index < m.Size && m.Size <= a.size && !m.At.After(a.at)
		})
		if admitted < 0 {
			v.found("%s", m.text)
			continue
		}
		v.verdict.Admitted = append(v.verdict.Admitted, fmt.Sprintf("the checkpoint of %s (%d entries) is of a log that was lost when an older copy was put back: entry %d says so",
			m.At.UTC().Format(time.RFC3339), m.Size, v.admissions[admitted].sequence))
	}
	for year, list := range v.checkpoints {
		if len(list) > 0 {
			v.found("there are %d checkpoints of %d, and the log has no such year", len(list), year)
		}
	}
	return v.verdict
}
