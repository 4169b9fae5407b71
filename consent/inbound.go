package consent

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hustings/hustings/consent/contact"
)

// InboundClass is what a contact's reply means.
type InboundClass uint8

// The classes of inbound texts.
const (
	// InboundNone changes nothing.
	InboundNone InboundClass = iota + 1
	// InboundOptOut is an objection, in effect from the next decision on.
	InboundOptOut
	// InboundOptInRequest asks to hear from us again. It is no grant (E6).
	InboundOptInRequest
	// InboundReview could be an objection: the contact is left alone until a
	// person has read it.
	InboundReview
)

var inboundNames = [...]string{
	InboundNone: "none", InboundOptOut: "opt_out", InboundOptInRequest: "opt_in_request", InboundReview: "review",
}

// String returns the class's name as case files write it.
func (c InboundClass) String() string {
	if c > 0 && int(c) < len(inboundNames) {
		return inboundNames[c]
	}
	return fmt.Sprintf("inbound class %d", uint8(c))
}

// Inbound is a class with the reason for it.
type Inbound struct {
	Class  InboundClass
	Reason Reason
}

// stopKeywordsRule: the words by which contacts object, and those they use for
// other things. Any clear wording is an objection (GDPR art. 21; 47 CFR
// 64.1200(a)(10)); the words are only the quick way.
//
// Rules: FR-K1, US-K1, CA-K1, DE-K1, ES-K1, BE-K1, H-K1.
type stopKeywordsRule struct {
	// Keywords are one or two words that mean stop, alone or at the head of a
	// text of at most three words.
	Keywords []string `json:"keywords"`
	OptIn    []string `json:"opt_in"`
	Help     []string `json:"help"`
	// Phrases mean stop anywhere in a text.
	Phrases []string `json:"phrases"`
	// Ambiguous are words that may mean stop anywhere else.
	Ambiguous []string `json:"ambiguous"`
	// HelpAnswer is what a contact is told who asks for help; see Pack.Help.
	HelpAnswer string `json:"help_answer"`
}

func (p *stopKeywordsRule) compile(f *frame) error {
	if f.overlay && len(p.OptIn)+len(p.Help) > 0 {
		return fmt.Errorf("opt_in, help: what an overlay takes for one of these could have been an objection")
	}
	if err := replyText("help_answer", p.HelpAnswer); err != nil {
		return err
	}
	for _, list := range [...][]string{p.Keywords, p.OptIn, p.Help, p.Phrases, p.Ambiguous} {
		for _, words := range list {
			if words == "" || words != fold(words) {
				return fmt.Errorf("%q: write it as texts are read: capitals without accents, single spaces", words)
			}
		}
	}
	return filled("keywords", p.Keywords)
}

// Classify reads a contact's reply. It never fails: what it does not
// understand changes nothing, and what might be an objection goes to a person.
func (p *Pack) Classify(text string) Inbound {
	text = fold(text)
	words := strings.Fields(text)
	rules := p.tables[contact.SMS].stopKeywords
	say := func(pick func(*stopKeywordsRule) []string, match func(listed string) bool) bool {
		for i := range rules {
			if slices.ContainsFunc(pick(&rules[i].p), match) {
				return true
			}
		}
		return false
	}
	whole := func(listed string) bool { return text == listed }
	leads := func(listed string) bool { return len(words) <= 3 && strings.HasPrefix(text, listed+" ") }
	somewhere := func(listed string) bool { return strings.Contains(text, listed) }
	word := func(listed string) bool { return slices.Contains(words, listed) }

	switch {
	case say(keywords, whole):
		return Inbound{InboundOptOut, Keyword}
	case say(optIns, whole):
		return Inbound{InboundOptInRequest, Keyword}
	case say(helps, whole):
		return Inbound{InboundNone, Help}
	case say(phrases, somewhere):
		return Inbound{InboundOptOut, FreeText}
	case say(keywords, leads):
		return Inbound{InboundOptOut, Keyword}
	case say(ambiguous, word):
		return Inbound{InboundReview, Ambiguous}
	}
	return Inbound{InboundNone, NoKeyword}
}

func keywords(p *stopKeywordsRule) []string  { return p.Keywords }
func optIns(p *stopKeywordsRule) []string    { return p.OptIn }
func helps(p *stopKeywordsRule) []string     { return p.Help }
func phrases(p *stopKeywordsRule) []string   { return p.Phrases }
func ambiguous(p *stopKeywordsRule) []string { return p.Ambiguous }

// fold brings a text to the form in which words are listed: capitals without
// accents, anything that is no letter or digit a space, single spaces. Letters
// in their full-width forms are the same letters.
func fold(text string) string {
	var b strings.Builder
	space := false
	for _, r := range text {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		if unicode.Is(unicode.Mn, r) {
			continue // an accent that follows its letter
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		r = unicode.ToUpper(r)
		if plain, ok := plainLetters[r]; ok {
			b.WriteString(plain)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plainLetters are the capitals with accents of the languages that the packs
// speak.
var plainLetters = func() map[rune]string {
	letters := map[rune]string{'Æ': "AE", 'Œ': "OE", 'ß': "SS", 'ẞ': "SS", 'Ø': "O", 'Ł': "L", 'Đ': "D"}
	for plain, accented := range map[string]string{
		"A": "ÀÁÂÃÄÅĀĂĄ", "C": "ÇĆĈĊČ", "D": "Ď", "E": "ÈÉÊËĒĖĘĚ", "G": "ĜĞĠĢ", "H": "Ĥ", "I": "ÌÍÎÏĨĪĮİ", "J": "Ĵ", "K": "Ķ",
		"L": "ĹĻĽ", "N": "ÑŃŅŇ", "O": "ÒÓÔÕÖŌŐ", "R": "ŔŖŘ", "S": "ŚŜŞŠȘ", "T": "ŢŤȚ", "U": "ÙÚÛÜŨŪŬŮŰŲ", "W": "Ŵ", "Y": "ÝŶŸ", "Z": "ŹŻŽ",
	} {
		for _, r := range accented {
			letters[r] = plain
		}
	}
	return letters
}()
