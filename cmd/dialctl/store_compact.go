package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

func (a *app) storeCompactCommand() *cobra.Command {
	var keys string
	command := &cobra.Command{
		Use: "compact", Short: "write ledger and directory anew, without what was deleted", Args: wants(),
		Long: `compact writes the ledger anew and puts the copy in its place: what was deleted
leaves bytes behind in a database file, and only a new file is without them. The
directory is built anew where it still holds somebody who asked for erasure. Old
bytes are unlinked; whether the disk keeps them is the disk's business.

Stop the daemon first. There must be room for a second ledger. Killed at any
moment, each file is the old one or the new one.`,
		RunE: func(command *cobra.Command, _ []string) error {
			options, err := a.compactOptions(keys)
			if err != nil {
				return failed("compact the store", err)
			}
			done, err := store.Compact(command.Context(), options)
			if err != nil {
				return failed("compact the store", err)
			}
			return a.result(done, func(w io.Writer) error { return printCompacted(w, done) })
		},
	}
	command.Flags().StringVar(&keys, "keys", "", "`folder` of the keys (default: keys in the data directory)")
	return command
}

func (a *app) compactOptions(keysFolder string) (store.CompactOptions, error) {
	paths := store.PathsIn(a.data)
	if keysFolder != "" {
		paths.Keys = keysFolder
	}
	there, err := paths.Exist()
	if err != nil {
		return store.CompactOptions{}, err
	}
	if !there {
		folder, _ := filepath.Abs(a.data)
		return store.CompactOptions{}, withHint(fmt.Errorf("there is no store in %s", folder), "name the daemon's data directory with --data-directory or HUSTINGS_DATA")
	}
	keys, err := store.OpenKeys(paths)
	return store.CompactOptions{
		Paths: paths, Keys: keys, Progress: func(step string) { a.say("%s", step) },
		Erased: func(tx dialer.Tx) map[contact.ID]bool {
			erased, _ := dialer.ErasedContacts(tx)
			return erased
		},
	}, err
}

func printCompacted(w io.Writer, done store.Compacted) error {
	return table(w,
		cell("ledger", bytesText(done.LedgerBefore), "->", bytesText(done.LedgerAfter)),
		cell("directory", bytesText(done.DirectoryBefore), "->", bytesText(done.DirectoryAfter)),
		cell("contacts let go", grouped(done.Erased)))
}
