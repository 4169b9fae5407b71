package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) storeBackupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FOLDER", Short: "copy ledger and directory while the daemon works", Args: wants("FOLDER"),
		Long: `backup has the daemon copy its ledger and its directory into a new folder on its
own machine, named in full, with a manifest of checksums. The folder appears once
all of it is on disk. Dialling goes on meanwhile.

Three things are left out on purpose, and want copies of their own, kept up to date:

  the objection journal (objections.journal) and the reports (reports/), which
  must not go back in time with the ledger: they tell a restored ledger which
  opt-outs and reports came after it;
  the keys (keys/): whoever gets hold of a backup must not be able to read it.

How to put a backup back: dialctl store restore --help.`,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				display := a.newTaskDisplay(func(n uint64) string { return bytesText(int64(n)) })
				var made queue.BackupMade
				err := client.Task(ctx, queue.VerbStoreBackup, queue.BackupRequest{Folder: args[0], Operator: a.operator}, display.show, &made)
				display.close(err == nil)
				if err != nil {
					return failed("back the store up", err)
				}
				return a.result(made, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "backup of %s in %s on the daemon's machine: %s\n"+
						"not in it: the objection journal, the reports and the keys; copy them apart\n", instant(made.At), made.Folder, bytesText(made.Bytes))
					return err
				})
			})
		},
	}
}
