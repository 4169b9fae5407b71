package report

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// keyIDLength is the length of a key ID in hexadecimal digits. It names a key among a broker's few; it proves nothing.
const keyIDLength = 16

// KeyID names a public key: the first 8 bytes of the SHA-256 of its 32 bytes, as 16 hexadecimal digits.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:keyIDLength/2])
}

// validKeyID reports whether id has the form of a key ID.
func validKeyID(id string) bool {
	if len(id) != keyIDLength {
		return false
	}
	for _, char := range []byte(id) {
		if (char < '0' || char > '9') && (char < 'a' || char > 'f') {
			return false
		}
	}
	return true
}

// SigningKey signs reports. It never prints its secret, under any verb or encoding; [SigningKey.Marshal] alone gives it away. The
// zero value is no key: it signs nothing.
type SigningKey struct {
	// A function, because fmt reads the unexported fields of structs that hold a key by reflection, without asking Format, and for
	// some verbs follows pointers. No reflection looks into a closure.
	private func() ed25519.PrivateKey
}

var (
	errNoSigningKey = errors.New("no signing key")

	_ fmt.Formatter = SigningKey{}
	_ fmt.Stringer  = SigningKey{}
)

// GenerateSigningKey makes a new key from the system's random source.
func GenerateSigningKey() (SigningKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand.Reader, seed); err != nil {
		return SigningKey{}, fmt.Errorf("generate signing key: %w", err)
	}
	return signingKeyFromSeed(seed), nil
}

// NewSigningKey returns the key that belongs to a seed of 32 secret bytes.
func NewSigningKey(seed []byte) (SigningKey, error) {
	if len(seed) != ed25519.SeedSize {
		return SigningKey{}, fmt.Errorf("signing key: want a seed of %d bytes, got %d", ed25519.SeedSize, len(seed))
	}
	return signingKeyFromSeed(seed), nil
}

func signingKeyFromSeed(seed []byte) SigningKey {
	return newSigningKey(ed25519.NewKeyFromSeed(seed))
}

func newSigningKey(private ed25519.PrivateKey) SigningKey {
	return SigningKey{private: func() ed25519.PrivateKey { return private }}
}

// Public returns the public key, or nil for the zero SigningKey.
func (k SigningKey) Public() ed25519.PublicKey {
	if k.private == nil {
		return nil
	}
	return ed25519.PublicKey(bytes.Clone(k.private()[ed25519.SeedSize:]))
}

// KeyID returns the ID of the key's public half, or "" for the zero SigningKey.
func (k SigningKey) KeyID() string {
	if k.private == nil {
		return ""
	}
	return KeyID(k.Public())
}

// String returns the key's ID in place of the key.
func (k SigningKey) String() string {
	if k.private == nil {
		return "signing key (none)"
	}
	return "signing key " + k.KeyID() + " (secret not shown)"
}

// Format prints String whatever the verb.
func (k SigningKey) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// MarshalText returns String: encoders (JSON, YAML, log lines) must not write the secret either. There is no UnmarshalText.
func (k SigningKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Marshal returns the secret key as text: PKCS #8 in a PEM block, as openssl writes it. The caller keeps it in a file of mode 0600,
// outside the store.
func (k SigningKey) Marshal() ([]byte, error) {
	if k.private == nil {
		return nil, fmt.Errorf("marshal signing key: %w", errNoSigningKey)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private())
	if err != nil {
		return nil, errors.New("marshal signing key: PKCS #8 encoding failed")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseSigningKey reads what [SigningKey.Marshal] wrote. Its errors never quote the text.
func ParseSigningKey(text []byte) (SigningKey, error) {
	der, err := pemBytes(text, "PRIVATE KEY")
	if err != nil {
		return SigningKey{}, fmt.Errorf("parse signing key: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return SigningKey{}, errors.New("parse signing key: the PEM block is not a PKCS #8 key")
	}
	private, isEd25519 := parsed.(ed25519.PrivateKey)
	if !isEd25519 {
		return SigningKey{}, fmt.Errorf("parse signing key: it is for another algorithm than Ed25519 (%T)", parsed)
	}
	return newSigningKey(private), nil
}

// MarshalPublicKey returns a public key as text: SubjectPublicKeyInfo in a PEM block, which openssl reads. The broker hands it to
// parties by a way of its own (the contract), never beside a report.
func MarshalPublicKey(public ed25519.PublicKey) ([]byte, error) {
	if len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("marshal public key: it has %d bytes, not %d", len(public), ed25519.PublicKeySize)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("marshal public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ParsePublicKey reads what [MarshalPublicKey] wrote.
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	der, err := pemBytes(text, "PUBLIC KEY")
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	public, isEd25519 := parsed.(ed25519.PublicKey)
	if !isEd25519 {
		return nil, fmt.Errorf("parse public key: it is for another algorithm than Ed25519 (%T)", parsed)
	}
	return public, nil
}

// pemBytes returns the content of the first PEM block of text, which must be of the kind.
func pemBytes(text []byte, kind string) ([]byte, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the text has no PEM block")
	}
	if block.Type != kind {
		return nil, fmt.Errorf("the PEM block is a %q, not a %q", block.Type, kind)
	}
	return block.Bytes, nil
}
