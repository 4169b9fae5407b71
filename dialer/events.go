package dialer

import "strings"

// The fields of log lines. Every line names its event; none holds a number.
const (
	FieldEvent    = "event"
	FieldCampaign = "campaign"
	FieldParty    = "party"
	FieldContact  = "contact"
	FieldAttempt  = "attempt"
	FieldAnswer   = "answer"
	FieldStatus   = "status"
	FieldCode     = "code"
	FieldDetail   = "detail"
	FieldReason   = "reason"
	FieldRule     = "rule"
	FieldState    = "state"
	FieldEnding   = "ending"
	FieldOperator = "operator"
	FieldWay      = "way"
	FieldEffect   = "effect"
	FieldSID      = "sid"
	FieldCount    = "count"
	FieldSince    = "since"
	FieldUntil    = "until"
	FieldKind     = "kind"
	// FieldUnrecorded says why only the journal has an objection.
	FieldUnrecorded = "unrecorded"
	FieldSender     = "sender"
	FieldStep       = "step"
	FieldStack      = "stack"
	FieldPause      = "pause"
)

// The events of the dialer. The list in README.md says what each means.
const (
	EventAccepted      = "campaign.accepted"
	EventRejected      = "campaign.rejected"
	EventPlanned       = "campaign.planned"
	EventState         = "campaign.state"
	EventTrialOver     = "campaign.trial_over"
	EventTest          = "campaign.test"
	EventOrderPending  = "campaign.order_pending"
	EventOrderRefused  = "campaign.order_refused"
	EventLate          = "campaign.late"
	EventDecision      = "contact.decision"
	EventAnswer        = "attempt.answer"
	EventStatusStrange = "attempt.status_strange"
	EventRecovered     = "attempt.recovered"
	EventLooked        = "attempt.looked_up"
	EventLookFailed    = "attempt.look_up_failed"
	EventObjection     = "contact.objection"
	EventInbound       = "contact.inbound"
	EventConfirmation  = "contact.confirmation"
	EventCancelFailed  = "attempt.cancel_failed"
	EventRungBack      = "contact.rung_back"
	// EventCallControlFailed is a call that would not be hung up, or left a text.
	EventCallControlFailed = "attempt.call_control_failed"
	EventBreakerOpen       = "carrier.breaker_open"
	EventBreakerClosed     = "carrier.breaker_closed"
	EventQueueLong         = "carrier.queue_long"
	EventQueueDrained      = "carrier.queue_drained"
	EventSenderRests       = "carrier.sender_rests"
	EventLineNarrowed      = "carrier.line_narrowed"
	EventPricesFailed      = "carrier.prices_failed"
	EventHalted            = "dialer.halted"
	EventHaltLifted        = "dialer.halt_lifted"
	EventRestored          = "ledger.restored"
	EventMarkFailed        = "ledger.mark_failed"
	EventReconciled        = "ledger.reconciled"
	EventCopyKept          = "carrier.copy_kept"
	EventClockGap          = "clock.gap"
	EventClockDoubt        = "clock.doubt"
	EventFailed            = "dialer.failed"
	EventPanic             = "dialer.panic"
)

var answerNames = [...]string{Unclear: "unclear", Accepted: "accepted", Refused: "refused", Withdrawn: "withdrawn"}

// String returns the answer's kind in a word.
func (k AnswerKind) String() string {
	if int(k) < len(answerNames) {
		return answerNames[k]
	}
	return "answer of an unknown kind"
}

// zoneNames lists zones as one text, so that groups of them can be compared.
func zoneNames(names []string) string { return strings.Join(names, " ") }
