package twilio

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha1" // Twilio signs with HMAC-SHA1 and nothing else.
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maximumFields bounds the parameters of a callback. Twilio sends about 20.
const maximumFields = 200

var errNotForm = errors.New("not a form")

// field is a parameter of a callback.
type field struct{ key, value string }

// fields are a callback's parameters, sorted, each pair once: as they are
// signed.
type fields []field

// get returns the first value of key, "" where there is none.
func (f fields) get(key string) string {
	at, found := slices.BinarySearchFunc(f, key, func(one field, key string) int { return cmp.Compare(one.key, key) })
	if !found {
		return ""
	}
	return f[at].value
}

func (f fields) sorted() fields {
	slices.SortFunc(f, func(a, b field) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.value, b.value))
	})
	return slices.Compact(f)
}

// parseForm reads a form into room.
func parseForm(room fields, form string) (fields, error) {
	for form != "" {
		var pair string
		pair, form, _ = strings.Cut(form, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, keyErr := url.QueryUnescape(key)
		value, valueErr := url.QueryUnescape(value)
		// net/url takes a semicolon for a fault: others take it for an
		// ampersand, and two readings of one form are how signatures are
		// deceived.
		if keyErr != nil || valueErr != nil || strings.Contains(pair, ";") || len(room) == maximumFields {
			return nil, errNotForm
		}
		room = append(room, field{key, value})
	}
	return room.sorted(), nil
}

// parseObject reads a flat JSON object into room; values that are neither text
// nor number are left out.
func parseObject(room fields, body []byte) (fields, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || len(object) > maximumFields {
		return nil, errNotForm
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotForm // two readings again: of the first object and of the last
	}
	for key, value := range object {
		switch value := value.(type) {
		case string:
			room = append(room, field{key, value})
		case json.Number:
			room = append(room, field{key, value.String()})
		}
	}
	return room.sorted(), nil
}

// validator checks Twilio's signatures: base64 of HMAC-SHA1 with the account's
// token over the URL, and for a form each key with each of its different
// values, sorted. Twilio's Go library signs one value a key only; its Node
// library signs all, and so does Twilio.
type validator struct {
	public publicAddress
	macs   sync.Pool // of hash.Hash, keyed
	tails  sync.Pool // of *[]byte
}

func newValidator(token Secret, public publicAddress) *validator {
	return &validator{
		public: public,
		macs:   sync.Pool{New: func() any { return hmac.New(sha1.New, token.bytes()) }},
		tails:  sync.Pool{New: func() any { return new([]byte) }},
	}
}

// decodeSignature reads the header X-Twilio-Signature.
func decodeSignature(header string) (signature [sha1.Size]byte, ok bool) {
	if len(header) != base64.StdEncoding.EncodedLen(sha1.Size) {
		return signature, false
	}
	var raw [sha1.Size + 1]byte // One more, since the decoder counts a last group whole.
	n, err := base64.StdEncoding.Strict().Decode(raw[:], []byte(header))
	if err != nil || n != sha1.Size {
		return signature, false
	}
	return [sha1.Size]byte(raw[:sha1.Size]), true
}

// form tells whether the signature is good for a form posted to target, which
// is path and query below the public URL.
func (v *validator) form(signature [sha1.Size]byte, target string, form fields) bool {
	room := v.tails.Get().(*[]byte)
	defer v.tails.Put(room)
	tail := (*room)[:0]
	for _, one := range form {
		tail = append(tail, one.key...)
		tail = append(tail, one.value...)
	}
	*room = tail
	return v.matches(signature, target, tail)
}

// body tells whether the signature is good for a body whose hash, in
// hexadecimal, is in the target's query: Twilio signs JSON so.
func (v *validator) body(signature [sha1.Size]byte, target, bodyHash string, body []byte) bool {
	sum := sha256.Sum256(body)
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	isBody := subtle.ConstantTimeCompare(text[:], []byte(bodyHash)) == 1
	return v.matches(signature, target, nil) && isBody
}

// matches tries every way in which Twilio may have written the URL: without
// and with the port, without and with the fragment that we gave it.
func (v *validator) matches(signature [sha1.Size]byte, target string, tail []byte) bool {
	mac := v.macs.Get().(hash.Hash)
	defer v.macs.Put(mac)
	var room [256]byte
	var sum [sha1.Size]byte
	for _, fragment := range [...]string{"", "#" + retryFragment} {
		for _, base := range v.public.signed {
			signed := append(append(append(room[:0], base...), target...), fragment...)
			mac.Reset()
			mac.Write(signed)
			mac.Write(tail)
			if hmac.Equal(mac.Sum(sum[:0]), signature[:]) {
				return true
			}
		}
	}
	return false
}
