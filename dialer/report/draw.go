package report

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
)

// The constants of the mechanism. Each of them stands in published reports or in contracts: changing one is a new schema version.
const (
	// Epsilon is 9/20 = 0.45 per figure: small enough that a person's outcome moves the odds of any report by 2.46 at most (two
	// figures, exp(0.9)), large enough that a figure is good to 9 contacts. It is a fraction because the sampler is exact.
	epsilonNumerator   = 9
	epsilonDenominator = 20

	// Threshold is the noisy count under which a figure is withheld. Below 40 the margin of 9 is more than a fifth of the figure: it
	// would say little about the campaign, and tempt its reader to look for people in it.
	Threshold = 40

	// rounding is the step of published figures. It tells readers not to count single contacts, and is odd, so that no count lies
	// half-way between two multiples and no rule for halves is needed.
	rounding = 5

	// MinimumSize is the smallest ordered size that can be reported, in contacts. In a smaller campaign the figures would be withheld
	// or swamped by noise, and a short list that its buyer can guess is a list of people.
	MinimumSize = 500

	// maximumSize keeps all sums far from overflow. It is over thirty times the largest directory.
	maximumSize = 1_000_000_000
)

// Counts are the exact final classes of a closed campaign. The classes are disjoint and every ordered contact is in one of them, so
// their sum is the ordered size. Exact counts never leave the broker.
type Counts struct {
	// Reached counts contacts for whom the last attempt ended in a delivered message or an answered call.
	Reached uint64
	// NotReached counts contacts who were tried, and not reached.
	NotReached uint64
	// NotContacted counts contacts who were not tried, and those who may not be counted, whatever the reason: the shortfall, rules,
	// objections, the yearly limit of counted campaigns. One class for all reasons, so that none can be read from it.
	NotContacted uint64
	// Unknown counts contacts for whom the carrier never said what became of the attempt.
	Unknown uint64
}

// Size returns the ordered size, in contacts: the sum of the classes. A size under [MinimumSize], or one that no directory can have,
// is an error.
func (c Counts) Size() (uint64, error) {
	size := uint64(0)
	for _, count := range []uint64{c.Reached, c.NotReached, c.NotContacted, c.Unknown} {
		if count > maximumSize {
			return 0, errors.New("a count exceeds any possible directory")
		}
		size += count
	}
	if size < MinimumSize {
		return 0, fmt.Errorf("ordered size %d is under the minimum of %d", size, MinimumSize)
	}
	if size > maximumSize {
		return 0, fmt.Errorf("ordered size %d exceeds any possible directory", size)
	}
	return size, nil
}

// Figure is one published figure: a multiple of 5 that is at least 40, or withheld. The zero value is withheld.
type Figure struct {
	contacts uint64 // 0 when withheld; a shown figure is never under the threshold
}

// Contacts returns the figure, in contacts. It returns false for a withheld figure, which is not a zero: it stands for any noisy
// count under [Threshold].
func (f Figure) Contacts() (contacts uint64, shown bool) { return f.contacts, f.contacts != 0 }

// String returns the figure in digits, or "withheld".
func (f Figure) String() string {
	if f.contacts == 0 {
		return "withheld"
	}
	return strconv.FormatUint(f.contacts, 10)
}

// MarshalJSON writes the figure as a number, and a withheld one as null.
func (f Figure) MarshalJSON() ([]byte, error) {
	if f.contacts == 0 {
		return []byte("null"), nil
	}
	return strconv.AppendUint(nil, f.contacts, 10), nil
}

// Figures are the four figures of a report, in the classes of [Counts], and the ordered size that they were drawn for. They need not
// add up to it. Only [Draw] makes them.
type Figures struct {
	Reached      Figure
	NotReached   Figure
	NotContacted Figure
	Unknown      Figure

	size uint64
}

// Size returns the ordered size, in contacts. It is exact: the party ordered it.
func (f Figures) Size() uint64 { return f.size }

// Draw draws the figures of a report: noise, clamping, threshold and rounding, as the package comment tells. In production random
// is crypto/rand.Reader. Draw errs on counts whose sum cannot be reported (see [Counts.Size]) and on a failing random source; no
// figure is returned then.
//
// A report is drawn once. Whoever can draw twice can average the noise away: store the figures before showing them to anyone.
func Draw(random io.Reader, truth Counts) (Figures, error) {
	size, err := truth.Size()
	if err != nil {
		return Figures{}, fmt.Errorf("draw report: %w", err)
	}
	figures := Figures{size: size}
	for _, class := range []struct {
		name   string
		count  uint64
		figure *Figure
	}{
		{"reached", truth.Reached, &figures.Reached},
		{"not_reached", truth.NotReached, &figures.NotReached},
		{"not_contacted", truth.NotContacted, &figures.NotContacted},
		{"unknown", truth.Unknown, &figures.Unknown},
	} {
		draw := sampler{random: random}
		noise, err := draw.twoSidedGeometric(epsilonNumerator, epsilonDenominator)
		if err != nil {
			return Figures{}, fmt.Errorf("draw %s: %w", class.name, err)
		}
		*class.figure = publish(class.count, noise, size)
	}
	return figures, nil
}

// publish makes a figure from a count and its noise. After the first line it sees only their sum and the public size, which is why
// it may do as it likes. The count is at most size, the size at most maximumSize and the noise under 2^35: no sum overflows.
func publish(count uint64, noise int64, size uint64) Figure {
	noisy := int64(count) + noise
	noisy = min(max(noisy, 0), int64(size))
	if noisy < Threshold {
		return Figure{}
	}
	contacts := uint64(noisy)
	rounded := (contacts + rounding/2) / rounding * rounding
	if rounded > size {
		rounded -= rounding // a figure above the ordered size would look like a fault
	}
	return Figure{contacts: rounded}
}

// DrawMany yields independent draws of the same counts, times of them, through the very code that draws reports. It lets operators
// see, before a campaign is sold, what a party would be shown. Never publish draws of real counts: their average is the truth.
// It stops after the first error.
func DrawMany(random io.Reader, truth Counts, times int) iter.Seq2[Figures, error] {
	return func(yield func(Figures, error) bool) {
		for range times {
			figures, err := Draw(random, truth)
			if !yield(figures, err) || err != nil {
				return
			}
		}
	}
}
