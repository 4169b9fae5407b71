package consent

import (
	"fmt"
	"slices"

	"github.com/hustings/hustings/consent/contact"
)

// numberValid denies what is not a number in E.164 (H-N1). The facts about the
// number were derived at import; the number itself is not here.
func numberValid(q *question) bool {
	if !q.who.NumberValid {
		return q.deny(NumberInvalid, "H-N1")
	}
	return passed
}

// knownTerritoryRule: a channel is open only in places whose law on it has been
// looked at (prerecorded calls in the states of the United States).
//
// Rules: US-ST3.
type knownTerritoryRule struct {
	Territories []string `json:"territories"`
}

func (p *knownTerritoryRule) compile(*frame) error {
	if err := territories("territories", p.Territories); err != nil {
		return err
	}
	return filled("territories", p.Territories)
}

// knownTerritory denies where nobody can say which clocks, which polls or which
// law apply (E8). A number tells none of them: a +33 6 may vote in Martinique.
func knownTerritory(q *question) bool {
	if q.who.Territory == nil || len(q.who.Territory.Zones) == 0 || len(q.who.Zones) == 0 {
		return q.deny(TerritoryUnknown, "E8")
	}
	return each(q, q.rules.knownTerritory, func(q *question, r *rule[knownTerritoryRule]) bool {
		if !slices.Contains(r.p.Territories, q.who.Territory.Code) {
			return q.deny(TerritoryUnknown, r.id)
		}
		return passed
	})
}

// lineTypeRule: the kinds of line that a channel may go to. It lists what is
// allowed, so that an unknown line is left alone.
//
// Rules: H-N1, H-N2.
type lineTypeRule struct {
	Allow []string `json:"allow"`

	lines lineSet
}

func (p *lineTypeRule) compile(*frame) (err error) {
	if p.lines, err = parseLines(p.Allow); err != nil {
		return fmt.Errorf("allow: %w", err)
	}
	return filled("allow", p.Allow)
}

func lineType(q *question) bool {
	return each(q, q.rules.lineType, func(q *question, r *rule[lineTypeRule]) bool {
		if !r.p.lines.has(q.who.LineType) {
			return q.deny(LineType, r.id)
		}
		return passed
	})
}

// protectedLineRule: lines that are not dialled whoever holds them (47 CFR
// 64.1200(a)(1)(i)-(iii)).
//
// Rules: US-P1, H-P1.
type protectedLineRule struct {
	Always []Protection `json:"always"`
	// WithoutConsent are lines that only a grant opens.
	WithoutConsent []Protection `json:"without_consent"`

	always, unlessGranted uint8
}

func (p *protectedLineRule) compile(*frame) error {
	for _, line := range p.Always {
		p.always |= 1 << line
	}
	for _, line := range p.WithoutConsent {
		p.unlessGranted |= 1 << line
	}
	if p.always|p.unlessGranted == 0 {
		return fmt.Errorf("always, without_consent: no line is protected")
	}
	return nil
}

func protectedLine(q *question) bool {
	line := q.who.Protected
	if line == NotProtected && q.who.LineType == contact.TollFree {
		line = TollFreeLine
	}
	if line == NotProtected {
		return passed
	}
	return each(q, q.rules.protectedLine, func(q *question, r *rule[protectedLineRule]) bool {
		if r.p.always&(1<<line) != 0 || r.p.unlessGranted&(1<<line) != 0 && q.grant() == nil {
			return q.deny(ProtectedLine, r.id)
		}
		return passed
	})
}

// lineSet is a set of line types.
type lineSet uint32

func parseLines(names []string) (lineSet, error) {
	var set lineSet
	for _, name := range names {
		line, err := contact.ParseLineType(name)
		if err != nil {
			return 0, err
		}
		set |= 1 << line
	}
	return set, nil
}

func (s lineSet) has(line contact.LineType) bool { return s&(1<<line) != 0 }
