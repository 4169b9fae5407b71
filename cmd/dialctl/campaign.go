package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) campaignCommand() *cobra.Command {
	return group("campaign", "submit campaigns, watch and steer them",
		a.campaignQuoteCommand(), a.campaignSubmitCommand(), a.campaignListCommand(), a.campaignShowCommand(), a.campaignWatchCommand(),
		a.campaignOrderCommand(order{
			verb: queue.VerbCampaignPause, use: "pause", done: "paused",
			short: "stop a campaign until it is resumed; what is in flight ends",
		}),
		a.campaignGiveCommand(dialer.OrderResume, "resumed", "let a campaign go on that was paused or that the dialer held"),
		a.campaignGiveCommand(dialer.OrderRelease, "released", "let a campaign go on after its trial"),
		a.campaignApproveCommand(), a.campaignSignOffCommand(), a.campaignTestCommand(),
		a.campaignOrderCommand(order{
			verb: queue.VerbCampaignCancel, use: "cancel", done: "cancelled",
			short: "end a campaign for good: nobody is tried any more, the books are closed",
			asks:  "cancel campaign %s for good? nobody will be tried any more",
		}),
	)
}

func (a *app) campaignListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "all campaigns, in order of acceptance", Args: wants(),
		RunE: func(command *cobra.Command, _ []string) error {
			var views []dialer.CampaignView
			return a.asked(command, queue.VerbCampaignList, nil, &views, "list the campaigns", func(w io.Writer) error { return printCampaigns(w, views) })
		},
	}
}

func printCampaigns(w io.Writer, views []dialer.CampaignView) error {
	if len(views) == 0 {
		_, err := fmt.Fprintln(w, "no campaigns yet")
		return err
	}
	rows := []string{cell("ORDER", "CAMPAIGN", "PARTY", "STATE", "AUDIENCE", "DIALLED", "END", "REPORT DUE")}
	for i := range views {
		v := &views[i]
		rows = append(rows, cell(fmt.Sprint(v.Order), v.ID, v.Party, stateText(v),
			grouped(v.Balance.Audience), grouped(dialled(&v.Balance)), instant(v.End), instant(v.ReportDue)))
	}
	return table(w, rows...)
}

// stateText is the state, and how the campaign ended or ends, or how far its trial
// is.
func stateText(v *dialer.CampaignView) string {
	if v.Ending == "" {
		if v.State == stateTrial && v.Trial != nil {
			return fmt.Sprintf("%s (%d of %d)", v.State, v.Trial.Tried, v.Trial.Size)
		}
		return v.State
	}
	return v.State + " (" + v.Ending + ")"
}

// dialled counts the recipients of whom no first attempt is due any more.
func dialled(b *dialer.BalanceSheet) uint64 {
	return b.Audience - min(b.Audience, b.Planned+b.Waiting+sum(b.ExcludedLater))
}

// order is a verb that changes a campaign's state.
type order struct {
	verb             queue.Verb
	use, short, done string
	// asks is what a person must confirm, if anything.
	asks string
}

func (a *app) campaignOrderCommand(o order) *cobra.Command {
	var reason string
	var yes bool
	command := &cobra.Command{
		Use: o.use + " CAMPAIGN", Short: o.short, Args: wants("CAMPAIGN"), ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				if o.asks != "" && !yes {
					sure, err := a.confirm(ctx, fmt.Sprintf(o.asks, args[0]))
					if err != nil {
						return err
					}
					if !sure {
						return &failure{message: "nothing was changed"}
					}
				}
				return a.giveOrder(ctx, client, o, queue.CampaignRequest{Campaign: args[0], Operator: a.operator, Reason: reason})
			})
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for the records")
	if o.asks != "" {
		command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	}
	return command
}

func (a *app) giveOrder(ctx context.Context, client *queue.Client, o order, request queue.CampaignRequest) error {
	var view dialer.CampaignView
	if err := client.Call(ctx, o.verb, request, &view); err != nil {
		return failed(o.use+" campaign "+request.Campaign, err)
	}
	return a.result(view, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "campaign %s %s: it is %s now\n", view.ID, o.done, stateText(&view))
		return err
	})
}

// completionWait is how long a shell waits for campaigns before it goes on
// without.
const completionWait = time.Second

// completeCampaigns offers the campaigns that the daemon knows, if it answers
// at once.
func (a *app) completeCampaigns(command *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	views := a.completable(command.Context())
	var completions []cobra.Completion
	for i := range views {
		if !slices.Contains(args, views[i].ID) {
			completions = append(completions, cobra.CompletionWithDesc(views[i].ID, stateText(&views[i])))
		}
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completable(ctx context.Context) []dialer.CampaignView {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionWait)
	defer cancel()
	var views []dialer.CampaignView
	client, err := a.dial()
	if err != nil {
		return nil
	}
	defer client.Close()
	if client.Call(ctx, queue.VerbCampaignList, nil, &views) != nil {
		return nil
	}
	return views
}
