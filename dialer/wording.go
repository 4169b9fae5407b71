package dialer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/hustings/hustings/consent/contact"
)

// JobVariant is one of several texts of a campaign. Each recipient gets one of
// them, all with the same chance, so that the operator learns which one is
// understood best. It is as fixed as a single text: nothing is filled in.
type JobVariant struct {
	// Name is how the operator's books call it: lower-case letters, digits and
	// dashes.
	Name string `json:"name"`
	Body string `json:"body"`
}

// maxVariants bounds the variants: with more of them none has enough recipients
// to tell them apart.
const maxVariants = 8

// jobText is a text that a job may send, and the field that it stands in.
type jobText struct{ field, name, body string }

// String names the text in a fault.
func (t jobText) String() string {
	if t.name == "" {
		return "the body"
	}
	return fmt.Sprintf("the body of variant %q", t.name)
}

// texts returns the variants, or the only text without a name.
func (m *JobMessage) texts() []jobText {
	if len(m.Variants) == 0 {
		return []jobText{{"message.body", "", m.Body}}
	}
	texts := make([]jobText, len(m.Variants))
	for i, v := range m.Variants {
		texts[i] = jobText{fmt.Sprintf("message.variants[%d].body", i), v.Name, v.Body}
	}
	return texts
}

// validateVariants checks what only several texts can have wrong.
func (m *JobMessage) validateVariants() []Fault {
	if len(m.Variants) == 0 {
		return nil
	}
	var faults []Fault
	if m.Body != "" {
		faults = append(faults, Fault{Field: "message.body", Reason: "a body stands beside the variants", Hint: "make it one of them"})
	}
	if n := len(m.Variants); n < 2 || n > maxVariants {
		faults = append(faults, Fault{
			Field: "message.variants", Reason: fmt.Sprintf("%d cannot be compared", n), Hint: fmt.Sprintf("from 2 to %d", maxVariants),
		})
	}
	for i, v := range m.Variants {
		field := fmt.Sprintf("message.variants[%d]", i)
		if !jobID.MatchString(v.Name) {
			faults = append(faults, Fault{
				Field: field + ".name", Reason: fmt.Sprintf("%q cannot name a variant", v.Name), Hint: "lower-case letters, digits and dashes, at most 63",
			})
		}
		for _, earlier := range m.Variants[:i] {
			if earlier.Name == v.Name {
				faults = append(faults, Fault{Field: field + ".name", Reason: fmt.Sprintf("%q stands there twice", v.Name)})
			}
			if earlier.Body == v.Body {
				faults = append(faults, Fault{Field: field + ".body", Reason: fmt.Sprintf("variant %q has the same body", earlier.Name)})
			}
		}
	}
	return faults
}

// wording is a text of a campaign at work, with what follows from it.
type wording struct {
	body string
	// size is what the pacer reckons with: segments, or one call.
	size TextSize
	hash [sha256.Size]byte
	// units is what the carrier charges for at worst: segments, or begun minutes.
	units int
	price Money
}

// callSize is the size of every call to the pacer.
var callSize = TextSize{Encoding: "voice", Segments: 1}

func (j *Job) wordings(tariff *Tariff) []wording {
	whole, wordings := j.texts(), make([]wording, len(j.Message.texts()))
	for i, text := range j.Message.texts() {
		w := wording{body: text.body, hash: sha256.Sum256([]byte(whole[i].body))}
		if j.Call != nil {
			w.size, w.units = callSize, j.Call.minutes()
			w.price = Money(w.units) * tariff.Minute
		} else {
			w.size = MeasureText(text.body)
			w.units = w.size.Segments
			w.price = Money(w.units) * tariff.Segment
		}
		wordings[i] = w
	}
	return wordings
}

// wordingFor returns the text that a contact gets.
func (c *campaign) wordingFor(id contact.ID) *wording {
	return &c.wordings[variantOf(c.key, id, len(c.wordings))]
}

// dearest returns the text that costs most: what is foretold is never less than
// what comes.
func (c *campaign) dearest() *wording { return dearest(c.wordings) }

func dearest(wordings []wording) *wording {
	most := &wordings[0]
	for i := range wordings {
		if wordings[i].units > most.units {
			most = &wordings[i]
		}
	}
	return most
}

// textKeys are the job's texts as the carrier knows them, from each of the senders.
func (j *Job) textKeys(senders []string) []textKey {
	var keys []textKey
	for _, text := range j.Message.texts() {
		for _, sender := range senders {
			keys = append(keys, newTextKey(sender, j.told(text.body)))
		}
	}
	return keys
}

// told is what the carrier's lists tell of a message: a text, and nothing of what a
// call has said.
func (j *Job) told(body string) string {
	if j.isCall() {
		return ""
	}
	return body
}

// says tells whether the text is one of the campaign's.
func (c *campaign) says(text textKey) bool { return slices.Contains(c.keys, text) }

// textFor returns what a contact gets in the campaign, whole.
func (r *campaignRecord) textFor(id contact.ID) string {
	texts := r.Job.texts()
	return texts[variantOf(r.Key, id, len(texts))].body
}

// variantDomain keeps the draw of the variant apart from the draw of the
// audience, which has the same key.
const variantDomain = "variant\x00"

// variantOf draws one of n variants for a contact. It is the same for ever: a
// later step and a daemon that was started again send the same text.
func variantOf(key []byte, id contact.ID, n int) int {
	if n == 1 {
		return 0
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(variantDomain))
	mac.Write(id[:])
	var sum [sha256.Size]byte
	return int(binary.BigEndian.Uint64(mac.Sum(sum[:0])) % uint64(n))
}
