package consent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Pack is a country's rules, compiled. It never changes and may be used by any
// number of goroutines at once.
type Pack struct {
	code, title, version string
	state                string
	abstract             bool
	from, to             time.Time
	zone                 *time.Location
	polls                []poll
	calendar             []PollFile
	speech               Speech
	// earliest is the most days that any place votes early.
	earliest int
	rules    []Rule
	tables   [len(allChannels) + 1]table
}

var allChannels = [...]contact.Channel{
	contact.SMS, contact.LiveCall, contact.PredictiveCall, contact.Robocall, contact.AIVoice,
}

// Rule is one rule of a compiled pack, for people who want to read it.
type Rule struct {
	RuleFile
	// Pack is the code of the pack that wrote the rule.
	Pack string
	// Territories limits the rule, as PackFile.Territories says.
	Territories []string
	// Overlay tells that the pack which wrote it is an overlay.
	Overlay bool
	// Value is what the rule asks for, in words.
	Value string
}

// NewPack compiles a pack. The pack that the file extends must be among
// parents. Nothing is guessed: what is unknown, missing or contradictory is an
// error that names the rule and the field.
func NewPack(file PackFile, parents ...*Pack) (*Pack, error) {
	p, parent, err := newFrame(file, parents)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", file.Pack, err)
	}
	faults := p.inherit(file, parent)
	for i, r := range p.rules {
		if p.rules[i].Value, err = p.add(r); err != nil {
			faults = append(faults, fmt.Errorf("rule %s: %w", r.ID, err))
		}
	}
	if len(faults) == 0 {
		faults = append(p.link(), p.complete()...)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("pack %s: %w", file.Pack, errors.Join(faults...))
	}
	return p, nil
}

// Code is the pack's short name, such as "FR".
func (p *Pack) Code() string { return p.code }

// Title says in words what the pack is.
func (p *Pack) Title() string { return p.title }

// Version names the pack's exact content, such as
// "FR@2026-11-01+sha256:3f9a1c...": code, state of law, and a hash over the
// pack and all that it extends. Every attempt names it.
func (p *Pack) Version() string { return p.version }

// Valid returns the instant from which the pack holds, and the first at which
// it does not (E9), by the pack's own clocks.
func (p *Pack) Valid() (from, to time.Time) { return p.from.In(p.zone), p.to.In(p.zone) }

// Polls returns the calendar of polls, the pack's own before those of the pack
// that it extends. The caller must not change it.
func (p *Pack) Polls() []PollFile { return p.calendar }

// Rules returns all rules in the order in which they speak: the pack's own
// before those of the pack that it extends. The caller must not change them.
func (p *Pack) Rules() []Rule { return p.rules }

// Rule returns the rule with that id.
func (p *Pack) Rule(id string) (Rule, bool) {
	i := slices.IndexFunc(p.rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return p.rules[i], true
}
