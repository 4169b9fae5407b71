package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) storeReconcileCommand() *cobra.Command {
	var since string
	var dryRun bool
	command := &cobra.Command{
		Use: "reconcile", Short: "bring a restored ledger level with what the carrier remembers", Args: wants(),
		Long: `reconcile asks the carrier for every message of our senders and every text that
came in since the ledger was copied, enters what the ledger does not know, and
lets dialling go on. The daemon runs meanwhile, and dials nobody. Opt-outs take
effect first. Cut short, it can be given again: what was marked is known then.

  known    an attempt stands for the message
  marked   the recipient was still to be tried; the attempt is entered as made
  foreign  no recipient fits: its campaign came after the copy, or somebody sent
           it past the dialer. The contact keeps a row for this text, its history
           and its party's claim

A campaign whose job came after the copy is lost: submit it again. Whoever got its
text already is excluded when it is planned (ALREADY_CONTACTED), and counts as
part of what was ordered. Orders given since, such as pause and cancel, and lists
imported since are lost, too: give them again.

The daemon knows since when it has to ask. The carrier's copies are deleted after
some days (carrier.keep_days): no reconcile can look further back.`,
		RunE: func(command *cobra.Command, _ []string) error {
			request := queue.ReconcileRequest{Operator: a.operator, DryRun: dryRun}
			if since != "" {
				at, err := time.Parse(time.RFC3339, since)
				if err != nil {
					return usage("such as 2027-03-09T10:00:00+01:00", "--since is no instant")
				}
				request.Since = at
			}
			if a.operator == "" {
				return usage("name yourself with --operator or HUSTINGS_OPERATOR, as the registry does: it is kept in the records", "no operator is named")
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.reconcile(ctx, client, request)
			})
		},
	}
	command.Flags().StringVar(&since, "since", "", "`instant` from which on the carrier is asked, RFC 3339 (default: since the ledger's last attempt)")
	command.Flags().BoolVar(&dryRun, "dry-run", false, "tell what would be marked, and change nothing")
	return command
}

func (a *app) reconcile(ctx context.Context, client *queue.Client, request queue.ReconcileRequest) error {
	display := a.newTaskDisplay(grouped[uint64])
	var done dialer.Reconciled
	err := client.Task(ctx, queue.VerbStoreReconcile, request, display.show, &done)
	display.close(err == nil)
	if err != nil {
		return failed("reconcile", err)
	}
	return a.result(done, func(w io.Writer) error { return printReconciled(w, &done) })
}

func printReconciled(w io.Writer, done *dialer.Reconciled) error {
	marked, next := "marked", "dialling goes on"
	switch {
	case done.DryRun:
		marked, next = "to be marked", "nothing was changed: leave --dry-run out to mark it"
	case !done.Released:
		next = "the ledger was no restored one: what it lacked was entered"
	}
	rows := []string{cell("since", instant(done.Since), "")}
	if done.Why != "" {
		rows = append(rows, cell("restored", done.Why, ""))
	}
	rows = append(rows,
		cell("messages", grouped(done.Messages), "of our senders, since then"),
		cell("  known", grouped(done.Known), "an attempt stands for them"),
		cell("  "+marked, grouped(done.Marked), "entered as attempts of their recipients"),
		cell("  foreign", grouped(done.Foreign), "of no recipient: kept with their contacts"),
		cell("texts", grouped(done.Texts), "that came in"),
		cell("  opt-outs", grouped(done.OptOuts+done.Refusals), "in force"),
	)
	for _, c := range done.Campaigns {
		note := fmt.Sprintf("%s %s, %s foreign", grouped(c.Marked), marked, grouped(c.Foreign))
		if c.Change != "" {
			note += ", now " + c.Change
		}
		rows = append(rows, cell("campaign", c.Campaign, note))
	}
	for _, t := range done.Unknown {
		rows = append(rows, cell("no campaign", fmt.Sprintf("%s from %s", plural(t.Messages, "message", "messages"), t.Sender),
			fmt.Sprintf("%s to %s: %s...", instant(t.First), instant(t.Last), withoutNumbers(t.Begins))))
	}
	rows = append(rows, cell("now", next, ""))
	if len(done.Unknown) > 0 && done.Released {
		rows = append(rows, cell("to do", "submit the campaigns of these texts again: nobody gets one twice", ""))
	}
	if done.Released {
		rows = append(rows, cell("to do", "give orders and lists since then again: pause, cancel, opt-outs by hand", ""))
	}
	return table(w, rows...)
}
