package dialer

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/hustings/hustings/consent/contact"
)

// A claim binds a contact to one party for a round. Planning makes it, for no more
// contacts than were ordered and than the budget can pay for. It lasts for the
// round where somebody of the party has dialled the contact, and lapses with the
// campaign where nobody did, or with a plan that was cut short. A reconcile makes
// one, too, of no campaign, for a message that only the carrier knew: it lasts for
// the round.

// claimedBy returns the party that the contact is bound to in the round, empty
// for none.
func (b books) claimedBy(round string, id contact.ID) []byte {
	if row := b.Get(BucketClaim, claimKey(round, id)); len(row) > 4 {
		return row[4:]
	}
	return nil
}

// claim binds a contact to a party for a round. The campaign that claimed first
// is kept beside the party.
func (b books) claim(round string, id contact.ID, party string, campaign uint32) {
	if key := claimKey(round, id); b.Get(BucketClaim, key) == nil {
		b.Put(BucketClaim, key, append(campaignKey(campaign), party...))
	}
}

// unclaim frees a contact that this campaign was the first to claim.
func (b books) unclaim(round string, id contact.ID, campaign uint32) {
	key := claimKey(round, id)
	if row := b.Get(BucketClaim, key); len(row) > 4 && binary.BigEndian.Uint32(row) == campaign {
		b.Delete(BucketClaim, key)
	}
}

// bind claims a contact for a party that has reached them by a message which no
// campaign of the ledger stands for: a plan gives way to it, and no campaign's end
// gives it up. Where one of the campaigns has dialled the contact for another party,
// or that one has reached them in the same way, nobody gets the contact any more.
func (b books) bind(round string, id contact.ID, party string, campaigns []*campaignRecord) {
	holder := string(b.claimedBy(round, id))
	if holder != "" && holder != party && (b.claimant(round, id) == 0 || b.dialledFor(holder, round, id, campaigns)) {
		party = nobodysParty
	}
	b.Put(BucketClaim, claimKey(round, id), append(campaignKey(0), party...))
}

// dialledFor tells whether one of the campaigns has dialled the contact for the party
// in the round.
func (b books) dialledFor(party, round string, id contact.ID, campaigns []*campaignRecord) bool {
	for _, record := range campaigns {
		if record.Job.Party != party || record.Job.Round != round {
			continue
		}
		for zone := range record.Zones {
			if r, found := b.recipient(newRecipientKey(record.Number, uint8(zone), record.Mask, id)); found && r.step > 0 {
				return true
			}
		}
	}
	return false
}

func claimKey(round string, id contact.ID) []byte {
	return append(append(append(make([]byte, 0, len(round)+1+len(id)), round...), 0), id[:]...)
}

// affordable is for how many messages the budget lasts, at what they cost at worst.
func (c *campaign) affordable() int {
	return int(max(0, c.job.Budget-c.spent) / c.dearest().price)
}

// lapse gives up the campaign's claims on contacts whom nobody of the party has
// dialled, before it closes. A person's claim, over several numbers, lasts for the
// round.
func (d *Dialer) lapse(ctx context.Context, record *campaignRecord) error {
	move := &lapseMove{record: record, from: campaignKey(record.Number)}
	for move.from != nil {
		if err := d.ledger.Commit(ctx, move); err != nil {
			return fmt.Errorf("give up the claims of campaign %s: %w", record.Job.ID, err)
		}
	}
	return nil
}

// lapseMove gives up claims, some at a time.
type lapseMove struct {
	record *campaignRecord
	// from is the key to go on with, nil at the end.
	from []byte
}

// Apply gives the claims of a part of the recipients up, or leaves them to another
// campaign of the party's.
func (m *lapseMove) Apply(tx Tx) {
	b := books{tx}
	from, number := m.from, m.record.Number
	m.from = nil
	if b.balance(number).State != CampaignClosing {
		return
	}
	others := b.siblings(number, &m.record.Job)
	var idle []recipientKey
	rows := 0
	for key, row := range b.Rows(BucketRecipient, from) {
		if len(key) != len(recipientKey{}) || recipientKey(key).campaign() != number {
			break
		}
		if rows++; rows > sweepRows || len(idle) == max(1, planChunk/(1+len(others))) {
			m.from = append([]byte(nil), key...)
			break
		}
		r, err := readRecipient(row)
		if err != nil {
			b.Fail(err)
			return
		}
		if r.step == 0 {
			idle = append(idle, recipientKey(key))
		}
	}
	for _, key := range idle {
		b.giveUp(key.id(m.record.Mask), number, &m.record.Job, others)
	}
}

// giveUp frees a contact whom the campaign has claimed, or leaves the claim to another
// campaign of the party's.
func (b books) giveUp(id contact.ID, number uint32, job *Job, others []*campaignRecord) {
	if b.claimant(job.Round, id) != number {
		return
	}
	b.unclaim(job.Round, id, number)
	if heir := b.heir(others, id); heir != 0 {
		b.claim(job.Round, id, job.Party, heir)
	}
}

// siblings are the other campaigns of the party in the round.
func (b books) siblings(number uint32, job *Job) []*campaignRecord {
	var list []*campaignRecord
	for other := range b.campaigns() {
		if other.Number != number && other.Job.Party == job.Party && other.Job.Round == job.Round && other.Forgotten.IsZero() {
			list = append(list, other)
		}
	}
	return list
}

// heir is the first campaign that has dialled the contact, or that has planned for it
// and is not closed; 0 for none.
func (b books) heir(campaigns []*campaignRecord, id contact.ID) uint32 {
	for _, record := range campaigns {
		closed := b.balance(record.Number).State == CampaignClosed
		for zone := range max(1, len(record.Zones)) {
			r, found := b.recipient(newRecipientKey(record.Number, uint8(zone), record.Mask, id))
			if found && (r.step > 0 || !closed) {
				return record.Number
			}
		}
	}
	return 0
}

// claimant is the campaign that has the claim on a contact, 0 for none.
func (b books) claimant(round string, id contact.ID) uint32 {
	if row := b.Get(BucketClaim, claimKey(round, id)); len(row) > 4 {
		return binary.BigEndian.Uint32(row)
	}
	return 0
}
