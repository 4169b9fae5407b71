package daemon

import (
	"context"
	"errors"

	"github.com/hustings/hustings/dialer"
)

var errSynthetic = errors.New("lists of invented people, whose numbers somebody may have, were taken into this data directory, " +
	"and nobody of them may be reached by a real carrier: use a data directory of its own for it, and this one with a sandbox only")

// refuseSynthetic keeps a daemon with a real carrier from working over invented
// people.
func (d *Daemon) refuseSynthetic() error {
	if d.inSandbox() {
		return nil
	}
	holds, err := dialer.HoldsSynthetic(d.ledger)
	if err != nil {
		return err
	}
	if holds || d.directories.Synthetic() {
		return errSynthetic
	}
	return nil
}

// takeSynthetic is asked before the first row of a list of invented people is
// looked at.
func (d *Daemon) takeSynthetic(ctx context.Context) error {
	if !d.inSandbox() {
		return errors.New("the list is of invented people, whose numbers somebody may have, and the carrier is a real one")
	}
	return d.moves.Commit(ctx, dialer.SyntheticTaken{})
}
