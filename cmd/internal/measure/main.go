package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(mainWith(os.Args[1:], os.Stdout, os.Stderr)) }

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func mainWith(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	options, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "measure: %v (see --help)\n", err)
		return exitUsage
	}
	if options.bare != "" {
		err = bareLoop(ctx, options, stdout)
	} else {
		err = measure(ctx, options, stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "measure: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// options say what is measured, how large and how often.
type options struct {
	// Contacts is the size of the country, Sends how many messages a run sends,
	// Runs how often each is done, Attempts the size of the ledger that a restart
	// finds, InFlight how many requests are open at once.
	Contacts, Sends, Runs, Attempts, InFlight int
	// Grants and Objections are the rows of the long lists that go into the ledger.
	Grants, Objections int
	// LoadRuns is how often the whole country is imported, and loaded by others.
	LoadRuns int
	// Counts asks for segment counts and other repeated questions.
	Counts int

	only, skip    []string
	output, state string
	work          string
	root          string
	// bare is the stub against which the bare loop is played, by bareClient.
	bare, bareClient string
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var only, skip string
	flags := flag.NewFlagSet("measure", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.Contacts, "contacts", 1_000_000, "size of the country")
	flags.IntVar(&o.Sends, "sends", 50_000, "messages that a run sends")
	flags.IntVar(&o.Runs, "runs", 3, "how often each figure is measured; the middle one counts")
	flags.IntVar(&o.LoadRuns, "load-runs", 0, "how often the whole country is imported, and loaded by others (default as --runs)")
	flags.IntVar(&o.Attempts, "attempts", 100_000, "attempts in the ledger that a restart finds")
	flags.IntVar(&o.Grants, "grants", 0, "grants in a long list (default 10,000,000, or half of the contacts)")
	flags.IntVar(&o.Objections, "objections", 0, "objections in a long list (default 5,000,000, or a quarter of the contacts)")
	flags.IntVar(&o.InFlight, "in-flight", 64, "requests to the carrier open at once")
	flags.IntVar(&o.Counts, "counts", 7, "how often a segment is counted")
	flags.StringVar(&only, "only", "", "sections to measure, with commas; the others keep their last results: "+strings.Join(names(), ", "))
	flags.StringVar(&skip, "skip", "", "sections to leave out, with commas")
	flags.StringVar(&o.output, "output", "PERFORMANCE.md", "`file` to write the table to")
	flags.StringVar(&o.state, "state", "", "`file` that keeps each section's last results (default beside the output, hidden)")
	flags.StringVar(&o.work, "work", "", "`folder` for temporary files; a folder in it is made and removed (default the system's)")
	flags.StringVar(&o.root, "root", ".", "`folder` of the source, for the benchmarks that are run there")
	flags.StringVar(&o.bare, "bare-loop", "", "for measure itself: play the bare loop against the stub at this `address`")
	flags.StringVar(&o.bareClient, "bare-client", clientTwilioGo, "for measure itself: the bare loop's `client`, "+clientTwilioGo+" or "+clientOurs)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if bareClients[o.bareClient] == nil {
		return nil, fmt.Errorf("--bare-client %q: want %s or %s", o.bareClient, clientTwilioGo, clientOurs)
	}
	if o.LoadRuns == 0 {
		o.LoadRuns = o.Runs
	}
	if o.Grants == 0 {
		o.Grants = min(10_000_000, (o.Contacts+1)/2)
	}
	if o.Objections == 0 {
		o.Objections = min(5_000_000, (o.Contacts+3)/4)
	}
	for name, value := range map[string]int{
		"contacts": o.Contacts, "sends": o.Sends, "runs": o.Runs, "attempts": o.Attempts, "in-flight": o.InFlight, "counts": o.Counts, "load-runs": o.LoadRuns,
		"grants": o.Grants, "objections": o.Objections,
	} {
		if value < 1 {
			return nil, fmt.Errorf("--%s %d: want 1 or more", name, value)
		}
	}
	if most := max(o.Grants, o.Objections); most > o.Contacts && o.bare == "" {
		return nil, fmt.Errorf("lists of %d rows: want at most one for each of the %d contacts", most, o.Contacts)
	}
	if o.Sends*grantsPerSend > o.Contacts/2 && o.bare == "" {
		return nil, fmt.Errorf("--sends %d: want at most a %dth of the contacts", o.Sends, 2*grantsPerSend)
	}
	if o.state == "" {
		o.state = filepath.Join(filepath.Dir(o.output), ".performance.json")
	}
	var err error
	if o.only, err = chosen(only); err == nil {
		o.skip, err = chosen(skip)
	}
	return o, err
}

// chosen reads a list of sections.
func chosen(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	chosen := strings.Split(text, ",")
	for _, name := range chosen {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("there is no section %q", name)
		}
	}
	return chosen, nil
}

func (o *options) wants(name string) bool {
	return (len(o.only) == 0 || slices.Contains(o.only, name)) && !slices.Contains(o.skip, name)
}

// measure measures the sections that are wanted and writes the table after each.
func measure(ctx context.Context, o *options, out io.Writer) (err error) {
	b, err := newBench(ctx, o, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	all, err := readResults(o.state)
	if err != nil {
		return err
	}
	var failed []string
	for _, section := range sections {
		if !o.wants(section.name) {
			continue
		}
		b.say("== %s", section.title)
		began := time.Now()
		found, err := section.measure(ctx, b)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted in section %s: %w", section.name, ctx.Err())
		}
		if err != nil {
			b.say("FAILED: %v", err)
			failed = append(failed, section.name)
			found.Rows = append(found.Rows, row{What: section.name, Skipped: "it failed: " + firstLine(err)})
		}
		found.On = fmt.Sprintf("%s; took %s", b.facts(), time.Since(began).Round(time.Second))
		all[section.name] = found
		for _, row := range found.Rows {
			b.tell(row)
		}
		if err := errors.Join(all.write(o.state), os.WriteFile(o.output, []byte(all.render(sections)), 0o644)); err != nil { //nolint:gosec // everybody may read the table
			return fmt.Errorf("write the table: %w", err)
		}
	}
	b.say("the table is in %s", o.output)
	if len(failed) > 0 {
		return fmt.Errorf("these sections failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// section is a part of the table that can be measured by itself.
type section struct {
	name, title, about string
	measure            func(ctx context.Context, b *bench) (result, error)
}

func names() []string {
	names := map[string]bool{}
	for _, section := range sections {
		names[section.name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
