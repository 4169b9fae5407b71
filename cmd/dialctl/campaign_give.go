package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// Orders that let a campaign go on. They are signed with the operator's key where
// one is named; the daemon says where one is missing.

// signedVerbs are how the daemon is asked for each.
var signedVerbs = map[dialer.OrderVerb]queue.Verb{
	dialer.OrderResume: queue.VerbCampaignResume, dialer.OrderRelease: queue.VerbCampaignRelease,
}

// signature is what the flags say of an order.
type signature struct{ key, reason string }

func (s *signature) flags(command *cobra.Command) {
	command.Flags().StringVar(&s.key, "key", os.Getenv("HUSTINGS_OPERATOR_KEY"), "`file` of your private key, to sign the order with")
	command.Flags().StringVar(&s.reason, "reason", "", "why, for the records")
}

func (a *app) campaignGiveCommand(verb dialer.OrderVerb, done, short string) *cobra.Command {
	var s signature
	command := &cobra.Command{
		Use: string(verb) + " CAMPAIGN", Short: short, Args: wants("CAMPAIGN"), ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				order := dialer.NewOrder(verb, args[0], a.operator, oneLine(s.reason))
				return a.give(ctx, client, s.key, order, done)
			})
		},
	}
	s.flags(command)
	return command
}

func (a *app) campaignApproveCommand() *cobra.Command {
	var s signature
	command := &cobra.Command{
		Use: "approve CAMPAIGN", Short: "be the second operator under an order that waits for one", Args: wants("CAMPAIGN"),
		ValidArgsFunction: a.completeCampaigns,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				view, err := showCampaign(ctx, client, args[0])
				if err != nil {
					return err
				}
				p := view.Pending
				if p == nil {
					return &failure{
						message: "no order to campaign " + view.ID + " waits for a second operator", hint: "dialctl campaign show " + view.ID,
					}
				}
				a.say("%s of campaign %s, asked for by %s: %s", p.Verb, view.ID, p.Operator, p.Reason)
				order := dialer.NewOrder(p.Verb, view.ID, a.operator, oneLine(s.reason))
				order.Approves = p.Nonce
				return a.give(ctx, client, s.key, order, "approved")
			})
		},
	}
	s.flags(command)
	return command
}

// give signs the order, gives it and tells what came of it.
func (a *app) give(ctx context.Context, client *queue.Client, key string, order dialer.Order, done string) error {
	if err := signWith(key, &order); err != nil {
		return err
	}
	view := new(dialer.CampaignView)
	if err := client.Call(ctx, signedVerbs[order.Verb], order, view); err != nil {
		return failed(string(order.Verb)+" campaign "+order.Campaign, err)
	}
	return a.result(view, func(w io.Writer) error {
		if p := view.Pending; p != nil {
			_, err := fmt.Fprintf(w, "campaign %s stays %s: the %s waits until %s for a second operator: dialctl campaign approve %s\n",
				view.ID, stateText(view), p.Verb, p.Until.Local().Format("15:04"), view.ID)
			return err
		}
		_, err := fmt.Fprintf(w, "campaign %s %s: it is %s now\n", view.ID, done, stateText(view))
		return err
	})
}

// signWith signs the order with the key in the file, if one is named.
func signWith(key string, order *dialer.Order) error {
	if key == "" {
		return nil
	}
	private, err := readOperatorKey(key)
	if err != nil {
		return err
	}
	order.Sign(private)
	return nil
}

// oneLine is how the daemon keeps texts: what is signed must be what is kept.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
