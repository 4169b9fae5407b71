package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) contactRectifyCommand() *cobra.Command {
	question := queue.ContactQuestion{Set: map[string]string{}}
	var set []string
	command := &cobra.Command{
		Use: "rectify", Short: "correct what is kept of one contact", Args: noNumber,
		Long: `rectify corrects declared attributes of one contact, or their territory, zone
and year of birth (GDPR art. 16), from the next decision on. What follows from a
value is corrected with it: the band of ages from the year of birth and the
other way round. An empty value means that nobody knows.

A correction holds against every later list, until another one takes its place.
Campaigns whose audience was drawn by the wrong value leave the contact out.

` + numberHelp,
		Example: `  dialctl contact rectify --set age_band=35-49 --set commune=Lyon \
      --reason "letter of 3 March"`,
		RunE: func(command *cobra.Command, _ []string) error {
			for _, one := range set {
				name, value, found := strings.Cut(one, "=")
				if !found || name == "" {
					return usage("such as --set age_band=35-49", "--set %q names no attribute", withoutNumbers(one))
				}
				question.Set[name] = value
			}
			if len(question.Set) == 0 {
				return usage("such as --set age_band=35-49", "--set is missing: nothing is to be corrected")
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				var answer queue.RectifyAnswer
				if err := a.askContact(ctx, client, queue.VerbContactRectify, question, &answer); err != nil {
					return failed("correct the contact", err)
				}
				return a.result(answer, func(w io.Writer) error {
					return table(w, cell("contact", answer.Contact.String()), cell("corrected", strings.Join(answer.Corrected, ", ")))
				})
			})
		},
	}
	command.Flags().StringArrayVar(&set, "set", nil, "`name=value` that is true; may be repeated")
	command.Flags().StringVar(&question.Reason, "reason", "", "why; it is kept in the records")
	return command
}
