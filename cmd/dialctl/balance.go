package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hustings/hustings/dialer"
)

// sheetLine is a line of the balance sheet: a label, and its figure in each of
// the campaigns that stand side by side.
type sheetLine struct {
	label string
	of    func(*dialer.BalanceSheet) string
}

func count(label string, of func(*dialer.BalanceSheet) uint64) sheetLine {
	return sheetLine{label, func(b *dialer.BalanceSheet) string { return grouped(of(b)) }}
}

// breakdown has a line for every word that any of the campaigns counts.
func breakdown(views []*dialer.CampaignView, of func(*dialer.BalanceSheet) map[string]uint64) []sheetLine {
	together := map[string]uint64{}
	for _, v := range views {
		for word, n := range of(&v.Balance) {
			together[word] += n
		}
	}
	var lines []sheetLine
	for _, word := range largest(together) {
		lines = append(lines, count("    "+word, func(b *dialer.BalanceSheet) uint64 { return of(b)[word] }))
	}
	return lines
}

// ofCalls are the lines that only campaigns of calls have.
func ofCalls(views []*dialer.CampaignView) []sheetLine {
	if !slices.ContainsFunc(views, func(v *dialer.CampaignView) bool { return v.Balance.Minutes > 0 }) {
		return nil
	}
	return []sheetLine{
		count("minutes begun at most", func(b *dialer.BalanceSheet) uint64 { return b.Minutes }),
		count("abandoned calls", func(b *dialer.BalanceSheet) uint64 { return b.Abandoned }),
	}
}

func sheetLines(views []*dialer.CampaignView) []sheetLine {
	planning := func(b *dialer.BalanceSheet) map[string]uint64 { return b.ExcludedAtPlanning }
	later := func(b *dialer.BalanceSheet) map[string]uint64 { return b.ExcludedLater }
	final := func(b *dialer.BalanceSheet) map[string]uint64 { return b.Final }
	return slices.Concat(
		[]sheetLine{
			count("considered", func(b *dialer.BalanceSheet) uint64 { return b.Considered }),
			count("  excluded at planning", func(b *dialer.BalanceSheet) uint64 { return sum(b.ExcludedAtPlanning) }),
		},
		breakdown(views, planning),
		[]sheetLine{
			count("  not drawn", func(b *dialer.BalanceSheet) uint64 { return b.NotDrawn }),
			count("ordered", func(b *dialer.BalanceSheet) uint64 { return b.Size }),
			count("  shortfall", func(b *dialer.BalanceSheet) uint64 { return b.Shortfall }),
			count("audience", func(b *dialer.BalanceSheet) uint64 { return b.Audience }),
			count("  planned", func(b *dialer.BalanceSheet) uint64 { return b.Planned }),
			count("  waiting", func(b *dialer.BalanceSheet) uint64 { return b.Waiting }),
			count("  intended", func(b *dialer.BalanceSheet) uint64 { return b.Intended }),
			count("  in doubt", func(b *dialer.BalanceSheet) uint64 { return b.InDoubt }),
			count("  placed", func(b *dialer.BalanceSheet) uint64 { return b.Placed }),
			count("  excluded later", func(b *dialer.BalanceSheet) uint64 { return sum(b.ExcludedLater) }),
		},
		breakdown(views, later),
		[]sheetLine{count("  final", func(b *dialer.BalanceSheet) uint64 { return sum(b.Final) })},
		breakdown(views, final),
		[]sheetLine{
			count("attempts", func(b *dialer.BalanceSheet) uint64 { return b.Attempts }),
			count("  withdrawn", func(b *dialer.BalanceSheet) uint64 { return b.Withdrawn }),
			count("statuses after closing", func(b *dialer.BalanceSheet) uint64 { return b.AfterClosing }),
			count("segments", func(b *dialer.BalanceSheet) uint64 { return b.Segments }),
		},
		ofCalls(views),
		[]sheetLine{
			{"cost at most", func(b *dialer.BalanceSheet) string { return b.Reserved.String() }},
			{"budget", func(b *dialer.BalanceSheet) string { return b.Budget.String() }},
		},
	)
}

// printSheets prints the balance sheets of campaigns side by side, figures
// flush right.
func printSheets(w io.Writer, views []*dialer.CampaignView) error {
	lines := sheetLines(views)
	labels := len("statuses after closing")
	for _, line := range lines {
		labels = max(labels, len(line.label))
	}
	var text strings.Builder
	tabs := tabwriter.NewWriter(&text, 0, 0, margin, ' ', tabwriter.AlignRight)
	if len(views) > 1 {
		heads := make([]string, len(views))
		for i, v := range views {
			heads[i] = v.ID
		}
		_, _ = fmt.Fprintf(tabs, "%-*s\t%s\t\n", labels, "", strings.Join(heads, "\t"))
	}
	for _, line := range lines {
		figures := make([]string, len(views))
		for i, v := range views {
			figures[i] = line.of(&v.Balance)
		}
		_, _ = fmt.Fprintf(tabs, "%-*s\t%s\t\n", labels, line.label, strings.Join(figures, "\t"))
	}
	_ = tabs.Flush() // into memory
	for line := range strings.Lines(text.String()) {
		// The margin stands before every column, the first one too.
		if _, err := io.WriteString(w, line[min(margin, len(line)-1):]); err != nil {
			return err
		}
	}
	return nil
}

// margin is the space between two columns of figures.
const margin = 2

// summand is one figure of an equation.
type summand struct {
	label string
	n     uint64
}

// equation writes the equation out with its figures and tells whether it holds.
func equation(left summand, right ...summand) (string, bool) {
	var total uint64
	parts := make([]string, len(right))
	for i, t := range right {
		total += t.n
		parts[i] = t.label + " " + grouped(t.n)
	}
	return fmt.Sprintf("%s %s = %s", left.label, grouped(left.n), strings.Join(parts, " + ")), total == left.n
}

// equations writes both equations of a campaign's books out, each with a verdict
// that is worked out here and not taken from the daemon.
func equations(v *dialer.CampaignView) []string {
	b := &v.Balance
	var lines []string
	add := func(text string, holds bool) {
		verdict := "balances"
		switch {
		case !holds && b.Fault != "":
			verdict = "DOES NOT BALANCE: " + b.Fault
		case !holds:
			verdict = "DOES NOT BALANCE"
		}
		lines = append(lines, text+": "+verdict+"\n")
	}
	add(equation(summand{"considered", b.Considered},
		summand{"excluded at planning", sum(b.ExcludedAtPlanning)}, summand{"not drawn", b.NotDrawn}, summand{"audience", b.Audience}))
	if v.State != stateAccepted {
		add(equation(summand{"ordered", b.Size}, summand{"audience", b.Audience}, summand{"shortfall", b.Shortfall}))
	}
	add(equation(summand{"audience", b.Audience},
		summand{"planned", b.Planned}, summand{"waiting", b.Waiting}, summand{"intended", b.Intended}, summand{"in doubt", b.InDoubt},
		summand{"placed", b.Placed}, summand{"excluded later", sum(b.ExcludedLater)}, summand{"final", sum(b.Final)}))
	if !b.Balances && b.Fault != "" {
		lines = append(lines, "the daemon finds a fault: "+b.Fault+"\n")
	}
	return lines
}

// balances tells whether a campaign's books hold, by the daemon's word and by
// the figures.
func balances(v *dialer.CampaignView) bool {
	for _, line := range equations(v) {
		if !strings.HasSuffix(line, ": balances\n") {
			return false
		}
	}
	return v.Balance.Balances
}
