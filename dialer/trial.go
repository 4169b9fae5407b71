package dialer

import (
	"context"
	"fmt"
)

// The trial of a campaign: the first so many of its recipients are dialled, and
// then it waits until an operator has seen what became of them and releases the
// rest. What may still be intended is counted in the transaction of each intent,
// so that nothing that happens to the daemon lets one more through.

// TrialTerms say how many recipients a trial has where the job says nothing.
type TrialTerms struct {
	Recipients int
	// NoneAllowed tells whether a campaign may go without, with 0.
	NoneAllowed bool
}

// trialOf is how many recipients the job's trial has.
func (r *Registry) trialOf(j *Job) int {
	if j.Trial != nil {
		return *j.Trial
	}
	return min(r.Trial.Recipients, j.Size)
}

// validateTrial checks what the job says of its trial.
func (j *Job) validateTrial(r *Registry) []Fault {
	switch n := r.trialOf(j); {
	case j.Trial != nil && (n < 0 || n > j.Size):
		return []Fault{{Field: "trial", Reason: fmt.Sprintf("%d is not from 0 to the size, %d", n, j.Size)}}
	case n == 0 && j.Size > 0 && !r.Trial.NoneAllowed:
		return []Fault{{
			Field: "trial", Reason: "the registry allows no campaign without a trial",
			Hint: fmt.Sprintf("leave it out for %d recipients", r.Trial.Recipients),
		}}
	}
	return nil
}

// trial counts a campaign's trial. It is part of the balance.
type trial struct {
	// Size is how many intents there may be before the release; 0 for any number.
	Size uint64
	// Tried are the intents so far, without those that were withdrawn.
	Tried    uint64
	Released bool
}

// due tells whether the campaign still owes a trial.
func (t *trial) due() bool { return t.Size > 0 && !t.Released }

// full tells whether the trial has no room for another intent.
func (t *trial) full() bool { return t.due() && t.Tried >= t.Size }

// dials tells whether recipients of the campaign may be intended.
func (b *balance) dials() bool {
	return b.State == CampaignRunning || (b.State == CampaignTrial && !b.Trial.full())
}

// trialOver tells whether the trial is done, and none of it can come back as
// withdrawn.
func (b *balance) trialOver() bool {
	return b.State == CampaignTrial && b.Trial.full() && b.Recipients[RecipientIntended] == 0
}

// try counts an intent of the trial, and untry gives its place back: it was
// provably never sent. Once the trial was released nobody counts any more; where
// that release came after the copy that was put back, a reconcile may find more
// attempts than the trial had room for: then it is over, and waits for another one.
func (t *trial) try() {
	if t.due() && t.Tried < t.Size {
		t.Tried++
	}
}

func (t *trial) untry() {
	if t.due() {
		t.Tried -= min(t.Tried, 1)
	}
}

// within counts the recipients that still may be intended before somebody must
// say so.
func (b *balance) within() uint64 {
	if b.Trial.due() {
		return min(b.undialled(), b.Trial.Size-b.Trial.Tried)
	}
	return b.undialled()
}

// overText says what the campaign waits for.
func (t *trial) overText() string {
	return fmt.Sprintf("the trial of %d is over, an operator must release the rest", t.Size)
}

// first is the state in which a ready campaign begins to dial.
func (b *balance) first() CampaignState {
	if b.Trial.due() {
		return CampaignTrial
	}
	return CampaignRunning
}

// endTrial notes once that the trial is over, and lets everybody know.
func (d *Dialer) endTrial(ctx context.Context, t tended) error {
	name := t.record.Job.ID
	move := &trialMove{stateMove{
		number: t.record.Number, from: []CampaignState{CampaignTrial}, to: CampaignTrial, settled: (*balance).trialOver,
		detail: t.balance.Trial.overText(), at: d.clock.Now(),
	}}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("end the trial of campaign %s: %w", name, err)
	}
	if move.done {
		d.log.Info().Str(FieldEvent, EventTrialOver).Str(FieldCampaign, name).Uint64(FieldCount, t.balance.Trial.Tried).Send()
		d.announce(name)
	}
	return nil
}

// trialMove notes that a trial is over.
type trialMove struct{ stateMove }

// Apply notes when.
func (m *trialMove) Apply(tx Tx) {
	if m.stateMove.Apply(tx); !m.done {
		return
	}
	b := books{tx}
	if record, found := b.campaign(m.number); found {
		record.TrialOver = m.at
		b.putCampaign(record)
	}
}

// TrialView is what operators see of a trial.
type TrialView struct {
	Size  uint64 `json:"size"`
	Tried uint64 `json:"tried"`
	// Over tells that the campaign waits for its release.
	Over bool `json:"over"`
}

func (b *balance) trialView(record *campaignRecord) *TrialView {
	if b.Trial.Size == 0 {
		return nil
	}
	return &TrialView{Size: b.Trial.Size, Tried: b.Trial.Tried, Over: b.trialOver() && !record.TrialOver.IsZero()}
}
