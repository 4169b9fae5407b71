package dialer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// books reads and writes the ledger's rows as what they mean. A row that
// cannot be read makes the transaction fail.
type books struct{ Tx }

// next counts a sequence up, in the same transaction.
func (b books) next(sequence string) uint64 {
	n := b.number(sequence) + 1
	b.setNumber(sequence, n)
	return n
}

func (b books) setNumber(name string, n uint64) {
	b.Put(BucketMeta, []byte(name), binary.BigEndian.AppendUint64(nil, n))
}

// number reads a number kept under a name, 0 where there is none.
func (b books) number(name string) uint64 {
	if row := b.Get(BucketMeta, []byte(name)); len(row) == 8 {
		return binary.BigEndian.Uint64(row)
	}
	return 0
}

// The names of what BucketMeta keeps for the dialer.
const (
	sequenceAttempt  = "sequence.attempt"
	sequenceCampaign = "sequence.campaign"
	sequenceAudit    = "sequence.audit"
	sequenceList     = "sequence.list"
	// sequenceGrant counts the moves that have entered grants.
	sequenceGrant = "sequence.grant"
	// sequenceReservation counts the changes of reservations.
	sequenceReservation = "sequence.reservation"
	// daysForgotten is the last day of which attempts may be forgotten.
	daysForgotten    = "days.forgotten"
	watermarkInbound = "watermark.inbound"
	watermarkJournal = "watermark.journal"
)

// recipient returns the row and whether there is one.
func (b books) recipient(key recipientKey) (recipient, bool) {
	row := b.Get(BucketRecipient, key[:])
	if row == nil {
		return recipient{}, false
	}
	r, err := readRecipient(row)
	if err != nil {
		b.Fail(fmt.Errorf("campaign %d: %w", key.campaign(), err))
		return recipient{}, false
	}
	return r, true
}

// change writes the recipient's new row and moves its weight in the balance. A
// wrong move, reported by err, makes the transaction fail.
func (b books) change(key recipientKey, balance *balance, old, new recipient, err error) {
	if err != nil {
		b.Fail(fmt.Errorf("campaign %d: %w", key.campaign(), err))
		return
	}
	balance.count(old, new)
	if new.state == RecipientExcluded {
		b.countExclusion(key.campaign(), excludedLater, new.reason, 1)
	}
	if !old.until.IsZero() {
		b.Delete(BucketDue, dueKey(old.until, key))
	}
	if !new.until.IsZero() {
		b.Put(BucketDue, dueKey(new.until, key), nothing)
	}
	b.Put(BucketRecipient, append([]byte(nil), key[:]...), new.append(nil))
}

// nothing is the value of rows whose key says it all.
var nothing = []byte{1}

// balance returns a campaign's counters.
func (b books) balance(campaign uint32) balance {
	row := b.Get(BucketBalance, campaignKey(campaign))
	read, err := readBalance(row)
	if err != nil {
		b.Fail(fmt.Errorf("campaign %d: %w", campaign, err))
	}
	return read
}

func (b books) putBalance(campaign uint32, balance *balance) {
	b.Put(BucketBalance, campaignKey(campaign), balance.append(make([]byte, 0, 64)))
}

func campaignKey(number uint32) []byte { return binary.BigEndian.AppendUint32(nil, number) }

// The stages at which a contact can be excluded.
const (
	excludedAtPlanning byte = 'p'
	excludedLater      byte = 'r'
)

func (b books) countExclusion(campaign uint32, stage byte, reason string, n uint64) {
	key := append(append(campaignKey(campaign), stage), reason...)
	if row := b.Get(BucketExclusion, key); row != nil {
		n += binary.BigEndian.Uint64(row)
	}
	b.Put(BucketExclusion, key, binary.BigEndian.AppendUint64(nil, n))
}

// exclusions returns the counts of a stage by reason.
func (b books) exclusions(campaign uint32, stage byte) map[string]uint64 {
	counts := map[string]uint64{}
	for key, row := range b.prefixed(BucketExclusion, append(campaignKey(campaign), stage)) {
		counts[string(key[5:])] = binary.BigEndian.Uint64(row)
	}
	return counts
}

// following returns the first key that may stand behind this one.
func following(key []byte) []byte { return append(slices.Clip(key), 0) }

// prefixed yields the rows whose key begins with prefix.
func (b books) prefixed(bucket Bucket, prefix []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for key, row := range b.Rows(bucket, prefix) {
			if len(key) < len(prefix) || string(key[:len(prefix)]) != string(prefix) || !yield(key, row) {
				return
			}
		}
	}
}

// attempt returns the row, nil where there is none.
func (b books) attempt(sequence uint64) *attemptRecord {
	row := b.Get(BucketAttempt, attemptKey(sequence))
	if row == nil {
		return nil
	}
	a, err := readAttempt(row)
	if err != nil {
		b.Fail(fmt.Errorf("attempt %d: %w", sequence, err))
		return nil
	}
	return a
}

// rewriteAttempt writes the row of an attempt that is as open as it was.
func (b books) rewriteAttempt(sequence uint64, a *attemptRecord) {
	b.Put(BucketAttempt, attemptKey(sequence), a.append(make([]byte, 0, intentPart+outcomePart+len(a.sid))))
}

// putAttempt writes the row and keeps the index of open attempts.
func (b books) putAttempt(sequence uint64, a *attemptRecord) {
	b.rewriteAttempt(sequence, a)
	key := attemptKey(sequence)
	if a.state.open() {
		b.Put(BucketOpen, key, openRow(a))
		return
	}
	b.Delete(BucketOpen, key)
}

func dueKey(at time.Time, key recipientKey) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())), key[:]...)
}

func readDueKey(row []byte) (time.Time, recipientKey, bool) {
	var key recipientKey
	if len(row) != 8+len(key) {
		return time.Time{}, key, false
	}
	copy(key[:], row[8:])
	return time.Unix(0, int64(binary.BigEndian.Uint64(row))), key, true
}

// campaignRecord is what seldom changes of a campaign: the job and what acceptance
// and planning fixed.
type campaignRecord struct {
	Number   uint32    `json:"number"`
	Order    uint64    `json:"order"`
	Job      Job       `json:"job"`
	JobHash  []byte    `json:"job_hash"`
	Accepted time.Time `json:"accepted"`
	// Key draws the audience and Mask orders it; both are made at acceptance.
	Key  []byte  `json:"key"`
	Mask [2]byte `json:"mask"`
	// Zones are the groups of time zones among the recipients, by their index
	// in the recipients' keys.
	Zones []string `json:"zones,omitempty"`
	// Groups counts the recipients that were planned, by those groups.
	Groups []uint64 `json:"groups,omitempty"`
	// Already counts those whom the text had reached before it was planned, by
	// messages that no attempt stands for: they take up size and budget.
	Already uint64 `json:"already,omitempty"`
	// Test is set in the record of a test, or of what goes to a seed, alone.
	Test *testNote `json:"test,omitempty"`
	// Seeded counts the broker's own phones that have had their turn within the
	// campaign.
	Seeded int `json:"seeded,omitempty"`
	// SignOff is the party's word on the text.
	SignOff *SignOff `json:"sign_off,omitempty"`
	// TrialOver is when the trial was done and the campaign began to wait.
	TrialOver time.Time `json:"trial_over,omitzero"`
	Closed    time.Time `json:"closed,omitzero"`
	// Forgotten is when the time of its log of attempts was over: recipients and
	// attempts are gone since, or going.
	Forgotten time.Time `json:"forgotten,omitzero"`
	// Held tells that the dialer held the campaign at some time: what a party
	// may infer from its figures then is not what the noise promises.
	Held bool `json:"held,omitempty"`
	// Hold is why it is held now, Holds are all the times that it was.
	Hold  HoldReason `json:"hold,omitempty"`
	Holds []HoldNote `json:"holds,omitempty"`
	// Watched is what the limits count from.
	Watched reading `json:"watched,omitzero"`
	// Detail says why the campaign is paused, held or closed, and who did it.
	Detail string `json:"detail,omitempty"`
}

func (b books) campaign(number uint32) (*campaignRecord, bool) {
	row := b.Get(BucketCampaign, campaignKey(number))
	if row == nil {
		return nil, false
	}
	record := new(campaignRecord)
	if err := json.Unmarshal(row, record); err != nil {
		b.Fail(fmt.Errorf("campaign %d: read its record: %w", number, err))
		return nil, false
	}
	return record, true
}

func (b books) putCampaign(record *campaignRecord) {
	row, err := json.Marshal(record)
	if err != nil {
		b.Fail(fmt.Errorf("campaign %d: write its record: %w", record.Number, err))
		return
	}
	b.Put(BucketCampaign, campaignKey(record.Number), row)
}

// named returns the number of the campaign with that name, 0 for none.
func (b books) named(name string) uint32 {
	if row := b.Get(BucketName, []byte(name)); len(row) == 4 {
		return binary.BigEndian.Uint32(row)
	}
	return 0
}

// campaigns yields the parties' campaigns, in order of acceptance.
func (b books) campaigns() iter.Seq[*campaignRecord] {
	return func(yield func(*campaignRecord) bool) {
		for record := range b.records() {
			if isTest(record.Number) || !yield(record) {
				return
			}
		}
	}
}

// records yields all campaigns, the parties' and then the tests of them.
func (b books) records() iter.Seq[*campaignRecord] { return b.recordsFrom(0) }

func (b books) recordsFrom(number uint32) iter.Seq[*campaignRecord] {
	return func(yield func(*campaignRecord) bool) {
		for key := range b.Rows(BucketCampaign, campaignKey(number)) {
			if record, ok := b.campaign(binary.BigEndian.Uint32(key)); !ok || !yield(record) {
				return
			}
		}
	}
}

// countedCampaigns is how many campaigns in twelve months may count a contact
// in one party's reports: what can be learnt of a person from noisy figures
// grows with their number.
const countedCampaigns = 4

func countedKey(party string, id contact.ID, campaign uint32) []byte {
	return binary.BigEndian.AppendUint32(append(append([]byte(party), 0), id[:]...), campaign)
}

// countedSince tells how many campaigns of the party have counted the contact
// since then.
func (b books) countedSince(party string, id contact.ID, since time.Time) int {
	count := 0
	prefix := append(append(append(make([]byte, 0, len(party)+1+len(id)), party...), 0), id[:]...)
	for key, row := b.First(BucketCounted, prefix); bytes.HasPrefix(key, prefix); key, row = b.First(BucketCounted, following(key)) {
		if len(row) == 8 && int64(binary.BigEndian.Uint64(row)) > since.UnixNano() {
			count++
		}
	}
	return count
}
