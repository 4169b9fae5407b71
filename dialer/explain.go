package dialer

import (
	"context"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Explanation is what the rules say of one contact and one campaign at an
// instant: every check in order, and the first that has something to say against
// it, which decides.
type Explanation struct {
	Campaign string `json:"campaign"`
	// Contact is the contact's pseudonym, and Known tells whether the directory
	// has the contact; both are empty for a person who was only described.
	Contact string    `json:"contact,omitempty"`
	Known   bool      `json:"known,omitempty"`
	At      time.Time `json:"at"`
	// Pack is the version of the rules.
	Pack string `json:"pack"`
	// Facts are what the rules looked at.
	Facts    ExplainedFacts   `json:"facts"`
	Checks   []ExplainedCheck `json:"checks"`
	Decision ExplainedCheck   `json:"decision"`
}

// ExplainedFacts are what is known of the contact, without who they are.
type ExplainedFacts struct {
	Territory  string   `json:"territory"`
	Zones      []string `json:"zones"`
	Line       string   `json:"line"`
	Grants     int      `json:"grants"`
	Objections int      `json:"objections"`
	Attempts   int      `json:"attempts"`
	// Lists are the lists looked into, with the date of each.
	Lists map[string]time.Time `json:"lists"`
}

// ExplainedCheck is what one check says.
type ExplainedCheck struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
	// Rule is the rule that refuses, with who stands behind it and where it
	// comes from; empty where nothing refuses, and for what no pack can switch
	// off (E4, E8, E9, E11, I3, I8, I15).
	Rule   string `json:"rule,omitempty"`
	Force  string `json:"force,omitempty"`
	Source string `json:"source,omitempty"`
	// Until is the first instant at which a deferral ends, where one is known.
	Until time.Time `json:"until,omitzero"`
}

// Explain makes every check of the pack and puts it into words.
func Explain(pack *consent.Pack, terms *consent.Campaign, person *consent.Person, at time.Time) *Explanation {
	e := &Explanation{At: at, Pack: pack.Version(), Facts: ExplainedFacts{
		Line: person.LineType.String(), Zones: []string{}, Lists: map[string]time.Time{},
		Grants: len(person.Grants), Objections: len(person.Objections), Attempts: len(person.Attempts),
	}}
	if person.Territory != nil {
		e.Facts.Territory = person.Territory.Code
	}
	for _, zone := range person.Zones {
		e.Facts.Zones = append(e.Facts.Zones, zone.String())
	}
	for _, list := range person.Lists {
		e.Facts.Lists[list.Name] = list.FileAt
	}
	e.Decision = explained(pack, consent.CheckResult{Decision: consent.Decision{Verdict: consent.Allow, Reason: consent.OK}})
	for _, result := range pack.Explain(terms, person, at) {
		check := explained(pack, result)
		e.Checks = append(e.Checks, check)
		if e.Decision.Verdict == consent.Allow.String() {
			e.Decision = check
		}
	}
	if e.Decision.Verdict == consent.Allow.String() {
		e.Decision.Check = ""
	}
	return e
}

func explained(pack *consent.Pack, result consent.CheckResult) ExplainedCheck {
	d := result.Decision
	check := ExplainedCheck{Check: result.Check, Verdict: d.Verdict.String(), Reason: d.Reason.String(), Rule: d.Rule, Until: d.Until}
	if rule, known := pack.Rule(d.Rule); known {
		check.Force, check.Source = rule.Force, rule.Source
	}
	return check
}

// Terms are what rules look at in a job. The faults are what the registry finds
// wrong with it.
func (j *Job) Terms(registry *Registry, pack *consent.Pack) (*consent.Campaign, []Fault) {
	if faults := j.Validate(registry); len(faults) > 0 {
		return nil, faults
	}
	terms := j.terms(registry)
	terms.Message = j.message(pack)
	return &terms, nil
}

// Explain says what the rules in force make of a contact for a campaign: an
// accepted one by its name, or the job of one that is not. What is on record now
// is judged as at the instant. Who asks, and why, stands in the audit log.
func (d *Dialer) Explain(ctx context.Context, name string, job *Job, id contact.ID, at time.Time, look Look) (*Explanation, error) {
	c, err := d.explainable(name, job)
	if err != nil {
		return nil, err
	}
	now := d.clock.Now()
	if at.IsZero() {
		at = now
	}
	body := fmt.Appendf(nil, "%s %s %s", now.UTC().Format(time.RFC3339Nano), id, said("rules explained for "+c.job.ID, look.Operator, look.Reason))
	if err := d.ledger.Commit(ctx, &auditMove{body}); err != nil {
		return nil, fmt.Errorf("put the look on record: %w", err)
	}
	f := &facts{names: map[string]string{}}
	known, err := d.directory.Contact(id, &f.contact)
	if err != nil {
		return nil, fmt.Errorf("look the contact up: %w", err)
	}
	f.contact.ID = id
	var e *Explanation
	err = d.ledger.View(func(tx Tx) error {
		e = Explain(c.pack, f.termsOf(c), f.gather(books{tx}, c, at), at)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what is known of the contact: %w", err)
	}
	e.Campaign, e.Contact, e.Known = c.job.ID, id.String(), known
	if !known { // as before an attempt: whoever is not there was erased, or never was
		unknown := ExplainedCheck{Check: "directory", Verdict: consent.Deny.String(), Reason: consent.Erased.String(), Rule: "I15"}
		e.Checks = append([]ExplainedCheck{unknown}, e.Checks...)
		e.Decision = unknown
	}
	return e, nil
}

// explainable returns the campaign that is asked about, as the rules see it.
func (d *Dialer) explainable(name string, job *Job) (*campaign, error) {
	record := &campaignRecord{Accepted: d.clock.Now()}
	if job != nil {
		record.Job = *job
	} else {
		found := false
		err := d.ledger.View(func(tx Tx) error {
			b := books{tx}
			if known, ok := b.campaign(b.named(name)); ok {
				record, found = known, true
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read campaign %s: %w", name, err)
		}
		if !found {
			return nil, fmt.Errorf("campaign %q: %w", name, ErrNoCampaign)
		}
	}
	c, faults := d.compile(record)
	if len(faults) > 0 {
		return nil, JobErrors(faults)
	}
	return c, nil
}

// JobErrors are what is wrong with a job, as an error.
type JobErrors []Fault

// Error names the first fault.
func (e JobErrors) Error() string { return "the job is wrong: " + e[0].String() }
