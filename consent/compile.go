package consent

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hustings/hustings/consent/contact"
)

var ruleForm = regexp.MustCompile(`^[A-Z]{1,5}-[A-Z]{1,2}[0-9]{1,2}$`)

// forces are who can stand behind a rule.
var forces = []string{"law", "regulator", "carrier", "house"}

// inherit gathers the pack's own rules and those of the pack that it extends,
// less those that it replaces.
func (p *Pack) inherit(file PackFile, parent *Pack) []error {
	var faults []error
	replaced := make(map[string]bool)
	for _, r := range file.Rules {
		if err := mayStand(file, r); err != nil {
			faults = append(faults, fmt.Errorf("rule %s: %w", r.ID, err))
		}
		for _, id := range r.Replaces {
			if err := mayReplace(file, parent, id); err != nil {
				faults = append(faults, fmt.Errorf("rule %s: replaces: %w", r.ID, err))
			}
			replaced[id] = true
		}
		p.rules = append(p.rules, Rule{RuleFile: r, Pack: file.Pack, Territories: file.Territories, Overlay: file.Overlay})
	}
	if parent != nil {
		for _, r := range parent.rules {
			if !replaced[r.ID] {
				p.rules = append(p.rules, r)
			}
		}
	}
	seen := make(map[string]bool)
	for _, r := range p.rules {
		if seen[r.ID] {
			faults = append(faults, fmt.Errorf("rule %s: id: stands there twice", r.ID))
		}
		seen[r.ID] = true
	}
	return faults
}

// mayStand refuses in an overlay what would not make the pack stricter.
func mayStand(file PackFile, r RuleFile) error {
	kind, known := findKind(r.Kind)
	switch {
	case !known || !file.Overlay:
	case kind.scope == lenient:
		return fmt.Errorf("kind: %s can open what other rules close, which an overlay may not", r.Kind)
	case kind.scope == ofCampaign && len(file.Territories) > 0:
		return fmt.Errorf("kind: %s concerns the whole campaign, which one territory's overlay may not", r.Kind)
	}
	return nil
}

func mayReplace(file PackFile, parent *Pack, id string) error {
	if file.Overlay {
		return fmt.Errorf("an overlay only adds rules")
	}
	if parent != nil {
		for _, r := range parent.rules {
			if r.ID == id && r.Force != "house" {
				return fmt.Errorf("%s is no house rule (force %s) and stays", id, r.Force)
			}
			if r.ID == id {
				return nil
			}
		}
	}
	return fmt.Errorf("there is no rule %q in the pack that is extended", id)
}

// timeless are the kinds of rules that others are tied to when a pack is
// compiled, or that are asked without an instant.
var timeless = []string{"subscriber_exemption", "consented_slot", "voting_place", "stop_keywords"}

// add compiles one rule into the tables of its channels, and returns it in words.
func (p *Pack) add(r Rule) (words string, err error) {
	switch {
	case !ruleForm.MatchString(r.ID):
		return "", fmt.Errorf("id: %q is not of a form such as FR-S1", r.ID)
	case !slices.Contains(forces, r.Force):
		return "", fmt.Errorf("force: %q is none of law, regulator, carrier, house", r.Force)
	case r.Source == "":
		return "", fmt.Errorf("source: is missing")
	}
	kind, known := findKind(r.Kind)
	if !known {
		return "", fmt.Errorf("kind: %q is not known", r.Kind)
	}
	f := frame{from: p.from, to: p.to, overlay: r.Overlay}
	if err := f.govern(p, r.Channels); err != nil {
		return "", fmt.Errorf("channels: %w", err)
	}
	h := head{id: r.ID, territories: r.Territories, overlay: r.Overlay}
	if h.from, h.to, err = life(r.ValidFrom, r.ValidTo, p.zone); err != nil {
		return "", err
	}
	if slices.Contains(timeless, r.Kind) && (!h.from.IsZero() || !h.to.IsZero()) {
		return "", fmt.Errorf("valid_from, valid_to: a rule of kind %s holds as long as its pack", r.Kind)
	}
	h.limited = !h.from.IsZero() || !h.to.IsZero() || h.territories != nil
	return kind.add(&f, h, r.Params)
}

func (f *frame) govern(p *Pack, names []string) error {
	if len(names) == 0 {
		f.channels = allChannels[:]
	}
	for _, name := range names {
		channel, err := contact.ParseChannel(name)
		if err != nil {
			return err
		}
		if channel == contact.AnyChannel || slices.Contains(f.channels, channel) {
			return fmt.Errorf("%q: name each channel once, or none for all", name)
		}
		f.channels = append(f.channels, channel)
	}
	for _, channel := range f.channels {
		f.tables = append(f.tables, &p.tables[channel])
	}
	return nil
}

// link ties together rules that name each other.
func (p *Pack) link() []error {
	var faults []error
	for _, channel := range allChannels {
		t := &p.tables[channel]
		for _, r := range t.earlyPoll {
			p.earliest = max(p.earliest, r.p.Days)
		}
		for _, r := range t.subscriberExemption {
			for _, id := range r.p.Rules {
				if !t.exempt(id) {
					faults = append(faults, fmt.Errorf("rule %s: rules: no direct_collection or explicit_separate rule %q on channel %s", r.id, id, channel))
				}
			}
		}
		for _, r := range t.consentedSlot {
			for _, id := range r.p.InsteadOf {
				if !t.yield(id) {
					faults = append(faults, fmt.Errorf("rule %s: instead_of: no calling_window or holidays rule %q on channel %s", r.id, id, channel))
				}
			}
			t.hours = append(t.hours, rule[hoursRule]{r.head, hoursRule{slot: true}})
		}
	}
	return faults
}

func (t *table) exempt(id string) (found bool) {
	for i := range t.directCollection {
		if r := &t.directCollection[i]; r.id == id {
			r.p.exempt, found = true, true
		}
	}
	for i := range t.explicitSeparate {
		if r := &t.explicitSeparate[i]; r.id == id {
			r.p.exempt, found = true, true
		}
	}
	return found
}

func (t *table) yield(id string) (found bool) {
	for i := range t.hours {
		if r := &t.hours[i]; r.id == id {
			r.p.yields, found = true, true
		}
	}
	for i := range t.holidays {
		if r := &t.holidays[i]; r.id == id {
			r.p.yields, found = true, true
		}
	}
	return found
}

// complete refuses a pack that says nothing about something every channel
// needs an answer for: a forgotten rule must not read as permission. Rules
// that end before the pack does, or hold only in some places, do not count.
func (p *Pack) complete() []error {
	if p.abstract {
		return nil
	}
	var faults []error
	for _, channel := range allChannels {
		t := &p.tables[channel]
		for _, need := range [...]struct {
			kind string
			met  bool
		}{
			{"lawful_basis", lasting(t.lawfulBasis)},
			{"opt_out", lasting(t.optOut)},
			{"calling_window", lasting(t.hours)},
			{"suppression_list", slices.ContainsFunc(t.suppressionList, func(r rule[suppressionListRule]) bool {
				return !r.limited && !r.p.UnlessGrant
			})},
		} {
			if !need.met {
				faults = append(faults, fmt.Errorf("channel %s: there is no rule of kind %s that holds everywhere and as long as the pack", channel, need.kind))
			}
		}
	}
	return faults
}

func lasting[P any](rules []rule[P]) bool {
	return slices.ContainsFunc(rules, func(r rule[P]) bool { return !r.limited })
}
