package report

import (
	"io"
	"math"
	"testing"
)

// A test of this file looks at draws only, as somebody outside would: it knows no noise, no threshold and no rounding.

// previewDraws is how many previews of each of two neighbours are drawn with every commit; the nightly tests draw more (see plenty).
const previewDraws = 20_000

// neighbours are two campaigns that differ in one person's outcome. Both counts stand where rounding tells most: the boundary between
// two figures lies between them.
var neighbours = [2]Counts{
	{Reached: 242, NotReached: 168, NotContacted: 90},
	{Reached: 243, NotReached: 167, NotContacted: 90},
}

// shown are the two figures of a draw that the person's outcome touches.
type shown [2]uint64

func drawShown(t *testing.T, random io.Reader, truth Counts, times int, numerator uint64) map[shown]int {
	t.Helper()
	size, err := truth.Size()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[shown]int{}
	if numerator == epsilonNumerator {
		for figures, err := range DrawMany(random, truth, times) {
			if err != nil {
				t.Fatal(err)
			}
			seen[shown{figures.Reached.contacts, figures.NotReached.contacts}]++
		}
		return seen
	}
	for range times { // a mutant
		var one shown
		for i, count := range []uint64{truth.Reached, truth.NotReached} {
			draw := sampler{random: random}
			noise, err := draw.twoSidedGeometric(numerator, epsilonDenominator)
			if err != nil {
				t.Fatal(err)
			}
			one[i] = publish(count, noise, size).contacts
		}
		seen[one]++
	}
	return seen
}

// atMost and atLeast return the ends of a confidence interval for a chance of which hits in n were seen, by the Chernoff bound in its
// exact form: n KL(hits/n, p) <= ln(1/miss). Each is wrong with a chance of at most miss, whatever n.
func atMost(hits, n int, miss float64) float64  { return chernoff(hits, n, miss, 1) }
func atLeast(hits, n int, miss float64) float64 { return chernoff(hits, n, miss, 0) }

func chernoff(hits, n int, miss, end float64) float64 {
	seen := float64(hits) / float64(n)
	divergence := func(p float64) float64 {
		sum := 0.0
		if seen > 0 {
			sum += seen * math.Log(seen/p)
		}
		if seen < 1 {
			sum += (1 - seen) * math.Log((1-seen)/(1-p))
		}
		return sum
	}
	near, far := seen, end
	for range 60 {
		if middle := (near + far) / 2; divergence(middle) <= math.Log(1/miss)/float64(n) {
			near = middle
		} else {
			far = middle
		}
	}
	return far
}

// losses returns how much the event that tells most of the neighbours apart tells, as the logarithm of the two chances: as seen, and
// at least, with all events together wrong with a chance of at most miss. Events are all quadrants of the two figures.
func losses(first, second map[shown]int, n int, miss float64) (seen, surely float64) {
	edges := map[uint64]bool{0: true}
	for _, draws := range []map[shown]int{first, second} {
		for one := range draws {
			edges[one[0]], edges[one[1]] = true, true
		}
	}
	each := miss / float64(16*len(edges)*len(edges))
	look := func(in func(shown) bool) {
		a, b := count(first, in), count(second, in)
		for _, hits := range [][2]int{{a, b}, {b, a}} {
			least, most := atLeast(hits[0], n, each), atMost(hits[1], n, each)
			if least <= 0 {
				continue
			}
			if loss := math.Log(least / most); loss > surely {
				surely, seen = loss, math.Log(float64(hits[0])/float64(hits[1]))
			}
		}
	}
	for x := range edges {
		look(func(s shown) bool { return s[0] >= x })
		for y := range edges {
			look(func(s shown) bool { return s[0] >= x && s[1] >= y })
			look(func(s shown) bool { return s[0] >= x && s[1] < y })
		}
	}
	return seen, surely
}

func count(draws map[shown]int, in func(shown) bool) (hits int) {
	for one, times := range draws {
		if in(one) {
			hits += times
		}
	}
	return hits
}

// epsilonMiss is the chance of a false alarm of the tests of epsilon.
const epsilonMiss = 1e-6

// Ensure that what is seen from outside keeps the stated epsilon: 0.9 for a person and a report, the two figures together.
func TestEpsilon_Empirical(t *testing.T) {
	t.Parallel()
	n, random := plenty(t, previewDraws)
	stated := float64(figuresPerPerson*epsilonNumerator) / epsilonDenominator
	seen, surely := losses(drawShown(t, random, neighbours[0], n, epsilonNumerator), drawShown(t, random, neighbours[1], n, epsilonNumerator), n, epsilonMiss)
	t.Logf("figures: 2 x %d previews of two neighbours; the event that tells most: epsilon %.3f as seen, at least %.3f with confidence 1 - %.0e; stated %.2f",
		n, seen, surely, epsilonMiss, stated)
	if surely > stated {
		t.Errorf("epsilon is %.3f at least, and %.2f was stated", surely, stated)
	}
}

// Ensure that noise which is too small would be seen.
func TestEpsilon_MutantIsSeen(t *testing.T) {
	t.Parallel()
	const draws, mutant = previewDraws, epsilonNumerator * 3 / 2
	random := stream(t.Name())
	_, surely := losses(drawShown(t, random, neighbours[0], draws, mutant), drawShown(t, random, neighbours[1], draws, mutant), draws, epsilonMiss)
	if stated := float64(figuresPerPerson*epsilonNumerator) / epsilonDenominator; surely <= stated {
		t.Errorf("epsilon %d/20 a figure passes for 9/20: %.3f at least, of a stated %.2f", mutant, surely, stated)
	}
}
