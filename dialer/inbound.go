package dialer

import (
	"context"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Inbound takes in a text that a contact sent. An objection is effective when
// it returns; the carrier may be told that the text was heard only then. The
// reply is what to answer, empty for nothing.
func (d *Dialer) Inbound(ctx context.Context, text InboundText) (reply string, err error) {
	if d.seen(text.SID) {
		return "", nil
	}
	id := d.identify(text.From)
	class := d.Pack().Classify(text.Body)
	d.log.Info().Str(FieldEvent, EventInbound).Stringer(FieldContact, id).Stringer(FieldKind, class.Class).
		Stringer(FieldReason, class.Reason).Send()
	if class.Class == consent.InboundOptOut || text.CarrierStopped {
		objection := ObjectionFrom(id, "sms", text.ReceivedAt)
		objection.Reason, objection.Message, objection.HeardAt = class.Reason.String(), text.SID, text.HeardAt
		if _, err := d.Object(ctx, objection); err != nil || text.NoReply {
			return "", err
		}
		return d.confirm(ctx, id, text), nil
	}
	move := &inboundMove{sid: text.SID, at: text.ReceivedAt}
	if class.Class == consent.InboundReview {
		move.review, move.text = id, contact.WithoutDigits(text.Body, reviewText)
	}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return "", fmt.Errorf("write an inbound text: %w", err)
	}
	if class.Reason == consent.Help && !text.NoReply {
		return d.help(id, text), nil
	}
	return "", nil
}

// seen tells whether a text was taken in before. A ledger that cannot be read
// knows of none: a STOP that is entered twice is better than one that is not.
func (d *Dialer) seen(sid string) (seen bool) {
	err := d.ledger.View(func(tx Tx) error {
		seen = tx.Get(BucketInbound, []byte(sid)) != nil
		return nil
	})
	return seen && err == nil
}

// inboundMove notes that a text was seen that is no opt-out. One that might be
// makes its contact wait until a person has read it.
type inboundMove struct {
	sid    string
	at     time.Time
	review contact.ID
	text   string
}

// Apply notes the text.
func (m *inboundMove) Apply(tx Tx) {
	books{tx}.heard(m.sid, m.at)
	if m.review != (contact.ID{}) {
		books{tx}.hold(m.review, ReviewText{At: m.at, Text: m.text, Message: m.sid})
	}
}

// catchUpEvery is how often, in campaign time, the carrier is asked for inbound
// texts whose callback was lost.
const catchUpEvery = time.Hour

// listLag is how long a text may take until the carrier's list shows it: one
// that came before the watermark may not have been there yet. What was taken in
// already is known by its name.
const listLag = time.Hour

// catchUp takes in the texts that the carrier holds for us since the watermark.
// Nothing is dialled after a gap before it has succeeded once.
func (d *Dialer) catchUp(ctx context.Context) error {
	since, err := d.inboundWatermark()
	if err != nil {
		return err
	}
	began := d.clock.Now()
	if since.IsZero() {
		since = began.Add(-24 * time.Hour)
	}
	texts, err := d.records.Inbound(ctx, since.Add(-listLag))
	if err != nil {
		return fmt.Errorf("list inbound texts at the carrier: %w", err)
	}
	for _, text := range texts {
		text.NoReply = true // nobody waits for one any more
		if _, err := d.Inbound(ctx, text); err != nil {
			return err
		}
	}
	d.caughtUpAt.Store(time.Now().UnixNano())
	if !d.clockIsSure() {
		return nil // a mark set by a wrong clock could hide texts for ever
	}
	if err := d.ledger.Commit(ctx, watermarkMove{began}); err != nil {
		return fmt.Errorf("write the inbound watermark: %w", err)
	}
	return nil
}

// inboundWatermark is up to when inbound texts are known.
func (d *Dialer) inboundWatermark() (at time.Time, err error) {
	err = d.ledger.View(func(tx Tx) error {
		at = instant(int64(books{tx}.number(watermarkInbound)))
		return nil
	})
	if err != nil {
		return at, fmt.Errorf("read the inbound watermark: %w", err)
	}
	return at, nil
}

// watermarkMove notes up to when inbound texts are known.
type watermarkMove struct{ at time.Time }

// Apply notes it.
func (m watermarkMove) Apply(tx Tx) {
	books{tx}.setNumber(watermarkInbound, uint64(m.at.UnixNano()))
}

// identify returns the pseudonym of a number.
func (d *Dialer) identify(number contact.Number) contact.ID { return d.identity.ID(number) }

// optsOut tells whether a text says "no more".
func (d *Dialer) optsOut(body string) bool {
	return d.Pack().Classify(body).Class == consent.InboundOptOut
}
