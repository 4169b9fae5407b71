package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) keyRotateCommand() *cobra.Command {
	var request queue.KeyRequest
	command := &cobra.Command{
		Use: "rotate", Short: "change the seal key, and seal every number anew, while the daemon works", Args: wants(),
		Long: `rotate has the daemon make a new seal key, write a directory in which every number is
sealed with it, and put that in the place of the old one. Dialling goes on meanwhile,
and no contacts can be imported. Where a number does not open nothing is changed, and
a daemon that dies in between is on one side or the other when it starts again.

The former key stays in the folder of the keys, as seal-former.key: backups of the
store from before are sealed with it. dialctl key retire lets go of it.

The backup of the keys is outdated from then on. With a real carrier the daemon that
runs goes on, and does not start again before another one was made and confirmed.`,
		RunE: func(command *cobra.Command, _ []string) error {
			if request.Reason == "" {
				return usage("say why: --reason \"a copy of keys/ was found\"", "an order about the seal key needs a reason")
			}
			request.Operator = a.operator
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.rotateKey(ctx, client, request)
			})
		},
	}
	command.Flags().StringVar(&request.Reason, "reason", "", "why; it is kept in the records")
	return command
}

func (a *app) rotateKey(ctx context.Context, client *queue.Client, request queue.KeyRequest) error {
	display := a.newTaskDisplay(grouped[uint64])
	var done queue.KeyRotated
	err := client.Task(ctx, queue.VerbKeyRotate, request, display.show, &done)
	display.close(err == nil)
	if err != nil {
		return failed("change the seal key", err)
	}
	return a.result(done, func(w io.Writer) error {
		return table(w,
			cell("seal key", "changed: "+plural(done.Sealed, "number", "numbers")+" sealed anew"),
			cell("keys", done.Folder),
			cell("fingerprint", done.Fingerprint),
			cell("next", "dialctl key backup --to age1... FILE, take it away, and dialctl key confirm FILE --identity IDENTITY:"),
			cell("", "with a real carrier the daemon does not start again before that"),
			cell("then", "make a new backup of the store; dialctl key retire once none from before is needed"))
	})
}

func (a *app) keyRetireCommand() *cobra.Command {
	var request queue.KeyRequest
	command := &cobra.Command{
		Use: "retire", Short: "let go of the seal key before the last rotation, for good, with --confirm", Args: wants(),
		Long: `retire removes seal-former.key from the folder of the keys. What is sealed with it does
not open any more: the directory of each store backup from before the rotation, and
what a restore has moved aside. Their ledgers can still be put back, with
--keep-directory. Without --confirm nothing is changed.

A backup of the keys that was made since the rotation still has the former key:
whoever can open that can put it back.`,
		RunE: func(command *cobra.Command, _ []string) error {
			if request.Reason == "" {
				return usage("say why: --reason \"the oldest backup is newer\"", "an order about the seal key needs a reason")
			}
			request.Operator = a.operator
			var done queue.KeyRetired
			return a.asked(command, queue.VerbKeyRetire, request, &done, "let go of the former seal key", func(w io.Writer) error {
				return printRetired(w, &done)
			})
		},
	}
	command.Flags().BoolVar(&request.Confirm, "confirm", false, "remove it")
	command.Flags().StringVar(&request.Reason, "reason", "", "why; it is kept in the records")
	return command
}

func printRetired(w io.Writer, done *queue.KeyRetired) error {
	lost := cell("", "the directories of store backups from before the rotation, and those that a restore moved aside;")
	but := cell("", "their ledgers can still be put back: dialctl store restore FOLDER --keep-directory")
	switch {
	case done.Retired:
		return table(w, cell("former key", "gone; what does not open any more:"), lost, but)
	case done.Former:
		return table(w, cell("former key", "kept; add --confirm to remove it. What would not open any more:"), lost, but)
	default:
		return table(w, cell("former key", "there is none"))
	}
}
