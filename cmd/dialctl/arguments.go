package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// usageTemplate is cobra's own, without the line that a group of verbs can be
// run by itself.
func usageTemplate(otherwise string) string {
	return strings.NewReplacer(
		"{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}",
		"{{.CommandPath}} [command]{{end}}", "{{.CommandPath}} VERB [flags]{{end}}",
	).Replace(otherwise)
}

// wantsVerb refuses a command that is only a group of others, saying which word
// may have been meant. Asked for nothing, it shows the help.
func wantsVerb(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		_ = command.Help()
		return &failure{message: "a verb is missing", code: exitUsage, told: true}
	}
	hint := "see " + command.CommandPath() + " --help"
	if near := command.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + command.CommandPath() + " " + strings.Join(near, " or ") + "?"
	}
	return usage(hint, "%s has no verb %q", command.CommandPath(), withoutNumbers(args[0]))
}

// group is a noun with its verbs.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: wantsVerb, SuggestionsMinimumDistance: 2}
	command.AddCommand(verbs...)
	return command
}

// wants asks for the arguments that are named, the last of them several times
// if its name ends in "...".
func wants(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		several := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "...")
		switch {
		case len(args) < len(names):
			return usage("usage: "+command.UseLine(), "%s is missing", strings.TrimSuffix(names[len(args)], "..."))
		case len(args) > len(names) && !several:
			return usage("usage: "+command.UseLine(), "%q is one argument too many", withoutNumbers(args[len(names)]))
		}
		return nil
	}
}

// strict makes wrong arguments of every verb an error of usage, those of cobra's
// own verbs too.
func strict(command *cobra.Command) {
	if check := command.Args; check != nil {
		command.Args = func(command *cobra.Command, args []string) error {
			err := check(command, args)
			if err == nil {
				err = command.ValidateFlagGroups() // cobra's own look comes later, and is no usage error
			}
			var known *failure
			if err == nil || errors.As(err, &known) {
				return err
			}
			return usage("usage: "+command.UseLine(), "%s", withoutNumbers(err.Error()))
		}
	}
	for _, verb := range command.Commands() {
		strict(verb)
	}
}

// atMost takes one argument, or none.
func atMost(name string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return wants(name)(command, args)
	}
}
