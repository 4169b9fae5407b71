package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/audit"
	"github.com/hustings/hustings/store"
)

// auditVerify is a check of an export, a proof, or the log in a store.
type auditVerify struct {
	key   string
	kept  []string
	store string
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var v auditVerify
	command := &cobra.Command{
		Use: "verify [FILE]", Short: "check an export, a proof, or the log in a store", Args: atMost("FILE"),
		Long: `verify goes through an audit log and says, with its place, what was changed, dropped,
swapped or cut, and whether the log went back behind a checkpoint that somebody has
kept. Texts that were deleted are no fault: their leaves stand. It needs no daemon.

FILE is an export or a proof. With --store the log of a store is read where it lies;
stop the daemon first. The key is taken from --key alone, never from the file.`,
		Example: `  dialctl audit verify audit.jsonl --key audit.pub --checkpoints kept.note
  dialctl audit verify proof.json --key audit.pub
  dialctl audit verify --store /var/lib/hustings --key audit.pub`,
		RunE: func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) == (v.store != "") {
				return usage("dialctl audit verify FILE, or with --store FOLDER", "want one of FILE and --store")
			}
			if v.key == "" {
				return usage("audit.pub beside the daemon's checkpoints, or better a copy of it that somebody else has kept", "--key is missing")
			}
			verdict, err := v.run(args)
			if err != nil {
				return failed("verify the audit log", err)
			}
			if err := a.result(verdict, func(w io.Writer) error { return printVerdict(w, verdict) }); err != nil {
				return err
			}
			if len(verdict.Findings) > 0 {
				return &failure{message: fmt.Sprintf("the audit log has %s", plural(len(verdict.Findings), "fault", "faults")), hint: "keep all files as they are, and ask who had them"}
			}
			return nil
		},
	}
	command.Flags().StringVar(&v.key, "key", "", "the log's public key: a `file`, such as audit.pub")
	command.Flags().StringSliceVar(&v.kept, "checkpoints", nil, "`files` of checkpoints that were kept")
	command.Flags().StringVar(&v.store, "store", "", "the data `folder` of a daemon that is stopped")
	return command
}

func (v *auditVerify) run(args []string) (*audit.Verdict, error) {
	key, err := os.ReadFile(v.key)
	if err != nil {
		return nil, err
	}
	verifier := strings.TrimSpace(string(key))
	var kept []audit.Checkpoint
	for _, path := range v.kept {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		checkpoints, err := openAll(audit.Split(append(content, '\n')), verifier)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		kept = append(kept, checkpoints...)
	}
	if v.store != "" {
		return verifyStore(v.store, verifier, kept)
	}
	return verifyExport(args[0], verifier, kept)
}

// linesOf yields the lines of a file, which may be too large for the memory.
func linesOf(path string) iter.Seq2[*audit.Line, error] {
	return func(yield func(*audit.Line, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = file.Close() }()
		for line, err := range audit.Read(file) {
			if !yield(line, err) {
				return
			}
		}
	}
}

func openAll(notes [][]byte, verifier string) ([]audit.Checkpoint, error) {
	checkpoints := make([]audit.Checkpoint, len(notes))
	for i, note := range notes {
		var err error
		if checkpoints[i], err = audit.Open(note, verifier); err != nil {
			return nil, fmt.Errorf("checkpoint %d: %w", i+1, err)
		}
	}
	return checkpoints, nil
}

var errNoLog = errors.New("the file holds neither an audit log nor a proof")

// verifyExport checks a file. Its header says where years begin, which the entries
// bear out only as far as checkpoints cover them.
func verifyExport(path string, verifier string, kept []audit.Checkpoint) (*audit.Verdict, error) {
	var header *audit.Header
	for line, err := range linesOf(path) {
		switch {
		case err != nil:
			return nil, err
		case line.Proof != nil:
			checkpoint, err := line.Proof.Check(verifier)
			if err != nil {
				return &audit.Verdict{Findings: []string{fmt.Sprintf("the proof of entry %d: %v", line.Proof.Entry.Sequence, err)}}, nil
			}
			return &audit.Verdict{Entries: 1, Checkpoints: 1, Covered: uint64(checkpoint.Size)}, nil
		case line.Header != nil:
			header = line.Header
		case line.Checkpoint != "":
			checkpoint, err := audit.Open([]byte(line.Checkpoint), verifier)
			if err != nil {
				return nil, err
			}
			kept = append(kept, checkpoint)
		}
	}
	if header == nil {
		return nil, errNoLog
	}
	check := audit.NewVerifier(header.Years, kept)
	check.WentBack = dialer.AuditWentBack
	for line, err := range linesOf(path) {
		if err != nil {
			return nil, err
		}
		if line.Entry != nil {
			check.Add(*line.Entry)
		}
	}
	verdict := check.End()
	return &verdict, nil
}

// verifyStore checks the log of a store, by the checkpoints that its daemon has kept,
// too.
func verifyStore(folder, verifier string, kept []audit.Checkpoint) (*audit.Verdict, error) {
	files, err := filepath.Glob(filepath.Join(folder, "checkpoints", "checkpoints-*.notes"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		checkpoints, err := openAll(audit.Split(content), verifier)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		kept = append(kept, checkpoints...)
	}
	paths := store.PathsIn(folder)
	keys, err := store.LoadOrCreateKeys(paths.Keys, true)
	if err != nil {
		return nil, err
	}
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		return nil, err
	}
	defer func() { _ = ledger.Close() }()
	var verdict audit.Verdict
	err = ledger.View(func(tx dialer.Tx) error {
		var years []audit.Year
		for _, year := range dialer.AuditYears(tx) {
			years = append(years, audit.Year(year))
		}
		check := audit.NewVerifier(years, kept)
		check.WentBack = dialer.AuditWentBack
		for sequence, leaf := range dialer.AuditLeaves(tx, 1) {
			check.Add(audit.Entry{Sequence: sequence, Leaf: audit.Leaf(leaf), Text: dialer.AuditText(tx, sequence)})
		}
		verdict = check.End()
		return nil
	})
	return &verdict, err
}

func printVerdict(w io.Writer, verdict *audit.Verdict) error {
	rows := []string{
		cell("entries", grouped(verdict.Entries)),
		cell("  texts deleted", grouped(verdict.Deleted)),
		cell("checkpoints that fit", grouped(uint64(verdict.Checkpoints))),
		cell("  covered up to entry", grouped(verdict.Covered)),
	}
	for _, admitted := range verdict.Admitted {
		rows = append(rows, cell("admitted", admitted))
	}
	for _, finding := range verdict.Findings {
		rows = append(rows, cell("FAULT", finding))
	}
	return table(w, rows...)
}
