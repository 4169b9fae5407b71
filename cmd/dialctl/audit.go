package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/audit"
	"github.com/hustings/hustings/queue"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "the log that cannot be rewritten unseen: show, export, prove, verify",
		a.auditShowCommand(), a.auditExportCommand(), a.auditCheckpointCommand(), a.auditProveCommand(), a.auditVerifyCommand())
}

// sequenceOf reads the number of an entry.
func sequenceOf(text string) (uint64, error) {
	sequence, err := strconv.ParseUint(text, 10, 64)
	if err != nil || sequence == 0 || len(text) > 18 {
		return 0, usage("entries are counted from 1: dialctl audit show prints the first ones", "ENTRY is no number of an entry")
	}
	return sequence, nil
}

// shownEntry is an entry as people read it.
type shownEntry struct {
	Sequence uint64     `json:"sequence"`
	Leaf     audit.Leaf `json:"leaf"`
	Kind     string     `json:"kind,omitempty"`
	Words    string     `json:"words,omitempty"`
	Deleted  bool       `json:"deleted,omitempty"`
}

func (a *app) auditShowCommand() *cobra.Command {
	var count uint64
	command := &cobra.Command{
		Use: "show [ENTRY]", Short: "entries of the audit log in words: from one on, or the first ones", Args: atMost("ENTRY"),
		Long: `show puts entries of the audit log into words: what was done with whom, by pseudonym,
and what operators have ordered and why. An entry whose text was deleted (its time
was over, or its contact was erased) keeps its leaf, and proves as much as before.`,
		Example: `  dialctl audit show
  dialctl audit show 1200 --count 5`,
		RunE: func(command *cobra.Command, args []string) error {
			from := uint64(1)
			if len(args) > 0 {
				var err error
				if from, err = sequenceOf(args[0]); err != nil {
					return err
				}
			}
			var entries []shownEntry
			err := a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				_, err := readAudit(ctx, client, from, func(entry audit.Entry) bool {
					shown := shownEntry{Sequence: entry.Sequence, Leaf: entry.Leaf, Deleted: len(entry.Text) == 0}
					shown.Kind, shown.Words = dialer.AuditWords(entry.Text)
					entries = append(entries, shown)
					return uint64(len(entries)) < count
				})
				return err
			})
			if err != nil {
				return err
			}
			return a.result(entries, func(w io.Writer) error {
				rows := []string{cell("ENTRY", "KIND", "WHAT")}
				for _, e := range entries {
					if e.Deleted {
						e.Kind, e.Words = "-", "its text was deleted"
					}
					rows = append(rows, cell(fmt.Sprint(e.Sequence), e.Kind, e.Words))
				}
				return table(w, rows...)
			})
		},
	}
	command.Flags().Uint64Var(&count, "count", 20, "how many `entries`")
	return command
}

// readAudit hands the entries of the log to take, from one on, until it has enough.
func readAudit(ctx context.Context, client *queue.Client, from uint64, take func(audit.Entry) bool) (audit.Header, error) {
	for {
		var page queue.AuditPage
		if err := client.Call(ctx, queue.VerbAuditRead, queue.AuditRequest{From: from}, &page); err != nil {
			return page.Header, failed("read the audit log", err)
		}
		for _, entry := range page.Entries {
			if !take(entry) {
				return page.Header, nil
			}
		}
		if from = page.Next; from == 0 {
			return page.Header, nil
		}
	}
}

func (a *app) auditExportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export FILE", Short: "the whole audit log, with each year's last checkpoint, as JSON Lines", Args: wants("FILE"),
		Long: `export writes the audit log: where its years begin, every entry with its leaf and the
text behind it, a fresh checkpoint, and the last one of each earlier year. It holds no
number. "dialctl audit verify" checks such a file, and so can anybody:
dialer/audit/doc.go says how.`,
		Example: `  dialctl audit export audit.jsonl
  dialctl audit verify audit.jsonl --key audit.pub --checkpoints kept.note`,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				entries, err := exportAudit(ctx, client, args[0])
				if err != nil {
					return failed("export the audit log", err)
				}
				return a.result(map[string]any{"file": args[0], "entries": entries}, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%s in %s\n", plural(entries, "entry", "entries"), args[0])
					return err
				})
			})
		},
	}
}

// exportAudit writes the log into a file that is not there yet. What fails leaves
// none behind.
func exportAudit(ctx context.Context, client *queue.Client, path string) (entries int, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			_ = os.Remove(path) // half a log is none
		}
	}()
	buffer := bufio.NewWriter(file)
	lines := json.NewEncoder(buffer)
	var signed queue.AuditCheckpoint
	if err := client.Call(ctx, queue.VerbAuditCheckpoint, nil, &signed); err != nil {
		return 0, err
	}
	var first queue.AuditPage
	if err := client.Call(ctx, queue.VerbAuditRead, queue.AuditRequest{From: 1}, &first); err != nil {
		return 0, err
	}
	head := []audit.Line{{Header: &first.Header}}
	for _, note := range append(signed.Earlier, signed.Checkpoint) {
		head = append(head, audit.Line{Checkpoint: note})
	}
	for _, line := range head {
		if err := lines.Encode(line); err != nil {
			return 0, err
		}
	}
	var written error
	_, err = readAudit(ctx, client, 1, func(entry audit.Entry) bool {
		entries++
		written = lines.Encode(audit.Line{Entry: &entry})
		return written == nil
	})
	if err == nil {
		err = written
	}
	if err != nil {
		return 0, err
	}
	return entries, buffer.Flush()
}

func (a *app) auditCheckpointCommand() *cobra.Command {
	return &cobra.Command{
		Use: "checkpoint", Short: "sign the audit log as it is now, for somebody to keep", Args: wants(),
		Long: `checkpoint has the audit log signed as it is now and prints the signed note: how many
entries there are, and the hash of them all. Whoever keeps it, outside the broker, can
tell at any later time whether those entries are still the same. The public key is in
audit.pub beside the daemon's own checkpoints; hand it over once, in person.`,
		RunE: func(command *cobra.Command, _ []string) error {
			var answer queue.AuditCheckpoint
			return a.asked(command, queue.VerbAuditCheckpoint, nil, &answer, "sign the audit log", func(w io.Writer) error {
				_, err := io.WriteString(w, answer.Checkpoint)
				return err
			})
		},
	}
}

func (a *app) auditProveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "prove ENTRY", Short: "prove that an entry stands in the audit log", Args: wants("ENTRY"),
		Long: `prove prints a proof, in JSON: the entry, the path from its leaf to the hash of the
whole log, and the checkpoint that is signed. It says nothing of any other entry.
Whoever has the public key checks it with "dialctl audit verify".`,
		Example: `  dialctl audit prove 1200 > proof.json
  dialctl audit verify proof.json --key audit.pub`,
		RunE: func(command *cobra.Command, args []string) error {
			sequence, err := sequenceOf(args[0])
			if err != nil {
				return err
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				var proof audit.Proof
				if err := client.Call(ctx, queue.VerbAuditProve, queue.AuditRequest{From: sequence}, &proof); err != nil {
					return failed("prove an entry", err)
				}
				return json.NewEncoder(a.out).Encode(audit.Line{Proof: &proof})
			})
		},
	}
}
