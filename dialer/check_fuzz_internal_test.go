package dialer

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/hustings/hustings/consent"
)

// memoryTx is a ledger in memory, of which one row may be anything.
type memoryTx struct {
	rows [bucketCount]map[string]string
}

// Get returns the row's value.
func (m *memoryTx) Get(bucket Bucket, key []byte) []byte {
	if row, found := m.rows[bucket][string(key)]; found {
		return []byte(row)
	}
	return nil
}

// First returns the first row from the key on.
func (m *memoryTx) First(bucket Bucket, from []byte) (key, value []byte) {
	for key, value = range m.Rows(bucket, from) {
		return key, value
	}
	return nil, nil
}

// Rows yields the rows from the key on.
func (m *memoryTx) Rows(bucket Bucket, from []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(m.rows[bucket])) {
			if key >= string(from) && !yield([]byte(key), []byte(m.rows[bucket][key])) {
				return
			}
		}
	}
}

// Put changes a row.
func (m *memoryTx) Put(bucket Bucket, key, value []byte) {
	if m.rows[bucket] == nil {
		m.rows[bucket] = map[string]string{}
	}
	m.rows[bucket][string(key)] = string(value)
}

// Delete removes a row.
func (m *memoryTx) Delete(bucket Bucket, key []byte) { delete(m.rows[bucket], string(key)) }

// Fail does not fail: the check must be able to go on.
func (m *memoryTx) Fail(error) {}

// soundBooks are books with one campaign and a recipient in each state.
func soundBooks() *memoryTx {
	tx := new(memoryTx)
	b := books{tx}
	job := &Job{ID: "first", Party: "party-a", Round: "R1", Size: MinimumSize, Budget: 100 * Unit, Message: JobMessage{Body: "a text"}}
	(&acceptMove{record: campaignRecord{Job: *job, JobHash: []byte{1}, Key: []byte{2}, Accepted: someInstant}}).Apply(tx)
	c := &campaign{number: 1, job: job}
	s := &survey{campaign: c, at: someInstant, considered: 7, eligible: 6, excluded: map[consent.Reason]uint64{consent.OptedOut: 1}, zones: []string{"Europe/Paris"}}
	for i := range 6 {
		s.drawn.kept = append(s.drawn.kept, drawn{id: [16]byte{byte(i + 1)}, counted: i%2 == 0})
	}
	(&recipientsMove{survey: s, part: s.drawn.kept, at: someInstant}).Apply(tx)
	(&plannedMove{survey: s}).Apply(tx)
	(&stateMove{number: 1, from: []CampaignState{CampaignPlanned}, to: CampaignRunning, at: someInstant, audited: true}).Apply(tx)
	text := sha256.Sum256([]byte(job.Message.Body))
	b.Put(BucketWording, text[:], []byte(job.Message.Body))
	pack := b.packIndex("1")
	for i, kind := range []AnswerKind{Accepted, Accepted, Unclear, Refused, Withdrawn} {
		key := newRecipientKey(1, 0, c.mask, s.drawn.kept[i].id)
		balance := b.balance(1)
		old, _ := b.recipient(key)
		a := &attemptRecord{
			recipient: key, contact: s.drawn.kept[i].id, step: 1, intended: someInstant, notAfter: someInstant, segments: 1, reserved: Unit,
			state: attemptIntended, text: text, pack: pack,
		}
		sequence := b.begin(auditIntent, a, job, &balance, old)
		b.putBalance(1, &balance)
		(&answerMove{sequence: sequence, kind: kind, sid: fmt.Sprintf("SM%d", sequence), reason: carrierRefused, at: someInstant, until: someInstant}).Apply(tx)
	}
	(&statusMove{update: StatusUpdate{Attempt: 2, SID: "SM2", Status: StatusDelivered}, at: someInstant}).Apply(tx)
	return tx
}

// FuzzCheckBooks ensures that no row, under whatever key, brings the check of
// the books down: it is there for damaged ones.
func FuzzCheckBooks(f *testing.F) {
	if faults := CheckBooks(soundBooks()); len(faults) > 0 {
		f.Fatalf("the books to begin with are not sound: %q", faults)
	}
	tx := soundBooks()
	for bucket := range bucketCount {
		f.Add(uint8(bucket), []byte{}, []byte{})
		f.Add(uint8(bucket), []byte{0}, []byte{0})
		for key, row := range tx.rows[bucket] {
			f.Add(uint8(bucket), []byte(key), []byte{})
			f.Add(uint8(bucket), []byte(key), []byte(row)[:len(row)/2])
			f.Add(uint8(bucket), []byte(key)[:len(key)/2], []byte(row))
		}
	}
	f.Fuzz(func(t *testing.T, bucket uint8, key, row []byte) {
		tx := soundBooks()
		tx.Put(Bucket(bucket%uint8(bucketCount)), key, row)
		for _, fault := range CheckBooks(tx) {
			if fault == "" {
				t.Error("a fault that says nothing")
			}
		}
		_ = EachObjection(tx, func(Objection) {})
	})
}
