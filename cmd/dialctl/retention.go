package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) retentionCommand() *cobra.Command {
	return group("retention", "what is kept for how long, and what is past its time", a.retentionRunCommand())
}

func (a *app) retentionRunCommand() *cobra.Command {
	request := queue.RetentionRequest{}
	command := &cobra.Command{
		Use: "run", Short: "show what is past its time, and delete it with --confirm", Args: wants(),
		Long: `run goes through directory and ledger and counts what is past its time. With
--confirm it deletes that; without, it changes nothing. How long things are kept
stands in dialerd.yaml under retention, within what the law allows.

Opt-outs stay for good, as keyed hashes. A campaign keeps its totals, the audit
log its leaves: both prove as much as before of what is left. To remove deleted
bytes from the ledger's file, stop the daemon and run dialctl store compact.`,
		RunE: func(command *cobra.Command, _ []string) error {
			request.Operator = a.operator
			if request.Reason == "" {
				request.Reason = "retention"
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.runRetention(ctx, client, request)
			})
		},
	}
	command.Flags().BoolVar(&request.Confirm, "confirm", false, "delete what is past its time")
	command.Flags().StringVar(&request.Reason, "reason", "", "why; it is kept in the records")
	return command
}

func (a *app) runRetention(ctx context.Context, client *queue.Client, request queue.RetentionRequest) error {
	display := a.newTaskDisplay(grouped[uint64])
	var done queue.RetentionDone
	err := client.Task(ctx, queue.VerbRetentionRun, request, display.show, &done)
	display.close(err == nil)
	if err != nil {
		return failed("look for what is past its time", err)
	}
	if err := a.result(done, func(w io.Writer) error { return printRetention(w, &done) }); err != nil {
		return err
	}
	if !done.Deleted {
		a.say("nothing was deleted: add --confirm to delete what is due")
	}
	return nil
}

func printRetention(w io.Writer, done *queue.RetentionDone) error {
	count := "DUE"
	if done.Deleted {
		count = "DELETED"
	}
	rows := []string{cell("WHAT", count, "KEPT")}
	for _, item := range done.Items {
		rows = append(rows, cell(item.What, grouped(item.Due), item.Kept))
	}
	if err := table(w, rows...); err != nil {
		return fmt.Errorf("print what is past its time: %w", err)
	}
	return nil
}
