package store

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/hustings/hustings/consent/contact"
)

// SealKey seals the numbers in the directory. It prints redacted.
type SealKey struct{ secret Secret }

// Format prints a placeholder for every verb.
func (SealKey) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText writes a placeholder.
func (SealKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// sealedSize is the length of a sealed number: eight bytes and GCM's tag.
const sealedSize = 8 + 16

// sealer seals and opens numbers with AES-256-GCM. The nonce is derived from
// the ID, and the ID is authenticated with the number, so that a sealed number
// moved to another contact's row does not open. One ID has one number, hence
// no nonce ever serves two texts; sealing anew gives the same bytes, by which
// an import can tell an unchanged row.
type sealer struct {
	numbers cipher.AEAD
	nonces  cipher.Block
	scratch sealScratch
}

// sealScratch is memory that the ciphers' interfaces would otherwise move to
// the heap for each number.
type sealScratch struct {
	id    contact.ID
	nonce [contact.IDSize]byte
	plain [8]byte
}

// newSealer returns a sealer for one goroutine at a time.
func newSealer(key SealKey) (*sealer, error) {
	numbers, err := aes.NewCipher(key.secret.derive("directory number"))
	if err != nil {
		return nil, fmt.Errorf("prepare seal: %w", err)
	}
	nonces, err := aes.NewCipher(key.secret.derive("directory nonce"))
	if err != nil {
		return nil, fmt.Errorf("prepare seal: %w", err)
	}
	gcm, err := cipher.NewGCM(numbers)
	if err != nil {
		return nil, fmt.Errorf("prepare seal: %w", err)
	}
	return &sealer{numbers: gcm, nonces: nonces}, nil
}

// prepare derives the nonce: one block of AES under a key of its own is a
// pseudorandom permutation of IDs, cut to the nonce's size.
func (s *sealer) prepare(id contact.ID) (nonce []byte) {
	s.scratch.id = id
	s.nonces.Encrypt(s.scratch.nonce[:], s.scratch.id[:])
	return s.scratch.nonce[:s.numbers.NonceSize()]
}

// seal appends the sealed number to row.
func (s *sealer) seal(row []byte, id contact.ID, number contact.Number) ([]byte, error) {
	if number.IsZero() {
		return nil, errors.New("seal number: there is none")
	}
	digits, err := strconv.ParseUint(number.E164()[1:], 10, 64)
	if err != nil {
		return nil, errors.New("seal number: not in E.164") // the cause would quote it
	}
	nonce := s.prepare(id)
	binary.BigEndian.PutUint64(s.scratch.plain[:], digits)
	return s.numbers.Seal(row, nonce, s.scratch.plain[:], s.scratch.id[:]), nil
}

var errSealed = errors.New("open sealed number: the row is damaged, or was sealed for another contact or with another key")

func (s *sealer) open(id contact.ID, sealed []byte) (contact.Number, error) {
	nonce := s.prepare(id)
	plain, err := s.numbers.Open(s.scratch.plain[:0], nonce, sealed, s.scratch.id[:])
	if err != nil || len(plain) != 8 {
		return contact.Number{}, errSealed
	}
	var text [1 + 20]byte
	digits := strconv.AppendUint(append(text[:0], '+'), binary.BigEndian.Uint64(plain), 10)
	clear(plain)
	number, err := contact.ParseE164(string(digits))
	if err != nil {
		return contact.Number{}, errSealed
	}
	return number, nil
}

// reseal appends to row what other has sealed, sealed by s. It does not look at the
// number.
func (s *sealer) reseal(row []byte, id contact.ID, sealed []byte, other *sealer) ([]byte, error) {
	nonce := other.prepare(id)
	plain, err := other.numbers.Open(s.scratch.plain[:0], nonce, sealed, other.scratch.id[:])
	if err != nil || len(plain) != len(s.scratch.plain) {
		return nil, errSealed
	}
	nonce = s.prepare(id)
	row = s.numbers.Seal(row, nonce, plain, s.scratch.id[:])
	clear(plain)
	return row, nil
}
