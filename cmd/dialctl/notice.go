package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) noticeCommand() *cobra.Command {
	var format, output string
	show := &cobra.Command{
		Use: "show CAMPAIGN", Short: "the transparency notice of a campaign whose report is released", Args: wants("CAMPAIGN"),
		Long: `show prints what the public is told of a campaign (regulation (EU) 2024/900): who has
paid what for which message, chosen how, and how many it has reached, as the party's
report has it. It says nothing that the order and the report do not say. Publish it
beside the message's transparency link; it can be made for as long as the records are
kept, seven years at least (retention.record_years).`,
		Example: `  dialctl notice show spring --format html --output spring.html
  dialctl notice show spring`,
		ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			if format != "json" && format != "html" {
				return usage("json or html", "there is no rendering %q", withoutNumbers(format))
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				var notice []byte
				if err := client.Call(ctx, queue.VerbNoticeShow, queue.ReportRequest{Campaign: args[0], Format: format}, &notice); err != nil {
					return failed("show the notice of "+args[0], err)
				}
				if output == "" {
					_, err := a.out.Write(notice)
					return failed("print the notice", err)
				}
				return failed("write the notice", os.WriteFile(output, notice, 0o644)) //nolint:gosec // it is for everybody
			})
		},
	}
	show.Flags().StringVar(&format, "format", "json", "`rendering`: json or html")
	show.Flags().StringVar(&output, "output", "", "write into this `file`")
	_ = show.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"json", "html"}, cobra.ShellCompDirectiveNoFileComp))
	return group("notice", "what the public is told of a campaign", show)
}
