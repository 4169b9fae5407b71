package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/queue"
)

func (a *app) policyShowCommand(packs *string) *cobra.Command {
	return &cobra.Command{
		Use: "show PACK", Short: "the rules of a pack: what each asks for, who stands behind it, and where it comes from", Args: wants("PACK"),
		Long: `show prints a pack with all that it inherits, the pack's own rules first. FORCE says
who stands behind a rule: law, regulator (guidance that is sanctioned on), carrier
(a contract), or house (the broker's own choice, which no law asks for).`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			loaded, _ := configs.LoadPacks(*packs)
			return slices.Sorted(maps.Keys(loaded)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			loaded, err := configs.LoadPacks(*packs)
			if err != nil {
				return failed("load the packs", err)
			}
			pack, err := choosePack(args[0], loaded)
			if err != nil {
				return err
			}
			return a.showPack(pack)
		},
	}
}

func choosePack(code string, packs consent.Packs) (*consent.Pack, error) {
	if pack := packs[code]; pack != nil {
		return pack, nil
	}
	return nil, &failure{
		message: fmt.Sprintf("there is no pack %q", withoutNumbers(code)), hint: "one of " + strings.Join(slices.Sorted(maps.Keys(packs)), ", "),
	}
}

// shownRule is a rule as programs read it.
type shownRule struct {
	consent.RuleFile
	Pack        string   `json:"pack"`
	Value       string   `json:"value"`
	Territories []string `json:"territories,omitempty"`
}

// shownPack is a pack as programs read it.
type shownPack struct {
	Pack    string             `json:"pack"`
	Title   string             `json:"title"`
	Version string             `json:"version"`
	From    time.Time          `json:"valid_from"`
	To      time.Time          `json:"valid_to"`
	Polls   []consent.PollFile `json:"polls,omitempty"`
	Rules   []shownRule        `json:"rules"`
}

func (a *app) showPack(pack *consent.Pack) error {
	from, to := pack.Valid()
	shown := shownPack{Pack: pack.Code(), Title: pack.Title(), Version: pack.Version(), From: from, To: to, Polls: pack.Polls()}
	for _, rule := range pack.Rules() {
		shown.Rules = append(shown.Rules, shownRule{rule.RuleFile, rule.Pack, rule.Value, rule.Territories})
	}
	return a.result(shown, func(w io.Writer) error { return printPack(w, &shown) })
}

// The widths at which cells of the table are broken, in characters.
const (
	valueWidth  = 64
	sourceWidth = 78
)

func printPack(w io.Writer, shown *shownPack) error {
	rows := []string{
		cell("pack", shown.Pack+": "+shown.Title),
		cell("version", shown.Version),
		cell("valid", shown.From.Format(time.DateOnly)+" until "+shown.To.Format(time.DateOnly)+", that day not included"),
	}
	for i, poll := range shown.Polls {
		label := ""
		if i == 0 {
			label = "polls"
		}
		rows = append(rows, cell(label, poll.Date+" "+poll.ID+" ("+poll.Kind+"): "+poll.Source))
	}
	if err := table(w, append(rows, "")...); err != nil {
		return err
	}
	rows = []string{cell("RULE", "FORCE", "ON", "VALUE", "SOURCE")}
	for _, rule := range shown.Rules {
		value := rule.Value
		if len(rule.Territories) > 0 {
			value += "; in " + strings.Join(rule.Territories, ", ") + " only"
		}
		if rule.ValidFrom != "" {
			value += "; from " + rule.ValidFrom
		}
		if rule.ValidTo != "" {
			value += "; until " + rule.ValidTo
		}
		rows = append(rows, cells(
			[]string{rule.ID}, []string{rule.Force}, channelsText(rule.Channels), broken(value, valueWidth), broken(rule.Source, sourceWidth),
		)...)
	}
	return table(w, rows...)
}

// cells is one row of a table, some of whose cells take several lines.
func cells(columns ...[]string) []string {
	var rows []string
	for line := 0; ; line++ {
		texts, any := make([]string, len(columns)), false
		for i, column := range columns {
			if line < len(column) {
				texts[i], any = column[line], true
			}
		}
		if !any {
			return rows
		}
		rows = append(rows, cell(texts...))
	}
}

func channelsText(channels []string) []string {
	if len(channels) == 0 {
		return []string{"all channels"}
	}
	return channels
}

func (a *app) policyReloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "have the daemon read its packs anew; where one is wrong the old ones stay", Args: wants(),
		Long: `reload has the daemon read the packs of packs.directory anew, as SIGHUP does. They
are in force for every campaign from its next decision on. Where anything is wrong
with any of them nothing changes, and the faults are told.`,
		RunE: func(command *cobra.Command, _ []string) error {
			var answer queue.PolicyReload
			return a.asked(command, queue.VerbPolicyReload, queue.PolicyReloadRequest{Operator: a.operator}, &answer, "read the packs anew", func(w io.Writer) error {
				if answer.Before == answer.Pack {
					_, err := fmt.Fprintf(w, "nothing has changed: %s is in force\n", answer.Pack)
					return err
				}
				return table(w, cell("in force", answer.Pack), cell("before", answer.Before))
			})
		},
	}
}
