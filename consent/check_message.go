package consent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// specialCategoryBanRule: nobody is selected by religion, origin, opinion and
// the like, nor by what stands in for them (GDPR art. 9; regulation (EU)
// 2024/900, art. 18(1)(c)). The sound of a name or an "interest" betrays as
// much as the thing itself.
//
// Rules: EU-T3, UK-T3.
type specialCategoryBanRule struct {
	Attributes []string `json:"attributes"`
	Proxies    []string `json:"proxies"`

	banned map[string]bool
}

func (p *specialCategoryBanRule) compile(*frame) error {
	p.banned = make(map[string]bool)
	for _, attribute := range slices.Concat(p.Attributes, p.Proxies) {
		if attribute == "" || attribute != plainName(attribute) {
			return fmt.Errorf("attributes, proxies: %q: write it in lower case", attribute)
		}
		p.banned[attribute] = true
	}
	return filled("attributes", p.Attributes)
}

// plainName is the attribute itself, however it is written, and whatever value it
// is narrowed to: "Interest: antisemitism" is an interest.
func plainName(attribute string) string {
	for i := range len(attribute) {
		if c := attribute[i]; (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9') {
			name, _, _ := strings.Cut(strings.ToLower(attribute), ":")
			name, _, _ = strings.Cut(name, "=")
			return strings.ReplaceAll(strings.TrimSpace(name), " ", "_")
		}
	}
	return attribute
}

func specialCategoryBan(q *question) bool {
	if len(q.c.Attributes) == 0 {
		return passed
	}
	return each(q, q.rules.specialCategoryBan, func(q *question, r *rule[specialCategoryBanRule]) bool {
		for _, attribute := range q.c.Attributes {
			if r.p.banned[plainName(attribute)] {
				return q.halt(TargetingSpecialCategory, r.id)
			}
		}
		return passed
	})
}

// attributeAllowListRule: only these attributes may select people. A list of
// what is allowed outlives every new way to describe what is not.
//
// Rules: FR-T4.
type attributeAllowListRule struct {
	Attributes []string `json:"attributes"`
}

func (p *attributeAllowListRule) compile(*frame) error { return filled("attributes", p.Attributes) }

func attributeAllowList(q *question) bool {
	if len(q.c.Attributes) == 0 {
		return passed
	}
	return each(q, q.rules.attributeAllowList, func(q *question, r *rule[attributeAllowListRule]) bool {
		for _, attribute := range q.c.Attributes {
			if !slices.Contains(r.p.Attributes, attribute) {
				return q.halt(TargetingAttribute, r.id)
			}
		}
		return passed
	})
}

// messageMustContainRule: what every message must tell the contact (GDPR art.
// 14; regulation (EU) 2024/900, art. 11 and 12; 47 CFR 64.1200(b); PECR reg.
// 24).
//
// Rules: FR-M1, FR-M2, FR-M3, EU-M1, US-M1, US-M2, US-M3, UK-M1, UK-M2, UK-M3,
// CA-M1.
type messageMustContainRule struct {
	Elements []string `json:"elements"`

	all Elements
}

func (p *messageMustContainRule) compile(*frame) (err error) {
	if p.all, err = ParseElements(p.Elements); err != nil {
		return fmt.Errorf("elements: %w", err)
	}
	return filled("elements", p.Elements)
}

func messageMustContain(q *question) bool {
	return each(q, q.rules.messageMustContain, func(q *question, r *rule[messageMustContainRule]) bool {
		if !q.c.Message.Elements.Has(r.p.all) {
			return q.halt(MessageElementMissing, r.id)
		}
		return passed
	})
}

// messageMustNotContainRule: what no message may hold (France: no freephone
// number in the last six months, Code electoral art. L50-1).
//
// Rules: FR-M4.
type messageMustNotContainRule struct {
	Elements []string `json:"elements"`
	// Region is the country in whose manner numbers in the text are read; a
	// rule about freephone_number needs it. See Pack.Find.
	Region string `json:"region"`
	// MonthsBeforeElectionMonth limits the rule to so many months before the
	// first day of the month of the poll; 0 means always.
	MonthsBeforeElectionMonth int `json:"months_before_election_month"`

	any Elements
}

func (p *messageMustNotContainRule) compile(*frame) (err error) {
	if p.any, err = ParseElements(p.Elements); err != nil {
		return fmt.Errorf("elements: %w", err)
	}
	if p.any.Has(FreephoneNumber) != (len(p.Region) == 2) {
		return fmt.Errorf("region: want the code of the country whose numbers are meant, such as FR, where freephone_number is")
	}
	if p.MonthsBeforeElectionMonth < 0 || p.MonthsBeforeElectionMonth > mostMonths {
		return fmt.Errorf("months_before_election_month: want 0 to %d", mostMonths)
	}
	return filled("elements", p.Elements)
}

func messageMustNotContain(q *question) bool {
	return each(q, q.rules.messageMustNotContain, func(q *question, r *rule[messageMustNotContainRule]) bool {
		if q.c.Message.Elements&r.p.any == 0 {
			return passed
		}
		year, month, _ := q.c.Election.PollingDay.Date()
		from := time.Date(year, month-time.Month(r.p.MonthsBeforeElectionMonth), 1, 0, 0, 0, 0, time.UTC)
		if r.p.MonthsBeforeElectionMonth > 0 && q.today() < civilDay(from) {
			return passed
		}
		return q.halt(MessageForbiddenElement, r.id)
	})
}

// Find returns the elements that a rule of the pack forbids on the channel and
// that the text itself shows, whatever the job says of it. They belong to the
// message as much as those that it names.
func (p *Pack) Find(channel contact.Channel, text string) Elements {
	var found Elements
	if int(channel) >= len(p.tables) {
		return found
	}
	rules := p.tables[channel].messageMustNotContain
	for i := range rules {
		r := &rules[i].p
		if r.any.Has(FreephoneNumber) && !found.Has(FreephoneNumber) && contact.FindTollFree(text, r.Region) {
			found |= FreephoneNumber
		}
	}
	return found
}
