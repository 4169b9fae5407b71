package consent

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// ReplyNames are what the answer to a contact's text may name.
type ReplyNames struct {
	// Sender is what the contact has written to.
	Sender string
	// Party is the name of the party that the contact last heard from; empty
	// where there is none, and then a text that names it is not sent.
	Party string
}

// maxReply is how long an answer may be in a pack, in characters: with its names
// it still fits into two segments.
const maxReply = 240

var replyName = regexp.MustCompile(`\{[^{}]*\}`)

// replyText refuses an answer that names what it cannot.
func replyText(field, text string) error {
	if n := len([]rune(text)); n > maxReply {
		return fmt.Errorf("%s: has %d characters, %d at most", field, n, maxReply)
	}
	for _, name := range replyName.FindAllString(text, -1) {
		if name != "{sender}" && name != "{party}" {
			return fmt.Errorf("%s: %s is not known: want {sender} or {party}", field, name)
		}
	}
	return nil
}

func (n ReplyNames) fill(text string) string {
	if strings.Contains(text, "{party}") && n.Party == "" || strings.Contains(text, "{sender}") && n.Sender == "" {
		return ""
	}
	return strings.NewReplacer("{party}", n.Party, "{sender}", n.Sender).Replace(text)
}

// Help is what a contact is told who asks for help; empty where the pack has
// nothing to say. The nearest pack's words stand, in its country's language.
func (p *Pack) Help(names ReplyNames) string {
	for i := range p.tables[contact.SMS].stopKeywords {
		if text := p.tables[contact.SMS].stopKeywords[i].p.HelpAnswer; text != "" {
			return names.fill(text)
		}
	}
	return ""
}

// Confirmation is what a contact is told whose opt-out is in effect; empty where
// the pack allows no such answer. Whether it may be sent now is Decide's to say,
// about a message of kind OptOutConfirmation.
func (p *Pack) Confirmation(names ReplyNames, at time.Time) string {
	for i := range p.tables[contact.SMS].optOutConfirmation {
		r := &p.tables[contact.SMS].optOutConfirmation[i]
		if r.inForce(&question{}, at) {
			return names.fill(r.p.Text)
		}
	}
	return ""
}
