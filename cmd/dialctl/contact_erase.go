package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) contactEraseCommand() *cobra.Command {
	question := queue.ContactQuestion{}
	command := &cobra.Command{
		Use: "erase", Short: "erase a contact, who stays suppressed for good", Args: noNumber,
		Long: `erase fulfils a contact's right to be forgotten (GDPR art. 17). When it returns,
nobody reaches the contact any more, for any party. The sealed number and the
attributes go with a rebuild of the directory, which begins at once; a later
import leaves the contact out. What stays is a keyed hash, so that they are not
dialled again, and the log of attempts with the consent each relied on, for as
long as that must be kept.

An attempt whose outcome is open is settled first, which takes a few hours at
most. To remove deleted bytes from the ledger's file, stop the daemon and run
dialctl store compact.

` + numberHelp,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				if a.answers {
					sure, err := a.confirm(ctx, "erase a contact? this cannot be undone")
					if err != nil || !sure {
						return failed("ask", err)
					}
				}
				var erased dialer.Erased
				if err := a.askContact(ctx, client, queue.VerbContactErase, question, &erased); err != nil {
					return failed("erase the contact", err)
				}
				return a.result(erased, func(w io.Writer) error { return printErased(w, erased) })
			})
		},
	}
	command.Flags().StringVar(&question.Reason, "reason", "", "why; it is kept in the records")
	return command
}

func printErased(w io.Writer, erased dialer.Erased) error {
	directory := "no: an import that brings the number leaves it out"
	switch {
	case erased.Known && erased.Open:
		directory = "yes, until the open attempt is settled"
	case erased.Known:
		directory = "yes, until the rebuild that begins now is over"
	}
	return table(w, cell("effect", effectText(string(erased.Effect))), cell("contact", erased.Contact.String()), cell("in the directory", directory))
}
