package report

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// A signature is a text of two lines, each ended by a line feed:
//
//	hustings report signature v1, Ed25519, key 1f2e3d4c5b6a7980
//	<the 64 bytes of the signature in base64, 88 characters>
//
// It signs the exact bytes of one rendering, with nothing added, so that any tool that knows Ed25519 can check it: take the last
// line, decode it, and hand it over with the document and the public key. The first line is for people and for the choice of the
// key; it is not signed, and need not be: a wrong key ID only makes the check fail.
const (
	signaturePrefix  = "hustings report signature v1, Ed25519, key "
	maximumSignature = 1024 // bytes; more is not a signature, and is not read
)

// The ways a check can fail. None of them means that the document may be trusted a little.
var (
	// ErrMalformedSignature is returned for a text that is not a signature.
	ErrMalformedSignature = errors.New("malformed signature")
	// ErrOtherKey is returned for a signature by another key than the one it is checked with.
	ErrOtherKey = errors.New("signed by another key")
	// ErrNotAuthentic is returned when document, signature and key do not belong together.
	ErrNotAuthentic = errors.New("the document was changed, or this key did not sign it")
)

// Sign returns the detached signature of a document, as text.
func (k SigningKey) Sign(document []byte) ([]byte, error) {
	if k.private == nil {
		return nil, fmt.Errorf("sign document: %w", errNoSigningKey)
	}
	encoded := base64.StdEncoding.EncodeToString(ed25519.Sign(k.private(), document))
	return []byte(signaturePrefix + k.KeyID() + "\n" + encoded + "\n"), nil
}

// Verify checks that the holder of the public key signed exactly these bytes. A nil error is the only yes; others wrap
// [ErrMalformedSignature], [ErrOtherKey] or [ErrNotAuthentic], or tell that the public key is none.
func Verify(public ed25519.PublicKey, document, signature []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("verify document: the public key has %d bytes, not %d", len(public), ed25519.PublicKeySize)
	}
	keyID, raw, err := parseSignature(signature)
	if err != nil {
		return fmt.Errorf("verify document: %w", err)
	}
	if keyID != KeyID(public) {
		return fmt.Errorf("verify document: %w: the signature names key %s, this one is %s", ErrOtherKey, keyID, KeyID(public))
	}
	if !ed25519.Verify(public, document, raw) {
		return fmt.Errorf("verify document: %w", ErrNotAuthentic)
	}
	return nil
}

// SignatureKeyID returns the ID of the key that a signature names, so that the right public key can be looked for. It proves
// nothing.
func SignatureKeyID(signature []byte) (string, error) {
	keyID, _, err := parseSignature(signature)
	return keyID, err
}

// parseSignature reads a signature's text. It is strict, with one mercy: lines may end in CR LF, since mail and editors do that.
func parseSignature(text []byte) (keyID string, raw []byte, err error) {
	malformed := func(what string) (string, []byte, error) {
		return "", nil, fmt.Errorf("%w: %s", ErrMalformedSignature, what)
	}
	if len(text) > maximumSignature {
		return malformed("it is too long")
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 2 {
		return malformed("it does not have two lines")
	}
	keyID, found := strings.CutPrefix(lines[0], signaturePrefix)
	if !found {
		return malformed(fmt.Sprintf("its first line does not begin with %q", signaturePrefix))
	}
	if !validKeyID(keyID) {
		return malformed(fmt.Sprintf("%q is not a key id", keyID))
	}
	raw, err = base64.StdEncoding.Strict().DecodeString(lines[1])
	if err != nil || len(raw) != ed25519.SignatureSize || strings.Contains(lines[1], "\r") {
		return malformed("its second line is not a signature in base64")
	}
	return keyID, raw, nil
}

// Signatures are the detached signatures of a report's renderings, as text.
type Signatures struct {
	JSON, CSV, HTML []byte
}

// Sign signs each rendering. The key must be the one that the document names.
func (d Document) Sign(key SigningKey) (Signatures, error) {
	if key.KeyID() != d.keyID {
		return Signatures{}, fmt.Errorf("sign report: %w: the report names key %q, this one is %q", ErrOtherKey, d.keyID, key.KeyID())
	}
	var signatures Signatures
	for _, rendering := range []struct {
		document  []byte
		signature *[]byte
	}{
		{d.JSON, &signatures.JSON},
		{d.CSV, &signatures.CSV},
		{d.HTML, &signatures.HTML},
	} {
		signature, err := key.Sign(rendering.document)
		if err != nil {
			return Signatures{}, fmt.Errorf("sign report: %w", err)
		}
		*rendering.signature = signature
	}
	return signatures, nil
}
