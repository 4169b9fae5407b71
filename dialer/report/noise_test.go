package report

import (
	"bufio"
	"bytes"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// stream returns a fixed stream of random bytes: statistical tests here never flake, they pass or fail for good.
func stream(name string) io.Reader {
	var seed [32]byte
	copy(seed[:], name)
	return rand.NewChaCha8(seed)
}

// noiseChance returns P(noise = k) for noise of epsilon = numerator/denominator.
func noiseChance(k int64, numerator, denominator uint64) float64 {
	a := math.Exp(-float64(numerator) / float64(denominator))
	return (1 - a) / (1 + a) * math.Pow(a, math.Abs(float64(k)))
}

// chiSquareLimit is a value that a chi-square variable exceeds with a chance under 1e-9 (Laurent and Massart 2000, lemma 1).
func chiSquareLimit(freedom int) float64 {
	x := 9 * math.Ln10
	return float64(freedom) + 2*math.Sqrt(float64(freedom)*x) + 2*x
}

// chiSquare compares draws with the chances of noise of epsilon 9/20. The bins are -20 ... 20 and the two tails.
func chiSquare(draws []int64) (statistic, limit float64) {
	const widest = 20
	counts := map[int64]float64{}
	for _, draw := range draws {
		counts[min(max(draw, -widest-1), widest+1)]++
	}
	tail := 1.0
	for k := int64(-widest - 1); k <= widest+1; k++ {
		if k >= -widest && k <= widest {
			tail -= noiseChance(k, epsilonNumerator, epsilonDenominator)
		}
	}
	for k := int64(-widest - 1); k <= widest+1; k++ {
		chance := noiseChance(k, epsilonNumerator, epsilonDenominator)
		if k < -widest || k > widest {
			chance = tail / 2
		}
		expected := chance * float64(len(draws))
		statistic += (counts[k] - expected) * (counts[k] - expected) / expected
	}
	return statistic, chiSquareLimit(2*widest + 2)
}

// The numbers of draws that the true epsilon must pass with, and with which a wrong one is seen.
const (
	manyDraws   = 200_000
	mutantDraws = 100_000
)

// settingDraws says how many draws the nightly tests take, in place of the number given here, and has them come from the system's
// random source: other ones every night. The false-alarm rates stay what each test says.
const settingDraws = "HUSTINGS_REPORT_DRAWS"

// plenty returns the number of draws and their source.
func plenty(t *testing.T, usual int) (int, io.Reader) {
	t.Helper()
	text := os.Getenv(settingDraws)
	if text == "" {
		return usual, stream(t.Name())
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < usual {
		t.Fatalf("%s=%q: want a number of at least %d", settingDraws, text, usual)
	}
	return number, bufio.NewReader(crand.Reader)
}

func drawNoise(t *testing.T, number int, random io.Reader, numerator, denominator uint64) []int64 {
	t.Helper()
	draws := make([]int64, number)
	for i := range draws {
		draw := sampler{random: random}
		noise, err := draw.twoSidedGeometric(numerator, denominator)
		if err != nil {
			t.Fatal(err)
		}
		draws[i] = noise
	}
	return draws
}

// Ensure that noise has the distribution that the promise is about, and that its mean is zero.
func TestSampler_TwoSidedGeometric_Distribution(t *testing.T) {
	t.Parallel()
	number, random := plenty(t, manyDraws)
	draws := drawNoise(t, number, random, epsilonNumerator, epsilonDenominator)
	statistic, limit := chiSquare(draws)
	t.Logf("figures: %d draws, chi-square %.1f of at most %.1f (42 degrees of freedom, false alarms under 1e-9)", number, statistic, limit)
	if statistic > limit {
		t.Errorf("chi-square %.1f exceeds %.1f", statistic, limit)
	}

	sum := int64(0)
	for _, draw := range draws {
		sum += draw
	}
	// The variance is 2a/(1-a)^2 = 9.71; 6.5 standard deviations are exceeded with a chance of 8e-11.
	a := math.Exp(-0.45)
	if limit := 6.5 * math.Sqrt(2*a/((1-a)*(1-a))*float64(number)); math.Abs(float64(sum)) > limit {
		t.Errorf("sum of noise %d exceeds %.0f", sum, limit)
	}
}

// Ensure that the distribution test would see an epsilon that is off by one, and the classic mistake of a zero with two signs.
func TestSampler_TwoSidedGeometric_MutantsAreSeen(t *testing.T) {
	t.Parallel()
	for _, mutant := range [][2]uint64{{10, 20}, {8, 20}, {9, 21}, {9, 19}} {
		if statistic, limit := chiSquare(drawNoise(t, mutantDraws, stream(t.Name()), mutant[0], mutant[1])); statistic <= limit {
			t.Errorf("epsilon %d/%d passes for 9/20: chi-square %.1f, limit %.1f", mutant[0], mutant[1], statistic, limit)
		}
	}

	random := stream(t.Name())
	doubled := make([]int64, mutantDraws)
	for i := range doubled {
		draw := sampler{random: random}
		magnitude, err := draw.geometric(epsilonNumerator, epsilonDenominator)
		if err != nil {
			t.Fatal(err)
		}
		doubled[i] = int64(magnitude)
		if negative, _ := draw.bernoulli(1, 2); negative {
			doubled[i] = -doubled[i]
		}
	}
	if statistic, limit := chiSquare(doubled); statistic <= limit {
		t.Errorf("a zero with two signs passes: chi-square %.1f, limit %.1f", statistic, limit)
	}
}

// Ensure that Algorithm 1 has the probability exp(-gamma), for every gamma that the draw uses.
func TestSampler_BernoulliExp(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	random := stream(t.Name())
	for numerator := range uint64(epsilonDenominator + 1) {
		hits := 0
		for range draws {
			draw := sampler{random: random}
			hit, err := draw.bernoulliExp(numerator, epsilonDenominator)
			if err != nil {
				t.Fatal(err)
			}
			if hit {
				hits++
			}
		}
		// Hoeffding: a deviation over sqrt(ln(2e10)/2/draws) has a chance under 1e-10.
		expected := math.Exp(-float64(numerator) / epsilonDenominator)
		if got := float64(hits) / draws; math.Abs(got-expected) > math.Sqrt(math.Log(2e10)/2/draws) {
			t.Errorf("exp(-%d/%d): got %.4f, expected %.4f", numerator, epsilonDenominator, got, expected)
		}
	}
}

// randomWords returns a source of the given 64-bit words.
func randomWords(words ...uint64) io.Reader {
	var buffer bytes.Buffer
	for _, word := range words {
		buffer.Write(binary.LittleEndian.AppendUint64(nil, word))
	}
	return &buffer
}

// Ensure that no remainder is favoured: the surplus of 2^64 over the bound's largest multiple is drawn again. Its chance is 2^-60,
// which no statistic would ever see.
func TestSampler_Below_SurplusIsDrawnAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		bound    uint64
		words    []uint64
		expected uint64
	}{
		{20, []uint64{0, 15, 16}, 16}, // 2^64 = 16 mod 20
		{20, []uint64{16}, 16},
		{20, []uint64{math.MaxUint64}, 15},
		{3, []uint64{0, 1}, 1}, // 2^64 = 1 mod 3
		{2, []uint64{0}, 0},    // 2 divides 2^64: no surplus
		{1, []uint64{math.MaxUint64}, 0},
		{math.MaxUint64, []uint64{0, 7}, 7},
	} {
		source := randomWords(test.words...)
		draw := sampler{random: source}
		got, err := draw.below(test.bound)
		if err != nil || got != test.expected {
			t.Errorf("below(%d) of %d = %d, %v; expected %d", test.bound, test.words, got, err, test.expected)
		}
		if draw.words != len(test.words) {
			t.Errorf("below(%d) of %d drew %d words", test.bound, test.words, draw.words)
		}
	}
}

// repeat is a broken source: the same byte for ever.
type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// Ensure that no source, however broken, makes the sampler run for ever.
func TestSampler_BrokenSourceEnds(t *testing.T) {
	t.Parallel()
	stuck := 0
	for _, value := range []byte{0, 1, 2, 3, 0x0f, 0x10, 0x55, 0x7f, 0x80, 0xaa, 0xf0, 0xfe, 0xff} {
		draw := sampler{random: repeat(value)}
		if _, err := draw.twoSidedGeometric(epsilonNumerator, epsilonDenominator); errors.Is(err, errRandomStuck) {
			stuck++
		}
	}
	if stuck == 0 {
		t.Error("no repeating source was noticed")
	}

	draw := sampler{random: randomWords(16)}
	if _, err := draw.twoSidedGeometric(epsilonNumerator, epsilonDenominator); !errors.Is(err, io.EOF) {
		t.Errorf("a source that ends: %v", err)
	}
}

// Ensure that a sound source stays far below the bound on words.
func TestSampler_SoundSourceStaysBelowTheBound(t *testing.T) {
	t.Parallel()
	random, most := stream(t.Name()), 0
	for range 50_000 {
		draw := sampler{random: random}
		if _, err := draw.twoSidedGeometric(epsilonNumerator, epsilonDenominator); err != nil {
			t.Fatal(err)
		}
		most = max(most, draw.words)
	}
	if most > wordsPerFigure/100 {
		t.Errorf("one figure used %d words", most)
	}
}

// Ensure that an epsilon outside the overflow argument is refused.
func TestSampler_TwoSidedGeometric_OutOfRange(t *testing.T) {
	t.Parallel()
	for _, epsilon := range [][2]uint64{{0, 20}, {9, 0}, {maximumDenominator + 1, 1}, {1, maximumDenominator + 1}} {
		draw := sampler{random: stream(t.Name())}
		if noise, err := draw.twoSidedGeometric(epsilon[0], epsilon[1]); err == nil {
			t.Errorf("epsilon %d/%d gave %d", epsilon[0], epsilon[1], noise)
		}
	}
}
