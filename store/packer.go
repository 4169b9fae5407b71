package store

import (
	"errors"
	"fmt"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Packer turns contacts into rows of a directory that is being built, sealed
// numbers included. It belongs to one goroutine; a builder has as many as wanted,
// since packing is most of what an import computes.
type Packer struct {
	encoder *rowEncoder
	sealer  *sealer
	correct func(contact.ID) func(*dialer.Contact)
}

// Packer returns one more packer. It is good until Build.
func (b *DirectoryBuilder) Packer() (*Packer, error) {
	encoder, err := newRowEncoder(b.growing)
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(b.options.Keys.Seal)
	if err != nil {
		return nil, err
	}
	return &Packer{encoder: encoder, sealer: sealer, correct: b.options.Correct}, nil
}

// Pack appends the row, as the directory keeps it, to a slice. The contact's
// Values must be numbered as the declared attributes are. A correction is made in
// the contact itself. An error refuses this row alone; none holds the number.
func (p *Packer) Pack(to []byte, c *dialer.Contact, number contact.Number) ([]byte, error) {
	if c.ID == (contact.ID{}) {
		return to, errors.New("pack contact: it has no ID")
	}
	if fix := p.correction(c.ID); fix != nil {
		fix(c)
	}
	packed, err := p.encoder.facts(to, c)
	if err == nil {
		packed, err = p.sealer.seal(packed, c.ID, number)
	}
	if err != nil {
		return to, fmt.Errorf("pack contact: %w", err)
	}
	return packed, nil
}

// correction returns what corrects the contact's row, nil for nothing.
func (p *Packer) correction(id contact.ID) func(*dialer.Contact) {
	if p.correct == nil {
		return nil
	}
	return p.correct(id)
}
