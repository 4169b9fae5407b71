package consent

import "time"

// check is one named step of a decision. Where rules of a kind can be written
// in a pack, the check bears the kind's name, and the Go function the same name
// in camel case.
type check struct {
	name string
	// campaign marks the checks that look at the campaign alone.
	campaign bool
	// refuses tells whether the check has something to say against it, which
	// then stands in q.found.
	refuses func(q *question) bool
}

// passed is what a check returns that has nothing to say.
const passed = false

// checks are all there are, in the order that decides which reason is given
// (engine convention E2): first what is wrong with the campaign, then the
// number, the person, the lists, the basis, and last what waiting can mend.
var checks = [...]check{
	{"pack_valid", true, packValid},
	{"sponsor_residency", true, sponsorResidency},
	{"channel_ban_period", true, channelBanPeriod},
	{"sender_registration", true, senderRegistration},
	{"special_category_ban", true, specialCategoryBan},
	{"attribute_allow_list", true, attributeAllowList},
	{"message_must_contain", true, messageMustContain},
	{"message_must_not_contain", true, messageMustNotContain},
	{"caller_id", true, callerID},
	{"abandonment", true, abandonment},

	{"number_valid", false, numberValid},
	{"known_territory", false, knownTerritory},
	{"line_type", false, lineType},
	{"protected_line", false, protectedLine},

	{"erasure", false, erasure},
	{"minimum_age", false, minimumAge},
	{"opt_out", false, optOut},
	{"review", false, review},

	{"suppression_fresh", false, suppressionFresh},
	{"suppression_list", false, suppressionList},
	{"reassigned_numbers", false, reassignedNumbers},

	{"lawful_basis", false, lawfulBasis},

	{"blackout", false, blackout},
	{"campaign_period", false, campaignPeriod},
	{"holidays", false, holidays},
	{"calling_window", false, callingWindow},
	{"cooldown", false, cooldown},
	{"abandoned_recontact", false, abandonedRecontact},
	{"frequency_cap", false, frequencyCap},
	{"exclusivity", false, exclusivity},
	{"claimed", false, claimed},
	{"in_flight", false, inFlight},
}

var allowed = Decision{Verdict: Allow, Reason: OK}

// CheckCampaign makes the checks that concern the campaign alone. Its only
// verdicts are Allow and Halt.
func (p *Pack) CheckCampaign(c *Campaign, at time.Time) Decision {
	q := p.ask(c, nil, at)
	defer q.done()
	for i := range checks {
		if checks[i].campaign && checks[i].refuses(q) {
			return q.found
		}
	}
	return allowed
}

// Decide answers whether the contact may be reached for the campaign at that
// instant: the first check that fails gives the verdict and the reason.
func (p *Pack) Decide(c *Campaign, person *Person, at time.Time) Decision {
	q := p.ask(c, person, at)
	decision := q.decide()
	q.done()
	return decision
}

func (q *question) decide() Decision {
	for i := range checks {
		if checks[i].refuses(q) {
			return q.found
		}
	}
	return allowed
}

// Excludes answers whether the contact can be ruled out now, whatever time may
// bring: the first check that denies or halts, with those that only defer left
// aside. Planning asks it at night about a campaign that will run by day.
func (p *Pack) Excludes(c *Campaign, person *Person, at time.Time) Decision {
	q := p.ask(c, person, at)
	defer q.done()
	for i := range checks {
		if checks[i].refuses(q) && q.found.Verdict != Defer {
			return q.found
		}
	}
	return allowed
}

// CheckResult is what one check says, whether or not an earlier one failed.
type CheckResult struct {
	// Check is the check's name, such as "calling_window".
	Check    string
	Decision Decision
}

// Explain makes every check in order and stops at none. Decide's answer is the
// first of them that is not Allow.
func (p *Pack) Explain(c *Campaign, person *Person, at time.Time) []CheckResult {
	q := p.ask(c, person, at)
	defer q.done()
	results := make([]CheckResult, len(checks))
	for i := range checks {
		results[i] = CheckResult{checks[i].name, allowed}
		if checks[i].refuses(q) {
			results[i].Decision = q.found
		}
	}
	return results
}
