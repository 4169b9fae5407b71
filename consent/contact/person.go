package contact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// PersonID is the keyed pseudonym of a person whom the broker knows by a
// reference of its own, so that several numbers can be told to be one person's.
// The zero PersonID is nobody's: most directories know numbers only.
type PersonID [IDSize]byte

// personDomain keeps references apart from numbers, which begin with a plus
// sign: a reference that looks like a number must not have that number's ID.
const personDomain = "person\x00"

// Person returns the pseudonym of the person whom the broker's own reference
// stands for; nobody for an empty one.
func (k IDKey) Person(reference []byte) PersonID {
	if len(reference) == 0 {
		return PersonID{}
	}
	mac := hmac.New(sha256.New, k.secret[:])
	mac.Write([]byte(personDomain))
	mac.Write(reference)
	var sum [sha256.Size]byte
	return PersonID(mac.Sum(sum[:0])[:IDSize])
}

// IsZero tells whether the person is nobody.
func (p PersonID) IsZero() bool { return p == PersonID{} }

// ID returns the person as what claims and objections are kept under, beside
// those of single numbers. Pseudonyms of persons and of numbers do not meet.
func (p PersonID) ID() ID { return ID(p) }

// String returns the pseudonym in hexadecimal. It is safe to log.
func (p PersonID) String() string { return hex.EncodeToString(p[:]) }
