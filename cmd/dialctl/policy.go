package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/cases"
)

func (a *app) policyCommand() *cobra.Command {
	var packs string
	eval := &cobra.Command{
		Use: "eval FILE", Short: "put conformance cases to the rules: one answer a line", Args: wants("FILE"),
		Long: `eval reads cases, one JSON object a line ("-" reads standard input), and prints a
line {"id","decision","reason"} for each. With --check only the answers are shown
that are not the ones expected. A case that cannot be read is told on standard
error, and the exit code is 1.`,
	}
	check := eval.Flags().Bool("check", false, "compare with what the cases expect, and tell the differences only")
	eval.RunE = func(_ *cobra.Command, args []string) error {
		loaded, err := configs.LoadPacks(packs)
		if err != nil {
			return failed("load the packs", err)
		}
		return a.evalCases(args[0], loaded, *check)
	}
	command := group("policy", "the rules: who may be reached, when, and why not",
		eval, a.policyShowCommand(&packs), a.policyExplainCommand(&packs), a.policyReloadCommand())
	command.PersistentFlags().StringVar(&packs, "packs", "", "`folder` of packs of your own, which take the place of embedded ones")
	return command
}

func (a *app) evalCases(path string, packs consent.Packs, check bool) error {
	file := a.in
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return failed("read the cases", err)
		}
		defer func() { _ = opened.Close() }()
		file = opened
	}
	answered, unreadable, different := 0, 0, 0
	for c, err := range cases.Read(file) {
		var answer cases.Answer
		if err == nil {
			answer, err = c.Eval(packs)
		}
		if err != nil {
			unreadable++
			a.warn("%s: %v", path, quotedMasked(err))
			continue
		}
		answered++
		if check && answer.Meets(c.Expect) {
			continue
		}
		different++
		if err := a.printJSONLine(answer); err != nil {
			return err
		}
	}
	switch {
	case unreadable > 0:
		return &failure{message: plural(unreadable, "case", "cases") + " could not be read", hint: "the reasons stand above"}
	case check && different > 0:
		return &failure{message: fmt.Sprintf("%s of %s answered otherwise than expected", grouped(different), plural(answered, "case", "cases"))}
	case check:
		a.say("%s answered as expected", plural(answered, "case", "cases"))
	}
	return nil
}
