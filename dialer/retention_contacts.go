package dialer

import (
	"context"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// PastTime returns which of the contacts, who were collected before the instant,
// have not been heard of since: the consent that somebody gives is the last that
// is heard of them. A contact with an open attempt is not among them, since only
// their number can tell what became of it.
func PastTime(tx Tx, contacts []contact.ID, cutoff time.Time) []contact.ID {
	b := books{tx}
	var past []contact.ID
	for _, id := range contacts {
		heard := b.history(id).inFlight != 0
		for _, g := range b.grants(id, nil, asString) {
			heard = heard || !g.GivenAt.Before(cutoff)
		}
		if !heard {
			past = append(past, id)
		}
	}
	return past
}

// Uncorrect lets go of the corrections of contacts whom the directory does not
// have, if that is confirmed, and returns how many there are.
func (d *Dialer) Uncorrect(ctx context.Context, known func(contact.ID) (bool, error), confirm bool) (uint64, error) {
	all := d.corrections.current.Load()
	var needless []contact.ID
	for id := range *all {
		found, err := known(id)
		if err != nil {
			return 0, fmt.Errorf("look for a corrected contact: %w", err)
		}
		if !found {
			needless = append(needless, id)
		}
	}
	if confirm && len(needless) > 0 {
		if err := d.ledger.Commit(ctx, uncorrectMove(needless)); err != nil {
			return 0, fmt.Errorf("let go of corrections: %w", err)
		}
		for _, id := range needless {
			d.corrections.set(id, nil)
		}
	}
	return uint64(len(needless)), nil
}

type uncorrectMove []contact.ID

// Apply removes the corrections.
func (m uncorrectMove) Apply(tx Tx) {
	for _, id := range m {
		tx.Delete(BucketCorrection, id[:])
	}
}
