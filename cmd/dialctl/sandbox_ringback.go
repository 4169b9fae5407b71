package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) sandboxRingBackCommand() *cobra.Command {
	var digits, base string
	command := &cobra.Command{
		Use: "ringback SENDER", Short: "have somebody call one of our numbers, and press digits; refused with a real carrier", Args: wants("SENDER"),
		Long: `ringback plays a person who calls the number that has called them: the SANDBOX
asks the daemon what they hear, as the carrier would, and presses the digits that they
are to press. Whose number it is, is typed when asked or piped in, and is no argument:
the shell's history and the list of processes would keep it. An empty line is a
person who withholds their number.

What was said stands in the sandbox's log ("said"), what was pressed beside it.`,
		Example: `  echo +33639980001 | dialctl sandbox ringback +33162000001 --digits 9`,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withSandbox(command.Context(), base, func(ctx context.Context, base string) error {
				number, err := a.secretLine(ctx, "number (not shown)")
				if err != nil {
					return err
				}
				var answer struct {
					SID string `json:"sid"`
				}
				call := map[string]string{"from": number, "to": args[0], "digits": digits}
				if err := askSandbox(ctx, base, "ringback", call, &answer); err != nil {
					return failed("ring back", err)
				}
				return a.result(answer, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "SANDBOX call %s rings %s\n", answer.SID, args[0])
					return err
				})
			})
		},
	}
	command.Flags().StringVar(&digits, "digits", "", "what they press, one after the other, such as 9")
	command.Flags().StringVar(&base, "url", "", "`address` of a sandbox in a process of its own (default the daemon's)")
	return command
}
