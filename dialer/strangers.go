package dialer

import (
	"slices"

	"github.com/hustings/hustings/consent"
)

// Of most people in a country the ledger knows nothing at all: no grant, no
// objection, no claim, no message. What the rules say of such a stranger follows from
// their kind: where they live, how old they are and what line they have. So the
// directory counts a segment by kinds, and where the rules exclude strangers of a
// kind, all of that kind are passed by. Then those come one by one whom the ledger
// knows after all: see acquaintances.go.

// strangers are those whom a survey has passed by.
type strangers struct {
	// segment are all rows of the segment, and kinds those of the tally.
	segment RowSet
	kinds   []KindCount
	// passed tells of each kind that was passed by why.
	passed map[Kind]consent.Reason
	// answers are what the rules said of those who are alike.
	answers map[likeness]consent.Reason
}

// likeness is all that the rules can tell those apart by who have, at most, consented
// to something else.
type likeness struct {
	Kind
	grants consent.Reason // why none of their grants concerns the campaign
}

// edition returns the directory as it counts at this moment, nil where it does not.
func (d *Dialer) edition() Edition {
	if d.census == nil {
		return nil
	}
	return d.census.Edition()
}

// passBy counts the strangers of the segment whom the rules exclude, and returns the
// rows of all others. It tells whether it could: not where a pool of senders looks at
// who they are, nor where the directory does not count by kinds.
func (d *Dialer) passBy(s *survey, edition Edition) (rows RowSet, passed bool, err error) {
	if edition == nil || len(s.campaign.senders) != 1 {
		return nil, false, nil
	}
	at := &s.strangers
	if at.segment, err = edition.Select(s.campaign.matcher, nil); err != nil {
		return nil, false, err
	}
	if at.kinds, err = edition.Tally(at.segment); err != nil || len(at.kinds) == 0 {
		return nil, false, err
	}
	struck := make([]bool, len(at.kinds))
	err = d.ledger.View(func(tx Tx) error {
		b := books{&ascending{Tx: tx}}
		for i := range at.kinds {
			struck[i] = at.kinds[i].Count > 0 && s.passesBy(b, &at.kinds[i])
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	rows = slices.Clone(at.segment)
	return rows, true, edition.Strike(rows, struck)
}

// passesBy counts the strangers of a kind if the rules exclude them.
func (s *survey) passesBy(b books, kind *KindCount) bool {
	s.facts.contact = Contact{Line: kind.Line, BirthYear: kind.BirthYear, Territory: kind.Territory, Zone: kind.Zone}
	reason := s.excludes(s.facts.gather(b, s.campaign, s.at))
	if !reason.PrecedesHistory() {
		return false
	}
	s.strangers.passed[kind.Kind] = reason
	s.considered += kind.Count
	s.excluded[reason] += kind.Count
	return true
}

// excludes returns why the rules exclude the person in the facts, consent.OK where
// they do not. They are asked once about all who are alike.
func (s *survey) excludes(person *consent.Person) consent.Reason {
	alike, some := s.likeness(person)
	met := len(person.Attempts) > 0 || person.InFlight || person.ClaimedBy != "" || len(person.Locks) > 0
	if some {
		if reason, known := s.strangers.answers[alike]; known && (!met || reason.PrecedesHistory()) {
			return reason
		}
	}
	reason := s.campaign.pack.Excludes(s.facts.termsOf(s.campaign), person, s.at).Reason
	if some && (!met || reason.PrecedesHistory()) {
		s.strangers.answers[alike] = reason
	}
	return reason
}

// likeness tells whether others are like the person in the facts, but for what came of
// attempts, and how.
func (s *survey) likeness(p *consent.Person) (alike likeness, some bool) {
	listed := func(entry consent.ListEntry) bool { return entry.Hit }
	if len(p.Objections) > 0 || p.Erased || p.Review || slices.ContainsFunc(p.Lists, listed) || len(s.campaign.senders) > 1 {
		return alike, false
	}
	alike.Kind = s.facts.contact.Kind()
	alike.grants, some = s.campaign.terms.Unconcerned(p.Grants, s.at)
	return alike, some
}
