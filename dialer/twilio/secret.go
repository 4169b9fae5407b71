package twilio

import (
	"bytes"
	"fmt"
)

const redacted = "<secret>"

// Secret is a credential. It prints redacted, whatever the verb or encoder.
// The zero Secret is none.
type Secret struct {
	// A function, since fmt prints the unexported fields of an enclosing value
	// without asking its methods, and of a function it knows the address only.
	reveal func() []byte
}

// NewSecret keeps a copy of value. An empty value makes the zero Secret.
func NewSecret(value []byte) Secret {
	if len(value) == 0 {
		return Secret{}
	}
	kept := bytes.Clone(value)
	return Secret{reveal: func() []byte { return kept }}
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String returns a placeholder.
func (Secret) String() string { return redacted }

// Format prints the placeholder for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText writes the placeholder. There is no way back, on purpose.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (s Secret) bytes() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}
