package dialer

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// What is kept has a time, and after it a retention run deletes it. What proves
// that nothing was left out stays: the totals of a campaign, the leaves of the
// audit log, opt-outs (which never expire), released reports.
//
// A campaign's log of attempts goes as a whole, so that its rows and its
// counters never half agree: first the campaign is marked as forgotten, which
// tells the check of the books that its rows may be gone, then they go, some at
// a time. Whatever ends a run in between, the next one goes on.

// Retention says how long things are kept, in whole years.
type Retention struct {
	// Attempts is how long the log of attempts is kept after its campaign has
	// closed, with recipients, claims and the intents in the audit log.
	Attempts int
	// Proofs is how long a consent's proof is kept after the consent has ended.
	Proofs int
	// Records is how long a campaign's record and the audit log's texts are kept
	// (regulation (EU) 2024/900, art. 9: 7 years).
	Records int
	// Contacts is how long a contact stays in the directory after it was
	// collected, or after it was last heard of.
	Contacts int
}

// RetentionItem is one kind of thing, and how many of it are past their time.
type RetentionItem struct {
	What string `json:"what"`
	// Kept says for how long, and from when on.
	Kept string `json:"kept"`
	// Due is how many there are, or were: a run that deletes counts them.
	Due uint64 `json:"due"`
}

// RetentionOrder asks for one run.
type RetentionOrder struct {
	Policy Retention
	// Confirm deletes what is due; without it the run only counts.
	Confirm bool
	Look    Look
	// Before is what was found elsewhere, in the same run.
	Before []RetentionItem
	// Tell is told what the run is doing, and how many it has found.
	Tell func(what string, found uint64)
}

// retention is one run.
type retention struct {
	RetentionOrder
	dialer *Dialer
	now    time.Time
	items  []RetentionItem
	// left are forgotten campaigns some of whose attempts stay for now.
	left map[uint32]bool
}

// Retain finds what is past its time in the ledger and, if that is confirmed,
// deletes it. A confirmed run stands in the audit log with what it deleted.
func (d *Dialer) Retain(ctx context.Context, order RetentionOrder) ([]RetentionItem, error) {
	r := &retention{RetentionOrder: order, dialer: d, now: d.clock.Now(), items: order.Before, left: map[uint32]bool{}}
	for _, step := range []func(context.Context) error{
		r.campaigns, r.recipients, r.attempts, r.foreign, r.claims, r.counted, r.grants, r.auditBodies, r.records,
	} {
		if err := step(ctx); err != nil {
			return r.items, err
		}
	}
	r.items = append(r.items, RetentionItem{What: "opt-outs", Kept: "for good, as a keyed hash: they never expire"})
	if r.Confirm {
		body := fmt.Appendf(nil, "%s %s: %s", r.now.UTC().Format(time.RFC3339Nano), said("retention run", r.Look.Operator, r.Look.Reason), r.summary())
		if err := d.ledger.Commit(ctx, &auditMove{body}); err != nil {
			return r.items, fmt.Errorf("put the run on record: %w", err)
		}
	}
	return r.items, nil
}

func (r *retention) summary() string {
	var parts []string
	for _, item := range r.items {
		if item.Due > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", item.Due, item.What))
		}
	}
	return "deleted " + strings.Join(parts, ", ")
}

// cutoff is the instant before which a thing must have begun its time.
func (r *retention) cutoff(years int) time.Time { return r.now.UTC().AddDate(-years, 0, 0) }

// years writes a time in words.
func years(n int) string {
	if n == 1 {
		return "1 year"
	}
	return fmt.Sprintf("%d years", n)
}

// expiry is what a run looks for in one table.
type expiry struct {
	what, kept string
	bucket     Bucket
	// prefix bounds the rows; nil for all.
	prefix []byte
	// due tells whether the row is past its time, and forget deletes it, with
	// whatever goes along. They only see the transaction.
	due    func(b books, key, row []byte) bool
	forget func(b books, key, row []byte)
}

// retentionRows is how many rows are looked at in one view of the ledger.
const retentionRows = 20_000

// sweep goes through the table, and counts or deletes.
func (r *retention) sweep(ctx context.Context, e *expiry) error {
	found, err := r.rows(ctx, e)
	if err != nil {
		return fmt.Errorf("look for %s past their time: %w", e.what, err)
	}
	r.items = append(r.items, RetentionItem{e.what, e.kept, found})
	return nil
}

func (r *retention) rows(ctx context.Context, e *expiry) (found uint64, err error) {
	for from := e.prefix; ; {
		var due [][]byte
		err := r.dialer.ledger.View(func(tx Tx) error {
			due, from = e.part(books{tx}, from)
			return nil
		})
		if err != nil {
			return found, err
		}
		if r.Confirm && len(due) > 0 {
			move := &forgetMove{expiry: e, keys: due}
			if err := r.dialer.ledger.Commit(ctx, move); err != nil {
				return found, err
			}
			found += move.forgotten
		} else {
			found += uint64(len(due))
		}
		if r.Tell(e.what, found); from == nil {
			return found, ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return found, err
		}
	}
}

// part looks at some rows, and returns the keys of those that are due and where
// to go on, nil at the end.
func (e *expiry) part(b books, from []byte) (due [][]byte, next []byte) {
	looked := 0
	for key, row := range b.Rows(e.bucket, from) {
		if !strings.HasPrefix(string(key), string(e.prefix)) {
			return due, nil
		}
		if looked++; looked > retentionRows || len(due) == planChunk {
			return due, append([]byte(nil), key...)
		}
		if e.due(b, key, row) {
			due = append(due, append([]byte(nil), key...))
		}
	}
	return due, nil
}

// forgetMove deletes rows that are past their time.
type forgetMove struct {
	expiry    *expiry
	keys      [][]byte
	forgotten uint64
}

// Apply deletes those that still are: something may have come in between.
func (m *forgetMove) Apply(tx Tx) {
	b := books{tx}
	for _, key := range m.keys {
		row := b.Get(m.expiry.bucket, key)
		if row == nil || !m.expiry.due(b, key, row) {
			continue
		}
		m.forgotten++
		if m.expiry.forget == nil {
			b.Delete(m.expiry.bucket, key)
			continue
		}
		m.expiry.forget(b, key, row)
	}
}

// forgettable tells whether a campaign's log of attempts is past its time: it was
// closed long ago and its report is released, or it was marked before.
func (r *retention) forgettable(b books, record *campaignRecord) bool {
	return !record.Forgotten.IsZero() || !record.Closed.IsZero() && record.Closed.Before(r.cutoff(r.Policy.Attempts)) &&
		(isTest(record.Number) || b.Get(BucketReport, []byte(record.Job.ID)) != nil)
}

// ofForgotten tells whether a campaign's rows may go.
func (r *retention) ofForgotten(b books, campaign uint32) bool {
	record, found := b.campaign(campaign)
	return !found || r.forgettable(b, record)
}

// campaigns marks those whose log is past its time.
func (r *retention) campaigns(ctx context.Context) error {
	return r.sweep(ctx, &expiry{
		what: "campaigns' logs", kept: years(r.Policy.Attempts) + " after the campaign has closed", bucket: BucketCampaign,
		due: func(b books, key, _ []byte) bool {
			record, found := b.campaign(binary.BigEndian.Uint32(key))
			return found && record.Forgotten.IsZero() && r.forgettable(b, record)
		},
		forget: func(b books, key, _ []byte) {
			record, _ := b.campaign(binary.BigEndian.Uint32(key))
			record.Forgotten = r.now
			b.putCampaign(record)
			b.forgetDays(record.Closed)
		},
	})
}

func (r *retention) recipients(ctx context.Context) error {
	forgotten := r.memo()
	return r.sweep(ctx, &expiry{
		what: "recipients", kept: "as long as the log of their campaign", bucket: BucketRecipient,
		due: func(b books, key, _ []byte) bool { return forgotten(b, recipientKey(key).campaign()) },
	})
}

// memo answers ofForgotten, asking once for each campaign in a row: rows of one
// campaign lie together.
func (r *retention) memo() func(b books, campaign uint32) bool {
	var last uint32
	var answer bool
	return func(b books, campaign uint32) bool {
		if campaign != last {
			last, answer = campaign, r.ofForgotten(b, campaign)
		}
		return answer
	}
}

// attempts go with their place in their contact's history. One whose copy at the
// carrier is still to be deleted stays until it is: only its row tells which.
func (r *retention) attempts(ctx context.Context) error {
	forgotten := r.memo()
	return r.sweep(ctx, &expiry{
		what: "attempts", kept: "as long as the log of their campaign", bucket: BucketAttempt,
		due: func(b books, key, row []byte) bool {
			a, err := readAttempt(row)
			if err != nil || a.state.open() || !forgotten(b, a.recipient.campaign()) {
				return false
			}
			if r.dialer.keep > 0 && binary.BigEndian.Uint64(key) > b.number(cursorTidy) {
				r.left[a.recipient.campaign()] = true
				return false
			}
			return true
		},
		forget: func(b books, key, row []byte) {
			sequence := binary.BigEndian.Uint64(key)
			if a, err := readAttempt(row); err == nil {
				b.forgetPast(a.contact, func(past pastAttempt) bool { return past.sequence == sequence })
			}
			b.Delete(BucketAttempt, key)
		},
	})
}

// foreign messages, too, have a place in their contact's history.
func (r *retention) foreign(ctx context.Context) error {
	cutoff := r.cutoff(r.Policy.Attempts)
	return r.sweep(ctx, &expiry{
		what: "messages that only the carrier knew", kept: years(r.Policy.Attempts), bucket: BucketForeign,
		due: func(_ books, _, row []byte) bool {
			message, err := readForeign(row)
			return err == nil && message.created.Before(cutoff)
		},
		forget: func(b books, key, row []byte) {
			message, _ := readForeign(row) // read when it was found due
			b.forgetPast(idOf(key), func(past pastAttempt) bool { return past.sequence == 0 && past.at.Equal(message.created) })
			b.forgetDays(message.created)
			b.Delete(BucketForeign, key)
		},
	})
}

// counted are the days on which a party's reports counted a contact: what bounds
// them looks back for twelve months.
func (r *retention) counted(ctx context.Context) error {
	cutoff := r.cutoff(1)
	return r.sweep(ctx, &expiry{
		what: "counts in parties' reports", kept: "1 year", bucket: BucketCounted,
		due: func(_ books, _, row []byte) bool {
			return len(row) == 8 && instant(int64(binary.BigEndian.Uint64(row))).Before(cutoff)
		},
	})
}
