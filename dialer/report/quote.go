package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The constants of quotes: how many contacts a party could reach, told before anything is ordered.
const (
	// Epsilon of a quote is 1/20 = 0.05 for a person and a segment, nine times less than of a figure in a report: a party may ask for
	// many segments, and all that hold one person add up.
	quoteEpsilonNumerator   = 1
	quoteEpsilonDenominator = 20

	// QuotesPerDay is how many different segments a party may ask for in a day: enough to weigh an order, and all of them together
	// stay at epsilon 1 a person, about what one report costs.
	QuotesPerDay = 20

	// quoteThreshold is the noisy count under which a quote is withheld: fewer than the smallest order cannot be sold.
	quoteThreshold = MinimumSize

	// quoteRounding is the step of quotes. Nobody orders by less, and half of it, by which rounding is off at most, is less than half
	// of the noise's own margin.
	quoteRounding = 50
)

// Quote tells a party how many contacts it could reach in a segment, as an estimate from which nobody can be singled out. It is
// drawn once for a segment and a day; the ledger keeps it.
type Quote struct {
	// Contacts is a multiple of 50 of at least 500, or withheld: fewer than an order must have.
	Contacts Figure `json:"contacts"`
	Terms
}

// quoteTerms is computed once, when first asked for: it depends on constants only.
var quoteTerms = sync.OnceValue(func() Terms {
	return Terms{
		Epsilon: json.Number(decimal(quoteEpsilonNumerator, quoteEpsilonDenominator)),
		Margin: Margin{
			Confidence: json.Number(decimal(confidenceNumerator, confidenceDenominator)),
			PlusMinus:  noiseBound(quoteEpsilonNumerator, quoteEpsilonDenominator) + quoteRounding/2,
		},
	}
})

// DrawQuote draws the quote of a true number of contacts through the sampler of reports. In production random is crypto/rand.Reader.
func DrawQuote(random io.Reader, reachable uint64) (Quote, error) {
	if reachable > maximumSize {
		return Quote{}, fmt.Errorf("draw quote: %d contacts are more than any directory has", reachable)
	}
	draw := sampler{random: random}
	noise, err := draw.twoSidedGeometric(quoteEpsilonNumerator, quoteEpsilonDenominator)
	if err != nil {
		return Quote{}, fmt.Errorf("draw quote: %w", err)
	}
	return Quote{Contacts: quoted(reachable, noise), Terms: quoteTerms()}, nil
}

// quoted makes a quote's figure from a count and its noise. Like publish it sees only their sum after the first line.
func quoted(reachable uint64, noise int64) Figure {
	noisy := int64(reachable) + noise
	if noisy < quoteThreshold {
		return Figure{}
	}
	return Figure{contacts: (uint64(noisy) + quoteRounding/2) / quoteRounding * quoteRounding}
}

// UnmarshalJSON reads what [Figure.MarshalJSON] wrote, for whoever shows a figure that was drawn elsewhere.
func (f *Figure) UnmarshalJSON(text []byte) error {
	var contacts *uint64
	if err := json.Unmarshal(text, &contacts); err != nil {
		return fmt.Errorf("read a figure: %w", err)
	}
	if *f = (Figure{}); contacts == nil {
		return nil
	}
	if *contacts == 0 {
		return errors.New("read a figure: zero is never shown")
	}
	f.contacts = *contacts
	return nil
}
