package dialer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Objection is a contact's "no more": whom it is for and how it came.
type Objection struct {
	Contact contact.ID      `json:"contact"`
	Channel contact.Channel `json:"channel"`
	// Party is consent.AnyParty where the objection holds for every party.
	Party string `json:"party"`
	// At is when the contact said so.
	At time.Time `json:"at"`
	// Way is how it came: "sms", "operator", "list", "carrier".
	Way    string `json:"way"`
	Reason string `json:"reason,omitempty"`
	// Message is the carrier's name of the text that said so, if one did.
	Message string `json:"message,omitempty"`
	// Erasure tells that the contact asked for erasure, too: see Erase.
	Erasure bool `json:"erasure,omitempty"`
	// HeardAt is the real instant at which we heard of it, for OnObjection; zero
	// where that is when Object is called.
	HeardAt time.Time `json:"-"`
}

// ObjectionStats tell how one objection went.
type ObjectionStats struct {
	Way    string
	Effect ObjectionEffect
	// Took is the real time from when it was heard until it was effective.
	Took time.Duration
}

// Journal keeps objections outside the ledger, so that no restored backup can
// lose one.
type Journal interface {
	// Append returns once the objections are on disk.
	Append(objections ...Objection) error
}

// ObjectionEffect is what can be promised when an objection is answered.
type ObjectionEffect string

// The effects.
const (
	// Effective means that no request begins after this.
	Effective ObjectionEffect = "effective"
	// Received means the same, but for one that had begun and has not ended yet.
	Received ObjectionEffect = "received"
)

// flightPatience is how long an objection waits for a request that has begun.
const flightPatience = 5 * time.Second

// Object makes objections effective, in an order that holds whatever happens
// between two steps: on disk in the journal first, then the gate closed, then
// in the ledger, then no request in flight any more. When it returns Effective
// no request to these contacts begins any more, for no party.
//
// That holds even where the ledger has failed. The gate stays closed as long as
// this process lives, since only the ledger's own word lets it forget a contact;
// no other process dials, since this one has the ledger's lock; and the next one
// enters what the journal has before it dials. So the contact is told the truth,
// and nobody who says STOP while the disk is full has to say it again.
func (d *Dialer) Object(ctx context.Context, objections ...Objection) (ObjectionEffect, error) {
	if len(objections) == 0 {
		return Effective, nil
	}
	asked := time.Now()
	objections, err := d.ofPersons(objections)
	if err != nil {
		return "", err
	}
	if err := d.journal.Append(objections...); err != nil {
		// Nobody is dialled before the carrier has been asked again for what
		// could not be written down now (I16).
		d.gaps.Add(1)
		return "", fmt.Errorf("write objections to the journal: %w", err)
	}
	// From here on they are made, whether or not anybody still waits for it.
	ctx = context.WithoutCancel(ctx)
	var flights []*flight
	for i := range objections {
		if f := d.gate.deny(objections[i].Contact); f != nil {
			flights = append(flights, f)
		}
	}
	record := &recordObjections{objections: objections}
	unrecorded := d.ledger.Commit(ctx, record)
	if unrecorded == nil {
		forget := d.clock.Now().Add(d.clock.Span(2 * permitLife))
		for i := range objections {
			d.gate.recorded(objections[i].Contact, forget)
		}
	}
	effect := awaitFlights(flights)
	d.observe(objections, effect, asked)
	d.cancelPlaced(ctx, record.placed)
	for i := range objections {
		d.log.Info().Str(FieldEvent, EventObjection).Stringer(FieldContact, objections[i].Contact).
			Str(FieldWay, objections[i].Way).Str(FieldEffect, string(effect)).AnErr(FieldUnrecorded, unrecorded).Send()
	}
	return effect, nil
}

// observe tells whoever measures it how long the objections took.
func (d *Dialer) observe(objections []Objection, effect ObjectionEffect, asked time.Time) {
	if d.onObjection == nil {
		return
	}
	for i := range objections {
		heard := objections[i].HeardAt
		if heard.IsZero() {
			heard = asked
		}
		d.onObjection(ObjectionStats{Way: objections[i].Way, Effect: effect, Took: time.Since(heard)})
	}
}

// awaitFlights waits, with no lock held, until the requests have ended.
func awaitFlights(flights []*flight) ObjectionEffect {
	if len(flights) == 0 {
		return Effective
	}
	patience := time.NewTimer(flightPatience)
	defer patience.Stop()
	for _, f := range flights {
		select {
		case <-f.over:
		case <-patience.C:
			return Received
		}
	}
	return Effective
}

// cancelPlaced asks the carrier not to send what it may still queue. Nothing
// depends on it: what has left cannot be called back.
func (d *Dialer) cancelPlaced(ctx context.Context, sids []string) {
	for _, sid := range sids {
		if err := d.carrier.Cancel(ctx, sid); err != nil {
			d.log.Warn().Str(FieldEvent, EventCancelFailed).Str(FieldSID, sid).Err(err).Send()
		}
	}
}

// recordObjections enters objections, and finds what the carrier may still have
// queued for those who object.
type recordObjections struct {
	objections []Objection
	placed     []string
}

// Urgent puts objections before all other moves.
func (*recordObjections) Urgent() {}

// Apply enters the objections. Of two of a kind the later one stays, since a
// grant between them may have lifted the first.
func (m *recordObjections) Apply(tx Tx) {
	b := books{tx}
	for i := range m.objections {
		o := &m.objections[i]
		if o.Message != "" {
			b.heard(o.Message, o.At)
		}
		key := objectionKey(o)
		if old, unknown := readObjection(key, b.Get(BucketObjection, key), asString); unknown != nil || o.At.After(old.At) {
			row, err := json.Marshal(o)
			if err != nil {
				b.Fail(fmt.Errorf("write an objection: %w", err))
				return
			}
			if b.Put(BucketObjection, key, row); unknown != nil {
				b.blame(o)
			}
			b.audit(auditObjection, row)
		}
		if o.Erasure {
			b.erase(o.Contact, o.At)
		}
		if h := b.history(o.Contact); h.inFlight != 0 {
			if a := b.attempt(h.inFlight); a != nil && a.sid != "" && !a.status.out() {
				m.placed = append(m.placed, a.sid)
			}
		}
	}
}

func objectionKey(o *Objection) []byte {
	return append(append(append([]byte(nil), o.Contact[:]...), byte(o.Channel)), o.Party...)
}

func asString(b []byte) string { return string(b) }

var errObjectionRow = errors.New("objection row cannot be read")

func readObjection(key, row []byte, text func([]byte) string) (Objection, error) {
	var o Objection
	if len(key) < contact.IDSize+1 {
		return o, errObjectionRow
	}
	if err := json.Unmarshal(row, &o); err != nil {
		return o, errObjectionRow
	}
	o.Party = text(key[contact.IDSize+1:])
	return o, nil
}

// ObjectionFrom is the objection that a contact makes in words: for every party
// and every channel, since the broker is the one who holds the number (GDPR
// art. 21(2)).
func ObjectionFrom(id contact.ID, way string, at time.Time) Objection {
	return Objection{Contact: id, Channel: contact.AnyChannel, Party: consent.AnyParty, At: at, Way: way}
}

// JournalKnown returns how many of the journal's entries the ledger is known to
// hold.
func (d *Dialer) JournalKnown() (uint64, error) {
	var known uint64
	err := d.ledger.View(func(tx Tx) error {
		known = books{tx}.number(watermarkJournal)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read the journal's watermark: %w", err)
	}
	return known, nil
}

// Restore enters objections that stand in the journal already, and notes that
// so many of its entries are known.
func (d *Dialer) Restore(ctx context.Context, known uint64, objections ...Objection) error {
	if err := d.ledger.Commit(ctx, &restoreMove{recordObjections{objections: objections}, known}); err != nil {
		return fmt.Errorf("enter objections from the journal: %w", err)
	}
	return nil
}

type restoreMove struct {
	recordObjections
	known uint64
}

// Apply enters the objections and the watermark.
func (m *restoreMove) Apply(tx Tx) {
	m.recordObjections.Apply(tx)
	books{tx}.setNumber(watermarkJournal, m.known)
}
