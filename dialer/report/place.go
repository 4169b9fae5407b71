package report

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
)

// A signature cannot say what was changed in a document, only that something was. So that a reader can be told where to look, a
// signature carries a short digest of each line: four bytes, one change in four thousand million of which goes unseen. The digests
// decide nothing. The Ed25519 signature alone says yes, and only then are the digests looked at again: those of a document that is
// authentic are right, or the signature is malformed.
const lineDigestSize = 4

// lineDigests returns the digests of the document's lines, one after the other. What follows the last line feed is a line, too.
func lineDigests(document []byte) []byte {
	var digests []byte
	for line := range bytes.SplitSeq(document, []byte("\n")) {
		sum := sha256.Sum256(line)
		digests = append(digests, sum[:lineDigestSize]...)
	}
	return digests
}

// maximumPlace bounds what a place quotes of a changed line, in bytes.
const maximumPlace = 80

// Place is where a document is not as it was signed. It is a help for its reader, and proves nothing: whoever changed the document
// can have changed the digests by which the place is found.
type Place struct {
	// Line is the first line that differs, from 1 on.
	Line int
	// Text is that line as it stands now, shortened; empty where it is missing.
	Text string
	// Lines and Signed are how many lines the document has, and had when it was signed.
	Lines, Signed int
}

// String says where, in words.
func (p Place) String() string {
	switch {
	case p.Text == "" && p.Line > p.Lines:
		return fmt.Sprintf("it ends after line %d, and had %d lines", p.Lines, p.Signed)
	case p.Lines != p.Signed:
		return fmt.Sprintf("line %d is the first that differs (%#q), and there are %d lines in place of %d", p.Line, p.Text, p.Lines, p.Signed)
	default:
		return fmt.Sprintf("line %d is the first that differs: %#q", p.Line, p.Text)
	}
}

// Changed returns the first place where the document differs from what was signed. It returns false where the signature does not
// carry the digests of lines, and where they find no difference: then the signature itself was changed, or the key is another.
func Changed(document, signature []byte) (Place, bool) {
	parsed, err := parseSignature(signature)
	if err != nil || len(parsed.lines) == 0 {
		return Place{}, false
	}
	now, signed := lineDigests(document), parsed.lines
	place := Place{Lines: len(now) / lineDigestSize, Signed: len(signed) / lineDigestSize}
	for at := range max(place.Lines, place.Signed) {
		place.Line = at + 1
		if digestAt(now, at) == digestAt(signed, at) {
			continue
		}
		if at < place.Lines {
			place.Text = string(bytes.Split(document, []byte("\n"))[at])
			if len(place.Text) > maximumPlace {
				place.Text = place.Text[:maximumPlace] + " ..."
			}
		}
		return place, true
	}
	return Place{}, false
}

// digestAt returns the digest of a line, empty past the last one.
func digestAt(digests []byte, line int) string {
	if (line+1)*lineDigestSize > len(digests) {
		return ""
	}
	return string(digests[line*lineDigestSize:][:lineDigestSize])
}

// linesMatch tells whether the digests are those of the document.
func linesMatch(digests, document []byte) bool {
	return subtle.ConstantTimeCompare(digests, lineDigests(document)) == 1
}

// encodeLines writes the digests as a line of a signature.
func encodeLines(digests []byte) string {
	return linesPrefix + base64.StdEncoding.EncodeToString(digests)
}
