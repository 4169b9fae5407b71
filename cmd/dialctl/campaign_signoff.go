package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) campaignSignOffCommand() *cobra.Command {
	var word dialer.SignOff
	command := &cobra.Command{
		Use: "signoff CAMPAIGN", Short: "enter the party's word that the exact text may be sent", Args: wants("CAMPAIGN"),
		Long: `signoff enters that the party has agreed to the text whose SHA-256 it names: the
hash comes from the party, over the text that they were shown, and must be the one
that "dialctl campaign show" prints. Another text is another campaign, and needs
another word.`,
		ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				word.Operator = a.operator
				view := new(dialer.CampaignView)
				if err := client.Call(ctx, queue.VerbCampaignSignOff, queue.SignOffRequest{Campaign: args[0], SignOff: word}, view); err != nil {
					return failed("sign campaign "+args[0]+" off", err)
				}
				return a.result(view, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "the text of campaign %s is signed off by %s\n", view.ID, view.SignOff.By)
					return err
				})
			})
		},
	}
	command.Flags().StringVar(&word.TextSHA256, "text-sha256", "", "the `hash` of the text that the party has agreed to")
	command.Flags().StringVar(&word.By, "by", "", "`who` at the party has agreed")
	_ = command.MarkFlagRequired("text-sha256")
	_ = command.MarkFlagRequired("by")
	return command
}
