package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/hustings/hustings/cmd/internal/daemon"
)

// manualCommand writes what packages need. It is for whoever builds one.
func (a *app) manualCommand() *cobra.Command {
	var to string
	command := &cobra.Command{
		Use: "manual", Short: "write the manual pages of dialctl and dialerd, for packages", Args: wants(),
		Long: `manual writes a page for every verb (dialctl-campaign-submit.1 ...) and one for the
daemon (dialerd.8) into a folder. To read one: man -l FILE.`,
		Example: `  dialctl manual --to man`,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := os.MkdirAll(to, 0o755); err != nil { //nolint:gosec // manual pages are for everybody
				return failed("make the folder", err)
			}
			if err := writeManual(command.Root(), to); err != nil {
				return failed("write the manual", err)
			}
			return a.result(map[string]string{"folder": to}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, to)
				return err
			})
		},
	}
	command.Flags().StringVar(&to, "to", "man", "`folder` for the pages")
	return command
}

func writeManual(root *cobra.Command, to string) error {
	// The same source gives the same bytes: no page holds a date.
	root.DisableAutoGenTag = true
	header := doc.GenManHeader{Section: "1", Source: "Hustings", Manual: "Hustings"}
	if err := doc.GenManTree(root, &header, to); err != nil {
		return err
	}
	page := md2man.Render([]byte(daemonPage()))
	return os.WriteFile(filepath.Join(to, "dialerd.8"), page, 0o644) //nolint:gosec // manual pages are for everybody
}

// daemonPage is the manual page of dialerd, in Markdown.
func daemonPage() string {
	var page strings.Builder
	page.WriteString("# DIALERD 8 \"\" Hustings Hustings\n\n## NAME\n\ndialerd - the broker's dialer\n\n## DESCRIPTION\n\n")
	for line := range strings.Lines(daemon.Usage()) {
		page.WriteString("    " + line) // as it stands in --help
	}
	page.WriteString("\n## FILES\n\n**/etc/hustings/dialerd.yaml**\n: the configuration; **dialerd check** says what is wrong with it\n\n" +
		"**/var/lib/hustings**\n: ledger, directory, journal of objections, reports\n\n## SEE ALSO\n\n**dialctl**(1)\n")
	return page.String()
}
