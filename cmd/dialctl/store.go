package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

func (a *app) storeCommand() *cobra.Command {
	return group("store", "the daemon's files: check, back up, restore, reconcile, compact",
		a.storeCheckCommand(), a.storeBackupCommand(), a.storeRestoreCommand(), a.storeReconcileCommand(), a.storeCompactCommand())
}

// soundness is what a check of the store found.
type soundness struct {
	Sound    bool            `json:"sound"`
	Findings []store.Finding `json:"findings,omitempty"`
	// Restored says why the ledger is an older copy that was put back, if it is.
	Restored string `json:"restored,omitempty"`
}

func (a *app) storeCheckCommand() *cobra.Command {
	var c storeCheck
	command := &cobra.Command{
		Use: "check", Short: "whether ledger, directory and journal agree; changes nothing", Args: wants(),
		Long: `check reads the store in the data directory and changes nothing: the pages of both
database files, every row of the ledger against every other (recipients and
counters, attempts and what they relied on, claims, histories and frequency caps,
the audit log), the objections in the journal and the reports' files against those
in the ledger, and the sealed numbers. Stop the daemon first. The exit code is 1
where something is wrong.`,
		RunE: func(command *cobra.Command, _ []string) error {
			c.data = a.data
			checked, err := c.run(command.Context())
			if err != nil {
				return failed("check the store", err)
			}
			if err := a.result(checked, checked.print); err != nil {
				return err
			}
			if !checked.Sound {
				return &failure{message: fmt.Sprintf("the store has %d faults", len(checked.Findings)), hint: "do not start the daemon on it: restore a backup"}
			}
			return nil
		},
	}
	command.Flags().BoolVar(&c.full, "full", false, "open every sealed number, not about a thousand of them")
	command.Flags().StringVar(&c.keys, "keys", "", "`folder` of the keys (default: keys in the data directory)")
	command.Flags().StringVar(&c.packs, "packs", "", "`folder` of rule packs of your own, as in packs.directory: what relied on others is not held against its caps")
	return command
}

// storeCheck is one check of a store.
type storeCheck struct {
	data, keys, packs string
	full              bool
}

func (c *storeCheck) run(ctx context.Context) (*soundness, error) {
	paths := store.PathsIn(c.data)
	if c.keys != "" {
		paths.Keys = c.keys
	}
	there, err := paths.Exist()
	if err != nil {
		return nil, err
	}
	if !there {
		folder, _ := filepath.Abs(c.data)
		return nil, withHint(fmt.Errorf("there is no store in %s", folder), "name the daemon's data directory with --data-directory or HUSTINGS_DATA")
	}
	keys, err := store.OpenKeys(paths)
	if err != nil {
		return nil, err
	}
	packs, err := c.packsByVersion()
	if err != nil {
		return nil, err
	}
	checked := new(soundness)
	checked.Findings, err = store.Check(ctx, store.CheckOptions{
		Paths: paths, Keys: keys, Full: c.full,
		Books: func(tx dialer.Tx) []string {
			if last, err := store.NewWitness(paths.Mark).Last(); err == nil {
				checked.Restored = dialer.RestoredBecause(tx, last)
			}
			return c.books(tx, paths, keys, packs)
		},
		Objected: func(tx dialer.Tx, e store.JournalEntry) bool {
			// What came after the copy is entered when the daemon starts.
			return checked.Restored != "" || objected(tx, e)
		},
	})
	checked.Sound = len(checked.Findings) == 0
	return checked, err
}

func (c *storeCheck) packsByVersion() (map[string]*consent.Pack, error) {
	packs, err := configs.LoadPacks(c.packs)
	if err != nil {
		return nil, err
	}
	byVersion := map[string]*consent.Pack{}
	for _, pack := range packs {
		byVersion[pack.Version()] = pack
	}
	return byVersion, nil
}

// books checks the ledger's rows against each other, against the caps, and
// against the reports that lie beside it.
func (c *storeCheck) books(tx dialer.Tx, paths store.Paths, keys *store.Keys, packs map[string]*consent.Pack) []string {
	faults := dialer.CheckBooks(tx)
	if directory, err := store.OpenDirectory(paths.Directory, keys, nil); err == nil { // else it has a finding of its own
		faults = append(faults, dialer.CheckCaps(tx, directory, packs)...)
		_ = directory.Close() // only read
	}
	return append(faults, c.reports(tx)...)
}

// reports compares what was released with its files. A file that is missing is
// written again when the daemon starts.
func (c *storeCheck) reports(tx dialer.Tx) []string {
	var faults []string
	err := dialer.EachReport(tx, func(report dialer.StoredReport) {
		for _, name := range slices.Sorted(maps.Keys(report.Files)) {
			content, err := os.ReadFile(filepath.Join(c.data, "reports", report.Campaign, name))
			if err == nil && !bytes.Equal(content, report.Files[name]) {
				faults = append(faults, fmt.Sprintf("%s of campaign %q is not what was released (I11)", name, report.Campaign))
			}
		}
	})
	if err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

func objected(tx dialer.Tx, e store.JournalEntry) bool {
	return dialer.KnowsObjection(tx, dialer.Objection{Contact: e.ID, Channel: e.Channel, Party: e.Party, At: e.At})
}

func (s *soundness) print(w io.Writer) error {
	if s.Restored != "" {
		if _, err := fmt.Fprintf(w, "the ledger was put back: %s; the daemon dials nobody before dialctl store reconcile\n", s.Restored); err != nil {
			return err
		}
	}
	if s.Sound {
		_, err := fmt.Fprintln(w, "the store is sound: ledger, directory and journal agree")
		return err
	}
	for _, finding := range s.Findings {
		if _, err := fmt.Fprintln(w, finding); err != nil {
			return err
		}
	}
	return nil
}
