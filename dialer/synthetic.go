package dialer

import "fmt"

// metaSynthetic tells that lists of invented people were taken.
const metaSynthetic = "synthetic"

// SyntheticTaken notes for good that the ledger holds what lists of invented
// people say, whose numbers somebody may have: a consent that nobody gave would
// make a real contact of the same number look willing.
type SyntheticTaken struct{}

// Apply notes it.
func (SyntheticTaken) Apply(tx Tx) {
	b := books{tx}
	if b.number(metaSynthetic) == 0 {
		b.setNumber(metaSynthetic, 1)
	}
}

// HoldsSynthetic tells whether the ledger has taken lists of invented people, so
// that nobody may be dialled by it but in a sandbox.
func HoldsSynthetic(ledger Ledger) (bool, error) {
	var holds bool
	err := ledger.View(func(tx Tx) error {
		holds = books{tx}.number(metaSynthetic) != 0
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look for lists of invented people: %w", err)
	}
	return holds, nil
}
