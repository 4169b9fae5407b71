package daemon

import (
	"maps"
	"sync"

	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store/intake"
)

const (
	// intakeAnswer is how many refusals one answer brings: more would not fit
	// into a message.
	intakeAnswer = 500
	// intakeTold is how many refusals of a session are told one by one. Those
	// after them are counted only: a list with more is of another form, and
	// its sender learns nothing from the rest.
	intakeTold = 100_000
)

// The words that refusals begin with and that counts are kept under. Clients
// and documents name them: they never change.
const (
	refusedMalformed     = "row_malformed"
	refusedNumberMissing = "number_missing"
	refusedNumber        = "number_invalid"
	refusedCountry       = "country_not_dialled"
	refusedTerritory     = "territory_unknown"
	refusedZone          = "zone_unknown"
	refusedBirthYear     = "birth_year_invalid"
	refusedValue         = "value_unknown"
	refusedDuplicate     = "duplicate"
	refusedMore          = "more_refused"
	refusedChannel       = "channel_unknown"
	refusedParty         = "party_unknown"
	refusedPurpose       = "purpose_unknown"
	refusedInstant       = "instant_invalid"
	refusedFuture        = "instant_in_future"
	refusedCollected     = "collected_from_missing"
	refusedExplicit      = "explicit_invalid"
	refusedWording       = "wording_missing"
	refusedSlot          = "slot_invalid"
	refusedHoldsNumber   = "holds_number"
	refusedAnswer        = "answer_unknown"

	countAdded          = "added"
	countUpdated        = "updated"
	countUnchanged      = "unchanged"
	countKept           = "kept"
	countErased         = "erased"
	countKnown          = "known"
	countUnknownContact = "unknown_contact"
	countWidened        = "widened"
	countInstantAssumed = "instant_assumed"
)

// intakeReport is what can be said of a session: how far it is and which rows
// it refused. The session's goroutine writes it, requests read it.
type intakeReport struct {
	mu       sync.Mutex
	progress queue.IntakeProgress
	refusals []queue.Refusal
	// answered is up to where the sender surely has the refusals, and
	// answering up to where the last chunk's answer went, which may be lost.
	answered, answering int
}

func newIntakeReport(session string) *intakeReport {
	return &intakeReport{progress: queue.IntakeProgress{
		Session: session, Phase: queue.PhaseReading, Counts: map[string]uint64{},
	}}
}

func (r *intakeReport) phase() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progress.Phase
}

// read counts rows that were read.
func (r *intakeReport) read(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Rows += uint64(n)
}

func (r *intakeReport) count(word string, n uint64) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Counts[word] += n
}

// refuse counts a row that is not taken, and tells where it stands.
func (r *intakeReport) refuse(word string, refusal *intake.RowError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Counts[word]++
	r.tell(word, refusal)
}

// note tells of a row without counting it.
func (r *intakeReport) note(word string, refusal *intake.RowError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(word, refusal)
}

func (r *intakeReport) tell(word string, e *intake.RowError) {
	if len(r.refusals) > intakeTold {
		return
	}
	told := queue.Refusal{File: e.File, Line: e.Line, Column: e.Column, Field: e.Field, Reason: word, Hint: e.Hint}
	if e.Reason != "" {
		told.Reason += ": " + e.Reason
	}
	if len(r.refusals) == intakeTold {
		told = queue.Refusal{File: e.File, Line: e.Line, Reason: refusedMore, Hint: "from this row on refused rows are only counted"}
	}
	r.refusals = append(r.refusals, told)
}

// building says that reading is over.
func (r *intakeReport) building() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Phase = queue.PhaseBuilding
}

// built tells how far the build is.
func (r *intakeReport) built(built, total uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Built, r.progress.Total = built, total
}

// end says how the session ended; an empty message is success.
func (r *intakeReport) end(message, hint string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Phase = queue.PhaseDone
	if message != "" {
		r.progress.Phase, r.progress.Error, r.progress.Hint = queue.PhaseFailed, message, hint
	}
}

// answer brings the refusals after those that the asker has seen.
func (r *intakeReport) answer(seen int) queue.IntakeProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	progress, _ := r.since(seen)
	return progress
}

// answerChunk brings the refusals since the last chunk's answer. A sender that
// repeats a chunk did not get that answer, and gets its refusals again.
func (r *intakeReport) answerChunk(repeated bool) queue.IntakeProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !repeated {
		r.answered = r.answering
	}
	progress, until := r.since(r.answered)
	r.answering = until
	return progress
}

func (r *intakeReport) since(seen int) (progress queue.IntakeProgress, until int) {
	seen = min(max(seen, 0), len(r.refusals))
	until = min(seen+intakeAnswer, len(r.refusals))
	progress = r.progress
	progress.Counts = maps.Clone(r.progress.Counts)
	progress.Refusals = r.refusals[seen:until:until]
	return progress, until
}
