package report

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Ensure that a signature holds for exactly its document and key.
func TestVerify(t *testing.T) {
	t.Parallel()
	key, document := testKey(), []byte("document")
	other := signingKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	signature, err := key.Sign(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(key.Public(), document, signature); err != nil {
		t.Fatal(err)
	}
	// Mail turns line ends; the signature stays good.
	if err := Verify(key.Public(), document, bytes.ReplaceAll(signature, []byte("\n"), []byte("\r\n"))); err != nil {
		t.Error(err)
	}

	// Whoever needs only the signature may leave the digests of lines out.
	if err := Verify(key.Public(), document, bytes.Replace(signature, append([]byte(linesPrefix), append(encodedLines(document), '\n')...), nil, 1)); err != nil {
		t.Error(err)
	}

	foreign, err := other.Sign(document)
	if err != nil {
		t.Fatal(err)
	}
	relabelled := bytes.Replace(foreign, []byte(other.KeyID()), []byte(key.KeyID()), 1)
	for name, test := range map[string]struct {
		public    ed25519.PublicKey
		document  []byte
		signature []byte
		expected  error
	}{
		"other document":           {key.Public(), []byte("Document"), signature, ErrNotAuthentic},
		"no document":              {key.Public(), nil, signature, ErrNotAuthentic},
		"document with an ending":  {key.Public(), []byte("document\n"), signature, ErrNotAuthentic},
		"other key":                {other.Public(), document, signature, ErrOtherKey},
		"other key, relabelled":    {key.Public(), document, relabelled, ErrNotAuthentic},
		"empty":                    {key.Public(), document, nil, ErrMalformedSignature},
		"document for a signature": {key.Public(), document, document, ErrMalformedSignature},
		"one line":                 {key.Public(), document, signature[:59], ErrMalformedSignature},
		"digests of another":       {key.Public(), document, relined(t, signature, []byte("Document")), ErrMalformedSignature},
		"no digests on their line": {key.Public(), document, bytes.Replace(signature, encodedLines(document), nil, 1), ErrMalformedSignature},
		"cut":                      {key.Public(), document, signature[:len(signature)-5], ErrMalformedSignature},
		"four lines":               {key.Public(), document, append(bytes.Clone(signature), '\n'), ErrMalformedSignature},
		"huge":                     {key.Public(), document, bytes.Repeat(signature, 100), ErrMalformedSignature},
	} {
		if err := Verify(test.public, test.document, test.signature); !errors.Is(err, test.expected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, public := range []ed25519.PublicKey{nil, key.Public()[:31], append(bytes.Clone(key.Public()), 0)} {
		if err := Verify(public, document, signature); err == nil {
			t.Errorf("a public key of %d bytes was used", len(public))
		}
	}
}

// encodedLines returns the digests of a document's lines as a signature has them.
func encodedLines(document []byte) []byte {
	return bytes.TrimPrefix([]byte(encodeLines(lineDigests(document))), []byte(linesPrefix))
}

// relined returns a signature of "document" with the digests of another.
func relined(t *testing.T, signature, other []byte) []byte {
	t.Helper()
	changed := bytes.Replace(signature, encodedLines([]byte("document")), encodedLines(other), 1)
	if bytes.Equal(changed, signature) {
		t.Fatal("nothing was replaced")
	}
	return changed
}

// Ensure that the place of a change is named: in each line of each rendering, of a line more and of a line less.
func TestChanged(t *testing.T) {
	t.Parallel()
	golden := goldenCases(t)["completed"]
	document := mustRender(t, golden.heading, golden.figures)
	signatures, err := document.Sign(testKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, rendering := range map[string][2][]byte{
		"JSON": {document.JSON, signatures.JSON}, "CSV": {document.CSV, signatures.CSV}, "HTML": {document.HTML, signatures.HTML},
	} {
		signed, signature := rendering[0], rendering[1]
		if place, found := Changed(signed, signature); found {
			t.Errorf("%s: nothing was changed, and %s", name, place)
		}
		lines := bytes.Split(signed, []byte("\n"))
		for at := range lines {
			changed := slices.Clone(lines)
			changed[at] = append(bytes.Clone(lines[at]), 'x')
			place, found := Changed(bytes.Join(changed, []byte("\n")), signature)
			if !found || place.Line != at+1 || !strings.HasSuffix(place.Text, "x") && len(place.Text) < maximumPlace {
				t.Errorf("%s: line %d was changed, and %v, %t", name, at+1, place, found)
			}
			if err := Verify(testKey().Public(), bytes.Join(changed, []byte("\n")), signature); !errors.Is(err, ErrNotAuthentic) {
				t.Errorf("%s: line %d was changed: %v", name, at+1, err)
			}
		}
		if place, found := Changed(append(bytes.Clone(signed), "more\n"...), signature); !found || place.Line != len(lines) || place.Lines != len(lines)+1 {
			t.Errorf("%s: a line more: %v, %t", name, place, found)
		}
		cut := bytes.Join(lines[:3], []byte("\n"))
		if place, found := Changed(cut, signature); !found || place.Line != 4 || !strings.Contains(place.String(), "ends after line 3") {
			t.Errorf("%s: cut after three lines: %v, %t", name, place, found)
		}
	}
	if place, found := Changed(document.JSON, []byte("none")); found {
		t.Errorf("no signature, and %v", place)
	}
}

// Ensure that a changed bit anywhere in document or signature is noticed.
func TestVerify_EveryBit(t *testing.T) {
	t.Parallel()
	key := testKey()
	document := []byte("one of the renderings")
	signature, err := key.Sign(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{document, signature} {
		for bit := range 8 * len(part) {
			part[bit/8] ^= 1 << (bit % 8)
			if Verify(key.Public(), document, signature) == nil {
				t.Errorf("bit %d of %q may change", bit, part)
			}
			part[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// Ensure that a document is signed by the key that it names, and by no other.
func TestDocument_Sign(t *testing.T) {
	t.Parallel()
	golden := goldenCases(t)["completed"]
	document := mustRender(t, golden.heading, golden.figures)
	signatures, err := document.Sign(testKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, rendering := range [][2][]byte{
		{document.JSON, signatures.JSON},
		{document.CSV, signatures.CSV},
		{document.HTML, signatures.HTML},
	} {
		if err := Verify(testKey().Public(), rendering[0], rendering[1]); err != nil {
			t.Error(err)
		}
	}
	if err := Verify(testKey().Public(), document.JSON, signatures.CSV); !errors.Is(err, ErrNotAuthentic) {
		t.Errorf("the CSV's signature for the JSON: %v", err)
	}

	if _, err := document.Sign(signingKeyFromSeed(bytes.Repeat([]byte{1}, 32))); !errors.Is(err, ErrOtherKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := document.Sign(SigningKey{}); err == nil {
		t.Error("no key signed")
	}
	if _, err := (Document{}).Sign(SigningKey{}); !errors.Is(err, errNoSigningKey) {
		t.Errorf("no key signed nothing: %v", err)
	}
}

// FuzzParseSignature ensures that the parser never panics, and reads only what it would itself write.
func FuzzParseSignature(f *testing.F) {
	signature, err := testKey().Sign([]byte("document"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signature)
	f.Add([]byte(strings.ReplaceAll(string(signature), "\n", "\r\n")))
	f.Add([]byte(signaturePrefix + "\n\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseSignature(text)
		keyID, raw := parsed.keyID, parsed.raw
		if err != nil {
			if !errors.Is(err, ErrMalformedSignature) || keyID != "" || raw != nil {
				t.Errorf("%q: %q, %x, %v", text, keyID, raw, err)
			}
			return
		}
		_, _ = Changed(text, text)
		if len(raw) != ed25519.SignatureSize || !validKeyID(keyID) {
			t.Errorf("%q was read as %q, %x", text, keyID, raw)
		}
		named, err := SignatureKeyID(text)
		if err != nil || named != keyID {
			t.Errorf("key ID %q, %v; expected %q", named, err, keyID)
		}
	})
}
