package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Secret is a text that must reach its one user and nobody else: it prints as
// "<secret>" whatever the verb or encoder, so that it cannot get into a log by
// accident. The zero Secret is empty.
type Secret struct{ value string }

// NewSecret wraps a secret that was made or read elsewhere.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the secret in clear. Only the client that must present it may
// call it.
func (s Secret) Reveal() string { return s.value }

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.value == "" }

// String returns "<secret>", or "<none>" where there is none.
func (s Secret) String() string {
	if s.IsZero() {
		return "<none>"
	}
	return "<secret>"
}

// Format prints what String returns, for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText writes what String returns. There is no way back, on purpose.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// maxSecret bounds a secret's file in bytes: whatever is longer is some other
// file.
const maxSecret = 4 << 10

// ErrSecret is wrapped by every error of a secret that cannot be had.
var ErrSecret = errors.New("secret")

// readSecret reads a secret from a file that nobody but its owner's group may
// read. Systemd's credentials and Docker's secrets come with such modes.
func readSecret(path string) (Secret, error) {
	if err := checkSecretFile(path); err != nil {
		return Secret{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	switch {
	case value == "":
		return Secret{}, fmt.Errorf("%w: %s is empty", ErrSecret, path)
	case strings.ContainsAny(value, "\r\n \t"):
		return Secret{}, fmt.Errorf("%w: %s holds more than one word", ErrSecret, path)
	}
	return Secret{value}, nil
}

// checkSecretFile refuses a file that is missing, no file, too large or open to
// everybody on the machine.
func checkSecretFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no file %s", ErrSecret, path)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSecret, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is no regular file", ErrSecret, path)
	case info.Size() > maxSecret:
		return fmt.Errorf("%w: %s has %d bytes, too many for a secret", ErrSecret, path, info.Size())
	case info.Mode().Perm()&0o007 != 0:
		return fmt.Errorf("%w: everybody on this machine may use %s (mode %04o): chmod 600 it", ErrSecret, path, info.Mode().Perm())
	}
	return nil
}
