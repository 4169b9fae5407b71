package consent

import (
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// lawfulBasisRule: the grounds on which a channel may be used (GDPR art. 6;
// PECR reg. 19, 21 and 22; 47 CFR 64.1200(a)).
//
// Rules: FR-B1, FR-B2, FR-B3, EU-B1, EU-B2, US-B1, US-B2, US-B3, US-ST1,
// UK-B1, UK-B2, UK-B3, CA-B1, CA-B2, DE-B1, ES-B1.
type lawfulBasisRule struct {
	Allowed []Basis `json:"allowed"`
	// Slot asks that the consent names an hour slot (CNIL on automated calls).
	Slot bool `json:"slot"`
	// NoneForLines are line types that need no basis of their own.
	NoneForLines []string `json:"none_for_lines"`

	none, interest bool
	lines          lineSet
}

func (p *lawfulBasisRule) compile(*frame) (err error) {
	if p.lines, err = parseLines(p.NoneForLines); err != nil {
		return fmt.Errorf("none_for_lines: %w", err)
	}
	p.none = slices.Contains(p.Allowed, NoBasis)
	p.interest = slices.Contains(p.Allowed, LegitimateInterest)
	return filled("allowed", p.Allowed)
}

// metWithoutGrant tells whether the rule is content although nobody consented.
func (p *lawfulBasisRule) metWithoutGrant(who *Person) bool {
	return p.none || p.lines.has(who.LineType) ||
		p.interest && who.Basis == LegitimateInterest && who.LIARef != ""
}

// consentMaxAgeRule: consent wears out (CNIL's three years for prospects,
// copied as a house rule).
//
// Rules: FR-R1.
type consentMaxAgeRule struct {
	Years int `json:"years"`
}

func (p *consentMaxAgeRule) compile(*frame) error { return positive("years", p.Years, mostYears) }

func (p *consentMaxAgeRule) expired(given, at time.Time) bool {
	// No year is shorter than 365 days; most grants need no calendar.
	if at.Sub(given) < time.Duration(p.Years)*365*24*time.Hour {
		return false
	}
	return !at.Before(given.UTC().AddDate(p.Years, 0, 0))
}

// directCollectionRule: online, only data that the contact gave themselves
// (regulation (EU) 2024/900, art. 18(1)(a)).
//
// Rules: EU-T1.
type directCollectionRule struct {
	// exempt is set where a subscriber_exemption names the rule.
	exempt bool
}

func (*directCollectionRule) compile(*frame) error { return nil }

// explicitSeparateRule: online, only consent that was asked for apart
// (regulation (EU) 2024/900, art. 18(1)(b)).
//
// Rules: EU-T2.
type explicitSeparateRule struct {
	exempt bool
}

func (*explicitSeparateRule) compile(*frame) error { return nil }

// subscriberExemptionRule: a party's own members and subscribers are exempt
// from these rules while nothing further selects them (regulation (EU)
// 2024/900, art. 18(3)).
//
// Rules: EU-T5.
type subscriberExemptionRule struct {
	Rules []string `json:"rules"`
}

func (p *subscriberExemptionRule) compile(*frame) error { return filled("rules", p.Rules) }

// basisAnswer is what came of looking for a basis.
type basisAnswer struct {
	// reason and rule say why there is none; zero where there is one.
	reason Reason
	rule   string
	// grant is the latest grant that holds, whether or not one was needed, and
	// slotted tells whether one that holds names an hour slot. They open what is
	// closed without consent.
	grant   *Grant
	slotted bool
	// recorded is the latest grant that holds but for what overlays ask for, and
	// recordedSlot tells whether such a one names an hour slot. They close: the
	// number of a contact who granted is asked about, and their slot kept. An
	// overlay that strikes a grant out must not lift what the grant brought with
	// it.
	recorded     *Grant
	recordedSlot bool
}

// lawfulBasis makes the basis test: no grant is needed where every rule is
// content without one; otherwise the grants are filtered, and the filter that
// leaves none gives the reason.
func lawfulBasis(q *question) bool {
	if answer := q.findBasis(); answer.reason != 0 {
		return q.deny(answer.reason, answer.rule)
	}
	return passed
}

// grant returns the grant that an attempt would rely on, nil where none holds.
func (q *question) grant() *Grant { return q.findBasis().grant }

// recordedGrant returns the grant that an attempt would rely on, or else one that
// only an overlay strikes out: see basisAnswer.
func (q *question) recordedGrant() *Grant {
	if g := q.grant(); g != nil {
		return g
	}
	return q.findBasis().recorded
}

func (q *question) findBasis() *basisAnswer {
	if !q.basisKnown {
		q.basis = q.lookForBasis()
		q.basisKnown = true
	}
	return &q.basis
}

func (q *question) lookForBasis() basisAnswer {
	var needs *rule[lawfulBasisRule]
	governed := false
	for i := range q.rules.lawfulBasis {
		r := &q.rules.lawfulBasis[i]
		if !r.inForce(q, q.at) {
			continue
		}
		governed = true
		if needs == nil && !r.p.metWithoutGrant(q.who) {
			needs = r
		}
	}
	if !governed {
		return basisAnswer{reason: NoLawfulBasis, rule: "E11"}
	}

	var answer basisAnswer
	slot := q.slotRule()
	worst, by := NoLawfulBasis, ""
	for i := range q.who.Grants {
		g := &q.who.Grants[i]
		if g.GivenAt.After(q.at) {
			continue
		}
		reason, rule, recorded := q.filter(g, slot)
		if recorded && (answer.recorded == nil || g.GivenAt.After(answer.recorded.GivenAt)) {
			answer.recorded = g
		}
		answer.recordedSlot = answer.recordedSlot || recorded && !g.Slot.IsZero()
		switch {
		case reason == 0:
			if answer.grant == nil || g.GivenAt.After(answer.grant.GivenAt) {
				answer.grant = g
			}
			answer.slotted = answer.slotted || !g.Slot.IsZero()
		case reason > worst:
			worst, by = reason, rule
		}
	}
	if answer.grant == nil && needs != nil {
		answer.reason, answer.rule = worst, by
		if by == "" {
			answer.rule = needs.id
		}
	}
	return answer
}

// slotRule is the rule that asks consent to name an hour slot, if one does. One
// that an overlay did not write goes first.
func (q *question) slotRule() *rule[lawfulBasisRule] {
	var found *rule[lawfulBasisRule]
	for i := range q.rules.lawfulBasis {
		if r := &q.rules.lawfulBasis[i]; r.p.Slot && r.inForce(q, q.at) && (found == nil || found.overlay) {
			found = r
		}
	}
	return found
}

// filter returns the reason why a grant does not hold for the question, zero
// if it does. The reasons ascend in the order of the filters, so the greatest
// over all grants is that of the filter which emptied the set. The rule is
// empty where the rule that asks for a basis is meant. Recorded tells whether
// nothing but overlays speaks against the grant.
func (q *question) filter(g *Grant, slot *rule[lawfulBasisRule]) (reason Reason, by string, recorded bool) {
	if reason := q.c.unconcerned(g); reason != 0 {
		return reason, "", false
	}
	if q.withdrawn(g) {
		return ConsentWithdrawn, "", false
	}
	recorded = true
	against := func(r Reason, h *head) {
		if reason == 0 {
			reason, by = r, h.id
		}
		recorded = recorded && h.overlay
	}
	for i := range q.rules.consentMaxAge {
		r := &q.rules.consentMaxAge[i]
		if r.inForce(q, q.at) && r.p.expired(g.GivenAt, q.at) {
			against(ConsentExpired, &r.head)
		}
	}
	rented := q.c.Audience != OwnSubscribers || len(q.c.Attributes) > 0
	for i := range q.rules.directCollection {
		r := &q.rules.directCollection[i]
		if r.inForce(q, q.at) && g.CollectedFrom != DataSubject && (rented || !r.p.exempt) {
			against(IndirectCollection, &r.head)
		}
	}
	for i := range q.rules.explicitSeparate {
		r := &q.rules.explicitSeparate[i]
		if r.inForce(q, q.at) && !g.Explicit && (rented || !r.p.exempt) {
			against(ConsentNotExplicit, &r.head)
		}
	}
	if slot != nil && g.Slot.IsZero() {
		against(ConsentWindowMissing, &slot.head)
	}
	return reason, by, recorded
}

// unconcerned returns why the grant is none for the campaign, zero if it is one.
func (c *Campaign) unconcerned(g *Grant) Reason {
	switch {
	case !covers(g.Channel, c.Channel):
		return ConsentChannel
	case g.Purpose != Political:
		return ConsentPurpose
	case g.Party != c.Party || g.Party == AnyParty || g.Party == "":
		return ConsentParty
	}
	return 0
}

// Unconcerned tells whether none of the grants is one for the campaign at that
// instant, and returns the reason that the basis test would give for it where
// consent is needed. To the rules all contacts with the same reason are alike in
// their grants.
func (c *Campaign) Unconcerned(grants []Grant, at time.Time) (Reason, bool) {
	worst := NoLawfulBasis
	for i := range grants {
		reason := c.unconcerned(&grants[i])
		if reason == 0 || grants[i].GivenAt.After(at) {
			return 0, false
		}
		worst = max(worst, reason)
	}
	return worst, true
}

// withdrawn tells whether the grant has been taken back. A withdrawal at the
// same instant counts, and so does one that covers only the campaign's channel.
func (q *question) withdrawn(g *Grant) bool {
	for i := range q.who.Withdrawals {
		w := &q.who.Withdrawals[i]
		if w.At.Before(g.GivenAt) || w.Party != AnyParty && w.Party != g.Party {
			continue
		}
		if w.Channel == contact.AnyChannel || covers(w.Channel, g.Channel) || covers(w.Channel, q.c.Channel) {
			return true
		}
	}
	return false
}
