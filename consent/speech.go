package consent

import (
	"fmt"
	"regexp"
	"strings"
)

// Speech is what a pack has calls say beside a campaign's own words: in its
// country's language, the same for every party. A pack without one places no
// calls.
type Speech struct {
	// Language is a tag of BCP 47, such as fr-FR: in it a synthetic voice reads.
	Language string `yaml:"language" json:"language"`
	// Objected is said once the objection of whoever has pressed the digit is in
	// effect.
	Objected string `yaml:"objected" json:"objected"`
	// NotHeard is said where another digit was pressed, or the objection could
	// not be kept: how to object, once more.
	NotHeard string `yaml:"not_heard" json:"not_heard"`
	// RungBack answers people who ring the number back that has rung them: who
	// that was ({party}), where their number came from ({origin}), how to object.
	RungBack string `yaml:"rung_back" json:"rung_back"`
	// Stranger answers those of whom no call is known, and Withheld those who
	// hide their number, and so must be told another way to object.
	Stranger string `yaml:"stranger" json:"stranger"`
	Withheld string `yaml:"withheld" json:"withheld"`
}

// CallerNames are what the answer to somebody who rings back may name.
type CallerNames struct {
	// Party is whose campaign has rung them, Origin where it says that their number
	// came from.
	Party, Origin string
}

var (
	languageTag = regexp.MustCompile(`^[a-z]{2}-[A-Z]{2}$`)
	spokenName  = regexp.MustCompile(`\{[^{}]*\}`)
)

// mostSpoken is how long each text of a pack's speech may be, in characters: half a
// minute, after which people hang up.
const mostSpoken = 500

func (s *Speech) validate() error {
	if !languageTag.MatchString(s.Language) {
		return fmt.Errorf("language: want a tag such as fr-FR, not %q", s.Language)
	}
	for _, text := range []struct{ field, words string }{
		{"objected", s.Objected}, {"not_heard", s.NotHeard}, {"rung_back", s.RungBack}, {"stranger", s.Stranger}, {"withheld", s.Withheld},
	} {
		if n := len([]rune(text.words)); n == 0 || n > mostSpoken {
			return fmt.Errorf("%s: has %d characters: want 1 to %d", text.field, n, mostSpoken)
		}
		for _, name := range spokenName.FindAllString(text.words, -1) {
			if text.field != "rung_back" || name != "{party}" && name != "{origin}" {
				return fmt.Errorf("%s: %s is not known: rung_back alone names {party} and {origin}", text.field, name)
			}
		}
	}
	for _, needed := range []string{"{party}", "{origin}"} {
		if !strings.Contains(s.RungBack, needed) {
			return fmt.Errorf("rung_back: must name %s", needed)
		}
	}
	return nil
}

// Speech returns what calls say under the pack; ok is false where it places none.
func (p *Pack) Speech() (speech Speech, ok bool) { return p.speech, p.speech != Speech{} }

// ToCaller is what somebody hears who rings back, once it is known who has rung
// them.
func (s *Speech) ToCaller(names CallerNames) string {
	return strings.NewReplacer("{party}", names.Party, "{origin}", names.Origin).Replace(s.RungBack)
}
