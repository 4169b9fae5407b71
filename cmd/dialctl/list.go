package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) listCommand() *cobra.Command {
	return group("list", "outside lists that the rules ask for, and how old they are", a.listImportCommand(), a.listShowCommand())
}

func (a *app) listImportCommand() *cobra.Command {
	i := importing{app: a, kind: queue.IntakeList}
	command := &cobra.Command{
		Use: "import NAME FILE", Short: "import an outside list: the TPS, a STOP feed, a reassigned numbers database", Args: wants("NAME", "FILE"),
		Long: `import takes in a list that a rule of the pack asks for; dialctl list show names
them. The list's age counts from --file-date, not from its import: once it is
older than the rule allows, everybody whom the rule governs waits.

  people       number                  who stands on it is not reached
  answers      number, answer, since   a reassigned numbers database: yes, no or
                                       no_data, and the date it was asked about
  objections   number ...              a STOP feed: as dialctl optout import

A list of people or answers is taken as a whole or not at all: one row that
cannot be read refuses it. Of a list of objections every row that can be read is
in force at once. Refused rows are listed in a file: where they stand and why,
never what they hold. "-" reads standard input.`,
		RunE: func(command *cobra.Command, args []string) error {
			i.list, i.paths = args[0], args[1:]
			if i.fileDate == "" {
				return usage("say how old the list is, such as --file-date 2027-03-09: its age counts from then", "--file-date is missing")
			}
			if i.source == "" {
				i.source = i.list
			}
			if i.refusals == "" {
				i.refusals = defaultRefusals(args[1])
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				if err := i.run(ctx, client); err != nil || a.asJSON {
					return err
				}
				return a.showLists(ctx, client, i.list)
			})
		},
	}
	command.Flags().StringVar(&i.fileDate, "file-date", "", "`date` or instant of the list's making")
	command.Flags().StringVar(&i.source, "source", "", "where it comes from, as evidence (default NAME)")
	command.Flags().StringVar(&i.refusals, "refusals", "", "`file` that lists refused rows (default FILE.refused.csv)")
	return command
}

func (a *app) listShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show [NAME]", Short: "every list: its age, what staleness does, and why some are not applied", Args: cobra.MaximumNArgs(1),
		Long: `show lists the outside lists that the pack's rules name, with the rule, the date
of the file that was imported last and how old it may be. A list that is stale
or missing answers nothing: everybody whom its rule governs waits. Lists that do
not bind political calls are there with the reason.`,
		RunE: func(command *cobra.Command, args []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.showLists(ctx, client, args...)
			})
		},
	}
}

func (a *app) showLists(ctx context.Context, client *queue.Client, names ...string) error {
	var all, asked []dialer.ListView
	if err := client.Call(ctx, queue.VerbListShow, nil, &all); err != nil {
		return failed("ask for the lists", err)
	}
	for _, view := range all {
		if len(names) == 0 || strings.EqualFold(view.Name, names[0]) {
			asked = append(asked, view)
		}
	}
	if len(asked) == 0 && len(names) > 0 {
		return &failure{message: fmt.Sprintf("there is no list %q", names[0]), hint: "dialctl list show names them all"}
	}
	return a.result(asked, func(w io.Writer) error { return printLists(w, asked) })
}

func printLists(w io.Writer, views []dialer.ListView) error {
	rows := []string{cell("LIST", "HOLDS", "ROWS", "FILE DATE", "AGE", "AT MOST", "STATE", "RULE")}
	for _, view := range views {
		age, most := "-", "-"
		if view.Age > 0 {
			age = span(time.Duration(view.Age))
		}
		if view.MaxAge > 0 {
			most = span(time.Duration(view.MaxAge))
		}
		count := "-"
		if !view.FileDate.IsZero() {
			count = grouped(view.Rows)
		}
		rows = append(rows, cell(view.Name, view.Holds.String(), count, day(view.FileDate), age, most, string(view.State), view.Rule))
	}
	if err := table(w, rows...); err != nil {
		return err
	}
	for _, view := range views {
		if note := listNote(view); note != "" {
			if _, err := fmt.Fprintf(w, "\n%s\n", wrapped(view.Name+": "+note)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listNote says what a list's state means.
func listNote(view dialer.ListView) string {
	governs := "everybody"
	if len(view.Channels) > 0 {
		governs = "everybody who would be reached by " + strings.Join(view.Channels, ", ")
	}
	switch view.State {
	case dialer.ListStale:
		return "stale, so that " + governs + " waits (" + view.Rule + "); import a newer file"
	case dialer.ListMissing:
		return "never imported, so that " + governs + " waits (" + view.Rule + "); dialctl list import " + view.Name + " FILE --file-date DATE"
	case dialer.ListNotApplied:
		return "not applied: " + view.Source
	case dialer.ListUnused:
		return "no rule of the present pack asks for it"
	case dialer.ListFresh, dialer.ListLive:
	}
	return ""
}

// day writes the date of an instant, or a dash for none.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

// lineWidth is how many characters a line of prose has at most.
const lineWidth = 80

// wrapped breaks a text into lines.
func wrapped(text string) string { return strings.Join(broken(text, lineWidth), "\n") }
