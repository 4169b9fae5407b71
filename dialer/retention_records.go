package dialer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// claims of a round go once the round is long over and no campaign's log needs
// them any more.
func (r *retention) claims(ctx context.Context) error {
	rounds := map[string]bool{}
	err := r.dialer.ledger.View(func(tx Tx) error {
		b := books{tx}
		for _, election := range r.dialer.registry.Elections {
			for _, round := range election.Rounds {
				rounds[round.ID] = roundOver(round).Before(r.cutoff(r.Policy.Attempts))
			}
		}
		for record := range b.campaigns() {
			over, known := rounds[record.Job.Round]
			rounds[record.Job.Round] = (over || !known) && r.forgettable(b, record)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.sweep(ctx, &expiry{
		what: "claims", kept: years(r.Policy.Attempts) + " after the round, and as long as a campaign's log", bucket: BucketClaim,
		due: func(_ books, key, _ []byte) bool {
			round, _, _ := strings.Cut(string(key), "\x00")
			return rounds[round]
		},
	})
}

// grants go when the time of their proof is over: that long after the consent
// has ended, and no attempt relies on it. One that nothing has ended is alive.
func (r *retention) grants(ctx context.Context) error {
	cutoff := r.cutoff(r.Policy.Proofs)
	return r.sweep(ctx, &expiry{
		what: "proofs of consent", kept: "as long as the consent, and " + years(r.Policy.Proofs), bucket: BucketGrant,
		due: func(b books, key, row []byte) bool {
			g, err := readGrant(row, asString)
			if err != nil || len(key) != contact.IDSize+4 {
				return false
			}
			id := idOf(key)
			ended, ends := r.dialer.grantEnded(b, id, &g.Grant)
			return ends && ended.Before(cutoff) && !b.relied(id, grantVersion(key))
		},
	})
}

// grantEnded returns when a consent has ended: worn out by its age, or taken back
// by an objection.
func (d *Dialer) grantEnded(b books, id contact.ID, g *consent.Grant) (at time.Time, ends bool) {
	at, ends = d.Pack().GrantWearsOut(g.Channel, g.GivenAt)
	for _, o := range b.objections(id, nil, asString) {
		concerns := (o.Channel == contact.AnyChannel || o.Channel == g.Channel) && (o.Party == consent.AnyParty || o.Party == g.Party)
		if concerns && o.At.After(g.GivenAt) && (!ends || o.At.Before(at)) {
			at, ends = o.At, true
		}
	}
	return at, ends
}

// relied tells whether an attempt to the contact relies on that grant.
func (b books) relied(id contact.ID, version uint32) bool {
	for _, past := range b.history(id).past {
		if a := b.attempt(past.sequence); a != nil && a.grant == version {
			return true
		}
	}
	return false
}

// auditBodies go with what they are about: intents with their campaign's log, all
// others when the records' time is over. The leaves stay.
func (r *retention) auditBodies(ctx context.Context) error {
	horizon, err := r.auditHorizon()
	if err != nil {
		return err
	}
	forgotten := r.memo()
	return r.sweep(ctx, &expiry{
		what: "texts of the audit log", kept: years(r.Policy.Records) + "; intents as long as the log of their campaign", bucket: BucketAuditBody,
		due: func(b books, key, body []byte) bool {
			if len(body) == 0 {
				return false
			}
			switch kind := auditKind(body[0]); kind {
			case auditIntent, auditFound:
				if len(body) < 1+intentPart {
					return false
				}
				campaign := recipientKey(body[1:][:len(recipientKey{})]).campaign()
				// Every attempt that is left must find its intent (I12).
				return !r.left[campaign] && forgotten(b, campaign)
			case auditObjection, auditControl, auditReport:
				return binary.BigEndian.Uint64(key) <= horizon
			default:
				return false
			}
		},
	})
}

// auditHorizon returns the last entry of the audit log that is surely older than
// the records' time: entries lie in the order of time, and many say when they
// were written.
func (r *retention) auditHorizon() (uint64, error) {
	cutoff := r.cutoff(r.Policy.Records)
	var horizon uint64
	err := r.dialer.ledger.View(func(tx Tx) error {
		for key, body := range tx.Rows(BucketAuditBody, nil) {
			written, known := auditWritten(body)
			if known && !written.Before(cutoff) {
				return nil
			}
			if known {
				horizon = binary.BigEndian.Uint64(key)
			}
		}
		return nil
	})
	return horizon, err
}

// auditWritten returns when an entry was written, if it says so. An objection
// only tells when the contact objected, which may be long before.
func auditWritten(body []byte) (time.Time, bool) {
	if len(body) == 0 {
		return time.Time{}, false
	}
	switch kind, text := auditBody(body); kind {
	case auditIntent:
		if len(text) < intentPart {
			return time.Time{}, false
		}
		var a attemptRecord
		a.readIntent(text)
		return a.intended, true
	case auditControl:
		first, _, _ := strings.Cut(string(text), " ")
		written, err := time.Parse(time.RFC3339Nano, first)
		return written, err == nil
	case auditReport:
		var report StoredReport
		return report.Released, json.Unmarshal(text, &report) == nil
	case auditFound, auditObjection:
	}
	return time.Time{}, false
}

// records of campaigns go when their time is over. Their names stay taken, and the
// last one stays, which tells how many there were.
func (r *retention) records(ctx context.Context) error {
	cutoff := r.cutoff(r.Policy.Records)
	return r.sweep(ctx, &expiry{
		what: "records of campaigns", kept: years(r.Policy.Records) + " after the campaign has closed", bucket: BucketCampaign,
		due: func(b books, key, _ []byte) bool {
			record, found := b.campaign(binary.BigEndian.Uint32(key))
			if !found || !r.forgettable(b, record) || !record.Closed.Before(cutoff) || uint64(record.Number) == b.number(sequenceCampaign) {
				return false
			}
			return !r.Confirm || !r.left[record.Number] && !b.hasRows(record.Number)
		},
		forget: func(b books, key, _ []byte) {
			b.Delete(BucketCampaign, key)
			b.Delete(BucketBalance, key)
			var exclusions [][]byte
			for exclusion := range b.prefixed(BucketExclusion, key) {
				exclusions = append(exclusions, append([]byte(nil), exclusion...))
			}
			for _, exclusion := range exclusions {
				b.Delete(BucketExclusion, exclusion)
			}
		},
	})
}

// hasRows tells whether a campaign's recipients are still there.
func (b books) hasRows(campaign uint32) bool {
	for range b.prefixed(BucketRecipient, campaignKey(campaign)) {
		return true
	}
	return false
}

// forgetPast takes attempts out of a contact's history, and lets go of a history
// that says nothing any more.
func (b books) forgetPast(id contact.ID, gone func(pastAttempt) bool) {
	h := b.history(id)
	kept := h.past[:0]
	for _, past := range h.past {
		if !gone(past) {
			kept = append(kept, past)
		}
	}
	if h.past = kept; len(kept) == 0 && h.inFlight == 0 {
		b.Delete(BucketHistory, id[:])
		return
	}
	b.putHistory(id, &h)
}

// idOf is the contact that a key begins with.
func idOf(key []byte) contact.ID { return contact.ID(key[:contact.IDSize]) }
