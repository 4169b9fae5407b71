package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/queue"
)

func (a *app) contactsCommand() *cobra.Command {
	return group("contacts", "the directory of contacts", a.importCommand(queue.IntakeContacts,
		"import contacts: they are merged into the directory, all or nothing",
		`import reads lists of contacts (CSV or TSV, gzip or zstd, UTF-8, UTF-16 or
Windows-1252; the daemon finds out which) and merges them into the directory in
one step: until it ends, nothing has changed. Numbers travel sealed to the
daemon. Which columns there may be stands in directory.yaml.`))
}

func (a *app) consentCommand() *cobra.Command {
	return group("consent", "what contacts agreed to", a.importCommand(queue.IntakeGrants,
		"import grants: who agreed to be reached by whom, when, with which words",
		`import reads lists of grants. A grant names the number, the channel, the party,
the purpose, when and by whom it was collected, whether it was explicit, and its
words; without all of these it proves nothing and is refused.`))
}

// importing is one run of an import.
type importing struct {
	app      *app
	kind     queue.IntakeKind
	paths    []string
	source   string
	refusals string
	// collected is when contacts were collected.
	collected string
	// list and fileDate name an outside list and say how old it is.
	list, fileDate string
}

func (a *app) importCommand(kind queue.IntakeKind, short, long string) *cobra.Command {
	i := importing{app: a, kind: kind}
	command := &cobra.Command{
		Use: "import FILE...", Short: short, Args: wants("FILE..."),
		Long: long + `

Rows that cannot be taken are refused one by one, counted by reason, and listed
in a file: where they stand and why, never what they hold. "-" reads standard
input. Ctrl-C aborts.`,
		RunE: func(command *cobra.Command, args []string) error {
			i.paths = args
			if i.source == "" {
				return usage(`say where the lists come from, such as --source "Contacts Citoyens, March": it is kept as evidence`, "--source is missing")
			}
			if i.refusals == "" {
				i.refusals = defaultRefusals(args[0])
			}
			return a.withDaemon(command.Context(), i.run)
		},
	}
	command.Flags().StringVar(&i.source, "source", "", "where the lists come from; kept as evidence")
	command.Flags().StringVar(&i.refusals, "refusals", "", "where refused rows are listed (default FILE.refused.csv in the working directory)")
	if kind == queue.IntakeContacts {
		command.Flags().StringVar(&i.collected, "collected-at", "", "`date` of collection (default today)")
	}
	return command
}

func defaultRefusals(path string) string {
	if path == "-" {
		path = "stdin"
	}
	return filepath.Base(path) + ".refused.csv"
}

func (i *importing) run(ctx context.Context, client *queue.Client) error {
	files, size, err := i.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		for _, file := range files {
			_ = file.Close()
		}
	}()
	upload := queue.Upload{Open: queue.IntakeOpen{
		Kind: i.kind, Source: i.source, Operator: i.app.operator, List: i.list, FileDate: i.fileDate,
		CollectedAt: i.collected,
	}}
	for n, file := range files {
		upload.Open.Files = append(upload.Open.Files, sentName(i.paths[n]))
		upload.Files = append(upload.Files, file)
	}
	refused := &refusalFile{path: i.refusals}
	upload.Refused = refused.add
	display := i.app.newImportDisplay(size)
	upload.Progress = display.show
	progress, err := client.Upload(ctx, upload)
	display.close(err == nil)
	if err != nil {
		_ = refused.close(ctx.Err() == nil) // the import's own failure is what matters
		return i.explain(ctx, progress.Phase, err, refused)
	}
	if err := refused.close(true); err != nil {
		return failed("list the refused rows", err)
	}
	return i.report(progress, refused)
}

// open opens the files, and adds up their sizes; -1 where one has none.
func (i *importing) open(ctx context.Context) ([]io.ReadCloser, int64, error) {
	var files []io.ReadCloser
	var size int64
	for _, path := range i.paths {
		file, length, err := i.openOne(ctx, path)
		if err != nil {
			for _, opened := range files {
				_ = opened.Close()
			}
			return nil, 0, failed("read a list", err)
		}
		files = append(files, file)
		if length < 0 || size < 0 {
			size = -1
		} else {
			size += length
		}
	}
	return files, size, nil
}

func (i *importing) openOne(ctx context.Context, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(&interruptible{ctx, i.app.in}), -1, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		return nil, 0, withHint(fmt.Errorf("%s is a folder", path), "name the files in it, such as "+filepath.Join(path, "*.csv"))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return pipe{&interruptible{ctx, file}, file}, -1, nil
	}
	return file, info.Size(), nil
}

// pipe is a file that may stay silent.
type pipe struct {
	io.Reader
	io.Closer
}

func sentName(path string) string {
	if path == "-" {
		return "stdin"
	}
	return filepath.Base(path)
}

// explain says what a failed import left behind.
func (i *importing) explain(ctx context.Context, phase string, err error, refused *refusalFile) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return i.aborted(phase)
	}
	if refused.count > 0 {
		i.app.say("%s listed in %s", plural(refused.count, "refused row is", "refused rows are"), refused.path)
	}
	return failed("import "+string(i.kind), quotedMasked(err))
}

// aborted says what holds after Ctrl-C.
func (i *importing) aborted(phase string) error {
	f := &failure{message: "the import was aborted: nothing has changed", cause: context.Canceled}
	switch {
	case i.kind == queue.IntakeOptOuts:
		f.message = "the import was aborted: the objections entered so far hold, the others do not"
		f.hint = "import the list again: what is known already does no harm"
	case i.kind == queue.IntakeList:
		f.message = "the import was aborted: the list is as it was before"
		f.hint = "of a list of objections, those entered so far hold; import it again for its date to count"
	case phase == queue.PhaseBuilding:
		f.message = "the import was aborted while it was built in"
		f.hint = "dialctl status tells whether it was faster; importing the same lists again does no harm"
	}
	return f
}

func (i *importing) report(progress queue.IntakeProgress, refused *refusalFile) error {
	taken, refusals := splitCounts(progress.Counts)
	result := importResult{
		Kind: i.kind, Rows: progress.Rows, Taken: taken, Refused: refusals, RefusedRows: sum(refusals),
	}
	if refused.count > 0 {
		result.Refusals = refused.path
	}
	if err := i.app.result(result, result.print); err != nil {
		return err
	}
	if result.imported() == 0 {
		return &failure{message: "nothing was imported", hint: "the reasons stand above, the rows in " + refused.path}
	}
	return nil
}
