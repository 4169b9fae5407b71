package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs/sample/country"
)

func (a *app) sampleGenerateCommand() *cobra.Command {
	options := country.Options{Contacts: 1_000_000, Seed: 1, Campaigns: 1, Format: "csv"}
	out := "country"
	command := &cobra.Command{
		Use: "generate", Short: "write lists of the size of a country, for load runs", Args: wants(),
		Long: `generate invents a country: lists of contacts, as different machines write them,
the grants of some and the opt-outs of others, and a registry, a directory's
columns and campaigns to go with them. It needs no daemon. The same options give
the same files.

So many numbers cannot be fictional: somebody may have any of them. The header of
each list says that its people are synthetic. A daemon with a real carrier takes
no such list, and does not start over a data directory that has taken one.`,
		RunE: func(command *cobra.Command, _ []string) error {
			defaults(command, &options)
			written, err := generate(command.Context(), out, options)
			if err != nil {
				return err
			}
			return a.result(written, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, strings.Join(written, "\n"))
				return err
			})
		},
	}
	flags := command.Flags()
	flags.IntVar(&options.Contacts, "contacts", options.Contacts, "how many rows the lists of contacts have")
	flags.Uint64Var(&options.Seed, "seed", options.Seed, "which people: one seed, the same ones")
	flags.StringVar(&out, "out", out, "`folder` to write to; it must be empty or not there")
	flags.IntVar(&options.Grants, "grants", 0, "about how many people consented, each to one party (default one in fifty)")
	flags.IntVar(&options.OptOuts, "optouts", 0, "about how many people objected (default one in two hundred)")
	flags.IntVar(&options.Campaigns, "campaigns", options.Campaigns, "how many campaigns, each of a party of its own")
	flags.IntVar(&options.Size, "size", 0, "how many contacts each campaign orders (default two in three of those who consented)")
	flags.StringVar(&options.Format, "format", options.Format, "how lists are packed: "+strings.Join(country.Formats, ", "))
	return command
}

// defaults fills what depends on other flags.
func defaults(command *cobra.Command, options *country.Options) {
	given := command.Flags().Changed
	if !given("grants") {
		options.Grants = options.Contacts / 50
	}
	if !given("optouts") {
		options.OptOuts = options.Contacts / 200
	}
	if !given("size") {
		options.Size = max(options.Grants*2/3/max(options.Campaigns, 1), 1)
	}
}

// generate writes a country into an empty folder and returns the files' paths.
func generate(ctx context.Context, folder string, options country.Options) ([]string, error) {
	switch entries, err := os.ReadDir(folder); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, failed("generate a country", err)
	case len(entries) > 0:
		return nil, withHint(fmt.Errorf("%s is not empty", folder), "choose another folder with --out: nothing is written over")
	}
	if err := options.Check(); err != nil {
		return nil, usage("see dialctl sample generate --help", "%v", err)
	}
	written, err := country.Generate(ctx, options, folder)
	for i, name := range written {
		written[i] = filepath.Join(folder, filepath.FromSlash(name))
	}
	return written, err
}
