package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) optOutCommand() *cobra.Command {
	return group("optout", "objections: whoever says no is left alone from then on",
		a.optOutAddCommand(),
		a.importCommand(queue.IntakeOptOuts, "import objections; every row that can be read counts, at once",
			`import reads lists of objections. Unlike other lists they are not all or nothing:
each row that can be read is in force as soon as it is entered.`))
}

func (a *app) optOutAddCommand() *cobra.Command {
	told := queue.OptOut{}
	var receivedAt string
	command := &cobra.Command{
		Use: "add", Short: "enter one objection; asks for the number without showing it",
		Long: `add enters one objection and returns once it holds: no request to the contact
begins any more. The number comes from standard input, or is asked for on a
terminal and not shown. It is not taken as an argument, where the shell's history
and the list of processes would keep it.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("run dialctl optout add without it and type the number when asked, or pipe it in",
					"a number is not taken as an argument: it would stay in the shell's history")
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error {
			if receivedAt != "" {
				at, err := time.Parse(time.RFC3339, receivedAt)
				if err != nil {
					return usage("such as 2027-03-09T10:00:00+01:00", "--received-at is no instant")
				}
				told.ReceivedAt = at
			}
			told.Operator = a.operator
			return a.addOptOut(command.Context(), told)
		},
	}
	command.Flags().StringVar(&told.Way, "way", "operator", "how the objection came: phone, letter, mail, counter ...")
	command.Flags().StringVar(&told.Reason, "reason", "", "what the contact said, if it matters")
	command.Flags().StringVar(&receivedAt, "received-at", "", "`instant` at which it was received, RFC 3339 (default now)")
	return command
}

func (a *app) addOptOut(ctx context.Context, told queue.OptOut) error {
	return a.withDaemon(ctx, func(ctx context.Context, client *queue.Client) error {
		var err error
		if told.Number, err = a.secretLine(ctx, "number (not shown)"); err != nil {
			return err
		}
		if told.Number == "" {
			return usage("type it when asked, or pipe it in", "no number was given, so nothing was entered")
		}
		answer, err := client.OptOut(ctx, told)
		if err != nil {
			return failed("enter the objection", err)
		}
		return a.result(answer, func(w io.Writer) error { return printOptOut(w, answer) })
	})
}

func printOptOut(w io.Writer, answer queue.OptOutAnswer) error {
	known := "yes"
	if !answer.Known {
		known = "no: the objection holds if the number is imported later"
	}
	if err := table(w, cell("effect", effectText(answer.Effect)), cell("contact", answer.Contact), cell("in the directory", known)); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

// effectText says what an objection's effect means.
func effectText(effect string) string {
	switch effect {
	case "effective":
		effect += ": no request to this contact begins any more"
	case "received":
		effect += ": one request was in flight and may still arrive; no further one begins"
	}
	return effect
}
