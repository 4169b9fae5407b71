package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

func (a *app) fairnessCommand() *cobra.Command {
	var day string
	var markdown bool
	var asked queue.FairnessRequest
	command := &cobra.Command{
		Use: "fairness", Short: "how all parties were served, worked out from the log of shares", Args: wants(),
		Long: `fairness works out from the ledger how all were served on a day: the order of
acceptance, which contacts each campaign did not get and why, what share of each
sender's capacity each party was offered and used, the jobs that were refused,
and every order that changed a campaign's course, with who gave it and why.

A minute is contested where two parties or more had work for one sender
throughout it. What each was offered in such minutes ought to be equal: Jain's
index is 1 where it was, and 1 divided by the parties where one had all.`,
		Example: `  dialctl fairness --day 2027-03-09 --round FR-PRES-2027-R1`,
		RunE: func(command *cobra.Command, _ []string) error {
			if day != "" {
				from, err := time.Parse(time.DateOnly, day)
				if err != nil {
					return usage("such as 2027-03-09", "--day is no date")
				}
				asked.From, asked.To = from, from.AddDate(0, 0, 1)
			}
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				var f dialer.Fairness
				if err := client.Call(ctx, queue.VerbFairness, asked, &f); err != nil {
					return failed("ask how all were served", err)
				}
				if markdown {
					return failed("print how all were served", printFairness(&markdownTables{a.out}, &f))
				}
				return a.result(f, func(w io.Writer) error { return printFairness(plainTables{w}, &f) })
			})
		},
	}
	command.Flags().StringVar(&day, "day", "", "the `date`, in UTC (default: the day that it is)")
	command.Flags().BoolVar(&markdown, "markdown", false, "a document to hand over, with how to work it out again")
	command.Flags().StringVar(&asked.Round, "round", "", "one `round` alone (default: all)")
	return command
}

// tables is where a document goes that is mostly tables.
type tables interface {
	title(text string) error
	heading(text string) error
	table(rows ...string) error
	end() error
}

// plainTables are for a terminal.
type plainTables struct{ io.Writer }

func (p plainTables) title(text string) error {
	_, err := fmt.Fprintln(p, text)
	return err
}

func (p plainTables) heading(text string) error {
	_, err := fmt.Fprintf(p, "\n%s\n\n", text)
	return err
}

func (p plainTables) table(rows ...string) error { return table(p, rows...) }

func (p plainTables) end() error { return nil }

// markdownTables are a document to hand over.
type markdownTables struct{ io.Writer }

func (m markdownTables) title(text string) error {
	_, err := fmt.Fprintf(m, "# How all parties were served\n\n%s, worked out from the daemon's ledger.\n", text)
	return err
}

func (m markdownTables) heading(text string) error {
	_, err := fmt.Fprintf(m, "\n## %s\n\n", text)
	return err
}

func (m markdownTables) table(rows ...string) error {
	for i, row := range rows {
		cells := strings.Split(strings.ReplaceAll(row, "|", "\\|"), "\t")
		line := strings.Join(cells, " | ")
		if len(rows) > 1 {
			line = "| " + line + " |"
		}
		if i == 0 && len(rows) > 1 {
			line += "\n|" + strings.Repeat("---|", len(cells))
		}
		if _, err := fmt.Fprintln(m, line); err != nil {
			return err
		}
	}
	return nil
}

func (m markdownTables) end() error {
	_, err := fmt.Fprint(m, "\nWhoever has the ledger can work this out again: `dialctl fairness` reads the log of shares, the\n"+
		"campaigns and the orders on record, and nothing else. That nobody has changed the orders is what\n"+
		"`dialctl audit verify` shows, against a checkpoint that was kept outside.\n")
	return err
}

func printFairness(w tables, f *dialer.Fairness) error {
	if err := w.title(fmt.Sprintf("from %s to %s, %s", instant(f.From), instant(f.To), cmp.Or(f.Round, "all rounds"))); err != nil {
		return err
	}
	sections := []struct {
		title, none string
		rows        []string
	}{
		{"order of acceptance", "no campaign was open", campaignRows(f)},
		{"shares of senders", "no capacity was asked for", senderRows(f)},
		{"refused jobs", "none", rejectionRows(f)},
		{"orders and holds", "none", overrideRows(f)},
	}
	for _, section := range sections {
		if err := w.heading(section.title); err != nil {
			return err
		}
		if len(section.rows) == 0 {
			section.rows = []string{section.none}
		}
		if err := w.table(section.rows...); err != nil {
			return err
		}
	}
	return w.end()
}

func campaignRows(f *dialer.Fairness) (rows []string) {
	for _, c := range f.Campaigns {
		if rows == nil {
			rows = append(rows, cell("PLACE", "ACCEPTED", "PARTY", "CAMPAIGN", "STATE", "ORDERED", "GOT", "WAITING", "OFFERED", "USED", "NOT HAD"))
		}
		var refused []string
		for _, reason := range largest(c.Refused) {
			refused = append(refused, reason+" "+grouped(c.Refused[reason]))
		}
		rows = append(rows, cell(fmt.Sprint(c.Order), instant(c.Accepted), c.Party, c.Campaign, c.State, grouped(c.Ordered), grouped(c.Audience),
			grouped(c.Undialled), grouped(c.Offered), grouped(c.Used), cmp.Or(strings.Join(refused, ", "), "-")))
	}
	return rows
}

func senderRows(f *dialer.Fairness) (rows []string) {
	for _, s := range f.Senders {
		if rows == nil {
			rows = append(rows, cell("SENDER", "PARTY", "HAD WORK FOR", "OFFERED", "USED", "CONTESTED", "EQUAL SHARE", "JAIN"))
		}
		for _, p := range s.Parties {
			rows = append(rows, cell(s.Sender, p.Party, time.Duration(p.Worked).Round(time.Second).String(), grouped(p.Offered), grouped(p.Used),
				grouped(p.Contested), fmt.Sprintf("%.1f", p.Due), ""))
		}
		rows = append(rows, cell(s.Sender, "all", fmt.Sprintf("%d minutes contested", s.Contested), "", "", "", "", fmt.Sprintf("%.4f", s.Jain)))
	}
	return rows
}

func rejectionRows(f *dialer.Fairness) (rows []string) {
	for _, r := range f.Rejections {
		for _, fault := range r.Faults {
			rows = append(rows, cell(instant(r.At), r.Party, r.Campaign, fault.String()))
		}
	}
	return rows
}

func overrideRows(f *dialer.Fairness) (rows []string) {
	for _, o := range f.Overrides {
		rows = append(rows, cell(instant(o.At), o.Party, o.Campaign, o.State, o.Detail))
	}
	return rows
}
