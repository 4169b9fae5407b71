package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// watchCommand shows all campaigns at a glance, on one screen.
func (a *app) watchCommand() *cobra.Command {
	var g glance
	command := &cobra.Command{
		Use: "watch", Short: "all campaigns at a glance, until you end it", Args: wants(),
		Long: `watch shows every campaign that is not closed on one screen: its state, what is
dialled of its audience, its share of what all of them dial, its rate, how long it
has to go, its messages in doubt and the opt-outs after it; and beneath, why it
waits and what to do. Where no person watches it prints a line for each campaign
that has changed.`,
		RunE: func(command *cobra.Command, _ []string) error {
			return a.withDaemon(command.Context(), func(ctx context.Context, client *queue.Client) error {
				return a.glanceAt(ctx, client, g)
			})
		},
	}
	command.Flags().BoolVar(&g.once, "once", false, "look once and end")
	command.Flags().BoolVar(&g.all, "all", false, "closed campaigns, too")
	return command
}

// glance is how all campaigns are looked at.
type glance struct{ once, all bool }

func (a *app) glanceAt(ctx context.Context, client *queue.Client, g glance) error {
	screen := &screen{console: &a.console, lines: lineDisplay{console: &a.console, shown: map[string]shownLine{}, out: a.out}}
	known := false
	for {
		var views []dialer.CampaignView
		asking, cancel := context.WithTimeout(ctx, awayAfter)
		err := client.Call(asking, queue.VerbCampaignList, nil, &views)
		cancel()
		switch {
		case ctx.Err() != nil:
			return &failure{message: "interrupted", hint: "the campaigns go on, watched or not", cause: ctx.Err()}
		case err != nil && (!known || g.once):
			return failed("watch", err)
		case err != nil:
			screen.lines.away() // it may be about to start again
		default:
			known = true
			if err := screen.show(views, g); err != nil {
				return err
			}
		}
		if g.once {
			return nil
		}
		if !wait(ctx, watchPoll) {
			return &failure{message: "interrupted", hint: "the campaigns go on, watched or not", cause: ctx.Err()}
		}
	}
}

// screen draws each glance over the last one on a terminal, and prints lines
// elsewhere.
type screen struct {
	console *console
	lines   lineDisplay
	drawn   int
}

func (s *screen) show(views []dialer.CampaignView, g glance) error {
	file, isFile := s.console.out.(*os.File)
	switch {
	case s.console.asJSON:
		return s.console.printJSONLine(views)
	case isFile && term.IsTerminal(int(file.Fd())):
		return s.draw(glanceTexts(views, g.all, widthOf(file)))
	case g.once:
		_, err := fmt.Fprintln(s.console.out, strings.Join(glanceTexts(views, g.all, usualWidth), "\n"))
		return err
	}
	for i := range views {
		if v := &views[i]; g.all || v.State != stateClosed || s.lines.shown[v.ID].text != "" {
			if err := s.lines.show(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// draw puts the lines in the place of those drawn before.
func (s *screen) draw(lines []string) error {
	if s.drawn > 0 {
		if _, err := fmt.Fprintf(s.console.out, "\x1b[%dA\x1b[J", s.drawn); err != nil {
			return err
		}
	}
	s.drawn = len(lines)
	_, err := fmt.Fprintln(s.console.out, strings.Join(lines, "\n"))
	return err
}

// usualWidth is what every terminal has.
const usualWidth = 80

func widthOf(file *os.File) int {
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width >= usualWidth {
		return width
	}
	return usualWidth
}

// glanceRow is the columns of a glance: what is left of the width is the
// campaign's name.
const glanceRow = "%-*s  %-8s %7s %9s %5s %6s %7s %5s %6s"

// glanceTexts are all campaigns on lines that fit.
func glanceTexts(views []dialer.CampaignView, all bool, width int) []string {
	name := width - len(fmt.Sprintf(glanceRow, 0, "", "", "", "", "", "", "", "", ""))
	lines := []string{fmt.Sprintf(glanceRow, name, "CAMPAIGN", "STATE", "DIALLED", "OF", "SHARE", "RATE", "LEFT", "DOUBT", "STOPS")}
	var whole float64
	for i := range views {
		whole += views[i].Rate
	}
	closed := 0
	for i := range views {
		v := &views[i]
		if v.State == stateClosed && !all {
			closed++
			continue
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf(glanceRow, name, shortened(v.ID, name), v.State, partText(dialled(&v.Balance), v.Balance.Audience),
			grouped(v.Balance.Audience), shareText(v.Rate, whole), perSecond(v.Rate), leftText(v), orDash(v.Balance.InDoubt), orDash(v.Balance.OptOuts)), " "))
		why, what, todo := strings.Cut(waitingBelow(v), ": dialctl ")
		for _, line := range broken(why, width-2) {
			lines = append(lines, "  "+line)
		}
		if todo { // whole, on a line of its own: it is copied
			lines = append(lines, "  dialctl "+what)
		}
	}
	switch {
	case closed > 0:
		lines = append(lines, plural(closed, "closed campaign", "closed campaigns")+" not shown: --all shows them")
	case len(lines) == 1:
		return []string{"no campaigns yet"}
	}
	return lines
}

func shareText(rate, whole float64) string {
	if rate == 0 || whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*rate/whole)
}

func partText(n, of uint64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

func perSecond(rate float64) string {
	if rate == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f/s", rate)
}

func leftText(v *dialer.CampaignView) string {
	if v.Remaining == 0 {
		return "-"
	}
	return span(time.Duration(v.Remaining))
}

func orDash(n uint64) string {
	if n == 0 {
		return "-"
	}
	return grouped(n)
}
