package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hustings/hustings/dialer/report"
)

// previewsAtMost bounds how many draws are printed at once: a million, which
// already shows any chance that matters.
const previewsAtMost = 1_000_000

func (a *app) reportPreviewCommand() *cobra.Command {
	var truth report.Counts
	var draws int
	command := &cobra.Command{
		Use: "preview", Short: "what a party would be shown of given true counts; needs no daemon", Args: wants(),
		Long: `preview draws a report of made-up or foreseen counts, through the very code that
draws reports: noise, threshold, rounding. Nothing is kept, so every preview is
drawn anew. The four counts add up to the ordered size, 500 at least.

With --draws N it prints N draws as JSON Lines, one object a line, for whoever
wants to check the noise. Never show anybody previews of a real campaign's counts:
their average is the truth.`,
		Example: `  dialctl report preview --reached 7912 --not-reached 2231 --not-contacted 2297 --unknown 60
  dialctl report preview --reached 480 --unknown 20 --draws 1000 > draws.jsonl`,
		RunE: func(command *cobra.Command, _ []string) error {
			switch many := command.Flags().Changed("draws"); {
			case many && (draws < 1 || draws > previewsAtMost):
				return usage(fmt.Sprintf("from 1 to %d", previewsAtMost), "--draws %d cannot be drawn", draws)
			case many:
				return a.previewMany(truth, draws)
			default:
				return a.preview(truth)
			}
		},
	}
	flags := command.Flags()
	flags.Uint64Var(&truth.Reached, "reached", 0, "`contacts` whom a message or call has reached")
	flags.Uint64Var(&truth.NotReached, "not-reached", 0, "`contacts` who were tried, and not reached")
	flags.Uint64Var(&truth.NotContacted, "not-contacted", 0, "`contacts` not tried or not counted, for whatever reason")
	flags.Uint64Var(&truth.Unknown, "unknown", 0, "`contacts` of whom the carrier never said what became")
	flags.IntVar(&draws, "draws", 1, "print so `many` draws, as JSON Lines")
	return command
}

// previewed is one draw with all that a reader of it must know.
type previewed struct {
	Size uint64 `json:"size"`
	report.Terms
	Classes report.Figures `json:"classes"`
}

func (a *app) preview(truth report.Counts) error {
	figures, err := report.Draw(rand.Reader, truth)
	if err != nil {
		return previewFailed(err)
	}
	shown := previewed{Size: figures.Size(), Terms: report.PublishedTerms(), Classes: figures}
	return a.result(shown, func(w io.Writer) error {
		margin := shown.Margin
		if err := table(w,
			cell("CLASS", "TRUE", "SHOWN"),
			cell("reached", grouped(truth.Reached), shownText(figures.Reached)),
			cell("not reached", grouped(truth.NotReached), shownText(figures.NotReached)),
			cell("not contacted", grouped(truth.NotContacted), shownText(figures.NotContacted)),
			cell("unknown", grouped(truth.Unknown), shownText(figures.Unknown)),
		); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\neach figure is within %d of the truth with a confidence of %s, epsilon %s; a report is drawn once, a preview every time\n",
			margin.PlusMinus, margin.Confidence, shown.Epsilon)
		return err
	})
}

func shownText(figure report.Figure) string {
	contacts, shown := figure.Contacts()
	if !shown {
		return figure.String()
	}
	return grouped(contacts)
}

// previewMany prints draws as JSON Lines.
func (a *app) previewMany(truth report.Counts, draws int) error {
	out := bufio.NewWriter(a.out)
	encoder := json.NewEncoder(out)
	// The words that a figure uses are eight bytes each: read one by one, each
	// would be a call of its own to the system.
	for figures, err := range report.DrawMany(bufio.NewReader(rand.Reader), truth, draws) {
		if err != nil {
			return previewFailed(err)
		}
		if err := encoder.Encode(figures); err != nil {
			return failed("print the previews", err)
		}
	}
	return failed("print the previews", out.Flush())
}

func previewFailed(err error) error {
	return withHint(failed("preview a report", err), "give --reached, --not-reached, --not-contacted and --unknown: together they are the ordered size")
}
