package contact

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"
)

// IDSize is the length of an ID in bytes.
const IDSize = 16

// ID is the keyed pseudonym of one phone number: the first 16 bytes of
// HMAC-SHA256(identity key, E.164). It keys everything that is kept about a
// contact. The zero ID belongs to nobody.
type ID [IDSize]byte

// String returns the ID in hexadecimal. It is safe to log: without the
// identity key it cannot be turned back into a number, not even by trying all
// numbers.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes the ID in hexadecimal.
func (id ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != IDSize {
		return fmt.Errorf("contact id: want %d hexadecimal digits, got %d", 2*IDSize, len(text))
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("contact id: %w", err)
	}
	return nil
}

// IDKeySize is the length of an identity key in bytes.
const IDKeySize = 32

// IDKey is the identity key: whoever holds it can tell which ID a number has.
// It prints redacted.
type IDKey struct {
	secret [IDKeySize]byte
	// macs are keyed already: half of a MAC over so short a text is its key.
	macs *sync.Pool
}

// NewIDKey takes the key's 32 secret bytes. A key of another length, or of
// zeros only, is refused.
func NewIDKey(secret []byte) (IDKey, error) {
	var k IDKey
	if len(secret) != IDKeySize {
		return k, fmt.Errorf("identity key: want %d bytes, got %d", IDKeySize, len(secret))
	}
	copy(k.secret[:], secret)
	if k.secret == [IDKeySize]byte{} {
		return k, fmt.Errorf("identity key: all bytes are zero")
	}
	own := bytes.Clone(secret)
	k.macs = &sync.Pool{New: func() any { return &keyedMAC{Hash: hmac.New(sha256.New, own)} }}
	return k, nil
}

// keyedMAC is a MAC with the memory that its interface would otherwise move to
// the heap for each number.
type keyedMAC struct {
	hash.Hash
	text [len(personDomain) + maxE164 + 1]byte
	sum  [sha256.Size]byte
}

// ID returns the pseudonym of n.
func (k IDKey) ID(n Number) ID {
	mac := k.macs.Get().(*keyedMAC)
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write(n.appendE164(mac.text[:0]))
	clear(mac.text[:])
	return ID(mac.Sum(mac.sum[:0])[:IDSize])
}

// Format prints a placeholder for every verb: a key never reaches a log.
func (IDKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("<identity key>")) }
