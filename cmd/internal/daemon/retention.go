package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// retain runs a retention: first over the directory, then over the ledger.
func (d *Daemon) retain(_ context.Context, request queue.Request) (any, error) {
	var asked queue.RetentionRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	look, err := d.look(asked.Operator, asked.Reason)
	if err != nil {
		return nil, err
	}
	return d.tasks.start(func(ctx context.Context, tell tell) (any, error) {
		order := dialer.RetentionOrder{
			Policy: d.config.Retention.Policy(), Confirm: asked.Confirm, Look: look,
			Tell: func(what string, found uint64) { tell(what, found, 0) },
		}
		if order.Before, err = d.retireContacts(ctx, &order); err != nil {
			return nil, err
		}
		items, err := d.dialer.Retain(ctx, order)
		return queue.RetentionDone{Deleted: asked.Confirm, Items: items}, err
	})
}

// retireContacts finds the contacts whose time in the directory is over and, if
// that is confirmed, builds the directory anew without them. They are no less
// free to come back with a newer list than anybody else.
func (d *Daemon) retireContacts(ctx context.Context, order *dialer.RetentionOrder) ([]dialer.RetentionItem, error) {
	cutoff := d.clock.Now().UTC().AddDate(-order.Policy.Contacts, 0, 0)
	past, err := d.pastTime(ctx, cutoff, order)
	if err != nil {
		return nil, fmt.Errorf("look for contacts past their time: %w", err)
	}
	gone := func(id contact.ID) bool {
		_, found := slices.BinarySearchFunc(past, id, func(a, b contact.ID) int { return bytes.Compare(a[:], b[:]) })
		return found
	}
	if order.Confirm && len(past) > 0 {
		if _, err := d.intake.rebuild(ctx, gone); errors.Is(err, errImporting) {
			return nil, &queue.ControlError{Code: queue.CodeBusy, Message: err.Error(), Hint: "ask again once the import is over"}
		} else if err != nil {
			return nil, fmt.Errorf("build the directory without contacts past their time: %w", err)
		}
	}
	var row dialer.Contact
	corrections, err := d.dialer.Uncorrect(ctx, func(id contact.ID) (bool, error) {
		found, err := d.directories.Contact(id, &row)
		return found && !gone(id), err
	}, order.Confirm)
	if err != nil {
		return nil, err
	}
	kept := fmt.Sprintf("%d years after they were collected, or last gave a consent", order.Policy.Contacts)
	return []dialer.RetentionItem{
		{What: "contacts in the directory", Kept: kept, Due: uint64(len(past))},
		{What: "corrections", Kept: "as long as their contact is in the directory", Due: corrections},
	}, nil
}

// pastTime returns the contacts past their time, in ascending order.
func (d *Daemon) pastTime(ctx context.Context, cutoff time.Time, order *dialer.RetentionOrder) ([]contact.ID, error) {
	current := d.directories.Current()
	if current == nil {
		return nil, nil
	}
	sources := current.Sources()
	var past, candidates []contact.ID
	ask := func(tx dialer.Tx) error {
		past = append(past, dialer.PastTime(tx, candidates, cutoff)...)
		candidates = candidates[:0]
		return nil
	}
	var failed error
	err := current.Contacts(func(row *dialer.Contact) bool {
		if int(row.Source) < len(sources) && sources[row.Source].Collected.Before(cutoff) {
			candidates = append(candidates, row.ID)
		}
		if len(candidates) == retireChunk {
			failed = d.ledger.View(ask)
			order.Tell("contacts in the directory", uint64(len(past)))
		}
		return failed == nil && ctx.Err() == nil
	})
	if err == nil && failed == nil {
		failed = d.ledger.View(ask)
	}
	return past, errors.Join(ctx.Err(), err, failed)
}

// retireChunk is how many contacts are asked about in one view of the ledger.
const retireChunk = 2000
