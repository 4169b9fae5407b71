package daemon

import (
	"context"
	"fmt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/audit"
	"github.com/hustings/hustings/queue"
)

// auditPage is how many entries an answer holds at most.
const auditPage = 1000

// readAudit answers with a part of the audit log.
func (d *Daemon) readAudit(_ context.Context, request queue.Request) (any, error) {
	var asked queue.AuditRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	page := queue.AuditPage{Header: audit.Header{Origin: d.checkpoints.origin, Key: d.checkpoints.key.Verifier()}, Entries: []audit.Entry{}}
	err := d.ledger.View(func(tx dialer.Tx) error {
		for _, year := range dialer.AuditYears(tx) {
			page.Years = append(page.Years, audit.Year(year))
		}
		for sequence, leaf := range dialer.AuditLeaves(tx, max(asked.From, 1)) {
			if len(page.Entries) == auditPage {
				page.Next = sequence
				break
			}
			page.Entries = append(page.Entries, audit.Entry{Sequence: sequence, Leaf: audit.Leaf(leaf), Text: dialer.AuditText(tx, sequence)})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}

// signAudit signs the audit log as it is now.
func (d *Daemon) signAudit(context.Context, queue.Request) (any, error) {
	if err := d.checkpoint(); err != nil {
		return nil, err
	}
	checkpoint, signed := d.checkpoints.newest()
	earlier, err := d.checkpoints.before(checkpoint.Year)
	if err != nil {
		return nil, err
	}
	return queue.AuditCheckpoint{Checkpoint: string(signed), Earlier: earlier, Key: d.checkpoints.key.Verifier()}, nil
}

// proveAudit shows that an entry stands in the log of a checkpoint: the last one of
// its year.
func (d *Daemon) proveAudit(_ context.Context, request queue.Request) (any, error) {
	var asked queue.AuditRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	entry, year, err := d.auditEntry(asked.From)
	if err != nil {
		return nil, err
	}
	if err := d.checkpoint(); err != nil {
		return nil, err
	}
	checkpoint, signed := d.checkpoints.newest()
	if checkpoint.Year != year.Year {
		if checkpoint, signed, err = d.checkpoints.lastOf(d.checkpoints.file(year.Year)); err != nil {
			return nil, err
		}
	}
	index := int64(entry.Sequence - year.First)
	if index >= checkpoint.Size {
		return nil, &queue.ControlError{
			Code: queue.CodeNotFound, Message: fmt.Sprintf("no checkpoint of %d covers entry %d", year.Year, entry.Sequence),
			Hint: "the daemon was not there to sign the end of that year",
		}
	}
	return audit.Prove(entry, index, checkpoint, signed, d.checkpoints.leaves(year.First))
}

// auditEntry returns an entry of the audit log, and the year that it is of.
func (d *Daemon) auditEntry(sequence uint64) (entry audit.Entry, year dialer.AuditYear, err error) {
	found := false
	err = d.ledger.View(func(tx dialer.Tx) error {
		for _, begun := range dialer.AuditYears(tx) {
			if sequence >= begun.First {
				year = begun
			}
		}
		for at, leaf := range dialer.AuditLeaves(tx, sequence) {
			if found = at == sequence; found {
				entry = audit.Entry{Sequence: sequence, Leaf: audit.Leaf(leaf), Text: dialer.AuditText(tx, sequence)}
			}
			break
		}
		return nil
	})
	switch {
	case err != nil:
		return entry, year, fmt.Errorf("read the audit log: %w", err)
	case !found:
		return entry, year, &queue.ControlError{Code: queue.CodeNotFound, Message: fmt.Sprintf("the audit log has no entry %d", sequence)}
	default:
		return entry, year, nil
	}
}
