package report

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// A signature is a text of three lines, each ended by a line feed:
//
//	hustings report signature v1, Ed25519, key 1f2e3d4c5b6a7980
//	lines <four bytes of each line's SHA-256, in base64>
//	<the 64 bytes of the signature in base64, 88 characters>
//
// It signs the exact bytes of one rendering, with nothing added, so that any tool that knows Ed25519 can check it: take the last
// line, decode it, and hand it over with the document and the public key. The first line is for people and for the choice of the
// key; it is not signed, and need not be: a wrong key ID only makes the check fail. The second is there to name the place of a
// change (see [Changed]), and may be missing.
const (
	signaturePrefix  = "hustings report signature v1, Ed25519, key "
	linesPrefix      = "lines "
	maximumSignature = 1 << 14 // bytes; more is not a signature, and is not read. It suffices for 3,000 lines, ten times a page's
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
	return []byte(signaturePrefix + k.KeyID() + "\n" + encodeLines(lineDigests(document)) + "\n" + encoded + "\n"), nil
}

// Verify checks that the holder of the public key signed exactly these bytes. A nil error is the only yes; others wrap
// [ErrMalformedSignature], [ErrOtherKey] or [ErrNotAuthentic], or tell that the public key is none.
func Verify(public ed25519.PublicKey, document, signature []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("verify document: the public key has %d bytes, not %d", len(public), ed25519.PublicKeySize)
	}
	parsed, err := parseSignature(signature)
	if err != nil {
		return fmt.Errorf("verify document: %w", err)
	}
	if parsed.keyID != KeyID(public) {
		return fmt.Errorf("verify document: %w: the signature names key %s, this one is %s", ErrOtherKey, parsed.keyID, KeyID(public))
	}
	if !ed25519.Verify(public, document, parsed.raw) {
		return fmt.Errorf("verify document: %w", ErrNotAuthentic)
	}
	if parsed.lines != nil && !linesMatch(parsed.lines, document) {
		return fmt.Errorf("verify document: %w: its line of digests was changed", ErrMalformedSignature)
	}
	return nil
}

// SignatureKeyID returns the ID of the key that a signature names, so that the right public key can be looked for. It proves
// nothing.
func SignatureKeyID(signature []byte) (string, error) {
	parsed, err := parseSignature(signature)
	return parsed.keyID, err
}

// signatureText is what a signature's text says.
type signatureText struct {
	keyID string
	lines []byte // nil where it has no digests
	raw   []byte
}

// parseSignature reads a signature's text. It is strict, with one mercy: lines may end in CR LF, since mail and editors do that.
func parseSignature(text []byte) (signatureText, error) {
	malformed := func(what string) (signatureText, error) {
		return signatureText{}, fmt.Errorf("%w: %s", ErrMalformedSignature, what)
	}
	if len(text) > maximumSignature {
		return malformed("it is too long")
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 2 && len(lines) != 3 {
		return malformed("it does not have two or three lines")
	}
	var parsed signatureText
	keyID, found := strings.CutPrefix(lines[0], signaturePrefix)
	if !found {
		return malformed(fmt.Sprintf("its first line does not begin with %q", signaturePrefix))
	}
	if parsed.keyID = keyID; !validKeyID(keyID) {
		return malformed(fmt.Sprintf("%q is not a key id", keyID))
	}
	if len(lines) == 3 {
		encoded, found := strings.CutPrefix(lines[1], linesPrefix)
		digests, err := decodeStrictly(encoded)
		if !found || err != nil || len(digests) == 0 || len(digests)%lineDigestSize != 0 {
			return malformed("its second line does not hold the digests of lines")
		}
		parsed.lines = digests
	}
	var err error
	if parsed.raw, err = decodeStrictly(lines[len(lines)-1]); err != nil || len(parsed.raw) != ed25519.SignatureSize {
		return malformed("its last line is not a signature in base64")
	}
	return parsed, nil
}

// decodeStrictly reads base64 that can be written in one way only: the standard decoder passes over line ends.
func decodeStrictly(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("it holds a line end")
	}
	return base64.StdEncoding.Strict().DecodeString(text)
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
