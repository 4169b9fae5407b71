package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) contactReviewCommand() *cobra.Command {
	asked := queue.ReviewRequest{}
	command := &cobra.Command{
		Use: "review [CONTACT opt_out|keep]", Short: "contacts whose text may be an opt-out, for a person to decide",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 0 && len(args) != 2 {
				return usage("usage: "+command.UseLine(), "name the contact and the verdict, or neither to list them")
			}
			return nil
		},
		Long: `review lists the contacts who sent a text that may be an opt-out and may be not.
They are not dialled until a person has read it; what may be a phone number in
it is masked. With a contact and a verdict it ends the waiting:

  opt_out   the contact objects, to every party, from the instant of the text
  keep      the text says something else; dialling goes on

The text is not kept once there is a verdict. Who read and who decided stands in
the audit log.`,
		Example: `  dialctl contact review
  dialctl contact review 5f0c...e1 opt_out --reason "says: leave me in peace"`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, args []string) error {
			asked.Operator = a.operator
			if len(args) == 0 {
				return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
					return a.listReviews(ctx, client, asked)
				})
			}
			if err := asked.Contact.UnmarshalText([]byte(args[0])); err != nil {
				return usage("dialctl contact review shows it", "the contact is not named by its pseudonym of %d digits", 2*contact.IDSize)
			}
			asked.Verdict = dialer.Verdict(args[1])
			if asked.Reason == "" {
				return usage(`such as --reason "says: leave me in peace"`, "--reason is missing: it is kept in the records")
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.decideReview(ctx, client, asked)
			})
		},
	}
	command.Flags().StringVar(&asked.Reason, "reason", "", "why the verdict is what it is; it is kept in the records")
	return command
}

func (a *app) listReviews(ctx context.Context, client *queue.Client, asked queue.ReviewRequest) error {
	var reviews []dialer.Review
	if err := client.Call(ctx, queue.VerbReviewList, asked, &reviews); err != nil {
		return failed("ask for the texts to review", err)
	}
	return a.result(reviews, func(w io.Writer) error {
		if len(reviews) == 0 {
			_, err := fmt.Fprintln(w, "nobody waits for a person")
			return err
		}
		for _, review := range reviews {
			if _, err := fmt.Fprintf(w, "%s  since %s\n", review.Contact, instant(review.Since)); err != nil {
				return err
			}
			for _, text := range review.Texts {
				if _, err := fmt.Fprintf(w, "  %s  %q\n", instant(text.At), text.Text); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (a *app) decideReview(ctx context.Context, client *queue.Client, asked queue.ReviewRequest) error {
	var answer queue.ReviewAnswer
	if err := client.Call(ctx, queue.VerbReviewDecide, asked, &answer); err != nil {
		return failed("decide on the contact", err)
	}
	return a.result(answer, func(w io.Writer) error {
		rows := []string{cell("contact", answer.Contact.String()), cell("verdict", string(answer.Verdict))}
		if answer.Effect != "" {
			rows = append(rows, cell("effect", answer.Effect))
		}
		return table(w, rows...)
	})
}
