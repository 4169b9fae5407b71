package consent

import (
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// table is the compiled rules that govern one channel, by kind, nearest pack
// first.
type table struct {
	sponsorResidency      []rule[sponsorResidencyRule]
	channelBanPeriod      []rule[channelBanPeriodRule]
	senderRegistration    []rule[senderRegistrationRule]
	specialCategoryBan    []rule[specialCategoryBanRule]
	attributeAllowList    []rule[attributeAllowListRule]
	messageMustContain    []rule[messageMustContainRule]
	messageMustNotContain []rule[messageMustNotContainRule]
	callerID              []rule[callerIDRule]
	abandonment           []rule[abandonmentRule]

	knownTerritory []rule[knownTerritoryRule]
	lineType       []rule[lineTypeRule]
	protectedLine  []rule[protectedLineRule]

	erasure            []rule[erasureRule]
	minimumAge         []rule[minimumAgeRule]
	optOut             []rule[optOutRule]
	optOutConfirmation []rule[optOutConfirmationRule]

	suppressionList   []rule[suppressionListRule]
	reassignedNumbers []rule[reassignedNumbersRule]

	lawfulBasis         []rule[lawfulBasisRule]
	consentMaxAge       []rule[consentMaxAgeRule]
	directCollection    []rule[directCollectionRule]
	explicitSeparate    []rule[explicitSeparateRule]
	subscriberExemption []rule[subscriberExemptionRule]

	blackout           []rule[blackoutRule]
	earlyPoll          []rule[earlyPollRule]
	votingPlace        []rule[votingPlaceRule]
	campaignPeriod     []rule[campaignPeriodRule]
	holidays           []rule[holidaysRule]
	hours              []rule[hoursRule]
	consentedSlot      []rule[consentedSlotRule]
	cooldown           []rule[cooldownRule]
	abandonedRecontact []rule[abandonedRecontactRule]
	frequencyCap       []rule[frequencyCapRule]
	exclusivity        []rule[exclusivityRule]

	stopKeywords []rule[stopKeywordsRule]
	record       []rule[recordRule]
}

// frame is what a rule is compiled in.
type frame struct {
	// channels are those that the rule governs.
	channels []contact.Channel
	// from and to bound the pack's life.
	from, to time.Time
	// overlay tells that an overlay wrote the rule.
	overlay bool
	// tables are those of the channels.
	tables []*table
}

// scope says what the rules of a kind look at, and whether an overlay may hold
// them.
type scope uint8

const (
	// ofPerson: rules about the contact, which can only refuse.
	ofPerson scope = iota
	// ofCampaign: rules about the campaign. A territory's overlay holds none:
	// what is wrong with a campaign is so for every contact.
	ofCampaign
	// lenient: rules that open what others close. No overlay holds any.
	lenient
)

// kind is one kind of rule.
type kind struct {
	name  string
	scope scope
	// add compiles a rule into the frame's tables and returns it in words.
	add func(f *frame, h head, raw map[string]any) (string, error)
}

// kinds are all there are. A rule of kind calling_window is checked by the
// function callingWindow, and so on.
var kinds = [...]kind{
	kindOf("sponsor_residency", ofCampaign, func(t *table) *[]rule[sponsorResidencyRule] { return &t.sponsorResidency }),
	kindOf("channel_ban_period", ofCampaign, func(t *table) *[]rule[channelBanPeriodRule] { return &t.channelBanPeriod }),
	kindOf("sender_registration", ofCampaign, func(t *table) *[]rule[senderRegistrationRule] { return &t.senderRegistration }),
	kindOf("special_category_ban", ofCampaign, func(t *table) *[]rule[specialCategoryBanRule] { return &t.specialCategoryBan }),
	kindOf("attribute_allow_list", ofCampaign, func(t *table) *[]rule[attributeAllowListRule] { return &t.attributeAllowList }),
	kindOf("message_must_contain", ofCampaign, func(t *table) *[]rule[messageMustContainRule] { return &t.messageMustContain }),
	kindOf("message_must_not_contain", ofCampaign, func(t *table) *[]rule[messageMustNotContainRule] { return &t.messageMustNotContain }),
	kindOf("caller_id", ofCampaign, func(t *table) *[]rule[callerIDRule] { return &t.callerID }),
	kindOf("abandonment", ofCampaign, func(t *table) *[]rule[abandonmentRule] { return &t.abandonment }),

	kindOf("known_territory", ofPerson, func(t *table) *[]rule[knownTerritoryRule] { return &t.knownTerritory }),
	kindOf("line_type", ofPerson, func(t *table) *[]rule[lineTypeRule] { return &t.lineType }),
	kindOf("protected_line", ofPerson, func(t *table) *[]rule[protectedLineRule] { return &t.protectedLine }),

	kindOf("erasure", ofPerson, func(t *table) *[]rule[erasureRule] { return &t.erasure }),
	kindOf("minimum_age", ofPerson, func(t *table) *[]rule[minimumAgeRule] { return &t.minimumAge }),
	kindOf("opt_out", ofPerson, func(t *table) *[]rule[optOutRule] { return &t.optOut }),
	kindOf("opt_out_confirmation", lenient, func(t *table) *[]rule[optOutConfirmationRule] { return &t.optOutConfirmation }),

	kindOf("suppression_list", ofPerson, func(t *table) *[]rule[suppressionListRule] { return &t.suppressionList }),
	kindOf("reassigned_numbers", ofPerson, func(t *table) *[]rule[reassignedNumbersRule] { return &t.reassignedNumbers }),

	kindOf("lawful_basis", ofPerson, func(t *table) *[]rule[lawfulBasisRule] { return &t.lawfulBasis }),
	kindOf("consent_max_age", ofPerson, func(t *table) *[]rule[consentMaxAgeRule] { return &t.consentMaxAge }),
	kindOf("direct_collection", ofPerson, func(t *table) *[]rule[directCollectionRule] { return &t.directCollection }),
	kindOf("explicit_separate", ofPerson, func(t *table) *[]rule[explicitSeparateRule] { return &t.explicitSeparate }),
	kindOf("subscriber_exemption", lenient, func(t *table) *[]rule[subscriberExemptionRule] { return &t.subscriberExemption }),

	kindOf("blackout", ofPerson, func(t *table) *[]rule[blackoutRule] { return &t.blackout }),
	kindOf("early_poll", lenient, func(t *table) *[]rule[earlyPollRule] { return &t.earlyPoll }),
	kindOf("voting_place", lenient, func(t *table) *[]rule[votingPlaceRule] { return &t.votingPlace }),
	kindOf("campaign_period", ofPerson, func(t *table) *[]rule[campaignPeriodRule] { return &t.campaignPeriod }),
	kindOf("holidays", ofPerson, func(t *table) *[]rule[holidaysRule] { return &t.holidays }),
	kindOf("calling_window", ofPerson, func(t *table) *[]rule[hoursRule] { return &t.hours }),
	kindOf("consented_slot", lenient, func(t *table) *[]rule[consentedSlotRule] { return &t.consentedSlot }),
	kindOf("cooldown", ofPerson, func(t *table) *[]rule[cooldownRule] { return &t.cooldown }),
	kindOf("abandoned_recontact", ofPerson, func(t *table) *[]rule[abandonedRecontactRule] { return &t.abandonedRecontact }),
	kindOf("frequency_cap", ofPerson, func(t *table) *[]rule[frequencyCapRule] { return &t.frequencyCap }),
	kindOf("exclusivity", ofPerson, func(t *table) *[]rule[exclusivityRule] { return &t.exclusivity }),

	kindOf("stop_keywords", ofPerson, func(t *table) *[]rule[stopKeywordsRule] { return &t.stopKeywords }),
	kindOf("record", ofPerson, func(t *table) *[]rule[recordRule] { return &t.record }),
}

// compiled is what the parameters of every kind can do: check themselves and
// work out what decisions need of them, and say in words what they ask for.
type compiled[P any] interface {
	*P
	compile(f *frame) error
	words() string
}

func kindOf[P any, C compiled[P]](name string, scope scope, of func(*table) *[]rule[P]) kind {
	return kind{name, scope, func(f *frame, h head, raw map[string]any) (string, error) {
		var params P
		if err := decodeParams(raw, &params); err != nil {
			return "", err
		}
		if err := C(&params).compile(f); err != nil {
			return "", err
		}
		if rule, ok := any(&params).(interface{ idle() bool }); ok && rule.idle() {
			return C(&params).words(), nil
		}
		for _, t := range f.tables {
			rules := of(t)
			*rules = append(*rules, rule[P]{h, params})
		}
		return C(&params).words(), nil
	}}
}

func findKind(name string) (kind, bool) {
	i := slices.IndexFunc(kinds[:], func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

// recordRule puts a duty on record that binds other parts of the broker, such
// as how long proofs are kept: the rule can be shown and cited, and nothing is
// decided by it here.
//
// Rules: FR-O2, FR-R2, EU-O2, EU-R1, EU-R2, US-O2, US-R1, UK-O2, UK-R1, CA-O2,
// CA-R1, H-R1.
type recordRule struct {
	What string `json:"what"`
	Keep string `json:"keep"`
	Note string `json:"note"`
}

func (p *recordRule) compile(*frame) error { return filled("what", []byte(p.What)) }
