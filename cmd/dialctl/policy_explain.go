package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/cases"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// explaining is what policy explain was asked.
type explaining struct {
	*app
	packs   *string
	config  string
	at      string
	reason  string
	caseID  string
	offline bool
	person  described
}

// described is a contact by flags: a row of a directory, and one consent.
type described struct {
	territory, zone, line, granted string
	birthYear                      int
}

func (a *app) policyExplainCommand(packs *string) *cobra.Command {
	x := &explaining{app: a, packs: packs}
	command := &cobra.Command{
		Use: "explain CAMPAIGN", Short: "every check of the rules for one contact, and the rule that decides", Args: wants("CAMPAIGN"),
		Long: `explain makes every check in the order of the rules, whether or not an earlier one
refuses, and says which rule decides: for an accepted campaign by its name, or for
a campaign file.

  with a daemon   a real contact, as the records stand now. ` + numberHelp + `
  --offline       a contact who is described by flags, against a campaign file;
                  the number, if one is given, only tells the kind of line
  --case ID       one case of a file of conformance cases, given for CAMPAIGN`,
		Example: `  dialctl policy explain party-a-seniors --at 2027-03-14T21:29:00+01:00 --reason "complaint 12"
  dialctl policy explain campaign.yaml --offline --line mobile --territory FR-972 --birth-year 1980 --granted 2026-09-01
  dialctl policy explain cases.jsonl --case FR-001`,
		RunE: func(command *cobra.Command, args []string) error { return x.run(command.Context(), args[0]) },
	}
	flags := command.Flags()
	flags.StringVar(&x.at, "at", "", "`instant` to decide at, such as 2027-03-14T21:29:00+01:00 (default now)")
	flags.StringVar(&x.reason, "reason", "", "why somebody looks; it is kept in the records (with a daemon)")
	flags.StringVar(&x.caseID, "case", "", "`id` of the case to explain")
	flags.BoolVar(&x.offline, "offline", false, "ask no daemon: the contact is described by flags")
	flags.StringVar(&x.config, "config", "", "the daemon's configuration `file`, for registry and pack (with --offline; default: the embedded one)")
	flags.StringVar(&x.person.territory, "territory", "", "where the contact is registered to vote, such as FR-75 (with --offline)")
	flags.StringVar(&x.person.zone, "zone", "", "the contact's own time zone (with --offline; default: those of the territory)")
	flags.StringVar(&x.person.line, "line", "", "kind of line, such as mobile or landline (with --offline; default: what the number tells)")
	flags.IntVar(&x.person.birthYear, "birth-year", 0, "year of birth (with --offline)")
	flags.StringVar(&x.person.granted, "granted", "", "`date` of a consent to the campaign's party and channel, given to us and apart (with --offline)")
	return command
}

func (x *explaining) run(ctx context.Context, campaign string) error {
	at, err := x.instant()
	if err != nil {
		return err
	}
	switch {
	case x.caseID != "" && x.offline:
		return usage("a case describes its contact itself", "--case and --offline exclude each other")
	case x.caseID != "":
		return x.explainCase(campaign, at)
	case x.offline:
		return x.explainOffline(ctx, campaign, at)
	}
	question := queue.ContactQuestion{Reason: x.reason, At: at}
	if _, err := os.Stat(campaign); err == nil {
		if question.Job, err = x.readCampaign(campaign); err != nil {
			return err
		}
	} else {
		question.Campaign = campaign
	}
	return x.withDaemon(ctx, func(ctx context.Context, client *queue.Client) error {
		e := new(dialer.Explanation)
		if err := x.askContact(ctx, client, queue.VerbPolicyExplain, question, e); err != nil {
			return rejected(campaign, failed("explain the rules", err), err)
		}
		return x.tell(e)
	})
}

func (x *explaining) instant() (time.Time, error) {
	if x.at == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, x.at)
	if err != nil {
		return at, usage("such as 2027-03-14T21:29:00+01:00", "--at is no instant")
	}
	return at, nil
}

// explainCase explains one case of a file, at its own instant unless another is
// given.
func (x *explaining) explainCase(path string, at time.Time) error {
	packs, err := configs.LoadPacks(*x.packs)
	if err != nil {
		return failed("load the packs", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return failed("read the cases", err)
	}
	defer func() { _ = file.Close() }()
	for c, err := range cases.Read(file) {
		if err != nil || c.ID != x.caseID {
			continue
		}
		pack, err := choosePack(c.Pack, packs)
		if err != nil {
			return err
		}
		if c.Channel == cases.Inbound {
			inbound := pack.Classify(c.Campaign.Message.Body)
			answer := cases.Answer{ID: c.ID, Decision: inbound.Class.String(), Reason: inbound.Reason.String()}
			return x.result(answer, func(w io.Writer) error {
				return table(w, cell("case", c.ID), cell("pack", pack.Version()), cell("text is", answer.Decision+" "+answer.Reason))
			})
		}
		terms, person, err := c.Question()
		if err != nil {
			return failed("read the case", err)
		}
		terms.Message.Elements |= pack.Find(terms.Channel, c.Campaign.Message.Body)
		if at.IsZero() {
			at = c.At
		}
		e := dialer.Explain(pack, terms, person, at)
		e.Campaign = c.ID
		return x.tell(e)
	}
	return &failure{message: fmt.Sprintf("%s has no case %q that can be read", path, x.caseID), hint: "dialctl policy eval " + path + " lists them all"}
}

// explainOffline explains a campaign file for a contact described by flags.
func (x *explaining) explainOffline(ctx context.Context, path string, at time.Time) error {
	job, err := x.readCampaign(path)
	if err != nil {
		return err
	}
	config := configs.Defaults("")
	if x.config != "" {
		if config, err = configs.Load(x.config); err != nil {
			return failed("read the configuration", err)
		}
	}
	if *x.packs != "" {
		config.Packs.Directory = *x.packs
	}
	registry, err := config.LoadRegistry()
	if err != nil {
		return failed("read the registry", err)
	}
	packs, err := config.LoadPacks()
	if err != nil {
		return failed("load the packs", err)
	}
	pack, err := choosePack(config.Packs.Name, packs)
	if err != nil {
		return err
	}
	terms, faults := job.Terms(registry, pack)
	if len(faults) > 0 {
		return fmt.Errorf("campaign %s would be rejected: %w", job.ID, configs.PlaceFaults(path, faults))
	}
	if at.IsZero() {
		at = time.Now()
	}
	person, err := x.describe(ctx, config, terms, at)
	if err != nil {
		return err
	}
	for _, list := range pack.Lists() {
		if list.Applied { // nobody here knows how old it is
			person.Lists = append(person.Lists, consent.ListEntry{Name: list.Name, FileAt: at, Answer: consent.NotReassigned})
		}
	}
	e := dialer.Explain(pack, terms, person, at)
	e.Campaign = job.ID
	x.say("described by flags: no objection, no earlier attempt, no claim and fresh lists are taken for granted")
	return x.tell(e)
}

// describe makes a person of the flags.
func (x *explaining) describe(ctx context.Context, config *configs.Config, terms *consent.Campaign, at time.Time) (*consent.Person, error) {
	person := &consent.Person{NumberValid: true, BirthYear: x.person.birthYear, Basis: consent.Consent}
	if x.person.line == "" {
		number, err := x.secretLine(ctx, "number (not shown)")
		if err != nil {
			return nil, err
		}
		if number == "" {
			return nil, usage("give the kind of line with --line, such as --line mobile, or type a number when asked", "neither --line nor a number was given")
		}
		schema, err := config.LoadDirectory()
		if err != nil {
			return nil, failed("read the directory's columns", err)
		}
		_, line, err := contact.Parse(number, schema.Region)
		person.NumberValid, person.LineType = err == nil && line.Valid, line.Type
	}
	var err error
	if x.person.line != "" {
		if person.LineType, err = contact.ParseLineType(x.person.line); err != nil {
			return nil, usage("such as mobile or landline", "--line: %v", err)
		}
	}
	if person.Territory, err = x.territory(); err != nil {
		return nil, err
	}
	if person.Territory != nil {
		person.Zones = person.Territory.Zones
	}
	if x.person.zone != "" {
		zone, err := time.LoadLocation(x.person.zone)
		if err != nil || x.person.zone == "Local" {
			return nil, usage("such as Europe/Paris", "--zone %q is not known", x.person.zone)
		}
		person.Zones = []*time.Location{zone}
	}
	if x.person.granted != "" {
		given, err := time.Parse(time.DateOnly, x.person.granted)
		if err != nil {
			return nil, usage("such as 2026-09-01", "--granted is no date")
		}
		person.Grants = []consent.Grant{{
			Channel: terms.Channel, Party: terms.Party, Purpose: consent.Political, GivenAt: given, CollectedFrom: consent.DataSubject, Explicit: true, Version: 1,
		}}
	}
	return person, nil
}

func (x *explaining) territory() (*contact.Territory, error) {
	if x.person.territory == "" {
		return nil, nil
	}
	territory, known := contact.FindTerritory(x.person.territory)
	if !known {
		return nil, usage("such as FR-75, MQ or US-MN", "--territory %q is not known", withoutNumbers(x.person.territory))
	}
	return territory, nil
}

func (x *explaining) tell(e *dialer.Explanation) error {
	return x.result(e, func(w io.Writer) error { return printExplanation(w, e) })
}

func printExplanation(w io.Writer, e *dialer.Explanation) error {
	decision := e.Decision.Verdict + " " + e.Decision.Reason
	if e.Decision.Rule != "" {
		decision += " by " + e.Decision.Rule
	}
	rows := []string{cell("campaign", e.Campaign)}
	if e.Contact != "" {
		rows = append(rows, cell("contact", e.Contact))
	}
	rows = append(rows,
		cell("at", e.At.Format(time.RFC3339)), cell("pack", e.Pack), cell("facts", factsText(&e.Facts)), cell("decision", decision))
	if e.Decision.Source != "" {
		rows = append(rows, cell("force", e.Decision.Force), cell("source", e.Decision.Source))
	}
	if !e.Decision.Until.IsZero() {
		rows = append(rows, cell("until", e.Decision.Until.In(e.At.Location()).Format(time.RFC3339)))
	}
	if err := table(w, append(rows, "")...); err != nil {
		return err
	}
	rows = []string{cell("CHECK", "ANSWER", "REASON", "RULE", "FORCE", "UNTIL", "")}
	decided := false
	for _, check := range e.Checks {
		reason, until, mark := check.Reason, "", ""
		if check.Verdict == consent.Allow.String() {
			reason = ""
		} else if !decided {
			decided, mark = true, "<- decides"
		}
		if !check.Until.IsZero() {
			until = check.Until.In(e.At.Location()).Format(time.RFC3339)
		}
		rows = append(rows, cell(check.Check, check.Verdict, reason, check.Rule, check.Force, until, mark))
	}
	return table(w, rows...)
}

func factsText(f *dialer.ExplainedFacts) string {
	parts := []string{"line " + f.Line}
	if f.Territory != "" {
		parts = append(parts, "registered in "+f.Territory)
	}
	if len(f.Zones) > 0 {
		parts = append(parts, "zones "+strings.Join(f.Zones, " "))
	}
	parts = append(parts, plural(f.Grants, "consent", "consents"), plural(f.Objections, "objection", "objections"), plural(f.Attempts, "attempt", "attempts"))
	for _, name := range slices.Sorted(maps.Keys(f.Lists)) {
		parts = append(parts, "list "+name+" of "+instant(f.Lists[name]))
	}
	return strings.Join(parts, ", ")
}
