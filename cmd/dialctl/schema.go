package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/dialer/report"
)

// schemaNames are the schemas by the names that operators know.
var schemaNames = []string{"campaign", "config", "registry", "directory", "report", "notice"}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema NAME", Short: "print a published JSON schema: campaign, config, registry, directory, report, notice",
		Args: wants("NAME"), ValidArgs: schemaNames,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := schema(args[0])
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return failed("print the schema", err)
		},
	}
}

func schema(name string) ([]byte, error) {
	switch {
	case name == "report":
		return report.Schema(), nil
	case name == "notice":
		return report.NoticeSchema(), nil
	case name == "campaign":
		name = "job" // what a campaign is called on its way to the daemon
	case name != "job" && !slices.Contains(schemaNames, name):
		return nil, usage(fmt.Sprintf("one of %v", schemaNames), "there is no schema %q", withoutNumbers(name))
	}
	text, err := configs.Schema(name)
	return text, failed("read the schema", err)
}
