package dialer

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"golang.org/x/text/unicode/norm"
)

// A text costs by the segment, and one character can double its price. Operators
// are told which, and what to write instead; nothing is replaced behind their
// backs, since the text is what the party has approved.

// dearCharacter is a character that makes a text dearer, where it first stands.
type dearCharacter struct {
	character string
	// place counts what people see as characters, from 1.
	place int
}

// mostAdvised bounds how many characters of one text are named.
const mostAdvised = 5

// TextWarnings says what makes the job's texts dearer than they need be, and what
// to write instead.
func (j *Job) TextWarnings() []string {
	var warnings []string
	if j.isCall() {
		return nil // a voice has no alphabet
	}
	for _, text := range j.Message.texts() {
		warnings = append(warnings, adviseText(text.field, text.body)...)
	}
	return warnings
}

// adviseText says which characters make the text in a field of the job dearer
// than it need be.
func adviseText(field, text string) []string {
	size := MeasureText(text)
	takes := "counts twice in GSM-7"
	dear := dearCharacters(text, func(r rune) bool { return gsmUnits(r) == 2 })
	if size.Encoding == "UCS-2" {
		takes = "makes the text UCS-2"
		dear = dearCharacters(text, func(r rune) bool { return gsmUnits(r) == 0 })
	}
	plain := MeasureText(plainer(text, dear))
	if len(dear) == 0 || size.Encoding == plain.Encoding && size.Segments == plain.Segments {
		return nil
	}
	var advice []string
	for _, d := range dear[:min(mostAdvised, len(dear))] {
		advice = append(advice, fmt.Sprintf("%s, character %d: %s %s; %s", field, d.place, named(d.character), takes, d.advice()))
	}
	if more := len(dear) - mostAdvised; more > 0 {
		advice = append(advice, fmt.Sprintf("%s, more such characters: %d", field, more))
	}
	return append(advice, fmt.Sprintf("%s, segments: %d in %s, %d in %s without such characters",
		field, size.Segments, size.Encoding, plain.Segments, plain.Encoding))
}

// dearCharacters returns the characters of a text that hold a dear one, each once.
func dearCharacters(text string, dear func(rune) bool) []dearCharacter {
	var found []dearCharacter
	seen := map[string]bool{}
	place := 0
	for characters := graphemes.FromString(text); characters.Next(); {
		place++
		if character := characters.Value(); strings.ContainsFunc(character, dear) && !seen[character] {
			seen[character] = true
			found = append(found, dearCharacter{character, place})
		}
	}
	return found
}

// plainer returns the text with its dear characters written as advised, and
// without those for which there is no advice.
func plainer(text string, dear []dearCharacter) string {
	replaced := map[string]string{}
	for _, d := range dear {
		replaced[d.character], _ = instead(d.character)
	}
	var plain strings.Builder
	for characters := graphemes.FromString(text); characters.Next(); {
		character := characters.Value()
		if written, found := replaced[character]; found {
			character = written
		}
		plain.WriteString(character)
	}
	return plain.String()
}

func (d dearCharacter) advice() string {
	switch written, found := instead(d.character); {
	case !found:
		return "nothing plainer is like it"
	case written == "":
		return "leave it out"
	case written == " ":
		return "write a plain space instead"
	default:
		return "write " + written + " instead"
	}
}

// plainly is what stands for characters that word processors write, and for
// those that GSM-7 counts twice.
var plainly = map[string]string{
	"‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "´": "'", "`": "'", "‹": "'", "›": "'", "ʼ": "'",
	"“": `"`, "”": `"`, "„": `"`, "‟": `"`, "″": `"`, "«": `"`, "»": `"`,
	"‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
	"•": "-", "·": "-", "●": "-", "▪": "-", "→": "->", "×": "x",
	"œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i",
	"\t": " ", "\u2028": "\n", "\u2029": "\n",
	"\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\u200e": "", "\u200f": "", "\u2060": "", "\ufe0f": "", "\ufeff": "",
	"[": "(", "]": ")", "{": "(", "}": ")", "~": "-", "\\": "/", "|": "/", "\f": "\n",
}

// instead returns how a character is written so that GSM-7 has it, once.
func instead(character string) (string, bool) {
	if written, known := plainly[character]; known {
		return written, true
	}
	if composed := norm.NFC.String(character); cheap(composed) {
		return composed, true
	}
	var bare strings.Builder
	for _, r := range norm.NFKD.String(character) {
		if !unicode.Is(unicode.Mn, r) {
			bare.WriteRune(r)
		}
	}
	if bare.Len() == 0 || !cheap(bare.String()) {
		return "", false
	}
	return bare.String(), true
}

func cheap(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return gsmUnits(r) != 1 })
}

// named shows a character, if it can be seen, and its code points.
func named(character string) string {
	var points []string
	for _, r := range character {
		points = append(points, fmt.Sprintf("U+%04X", r))
	}
	codes := strings.Join(points, " ")
	if !strings.ContainsFunc(character, func(r rune) bool { return !unicode.IsSpace(r) && unicode.IsPrint(r) }) {
		return codes
	}
	return fmt.Sprintf("%s (%s)", character, codes)
}
