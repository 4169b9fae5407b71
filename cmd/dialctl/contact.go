package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) contactCommand() *cobra.Command {
	return group("contact", "one contact: what is kept of them, and what they have a right to",
		a.contactFileCommand(), a.contactRectifyCommand(), a.contactEraseCommand(), a.contactReviewCommand())
}

// noNumber refuses arguments: what somebody types there is a phone number.
func noNumber(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("run "+command.CommandPath()+" without it and type the number when asked, or pipe it in",
			"a number is not taken as an argument: it would stay in the shell's history")
	}
	return nil
}

// numberHelp tells where the number comes from.
const numberHelp = `The number comes from standard input, or is asked for on a terminal and not
shown. It is not taken as an argument, where the shell's history and the list
of processes would keep it. Who asks, and why, stands in the audit log.`

// askContact asks for the number and puts the question to the daemon.
func (a *app) askContact(ctx context.Context, client *queue.Client, verb queue.Verb, question queue.ContactQuestion, answer any) error {
	if question.Reason == "" {
		return usage(`such as --reason "letter of 3 March"`, "--reason is missing: it is kept in the records")
	}
	var err error
	question.Operator = a.operator
	if question.Number, err = a.secretLine(ctx, "number (not shown)"); err != nil {
		return err
	}
	if question.Number == "" {
		return usage("type it when asked, or pipe it in", "no number was given, so nothing was done")
	}
	return client.AskContact(ctx, verb, question, answer)
}
