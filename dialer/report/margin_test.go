package report

import (
	"math/big"
	"testing"
)

// encloseInverseExp returns rationals around exp(-x), 0 <= x <= 10, by the alternating series: another road than the code's own.
func encloseInverseExp(x *big.Rat) (low, high *big.Rat) {
	sum, term := new(big.Rat), big.NewRat(1, 1)
	for i := int64(1); i <= 80; i++ {
		sum.Add(sum, term)
		term.Mul(term, new(big.Rat).Neg(x))
		term.Quo(term, big.NewRat(i, 1))
	}
	// From here on terms fall and alternate, so exp(-x) lies between two sums.
	next := new(big.Rat).Add(sum, term)
	if sum.Cmp(next) < 0 {
		return sum, next
	}
	return next, sum
}

// tail returns rationals around P(|noise| > k) = 2 a^(k+1) / (1+a), a = exp(-9/20).
func tail(k int64) (low, high *big.Rat) {
	aLow, aHigh := encloseInverseExp(big.NewRat(9, 20))
	powerLow, powerHigh := encloseInverseExp(big.NewRat(9*(k+1), 20))
	one, two := big.NewRat(1, 1), big.NewRat(2, 1)
	low = new(big.Rat).Quo(new(big.Rat).Mul(two, powerLow), new(big.Rat).Add(one, aHigh))
	high = new(big.Rat).Quo(new(big.Rat).Mul(two, powerHigh), new(big.Rat).Add(one, aLow))
	return low, high
}

// Ensure that the margin is what it says: 7 is the smallest k with P(|noise| > k) <= 5 %, and rounding adds 2.
func TestReportMargin(t *testing.T) {
	t.Parallel()
	fivePercent := big.NewRat(1, 20)
	if _, high := tail(7); high.Cmp(fivePercent) > 0 {
		t.Errorf("P(|noise| > 7) may be %s", high.FloatString(6))
	}
	if low, _ := tail(6); low.Cmp(fivePercent) <= 0 {
		t.Errorf("P(|noise| > 6) may be %s", low.FloatString(6))
	}
	if got := noiseBound(9, 20); got != 7 {
		t.Errorf("noise bound %d", got)
	}
	if got := (Margin{Confidence: "0.95", PlusMinus: 9}); PublishedMargin() != got {
		t.Errorf("margin %+v", PublishedMargin())
	}
}

// Ensure that a figure stands within the margin of its count whenever its noise is within the bound: no clamp, no rounding and no
// odd size takes it further.
func TestReportMargin_HoldsThroughPublish(t *testing.T) {
	t.Parallel()
	bound := int64(noiseBound(epsilonNumerator, epsilonDenominator))
	for _, size := range []uint64{500, 501, 502, 503, 504, 512} {
		for count := uint64(0); count <= size; count++ {
			for noise := -bound; noise <= bound; noise++ {
				contacts, shown := publish(count, noise, size).Contacts()
				if shown && max(contacts, count)-min(contacts, count) > PublishedMargin().PlusMinus {
					t.Fatalf("count %d, noise %d, size %d: figure %d", count, noise, size, contacts)
				}
			}
		}
	}
}

// Ensure that the enclosure of e is narrow and right.
func TestEncloseExp(t *testing.T) {
	t.Parallel()
	low, high := encloseExp(big.NewRat(1, 1))
	const e = "2.718281828459045235360287471353"
	if low.FloatString(30) != e || high.FloatString(30) != e {
		t.Errorf("e between %s and %s", low.FloatString(30), high.FloatString(30))
	}
	if got := personFactor(); got != "2.46" {
		t.Errorf("exp(0.9) rounded up: %s", got)
	}
}

// Ensure that constants are printed as they are, or not at all.
func TestDecimal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		numerator, denominator int64
		expected               string
	}{{9, 20, "0.45"}, {19, 20, "0.95"}, {18, 20, "0.9"}, {1900, 20, "95"}, {0, 10, "0"}} {
		if got := decimal(test.numerator, test.denominator); got != test.expected {
			t.Errorf("%d/%d = %s", test.numerator, test.denominator, got)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("1/3 was printed")
		}
	}()
	decimal(1, 3)
}
