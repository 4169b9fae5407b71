package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

// restoring is one restore, as the flags want it.
type restoring struct {
	app           *app
	keys          string
	keepDirectory bool
	journalLost   bool
}

func (a *app) storeRestoreCommand() *cobra.Command {
	r := restoring{app: a}
	command := &cobra.Command{
		Use: "restore FOLDER", Short: "put a backup back, with the daemon stopped", Args: wants("FOLDER"),
		Long: `restore puts a backup's ledger and directory into the data directory. Stop the
daemon first. Nothing changes before all of the backup is found whole, as its
manifest wants it, and readable with the keys that are there. What is in the way
is kept under another name. Journal, reports and keys are not touched.

A ledger that was put back does not know what was sent since. The daemon
recognises it, dials nobody, and says so; then

  dialctl store reconcile --operator YOU

asks the carrier and lets dialling go on. What came since and the carrier does not
know is lost: imported lists, orders such as pause and cancel, and jobs.

The directory is put back, too, with contacts that were erased since. Where the
present one is sound, --keep-directory leaves it.`,
		RunE: func(command *cobra.Command, args []string) error { return r.run(command.Context(), args[0]) },
	}
	command.Flags().StringVar(&r.keys, "keys", "", "`folder` of the keys (default: keys in the data directory)")
	command.Flags().BoolVar(&r.keepDirectory, "keep-directory", false, "leave the directory of contacts that is there")
	command.Flags().BoolVar(&r.journalLost, "journal-lost", false,
		"the objection journal is lost for good: begin a new one with the opt-outs that the backup knows")
	return command
}

func (r *restoring) run(ctx context.Context, folder string) error {
	paths := store.PathsIn(r.app.data)
	if r.keys != "" {
		paths.Keys = r.keys
	}
	if err := r.findJournal(paths.Journal); err != nil {
		return err
	}
	keys, err := store.OpenKeys(paths)
	if err != nil {
		return withHint(failed("restore", err), "put the keys back first: a backup cannot be read without them")
	}
	display := r.app.newTaskDisplay(func(n uint64) string { return bytesText(int64(n)) })
	restored, err := store.Restore(ctx, store.RestoreOptions{
		Folder: folder, Paths: paths, Keys: keys, KeepDirectory: r.keepDirectory,
		Progress: func(done, total int64) {
			display.show(queue.TaskProgress{Phase: "copying", Done: uint64(done), Total: uint64(total)})
		},
	})
	display.close(err == nil)
	if err != nil {
		return explainedRestore(err)
	}
	if r.journalLost {
		if err := rebuildJournal(ctx, paths, keys); err != nil {
			return failed("begin a new objection journal", err)
		}
	}
	return r.app.result(restored, func(w io.Writer) error { return printRestored(w, restored) })
}

// findJournal refuses to go on without the journal, unless that is meant.
func (r *restoring) findJournal(path string) error {
	_, err := os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err == nil && r.journalLost {
		missing, err = store.EmptyJournal(path)
	}
	switch {
	case err != nil && !missing:
		return failed("look for the objection journal", err)
	case missing && !r.journalLost:
		folder, _ := filepath.Abs(path)
		return withHint(fmt.Errorf("there is no objection journal at %s: opt-outs that came after the backup would be forgotten", folder),
			"put its copy there, or name the right folder with --data-directory; if it is lost for good, --journal-lost goes on without")
	case !missing && r.journalLost:
		return withHint(errors.New("the objection journal is there"), "leave --journal-lost out")
	}
	return nil
}

func explainedRestore(err error) error {
	switch {
	case errors.Is(err, store.ErrNoBackup):
		return withHint(err, "name the folder that dialctl store backup has made; nothing was changed")
	default:
		return err
	}
}

// rebuildJournal begins a journal with what the ledger knows, so that the next
// restore does not lose that much again.
func rebuildJournal(ctx context.Context, paths store.Paths, keys *store.Keys) error {
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		return err
	}
	journal, err := store.OpenJournal(paths.Journal)
	if err == nil {
		err = errors.Join(rejournal(ctx, ledger, journal), journal.Close())
	}
	return errors.Join(err, ledger.Close())
}

func rejournal(ctx context.Context, ledger *store.Ledger, journal *store.Journal) error {
	var entries []store.JournalEntry
	err := ledger.View(func(tx dialer.Tx) error {
		return dialer.EachObjection(tx, func(o dialer.Objection) {
			entries = append(entries, store.JournalEntry{ID: o.Contact, Channel: o.Channel, Party: o.Party, At: o.At, Way: o.Way, Reason: o.Reason})
		})
	})
	if err == nil {
		err = journal.Append(entries...)
	}
	if err == nil {
		err = ledger.Commit(ctx, dialer.JournalBegunAnew{Entries: uint64(len(entries))})
	}
	return err
}

func printRestored(w io.Writer, restored *store.RestoredStore) error {
	rows := []string{cell("restored", "the backup of "+instant(restored.Manifest.At))}
	for _, path := range restored.Aside {
		rows = append(rows, cell("kept aside", path))
	}
	rows = append(rows,
		cell("next", "start dialerd: it dials nobody until this is done:"),
		cell("", "dialctl store reconcile --operator YOU"))
	return table(w, rows...)
}
