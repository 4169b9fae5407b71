package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
)

//go:embed page/register.md page/assessment.md
var recordFiles embed.FS

var recordTemplates = template.Must(template.ParseFS(recordFiles, "page/*.md"))

func (a *app) recordsCommand() *cobra.Command {
	return group("records", "what a controller must have written down, filled from the configuration",
		a.recordCommand("register", "register.md", "the record of processing activities (GDPR art. 30), in Markdown"),
		a.recordCommand("assessment", "assessment.md", "a draft of the impact assessment (GDPR art. 35), in Markdown"))
}

func (a *app) recordCommand(use, name, short string) *cobra.Command {
	var path string
	command := &cobra.Command{
		Use: use, Short: short, Args: wants(),
		Long: `It is filled from dialerd.yaml, the registry, the directory's declaration and the rules in
force, and so is true of this daemon. What it cannot know stands in brackets, for a
person to write.`,
		Example: "  dialctl records " + use + " --config /etc/hustings/dialerd.yaml > " + use + ".md",
		RunE: func(*cobra.Command, []string) error {
			record, err := newRecord(path)
			if err != nil {
				return failed("read the configuration", err)
			}
			return failed("print the record", recordTemplates.ExecuteTemplate(a.out, name, record))
		},
	}
	command.Flags().StringVar(&path, "config", "", "the daemon's configuration `file` (default: the embedded SANDBOX)")
	return command
}

// record is what the templates are filled with.
type record struct {
	Pack, PackVersion, PackFrom, PackTo                 string
	Rules                                               []consent.Rule
	Attributes                                          []recordedAttribute
	Parties                                             []dialer.Party
	Carrier, KeepDays, Keys                             string
	AttemptYears, ProofYears, RecordYears, ContactYears int
}

type recordedAttribute struct{ Name, Kind, Values string }

// AttributeNames lists the attributes in words.
func (r *record) AttributeNames() string {
	names := make([]string, len(r.Attributes))
	for i, attribute := range r.Attributes {
		names[i] = attribute.Name
	}
	return strings.Join(names, ", ")
}

func newRecord(path string) (*record, error) {
	config := configs.Defaults("")
	if path != "" {
		var err error
		if config, err = configs.Load(path); err != nil {
			return nil, err
		}
	}
	registry, err := config.LoadRegistry()
	if err != nil {
		return nil, err
	}
	directory, err := config.LoadDirectory()
	if err != nil {
		return nil, err
	}
	packs, err := configs.LoadPacks(config.Packs.Directory)
	if err != nil {
		return nil, err
	}
	pack, err := choosePack(config.Packs.Name, packs)
	if err != nil {
		return nil, err
	}
	from, to := pack.Valid()
	r := &record{
		Pack: pack.Code(), PackVersion: pack.Version(), PackFrom: from.Format(time.DateOnly), PackTo: to.Format(time.DateOnly),
		Rules: pack.Rules(), Parties: registry.Parties, Carrier: "the carrier (" + string(config.Carrier.Kind) + ")",
		KeepDays: "never", Keys: config.KeysDirectory(),
		AttemptYears: config.Retention.AttemptYears, ProofYears: config.Retention.ProofYears,
		RecordYears: config.Retention.RecordYears, ContactYears: config.Retention.ContactYears,
	}
	if config.Carrier.KeepDays > 0 {
		r.KeepDays = fmt.Sprintf("%d days after it is over", config.Carrier.KeepDays)
	}
	for _, attribute := range directory.Attributes {
		r.Attributes = append(r.Attributes, recordedAttribute{attribute.Name, string(attribute.Kind), fewOf(attribute.Values)})
	}
	return r, nil
}

// fewOf lists some values, and says how many more there are.
func fewOf(values []string) string {
	const few = 8
	if len(values) <= few {
		return strings.Join(values, ", ")
	}
	return strings.Join(slices.Concat(values[:few], []string{fmt.Sprintf("and %d more", len(values)-few)}), ", ")
}
