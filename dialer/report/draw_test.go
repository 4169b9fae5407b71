package report

import (
	"crypto/rand"
	"errors"
	"io"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Ensure that every figure is withheld or a multiple of 5, from 40 to the ordered size, whatever the counts.
func TestDraw_Figures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(rapid.Uint64Range(0, 60), rapid.Uint64Range(0, 600), rapid.Uint64Range(0, 10_000_000))
		truth := Counts{
			Reached:      count.Draw(t, "reached"),
			NotReached:   count.Draw(t, "not reached"),
			NotContacted: count.Draw(t, "not contacted"),
			Unknown:      count.Draw(t, "unknown"),
		}
		size, err := truth.Size()
		figures, drawErr := Draw(rand.Reader, truth)
		if (err == nil) != (drawErr == nil) {
			t.Fatalf("size: %v; draw: %v", err, drawErr)
		}
		if err != nil {
			return
		}
		if figures.Size() != size {
			t.Fatalf("size %d, expected %d", figures.Size(), size)
		}
		for _, class := range figures.classes() {
			contacts, shown := class.figure.Contacts()
			if shown && (contacts%5 != 0 || contacts < 40 || contacts > size) {
				t.Fatalf("%s is %d of %d", class.name, contacts, size)
			}
			if !shown && (contacts != 0 || class.figure.String() != "withheld") {
				t.Fatalf("%s is withheld and %d, %q", class.name, contacts, class.figure)
			}
		}
	})
}

// widestNoise covers every figure from every count of a small campaign; wider noise has a chance under 1e-120.
const widestNoise = 600

// noiseTable returns the chances of noise from -widestNoise on.
func noiseTable() []float64 {
	var table []float64
	for noise := int64(-widestNoise); noise <= widestNoise; noise++ {
		table = append(table, noiseChance(noise, epsilonNumerator, epsilonDenominator))
	}
	return table
}

// published returns the exact chances of each figure of a count, by its contacts (0 for withheld), from publish itself.
func published(table []float64, count, size uint64) map[uint64]float64 {
	chances := map[uint64]float64{}
	for index, chance := range table {
		contacts, _ := publish(count, int64(index)-widestNoise, size).Contacts()
		chances[contacts] += chance
	}
	return chances
}

// Ensure the promise itself: between neighbouring counts, no figure's chance differs by more than a factor exp(epsilon). A
// threshold or a clamp that looked at the true count would break it at once.
func TestDraw_PromiseHoldsForEveryNeighbour(t *testing.T) {
	t.Parallel()
	limit := math.Exp(0.45) * (1 + 1e-9)
	table := noiseTable()
	for _, size := range []uint64{500, 503} {
		before := published(table, 0, size)
		for count := uint64(1); count <= size; count++ {
			after := published(table, count, size)
			if len(after) != len(before) {
				t.Fatalf("counts %d and %d of %d give different sets of figures", count-1, count, size)
			}
			for contacts, chance := range after {
				if ratio := chance / before[contacts]; ratio > limit || 1/ratio > limit {
					t.Fatalf("figure %d tells %d from %d by a factor %.4f", contacts, count-1, count, ratio)
				}
			}
			before = after
		}
	}
}

// Ensure that what Draw shows has the chances that noise, clamp, threshold and rounding give it, each worked out by hand.
func TestDraw_DistributionOfFigures(t *testing.T) {
	t.Parallel()
	const draws = 40_000
	a := math.Exp(-0.45)
	atLeast := func(k float64) float64 { return math.Pow(a, k) / (1 + a) } // P(noise >= k), k >= 0
	truth := Counts{Reached: 40, NotReached: 463, NotContacted: 0, Unknown: 0}
	expected := map[string]map[uint64]float64{
		"reached":       {0: atLeast(1), 40: 1 - atLeast(1) - atLeast(3), 45: atLeast(3) - atLeast(8)},
		"not_reached":   {460: atLeast(1) - atLeast(6), 465: 1 - atLeast(1) - atLeast(5), 470: atLeast(5) - atLeast(10)},
		"not_contacted": {0: 1 - atLeast(40)},
		"unknown":       {0: 1 - atLeast(40)},
	}
	got := map[string]map[uint64]float64{}
	for figures, err := range DrawMany(stream(t.Name()), truth, draws) {
		if err != nil {
			t.Fatal(err)
		}
		for _, class := range figures.classes() {
			contacts, _ := class.figure.Contacts()
			if got[class.name] == nil {
				got[class.name] = map[uint64]float64{}
			}
			got[class.name][contacts] += 1.0 / draws
		}
	}
	for class, chances := range expected {
		for contacts, chance := range chances {
			if difference := math.Abs(got[class][contacts] - chance); difference > math.Sqrt(math.Log(2e10)/2/draws) {
				t.Errorf("%s = %d (0: withheld): got %.4f, expected %.4f", class, contacts, got[class][contacts], chance)
			}
		}
	}
}

// Ensure that figures far from the threshold are unbiased, and that each has noise of its own: noise shared by two figures would
// vanish from their difference.
func TestDraw_UnbiasedAndIndependent(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	truth := Counts{Reached: 1000, NotReached: 2000, NotContacted: 3000, Unknown: 4000}
	var sum float64
	var products [4][4]float64
	for figures, err := range DrawMany(stream(t.Name()), truth, draws) {
		if err != nil {
			t.Fatal(err)
		}
		var errors [4]float64
		for index, class := range figures.classes() {
			contacts, _ := class.figure.Contacts()
			errors[index] = float64(contacts) - float64(1000*(index+1))
			sum += errors[index]
		}
		for row := range errors {
			for column := range row {
				products[row][column] += errors[row] * errors[column]
			}
		}
	}
	// One figure's variance is under 16 (noise 9.71, rounding 2 and their covariance), a product's under 256; 6.5 standard
	// deviations again.
	if math.Abs(sum) > 6.5*math.Sqrt(4*draws*16) {
		t.Errorf("the figures are off by %.0f over %d draws", sum, draws)
	}
	for row := range products {
		for column := range row {
			if math.Abs(products[row][column]) > 6.5*math.Sqrt(draws*256) {
				t.Errorf("figures %d and %d have a covariance of %.2f", row, column, products[row][column]/draws)
			}
		}
	}
}

// Ensure how a noisy count becomes a figure, at each edge.
func TestPublish(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		count    uint64
		noise    int64
		size     uint64
		expected uint64 // 0: withheld
	}{
		{count: 0, noise: 0, size: 500},
		{count: 3, noise: -9, size: 500},
		{count: 39, noise: 0, size: 500}, // not rounded up to 40: the threshold comes first
		{count: 41, noise: -2, size: 500},
		{count: 38, noise: 2, size: 500, expected: 40},
		{count: 40, noise: 0, size: 500, expected: 40},
		{count: 42, noise: 0, size: 500, expected: 40},
		{count: 43, noise: 0, size: 500, expected: 45},
		{count: 47, noise: 0, size: 500, expected: 45},
		{count: 48, noise: 0, size: 500, expected: 50},
		{count: 499, noise: 30, size: 500, expected: 500},
		{count: 502, noise: 0, size: 502, expected: 500},
		{count: 503, noise: 0, size: 503, expected: 500}, // the nearest is 505, above the order
		{count: 504, noise: 8, size: 504, expected: 500},
		{count: 0, noise: -1 << 37, size: 500},
		{count: maximumSize, noise: 1 << 37, size: maximumSize, expected: maximumSize},
	} {
		got, shown := publish(test.count, test.noise, test.size).Contacts()
		if got != test.expected || shown != (test.expected != 0) {
			t.Errorf("count %d, noise %d, size %d: %d, %t; expected %d", test.count, test.noise, test.size, got, shown, test.expected)
		}
	}
}

// Ensure that sizes that cannot be reported are refused, without overflow.
func TestCounts_Size(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		truth    Counts
		expected uint64 // 0: an error
	}{
		{truth: Counts{}},
		{truth: Counts{Reached: 499}},
		{truth: Counts{Reached: 125, NotReached: 125, NotContacted: 125, Unknown: 125}, expected: 500},
		{truth: Counts{NotContacted: maximumSize}, expected: maximumSize},
		{truth: Counts{NotContacted: maximumSize, Reached: 1}},
		{truth: Counts{Reached: math.MaxUint64, NotReached: 501}},
		{truth: Counts{Reached: 1 << 63, NotReached: 1 << 63, Unknown: 500}},
	} {
		if got, err := test.truth.Size(); got != test.expected || (err == nil) != (test.expected != 0) {
			t.Errorf("%+v: %d, %v", test.truth, got, err)
		}
	}
}

// Ensure that a failing source gives no figure at all.
func TestDraw_FailingSource(t *testing.T) {
	t.Parallel()
	truth := Counts{Reached: 1000}
	for length := range int64(64) {
		figures, err := Draw(io.LimitReader(stream(t.Name()), length), truth)
		if err == nil || figures != (Figures{}) {
			t.Fatalf("with %d random bytes: %+v, %v", length, figures, err)
		}
	}
	yields := 0
	for _, err := range DrawMany(io.LimitReader(stream(t.Name()), 20), truth, 10) {
		if yields++; !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error %v", err)
		}
	}
	if yields != 1 {
		t.Errorf("DrawMany went on after an error: %d yields", yields)
	}
}
