package consent_test

import (
	"slices"
	"testing"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/cases"
	"github.com/hustings/hustings/consent/contact"
)

// variants are people like the one of a case, for whom a rule that strikes out a
// grant could open what the grant had closed.
var variants = []func(*consent.Person){
	func(*consent.Person) {},
	func(p *consent.Person) { p.LineType = contact.Fixed },
	func(p *consent.Person) { p.Basis, p.LIARef = consent.LegitimateInterest, "LIA-1" },
	func(p *consent.Person) {
		p.Grants = slices.Clone(p.Grants)
		for i := range p.Grants {
			p.Grants[i].Explicit = false
		}
	},
}

// Ensure that no rule that an overlay may hold opens anything, over any pack, for
// any case and for people like its own.
func TestOverlay_NeverOpens(t *testing.T) {
	t.Parallel()
	all, err := askings()
	if err != nil {
		t.Fatal(err)
	}
	for code, pack := range shipped(t) {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			var over []*consent.Pack
			for _, rule := range overlayRules {
				rule.ID, rule.Force, rule.Source = "OVER-X1", "carrier", "a test"
				overlay, err := consent.NewPack(consent.PackFile{
					Pack: "OVER", Title: rule.Kind, Version: "2026-11-01", Extends: code, Overlay: true,
					ValidFrom: "2026-01-01", ValidTo: "2030-01-01", Rules: []consent.RuleFile{rule},
				}, pack)
				if err != nil {
					t.Fatal(err)
				}
				over = append(over, overlay)
			}
			for _, a := range all {
				if a.c.Pack == code && a.c.Channel != cases.Inbound {
					neverOpens(t, a.c, pack, over)
				}
			}
		})
	}
}

func neverOpens(t *testing.T, c *cases.Case, pack *consent.Pack, over []*consent.Pack) {
	t.Helper()
	campaign, person, err := c.Question()
	if err != nil {
		t.Fatal(err)
	}
	for i := range variants {
		for j := range i + 1 {
			varied := *person
			variants[i](&varied)
			variants[j](&varied)
			before := pack.Decide(campaign, &varied, c.At)
			if before.Allowed() {
				continue
			}
			for _, overlay := range over {
				if after := overlay.Decide(campaign, &varied, c.At); after.Allowed() {
					t.Errorf("%s, variants %d and %d: %s, and with a rule of kind %s over it allowed", c.ID, i, j, before, overlay.Title())
				}
			}
		}
	}
}
