package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) campaignShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show CAMPAIGN", Short: "one campaign with its exact balance sheet; for the broker's eyes only",
		Args: wants("CAMPAIGN"), ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				view, err := showCampaign(ctx, client, args[0])
				if err != nil {
					return err
				}
				return a.result(view, func(w io.Writer) error { return printCampaign(w, view) })
			})
		},
	}
}

func showCampaign(ctx context.Context, client *queue.Client, campaign string) (*dialer.CampaignView, error) {
	view := new(dialer.CampaignView)
	if err := client.Call(ctx, queue.VerbCampaignShow, queue.CampaignRequest{Campaign: campaign}, view); err != nil {
		return nil, failed("show campaign "+campaign, err)
	}
	return view, nil
}

func printCampaign(w io.Writer, v *dialer.CampaignView) error {
	rows := []string{
		cell("campaign", v.ID),
		cell("party", v.Party),
		cell("round", v.Round),
		cell("sender", v.Sender+" by "+v.Channel),
		cell("state", stateText(v)),
	}
	for _, row := range [][2]string{
		{"detail", v.Detail},
		{"hold", string(v.Hold)},
		{"text sha256", v.TextSHA256},
		{"signed off", signOffText(v.SignOff)},
		{"trial", trialText(v.Trial)},
		{"waits for", waitsText(v)},
		{"accepted", fmt.Sprintf("%s, place %d", instant(v.Accepted), v.Order)},
		{"runs", instant(v.Start) + " to " + instant(v.End)},
		{"all tried", forecastText(v)},
		{"closed", instant(v.Closed)},
		{"report due", instant(v.ReportDue)},
	} {
		if row[1] != "" && row[1] != "-" {
			rows = append(rows, cell(row[0], row[1]))
		}
	}
	for _, hold := range v.Holds {
		if !hold.Ended.IsZero() {
			rows = append(rows, cell("held before", fmt.Sprintf("%s, %s: %s; %s", instant(hold.At), hold.Reason, hold.Detail, hold.By)))
		}
	}
	for _, text := range parkedTexts(v) {
		rows = append(rows, cell("parked", text))
	}
	if err := table(w, rows...); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\nbalance sheet at %s\n\n", instant(v.Now)); err != nil {
		return err
	}
	if err := printSheets(w, []*dialer.CampaignView{v}); err != nil {
		return err
	}
	if err := printVariants(w, v.Variants); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\n%s", strings.Join(equations(v), "")); err != nil {
		return err
	}
	if err := printTests(w, "test", v.Tests); err != nil {
		return err
	}
	return printTests(w, "seed", v.Seeds)
}

// printVariants prints what became of each text, where a campaign has several.
func printVariants(w io.Writer, variants []dialer.VariantSheet) error {
	if len(variants) == 0 {
		return nil
	}
	rows := []string{cell("variant", "text", "tried", "open", "excluded", "final")}
	for _, v := range variants {
		rows = append(rows, cell(v.Name, fmt.Sprintf("%s, %s", plural(v.SegmentsEach, "segment", "segments"), v.Encoding),
			grouped(v.Tried), grouped(v.Open), grouped(v.Excluded), excludedText(v.Final)))
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return table(w, rows...)
}

func signOffText(s *dialer.SignOff) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("by %s, %s, entered by %s", s.By, instant(s.At), s.Operator)
}

func trialText(t *dialer.TrialView) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%s of %s dialled", grouped(t.Tried), grouped(t.Size))
}

// waitsText says whose word the campaign waits for.
func waitsText(v *dialer.CampaignView) string {
	switch p := v.Pending; {
	case v.WaitsForSignOff:
		return "the party's word on the text: dialctl campaign signoff " + v.ID
	case p != nil:
		return fmt.Sprintf("a second operator until %s, to %s: %s (%s) has asked for it: dialctl campaign approve %s",
			p.Until.Local().Format("15:04"), p.Verb, p.Operator, p.Reason, v.ID)
	case v.State == stateTrial && v.Trial != nil && v.Trial.Over:
		return "an operator: dialctl campaign release " + v.ID
	case v.State == stateHeld:
		return "an operator: dialctl campaign resume " + v.ID
	}
	return ""
}

// forecastText says when all recipients will have had their turn.
func forecastText(v *dialer.CampaignView) string {
	switch f := v.Forecast; {
	case f == nil:
		return ""
	case f.Unreached > 0:
		return fmt.Sprintf("NOT IN TIME: %s cannot be reached by the end", grouped(f.Unreached))
	default:
		return "by " + instant(f.Finish) + ", as things stand"
	}
}

// parkedTexts says which zones wait until when, the next ones first.
func parkedTexts(v *dialer.CampaignView) []string {
	type waiting struct {
		until  time.Time
		reason string
	}
	zones := map[waiting][]string{}
	for _, zone := range v.Parked {
		w := waiting{zone.Until.UTC(), zone.Reason}
		for name := range strings.FieldsSeq(zone.Zones) {
			if !slices.Contains(zones[w], name) {
				zones[w] = append(zones[w], name)
			}
		}
	}
	order := slices.SortedFunc(maps.Keys(zones), func(a, b waiting) int {
		return cmp.Or(a.until.Compare(b.until), strings.Compare(a.reason, b.reason))
	})
	texts := make([]string, len(order))
	for i, w := range order {
		slices.Sort(zones[w])
		texts[i] = fmt.Sprintf("%s until %s (%s)", strings.Join(zones[w], ", "), near(w.until, v.Now), w.reason)
	}
	return texts
}

// parkedText says who waits next, and how many other zones wait longer.
func parkedText(v *dialer.CampaignView) string {
	texts := parkedTexts(v)
	if len(texts) == 0 {
		return ""
	}
	text := "parked: " + texts[0]
	if more := len(texts) - 1; more > 0 {
		text += fmt.Sprintf(" and %s later", plural(more, "group", "groups"))
	}
	return text
}
