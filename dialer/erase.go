package dialer

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Erasure (GDPR art. 17). What stays of an erased contact is the keyed hash:
// as an objection, so that an import of tomorrow does not bring them back, and
// in the log of attempts for as long as that is kept, since the broker must be
// able to show what was sent and on which consent (art. 17(3)(b) and (e)). What
// goes is everything else: grants that nobody relied on, texts of theirs,
// corrections, and, with the next build of the directory, the sealed number and
// the attributes.
//
// An attempt that is open is settled first: only the number can find at the
// carrier what became of it. Until then the sealed number stays, for a few hours
// at most, and nobody is dialled by it.

// Erased is what came of an erasure.
type Erased struct {
	Contact contact.ID      `json:"contact"`
	Effect  ObjectionEffect `json:"effect"`
	// Known tells whether the directory has the contact, and Open that an
	// attempt must be settled before it can let go of them.
	Known bool `json:"known"`
	Open  bool `json:"open"`
}

// Erase lets nobody reach the contact any more, for whatever party, and removes
// what the ledger keeps of them. The directory lets go of them when it is built
// anew: see ErasedContacts.
func (d *Dialer) Erase(ctx context.Context, number contact.Number, look Look) (Erased, error) {
	erased := Erased{Contact: d.identify(number)}
	if err := d.auditLook(ctx, "contact erase", erased.Contact, look); err != nil {
		return erased, err
	}
	objection := ObjectionFrom(erased.Contact, "request", d.clock.Now())
	objection.Erasure = true
	var err error
	if erased.Effect, err = d.Object(ctx, objection); err != nil {
		return erased, err
	}
	d.corrections.set(erased.Contact, nil)
	var row Contact
	if erased.Known, err = d.directory.Contact(erased.Contact, &row); err != nil {
		return erased, fmt.Errorf("look a contact up: %w", err)
	}
	err = d.ledger.View(func(tx Tx) error {
		erased.Open = books{tx}.history(erased.Contact).inFlight != 0
		return nil
	})
	if err != nil {
		return erased, fmt.Errorf("look for open attempts of contact %s: %w", erased.Contact, err)
	}
	return erased, nil
}

// ErasedContacts returns the contacts whom the directory must not keep. Those
// with an open attempt are not among them yet: open counts them.
func ErasedContacts(tx Tx) (settled map[contact.ID]bool, open int) {
	b := books{tx}
	settled = map[contact.ID]bool{}
	for key := range b.Rows(BucketErased, nil) {
		id := contact.ID(key)
		if b.history(id).inFlight != 0 {
			open++
			continue
		}
		settled[id] = true
	}
	return settled, open
}

// erasedAt returns when the contact asked for erasure, the zero time for never.
func (b books) erasedAt(id contact.ID) time.Time {
	row := b.Get(BucketErased, id[:])
	if len(row) != 8 {
		return time.Time{}
	}
	return instant(int64(binary.BigEndian.Uint64(row)))
}

// erase marks the contact as erased and removes what the ledger keeps of them.
func (b books) erase(id contact.ID, at time.Time) {
	if b.erasedAt(id).IsZero() {
		b.Put(BucketErased, append([]byte(nil), id[:]...), binary.BigEndian.AppendUint64(nil, uint64(nanoseconds(at))))
	}
	b.Delete(BucketReview, id[:])
	b.Delete(BucketCorrection, id[:])
	relied := map[uint32]bool{}
	for _, past := range b.history(id).past {
		if a := b.attempt(past.sequence); a != nil {
			relied[a.grant] = true
		}
	}
	var needless [][]byte
	for key := range b.prefixed(BucketGrant, id[:]) {
		if !relied[grantVersion(key)] {
			needless = append(needless, append([]byte(nil), key...))
		}
	}
	for _, key := range needless {
		b.Delete(BucketGrant, key)
	}
}
