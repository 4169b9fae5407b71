package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

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
stop the daemon first. The key is taken from --key alone, never from the file.

Every year needs a checkpoint that fits, or nothing is shown of it. An export brings
the daemon's own; only what somebody else has kept (--checkpoints: a file, or a folder
of them, such as audit.checkpoints of the configuration) shows that the daemon's owner
has not written the log anew. What stands behind a year's last checkpoint is counted as
not covered.`,
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
	command.Flags().StringSliceVar(&v.kept, "checkpoints", nil, "`files` or folders of checkpoints that were kept")
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
		checkpoints, err := keptAt(path, verifier)
		if err != nil {
			return nil, err
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

// keptAt opens the checkpoints of a file, or of the files in a folder.
func keptAt(path, verifier string) ([]audit.Checkpoint, error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.notes")); err != nil {
			return nil, err
		}
	}
	var kept []audit.Checkpoint
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if bytes.HasSuffix(content, []byte("\n")) {
			content = append(content, '\n') // a single checkpoint comes without its empty line
		}
		for i, note := range audit.Split(content) {
			checkpoint, err := audit.Open(note, verifier)
			if err != nil {
				return nil, fmt.Errorf("%s: checkpoint %d: %w", file, i+1, err)
			}
			kept = append(kept, checkpoint)
		}
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("%s: %w", path, errNoCheckpoint)
	}
	return kept, nil
}

var (
	errNoCheckpoint = errors.New("there is no whole checkpoint in it")
	errNoLog        = errors.New("the file holds neither an audit log nor a proof")
	errTwoLogs      = errors.New("the file has a second header: it is not one log")
	errProofBeside  = errors.New("the file holds a proof beside something else: a proof stands alone")
)

// verifyExport checks a file. Its header says where years begin, which the entries
// bear out only as far as checkpoints cover them.
func verifyExport(path string, verifier string, kept []audit.Checkpoint) (*audit.Verdict, error) {
	var header *audit.Header
	var proof *audit.Proof
	lines := 0
	for line, err := range linesOf(path) {
		lines++
		switch {
		case err != nil:
			return nil, err
		case proof != nil || line.Proof != nil && lines > 1:
			return nil, errProofBeside
		case header != nil && line.Header != nil:
			return nil, errTwoLogs
		case line.Proof != nil:
			proof = line.Proof
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
	switch {
	case proof != nil:
		return verifyProof(proof, verifier), nil
	case header == nil:
		return nil, errNoLog
	}
	return verifyEntries(path, newVerifier(header.Years, kept))
}

// verifyProof checks a proof. It speaks of one entry, and names it by its place in
// its year: that is all that a proof shows.
func verifyProof(proof *audit.Proof, verifier string) *audit.Verdict {
	checkpoint, err := proof.Check(verifier)
	if err != nil {
		return &audit.Verdict{Findings: []string{fmt.Sprintf("the proof: %v", err)}}
	}
	verdict := &audit.Verdict{Entries: 1, Proven: &audit.Proven{Year: checkpoint.Year, Place: proof.Index + 1, Of: checkpoint.Size, At: checkpoint.At}}
	if len(proof.Text) == 0 {
		verdict.Deleted = 1
	}
	return verdict
}

// newVerifier returns one that reads from entries whether the log was put back.
func newVerifier(years []audit.Year, kept []audit.Checkpoint) *audit.Verifier {
	check := audit.NewVerifier(years, kept)
	check.WentBack = func(text []byte) (audit.Lost, bool) {
		lost, is := dialer.AuditWentBack(text)
		return audit.Lost(lost), is
	}
	return check
}

func verifyEntries(path string, check *audit.Verifier) (*audit.Verdict, error) {
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
	own := filepath.Join(folder, "checkpoints")
	if _, err := os.Stat(own); err == nil { // the configuration may keep them elsewhere
		checkpoints, err := keptAt(own, verifier)
		if err != nil {
			return nil, err
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
		check := newVerifier(years, kept)
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
	}
	if p := verdict.Proven; p != nil {
		rows = append(rows, cell("proven", fmt.Sprintf("entry %s of %d, by the checkpoint of %s over %s",
			grouped(uint64(p.Place)), p.Year, p.At.UTC().Format(time.RFC3339), plural(int(p.Of), "entry", "entries"))))
	}
	for _, year := range verdict.Years {
		rows = append(rows, cell(fmt.Sprint(year.Year), fmt.Sprintf("%s, %s that fit, not covered: %s", plural(int(year.Entries), "entry", "entries"),
			plural(year.Checkpoints, "checkpoint", "checkpoints"), grouped(uint64(year.Entries-year.Covered)))))
	}
	for _, admitted := range verdict.Admitted {
		rows = append(rows, cell("admitted", admitted))
	}
	for _, finding := range verdict.Findings {
		rows = append(rows, cell("FAULT", finding))
	}
	return table(w, rows...)
}
