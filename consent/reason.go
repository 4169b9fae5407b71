package consent

import "fmt"

// Reason is why a decision came out as it did. The words are those of the
// conformance cases, the logs and the balance sheet.
type Reason uint8

// The reasons of a decision, in the order in which their checks are made, and
// then those of an inbound text.
const (
	OK Reason = iota + 1

	PackExpired
	SponsorResidency
	ChannelBannedPeriod
	SenderUnregistered
	TargetingSpecialCategory
	TargetingAttribute
	MessageElementMissing
	MessageForbiddenElement
	CallerID
	AbandonmentCap

	NumberInvalid
	TerritoryUnknown
	LineType
	ProtectedLine

	Erased
	AgeUnknown
	Minor
	OptedOut
	ConfirmationLate
	ConfirmationRepeat
	Review

	SuppressionStale
	SuppressionHit
	NumberReassigned
	NumberStatusUnknown

	NoLawfulBasis
	ConsentChannel
	ConsentPurpose
	ConsentParty
	ConsentWithdrawn
	ConsentExpired
	IndirectCollection
	ConsentNotExplicit
	ConsentWindowMissing

	ElectionSilence
	OutsideCampaignPeriod
	CallingHoliday
	CallingWindow
	CooldownRefusal
	AbandonedRecontact
	FrequencyCap
	Exclusivity
	Claimed
	InFlight
	AlreadyContacted

	Keyword
	FreeText
	Help
	Ambiguous
	NoKeyword
	reasonCount
)

// PrecedesHistory tells whether the reason's check comes before all checks that look
// at earlier attempts, claims and reservations: whatever those are, the reason stays.
func (r Reason) PrecedesHistory() bool { return r > OK && r < ElectionSilence }

var reasonNames = [reasonCount]string{
	OK: "OK",

	PackExpired: "PACK_EXPIRED", SponsorResidency: "SPONSOR_RESIDENCY", ChannelBannedPeriod: "CHANNEL_BANNED_PERIOD",
	SenderUnregistered: "SENDER_UNREGISTERED", TargetingSpecialCategory: "TARGETING_SPECIAL_CATEGORY",
	TargetingAttribute: "TARGETING_ATTRIBUTE", MessageElementMissing: "MESSAGE_ELEMENT_MISSING",
	MessageForbiddenElement: "MESSAGE_FORBIDDEN_ELEMENT", CallerID: "CALLER_ID", AbandonmentCap: "ABANDONMENT_CAP",

	NumberInvalid: "NUMBER_INVALID", TerritoryUnknown: "TERRITORY_UNKNOWN", LineType: "LINE_TYPE", ProtectedLine: "PROTECTED_LINE",

	Erased: "ERASED", AgeUnknown: "AGE_UNKNOWN", Minor: "MINOR", OptedOut: "OPTED_OUT",
	ConfirmationLate: "CONFIRMATION_LATE", ConfirmationRepeat: "CONFIRMATION_REPEAT", Review: "REVIEW",

	SuppressionStale: "SUPPRESSION_STALE", SuppressionHit: "SUPPRESSION_HIT", NumberReassigned: "NUMBER_REASSIGNED",
	NumberStatusUnknown: "NUMBER_STATUS_UNKNOWN",

	NoLawfulBasis: "NO_LAWFUL_BASIS", ConsentChannel: "CONSENT_CHANNEL", ConsentPurpose: "CONSENT_PURPOSE",
	ConsentParty: "CONSENT_PARTY", ConsentWithdrawn: "CONSENT_WITHDRAWN", ConsentExpired: "CONSENT_EXPIRED",
	IndirectCollection: "INDIRECT_COLLECTION", ConsentNotExplicit: "CONSENT_NOT_EXPLICIT",
	ConsentWindowMissing: "CONSENT_WINDOW_MISSING",

	ElectionSilence: "ELECTION_SILENCE", OutsideCampaignPeriod: "OUTSIDE_CAMPAIGN_PERIOD", CallingHoliday: "CALLING_HOLIDAY",
	CallingWindow: "CALLING_WINDOW", CooldownRefusal: "COOLDOWN_REFUSAL", AbandonedRecontact: "ABANDONED_RECONTACT",
	FrequencyCap: "FREQUENCY_CAP", Exclusivity: "EXCLUSIVITY", Claimed: "CLAIMED", InFlight: "IN_FLIGHT",
	AlreadyContacted: "ALREADY_CONTACTED",

	Keyword: "KEYWORD", FreeText: "FREE_TEXT", Help: "HELP", Ambiguous: "AMBIGUOUS", NoKeyword: "NO_KEYWORD",
}

// String returns the reason's word, such as NO_LAWFUL_BASIS.
func (r Reason) String() string {
	if r > 0 && r < reasonCount {
		return reasonNames[r]
	}
	return fmt.Sprintf("REASON_%d", uint8(r))
}

// ParseReason reads a reason's word.
func ParseReason(word string) (Reason, error) {
	for r := OK; r < reasonCount; r++ {
		if reasonNames[r] == word {
			return r, nil
		}
	}
	return 0, fmt.Errorf("reason %q is not known", word)
}

// MarshalText writes the reason's word.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the reason's word.
func (r *Reason) UnmarshalText(text []byte) error {
	parsed, err := ParseReason(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
