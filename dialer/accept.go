package dialer

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
)

// Submission is a job as it came over the queue.
type Submission struct {
	// ID names the submission for the answer.
	ID string
	// Party and Campaign are the tokens of the subject it came on; the job
	// must name the same.
	Party, Campaign string
	Data            []byte
	// Order is its place in the stream: the order of acceptance.
	Order uint64
}

// Accept checks a job and makes it a campaign, durably, or returns why not. The
// same job again is accepted again, the same submission again is rejected again,
// and neither changes anything: a queue may hand out anew what it has forgotten.
// An error means that nobody knows, and the submission must come again.
func (d *Dialer) Accept(ctx context.Context, s Submission) (*Rejection, error) {
	if kept, err := d.rejected(s); kept != nil || err != nil {
		return kept, err
	}
	job, faults := ParseJob(s.Data)
	if len(faults) == 0 {
		known, err := d.knows(job)
		if known || err != nil {
			return nil, err
		}
		reported, err := d.reportedName(job)
		if err != nil {
			return nil, err
		}
		faults = append(faults, reported...)
		if !d.clockIsSure() { // it could make a job too late that is not
			return nil, fmt.Errorf("decide on campaign %s: the clock is in doubt: %s", job.ID, d.ClockDoubt())
		}
		faults = append(faults, subjectFaults(s, job)...)
		faults = append(faults, job.Validate(d.registry)...)
	}
	if len(faults) == 0 {
		faults = d.haltFaults(job)
	}
	if len(faults) > 0 {
		return d.reject(ctx, s, job, faults)
	}
	hash := job.Hash()
	record := campaignRecord{
		Order: s.Order, Job: *job, JobHash: hash[:], Accepted: d.clock.Now(), Key: make([]byte, 32), Price: d.registry.Tariff.OrderedContact,
	}
	_, _ = rand.Read(record.Key) // never fails (crypto/rand)
	_, _ = rand.Read(record.Mask[:])
	move := &acceptMove{record: record, trial: d.registry.trialOf(job)}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return nil, fmt.Errorf("accept campaign %s: %w", job.ID, err)
	}
	if move.conflict {
		return d.reject(ctx, s, job, []Fault{{
			Field: "id", Reason: fmt.Sprintf("campaign %q exists already with another content", job.ID), Hint: "choose another id",
		}})
	}
	if move.accepted {
		d.log.Info().Str(FieldEvent, EventAccepted).Str(FieldCampaign, job.ID).Str(FieldParty, job.Party).Send()
	}
	d.announce(job.ID)
	d.wake()
	return nil, nil
}

// knows tells whether this very job was accepted before: then it stays so,
// whatever has changed in the registry since.
func (d *Dialer) knows(job *Job) (known bool, err error) {
	hash := job.Hash()
	err = d.ledger.View(func(tx Tx) error {
		b := books{tx}
		record, found := b.campaign(b.named(job.ID))
		known = found && bytes.Equal(record.JobHash, hash[:])
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look campaign %s up: %w", job.ID, err)
	}
	return known, nil
}

// reportedName tells that a campaign of this name, which a restored ledger has
// forgotten, has had its report: it dials nobody any more.
func (d *Dialer) reportedName(job *Job) ([]Fault, error) {
	var faults []Fault
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		if b.named(job.ID) == 0 && b.Get(BucketReport, []byte(job.ID)) != nil {
			faults = append(faults, Fault{
				Field: "id", Reason: fmt.Sprintf("campaign %q was closed and its report released before the ledger was put back", job.ID),
				Hint: "choose another id",
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look the report of campaign %s up: %w", job.ID, err)
	}
	return faults, nil
}

// subjectFaults compares the job with the subject it came on: rights are given
// by subject.
func subjectFaults(s Submission, job *Job) []Fault {
	var faults []Fault
	if job.Party != s.Party {
		faults = append(faults, Fault{Field: "party", Reason: fmt.Sprintf("the job names party %q, its subject %q", job.Party, s.Party)})
	}
	if job.ID != s.Campaign {
		faults = append(faults, Fault{Field: "id", Reason: fmt.Sprintf("the job names campaign %q, its subject %q", job.ID, s.Campaign)})
	}
	return faults
}

// haltFaults asks the rules about the campaign itself, so that an operator
// learns at once what would hold it later.
func (d *Dialer) haltFaults(job *Job) []Fault {
	c, faults := d.compile(&campaignRecord{Job: *job, Accepted: d.clock.Now()})
	if len(faults) > 0 {
		return faults
	}
	if _, speaks := c.pack.Speech(); job.isCall() && !speaks {
		return []Fault{{
			Field: "channel", Reason: fmt.Sprintf("pack %s does not say what calls say to those who object or ring back", c.pack.Code()),
			Hint: "a pack's speech stands in its file",
		}}
	}
	if !job.Schedule.End.After(d.clock.Now()) {
		return []Fault{{Field: "schedule.end", Reason: "the campaign would be over before it starts"}}
	}
	at := d.clock.Now()
	if start := c.start(); start.After(at) {
		at = start
	}
	for i := range c.senders {
		terms := c.terms
		c.senders[i].speak(&terms)
		if decision := c.pack.CheckCampaign(&terms, at); decision.Verdict == consent.Halt {
			return []Fault{{
				Field: haltField(decision.Reason), Reason: fmt.Sprintf("rule %s of pack %s halts the campaign: %s", decision.Rule, c.pack.Code(), decision.Reason),
				Hint: "dialctl policy show " + c.pack.Code(),
			}}
		}
	}
	return nil
}

// haltField names the field of the job that a halting reason is about.
func haltField(reason consent.Reason) string {
	switch reason {
	case consent.MessageElementMissing:
		return "message.elements"
	case consent.MessageForbiddenElement:
		return "message.body"
	case consent.TargetingAttribute, consent.TargetingSpecialCategory:
		return "segment"
	case consent.CallerID, consent.SenderUnregistered:
		return "sender"
	case consent.SponsorResidency:
		return "party"
	case consent.ChannelBannedPeriod:
		return "channel"
	default:
		return ""
	}
}

func (d *Dialer) reject(ctx context.Context, s Submission, job *Job, faults []Fault) (*Rejection, error) {
	rejection := &Rejection{Submission: s.ID, Campaign: s.Campaign, Party: s.Party, At: d.clock.Now(), Faults: faults}
	if job != nil {
		rejection.Campaign, rejection.Party = job.ID, job.Party
	}
	hash := sha256.Sum256(s.Data)
	row, err := json.Marshal(keptRejection{Rejection: *rejection, DataHash: hash[:]})
	if err != nil {
		return nil, fmt.Errorf("write a rejection: %w", err)
	}
	if err := d.ledger.Commit(ctx, &rejectMove{order: s.Order, row: row}); err != nil {
		return nil, fmt.Errorf("keep a rejection: %w", err)
	}
	d.log.Warn().Str(FieldEvent, EventRejected).Str(FieldCampaign, s.Campaign).Int(FieldCount, len(faults)).
		Str(FieldReason, faults[0].Reason).Send()
	return rejection, nil
}

// acceptMove makes a job a campaign.
type acceptMove struct {
	record campaignRecord
	trial  int
	// accepted tells that it is new, conflict that another job has its name.
	accepted, conflict bool
}

// Apply accepts the job if its name is free.
func (m *acceptMove) Apply(tx Tx) {
	b := books{tx}
	name := m.record.Job.ID
	if number := b.named(name); number != 0 {
		known, _ := b.campaign(number)
		m.conflict = known == nil || !bytes.Equal(known.JobHash, m.record.JobHash)
		return
	}
	// The queue's own order, unless it has gone back: then behind all others.
	m.record.Order = max(m.record.Order, b.lastOrder()+1)
	m.record.Number = uint32(b.next(sequenceCampaign))
	b.putCampaign(&m.record)
	for _, text := range m.record.Job.texts() {
		b.keepWording(sha256.Sum256([]byte(text.body)), text.body)
	}
	b.Put(BucketName, []byte(name), campaignKey(m.record.Number))
	b.putBalance(m.record.Number, &balance{State: CampaignAccepted, Size: uint64(m.record.Job.Size), Trial: trial{Size: uint64(m.trial)}})
	b.audit(auditControl, fmt.Appendf(nil, "%s %s accepted, hash %x",
		m.record.Accepted.UTC().Format(time.RFC3339Nano), name, m.record.JobHash))
	m.accepted = true
}

// rejectMove keeps a rejection.
type rejectMove struct {
	order uint64
	row   []byte
}

// Apply keeps the rejection under the submission's place in the stream. Where
// the queue has gone back and that is another one's, it stands behind all others.
func (m *rejectMove) Apply(tx Tx) {
	b := books{tx}
	if b.Get(BucketRejection, orderKey(m.order)) != nil {
		m.order = b.lastOrder() + 1
	}
	b.Put(BucketRejection, orderKey(m.order), m.row)
}

func orderKey(order uint64) []byte { return binary.BigEndian.AppendUint64(nil, order) }

// lastOrder is the greatest place in the order of acceptance so far. Campaigns
// are numbered in that order.
func (b books) lastOrder() uint64 {
	var last uint64
	if record, found := b.campaign(uint32(b.number(sequenceCampaign))); found {
		last = record.Order
	}
	for key := range b.Rows(BucketRejection, nil) {
		last = max(last, binary.BigEndian.Uint64(key))
	}
	return last
}

// keptRejection is a rejection in the ledger, with the hash of what was rejected.
type keptRejection struct {
	Rejection
	DataHash []byte `json:"data_hash"`
}

// rejected returns the answer to a submission that was rejected before.
func (d *Dialer) rejected(s Submission) (*Rejection, error) {
	hash := sha256.Sum256(s.Data)
	var found *Rejection
	err := d.ledger.View(func(tx Tx) error {
		row := tx.Get(BucketRejection, orderKey(s.Order))
		if row == nil {
			return nil
		}
		var kept keptRejection
		if err := json.Unmarshal(row, &kept); err != nil {
			return fmt.Errorf("read a rejection: %w", err)
		}
		if bytes.Equal(kept.DataHash, hash[:]) {
			found = &kept.Rejection
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look submission %s up: %w", s.ID, err)
	}
	return found, nil
}

// Rejections returns the rejections since an instant, in the order in which the
// jobs came.
func (d *Dialer) Rejections(since time.Time) ([]Rejection, error) {
	var list []Rejection
	err := d.ledger.View(func(tx Tx) error {
		for _, row := range tx.Rows(BucketRejection, nil) {
			var kept keptRejection
			if err := json.Unmarshal(row, &kept); err != nil {
				return fmt.Errorf("read a rejection: %w", err)
			}
			if kept.At.After(since) {
				list = append(list, kept.Rejection)
			}
		}
		return nil
	})
	return list, err
}
