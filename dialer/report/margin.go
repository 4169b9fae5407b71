package report

import (
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
)

// Confidence of the margin, as a fraction: 95 in 100. It is the level that readers of polls know.
const (
	confidenceNumerator   = 19
	confidenceDenominator = 20
)

// Margin says how far a published figure may stand from the true count.
type Margin struct {
	// Confidence is the chance, as an exact decimal ("0.95"), that one figure stands within PlusMinus contacts of its true count.
	// It speaks of each figure taken alone.
	Confidence json.Number `json:"confidence"`
	// PlusMinus is a number of contacts.
	PlusMinus uint64 `json:"plus_minus"`
}

// reportMargin is computed once, when first asked for: it depends on constants only.
var reportMargin = sync.OnceValue(func() Margin {
	return Margin{
		Confidence: json.Number(decimal(confidenceNumerator, confidenceDenominator)),
		PlusMinus:  noiseBound(epsilonNumerator, epsilonDenominator) + rounding/2,
	}
})

// PublishedMargin returns the margin of every published figure. Its PlusMinus is the smallest k with P(|noise| > k) <= 5 %, plus 2 for
// the rounding: the nearest multiple of 5 is 2 away at most. Clamping only brings a figure nearer to its count. (A figure cut down
// to the last multiple of 5 within the ordered size is off by 4 at most, or by less than its noise: still within the margin.)
// For epsilon 0.45, k = 7 and PlusMinus is 9.
func PublishedMargin() Margin { return reportMargin() }

// noiseBound returns the smallest k with P(|noise| > k) <= 1 - confidence for noise of epsilon = numerator/denominator.
//
// With a = exp(-epsilon) the tail is 2 a^(k+1)/(1+a). It is at most 1/n, n = 1/(1-confidence), exactly if
//
//	2n <= exp((k+1) epsilon) + exp(k epsilon)
//
// and the right side is enclosed by rationals. The two sides are never equal, since a sum of such powers of e is irrational.
func noiseBound(numerator, denominator int64) uint64 {
	// n = 1/(1 - 19/20) = 20: a whole number for this confidence, and kept as a fraction for any other.
	twoN := big.NewRat(2*confidenceDenominator, confidenceDenominator-confidenceNumerator)
	for k := int64(0); ; k++ {
		lowNear, highNear := encloseExp(big.NewRat(k*numerator, denominator))
		lowFar, highFar := encloseExp(big.NewRat((k+1)*numerator, denominator))
		if twoN.Cmp(lowNear.Add(lowNear, lowFar)) <= 0 {
			return uint64(k)
		}
		if twoN.Cmp(highNear.Add(highNear, highFar)) <= 0 {
			panic(fmt.Sprintf("report: the enclosure of the noise bound is too wide at %d", k))
		}
	}
}

// encloseExp returns rationals low <= exp(x) <= high for 0 <= x < 20: the Taylor sum, all of whose terms are positive, and the sum
// plus a geometric series above its rest. For x up to 4, all that a margin needs, the two agree to 20 digits and more.
func encloseExp(x *big.Rat) (low, high *big.Rat) {
	const terms = 40
	low = new(big.Rat)
	term := big.NewRat(1, 1)
	for i := int64(1); i <= terms; i++ {
		low.Add(low, term)
		term.Mul(term, x)
		term.Quo(term, big.NewRat(i, 1))
	}
	// The rest is term * (1 + x/41 + x^2/(41*42) + ...), and x/41 < 1/2: under twice its first term.
	high = new(big.Rat).Add(low, term.Add(term, term))
	return low, high
}

// decimal writes numerator/denominator as the shortest exact decimal. It panics where there is none: the constants that are printed
// must be printed as they are.
func decimal(numerator, denominator int64) string {
	fraction := big.NewRat(numerator, denominator)
	digits, exact := fraction.FloatPrec()
	if !exact {
		panic(fmt.Sprintf("report: %d/%d has no exact decimal form", numerator, denominator))
	}
	return fraction.FloatString(digits)
}
