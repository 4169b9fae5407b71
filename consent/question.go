package consent

import (
	"slices"
	"sync"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// question is one "may this contact be reached?" while it is being answered.
type question struct {
	pack  *Pack
	rules *table
	c     *Campaign
	// who is nil while only the campaign is looked at.
	who *Person
	at  time.Time

	basis      basisAnswer
	basisKnown bool
	// found is what the check that refused has found.
	found Decision
}

func (q *question) deny(reason Reason, rule string) bool {
	q.found = Decision{Verdict: Deny, Reason: reason, Rule: rule}
	return true
}

func (q *question) halt(reason Reason, rule string) bool {
	q.found = Decision{Verdict: Halt, Reason: reason, Rule: rule}
	return true
}

func (q *question) deferred(reason Reason, rule string, until time.Time) bool {
	q.found = Decision{Verdict: Defer, Reason: reason, Rule: rule, Until: until}
	return true
}

// questions are used again and again, so that a decision makes no garbage.
var questions = sync.Pool{New: func() any { return new(question) }}

// ask begins a question; whoever asks ends it with done.
func (p *Pack) ask(c *Campaign, who *Person, at time.Time) *question {
	channel := c.Channel
	if int(channel) >= len(p.tables) {
		channel = contact.AnyChannel // for which there are no rules, hence no basis
	}
	q := questions.Get().(*question)
	*q = question{pack: p, rules: &p.tables[channel], c: c, who: who, at: at}
	return q
}

// done forgets the question and all that it was about.
func (q *question) done() {
	*q = question{}
	questions.Put(q)
}

// today is the date in the pack's zone, for rules that concern the campaign
// as a whole, in days since 1970-01-01.
func (q *question) today() int64 { return dayOf(q.at, q.pack.zone) }

// head is what all rules have.
type head struct {
	id string
	// from and to bound the rule's life; zero is no bound.
	from, to time.Time
	// territories limits the rule to contacts registered there; none means
	// everywhere.
	territories []string
	// limited tells whether any of these bounds is set. Most rules have none,
	// and a decision looks at dozens of them.
	limited bool
	// overlay tells that an overlay wrote the rule. It may refuse, and must not
	// open by the way it refuses: see basisAnswer.
	overlay bool
}

// inForce tells whether the rule governs the question at instant t.
func (h *head) inForce(q *question, t time.Time) bool { return !h.limited || h.withinBounds(q, t) }

func (h *head) withinBounds(q *question, t time.Time) bool {
	if !h.from.IsZero() && t.Before(h.from) || !h.to.IsZero() && !t.Before(h.to) {
		return false
	}
	return h.territories == nil || q.who != nil && within(q.who.Territory, h.territories)
}

// within tells whether the territory is one of those named, by code or by
// numbering region, so that "MQ" stands for FR-972 too.
func within(t *contact.Territory, names []string) bool {
	return t != nil && (slices.Contains(names, t.Code) || slices.Contains(names, t.Region))
}

// rule is a compiled rule with the parameters of its kind.
type rule[P any] struct {
	head
	p P
}

// each calls visit for the rules that govern the question, until one has
// something to say. On most channels most kinds have no rules: the loop stands
// apart so that this much is inlined.
func each[P any](q *question, rules []rule[P], visit func(q *question, r *rule[P]) bool) bool {
	if len(rules) == 0 {
		return passed
	}
	return visitAll(q, rules, visit)
}

func visitAll[P any](q *question, rules []rule[P], visit func(q *question, r *rule[P]) bool) bool {
	for i := range rules {
		r := &rules[i]
		if r.inForce(q, q.at) && visit(q, r) {
			return true
		}
	}
	return passed
}

// next answers from which instant on, not before t, a rule lets the contact be
// reached: t itself if it does now, the zero time if no instant is known.
type next[P any] func(q *question, r *rule[P], t time.Time) time.Time

// wait makes a check out of rules that only time lifts: it defers for the
// first rule that says "not yet", until the first instant at which none does.
// Like each, it is inlined as far as the question whether there are any.
func wait[P any](q *question, reason Reason, rules []rule[P], next next[P]) bool {
	if len(rules) == 0 {
		return passed
	}
	return waitAll(q, reason, rules, next)
}

func waitAll[P any](q *question, reason Reason, rules []rule[P], next next[P]) bool {
	for i := range rules {
		r := &rules[i]
		if r.inForce(q, q.at) && !next(q, r, q.at).Equal(q.at) {
			return q.deferred(reason, r.id, lifted(q, rules, next))
		}
	}
	return passed
}

// maxRounds bounds the search for the instant that suits all rules. Rules that
// never agree (windows of far apart zones that do not meet) end there.
const maxRounds = 64

func lifted[P any](q *question, rules []rule[P], next next[P]) time.Time {
	t := q.at
	for range maxRounds {
		before := t
		for i := range rules {
			r := &rules[i]
			if !r.inForce(q, t) {
				continue
			}
			suits := next(q, r, t)
			if !r.to.IsZero() && (suits.IsZero() || r.to.Before(suits)) {
				suits = r.to
			}
			if suits.IsZero() {
				return time.Time{}
			}
			t = suits
		}
		if t.Equal(before) {
			return t
		}
	}
	return time.Time{}
}
