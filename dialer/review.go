package dialer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Review is a contact who waits for a person, since a text of theirs may be an
// opt-out. Nobody dials them meanwhile.
type Review struct {
	Contact contact.ID   `json:"contact"`
	Since   time.Time    `json:"since"`
	Texts   []ReviewText `json:"texts"`
}

// ReviewText is a text that a person must read. What may be a phone number in it
// is masked.
type ReviewText struct {
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
	Message string    `json:"message"`
}

// Verdict is what an operator makes of a contact's texts.
type Verdict string

// The verdicts.
const (
	// VerdictOptOut: the contact objects, for every party.
	VerdictOptOut Verdict = "opt_out"
	// VerdictKeep: the texts say something else, and dialling goes on.
	VerdictKeep Verdict = "keep"
)

// ErrNoReview is returned for a contact who waits for nobody.
var ErrNoReview = errors.New("this contact does not wait for a person")

const (
	// reviewText is how much of a text is kept, in characters, and reviewTexts
	// how many of one contact's, the newest.
	reviewText  = 500
	reviewTexts = 5
)

// hold makes a contact wait until a person has read the text. It is kept until
// then and no longer. Nobody dials an erased contact whatever they write.
func (b books) hold(id contact.ID, text ReviewText) {
	if b.Get(BucketErased, id[:]) != nil {
		return
	}
	review := Review{Contact: id, Since: text.At}
	if row := b.Get(BucketReview, id[:]); row != nil {
		if err := json.Unmarshal(row, &review); err != nil {
			b.Fail(fmt.Errorf("contact %s: read the texts to review: %w", id, err))
			return
		}
	}
	review.Texts = append(review.Texts, text)
	review.Texts = review.Texts[max(0, len(review.Texts)-reviewTexts):]
	row, err := json.Marshal(review)
	if err != nil {
		b.Fail(fmt.Errorf("contact %s: write a text to review: %w", id, err))
		return
	}
	b.Put(BucketReview, append([]byte(nil), id[:]...), row)
}

// review returns what a person must read of the contact's, and whether there is
// anything.
func (b books) review(id contact.ID) (Review, bool) {
	var review Review
	row := b.Get(BucketReview, id[:])
	if row == nil {
		return review, false
	}
	if err := json.Unmarshal(row, &review); err != nil {
		b.Fail(fmt.Errorf("contact %s: read the texts to review: %w", id, err))
	}
	return review, true
}

// Reviews returns the contacts who wait for a person, in the order of their
// pseudonyms. That somebody read their texts stands in the audit log.
func (d *Dialer) Reviews(ctx context.Context, look Look) ([]Review, error) {
	body := fmt.Appendf(nil, "%s %s", d.clock.Now().UTC().Format(time.RFC3339Nano), said("texts to review read", look.Operator, look.Reason))
	if err := d.ledger.Commit(ctx, &auditMove{body}); err != nil {
		return nil, fmt.Errorf("put the look on record: %w", err)
	}
	reviews := []Review{}
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for key := range tx.Rows(BucketReview, nil) {
			review, _ := b.review(contact.ID(key))
			reviews = append(reviews, review)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the texts to review: %w", err)
	}
	return reviews, nil
}

// Decide ends a contact's waiting. With VerdictOptOut the objection is effective
// when it returns; the contact said so when the first of the texts came.
func (d *Dialer) Decide(ctx context.Context, id contact.ID, verdict Verdict, look Look) (ObjectionEffect, error) {
	var review Review
	var waits bool
	err := d.ledger.View(func(tx Tx) error {
		review, waits = books{tx}.review(id)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read the texts to review: %w", err)
	}
	if !waits {
		return "", fmt.Errorf("contact %s: %w", id, ErrNoReview)
	}
	var effect ObjectionEffect
	if verdict == VerdictOptOut {
		objection := ObjectionFrom(id, "review", review.Since)
		objection.Reason = look.Reason
		if effect, err = d.Object(ctx, objection); err != nil {
			return "", err
		}
	}
	what := fmt.Sprintf("%s %s of %s", d.clock.Now().UTC().Format(time.RFC3339Nano), said("review "+string(verdict), look.Operator, look.Reason), id)
	if err := d.ledger.Commit(ctx, &decideMove{id: id, read: review.Texts, body: []byte(what)}); err != nil {
		return effect, fmt.Errorf("write the verdict on contact %s: %w", id, err)
	}
	d.wake()
	return effect, nil
}

// decideMove lets go of the texts that were read. One that came meanwhile was
// not: its contact waits on.
type decideMove struct {
	id   contact.ID
	read []ReviewText
	body []byte
}

// Apply removes them.
func (m *decideMove) Apply(tx Tx) {
	b := books{tx}
	review, waits := b.review(m.id)
	if !waits {
		return
	}
	b.audit(auditControl, m.body)
	b.Delete(BucketReview, m.id[:])
	known := map[string]bool{}
	for _, text := range m.read {
		known[text.Message] = true
	}
	for _, text := range review.Texts {
		if !known[text.Message] {
			b.hold(m.id, text)
		}
	}
}
