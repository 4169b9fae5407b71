package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) campaignTestCommand() *cobra.Command {
	var reason string
	var stop bool
	command := &cobra.Command{
		Use: "test CAMPAIGN", Short: "send the campaign's exact text to the broker's own phones", Args: wants("CAMPAIGN"),
		Long: `test sends every text of the campaign, as it stands, to the phones that the daemon's
test_numbers names: over the same way as to anybody else, in the hours in which they
may be texted, and not to one that has written STOP. A test that cannot end within a
day is over then. It counts in no figure of the campaign, and no party pays for it.
"dialctl campaign show" tells what became of it.`,
		ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				view := new(dialer.CampaignView)
				request := queue.CampaignRequest{Campaign: args[0], Operator: a.operator, Reason: reason}
				verb, said := queue.VerbCampaignTest, "the text of campaign %s is on its way to the test numbers\n"
				if stop {
					verb, said = queue.VerbCampaignTestCancel, "the tests of campaign %s are over\n"
				}
				if err := client.Call(ctx, verb, request, view); err != nil {
					return failed("test campaign "+args[0], err)
				}
				return a.result(view, func(w io.Writer) error {
					if _, err := fmt.Fprintf(w, said, view.ID); err != nil {
						return err
					}
					return printTests(w, "test", view.Tests)
				})
			})
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for the records")
	command.Flags().BoolVar(&stop, "cancel", false, "end the campaign's tests that are under way")
	return command
}

// printTests prints what became of each text on the broker's own phones, which were
// sent to in a test or as seeds.
func printTests(w io.Writer, kind string, tests []dialer.TestView) error {
	if len(tests) == 0 {
		return nil
	}
	rows := []string{cell(kind, "text", "at", "by", "state", "phone", "result")}
	for _, test := range tests {
		for i, phone := range test.Phones {
			row := cell("", "", "", "", "")
			if i == 0 {
				row = cell(test.ID, cmp.Or(test.Variant, "-"), instant(test.At), cmp.Or(test.Operator, "-"), test.State)
			}
			rows = append(rows, row+"\t"+cell(cmp.Or(phone.Name, "not registered any more"), phoneText(phone)))
		}
		if test.Detail != "" {
			rows = append(rows, cell("", "", "", "", "", "", test.Detail))
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return table(w, rows...)
}

// phoneText is what became of the text on one phone.
func phoneText(p dialer.TestPhone) string {
	text := cmp.Or(p.Outcome, p.State)
	if p.Reason != "" {
		text += " (" + p.Reason + ")"
	}
	if !p.Until.IsZero() {
		text += " until " + instant(p.Until)
	}
	return text
}
