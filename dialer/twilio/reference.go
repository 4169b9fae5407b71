package twilio

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

const (
	referenceMACSize = 16
	referenceSize    = 8 + referenceMACSize
	// referenceKeyMinimum is the least length of a reference key in bytes: a
	// MAC is no stronger than its key.
	referenceKeyMinimum = 16
)

// references makes and checks the attempt's name in a callback's address: its
// sequence number and a 128-bit MAC in hexadecimal. Knowing that Twilio signed
// a callback is not enough, since anybody with an account can have Twilio sign
// one; the MAC says that the address is one that we gave out.
type references struct{ macs *sync.Pool } // of *referenceMAC, keyed

// referenceMAC is what making one MAC needs, kept so that none of it is made anew.
type referenceMAC struct {
	hash.Hash
	message []byte
	sum     []byte
}

func newReferences(key Secret) references {
	return references{&sync.Pool{New: func() any { return &referenceMAC{Hash: hmac.New(sha256.New, key.bytes())} }}}
}

func (r references) mac(attempt uint64) [referenceMACSize]byte {
	// The word in front keeps this MAC apart from any other made with the key.
	const purpose = "status"
	mac := r.macs.Get().(*referenceMAC)
	defer r.macs.Put(mac)
	mac.message = binary.BigEndian.AppendUint64(append(mac.message[:0], purpose...), attempt)
	mac.Reset()
	mac.Write(mac.message)
	mac.sum = mac.Sum(mac.sum[:0])
	return [referenceMACSize]byte(mac.sum[:referenceMACSize])
}

// reference returns the name of an attempt.
func (r references) reference(attempt uint64) string {
	var raw [referenceSize]byte
	binary.BigEndian.PutUint64(raw[:], attempt)
	mac := r.mac(attempt)
	copy(raw[8:], mac[:])
	return hex.EncodeToString(raw[:])
}

// attempt returns whose name a reference is, and false where it is nobody's.
// The comparison takes constant time.
func (r references) attempt(reference string) (uint64, bool) {
	var raw [referenceSize]byte
	if len(reference) != hex.EncodedLen(referenceSize) {
		return 0, false
	}
	if _, err := hex.Decode(raw[:], []byte(reference)); err != nil {
		return 0, false
	}
	attempt := binary.BigEndian.Uint64(raw[:])
	mac := r.mac(attempt)
	return attempt, hmac.Equal(mac[:], raw[8:])
}
