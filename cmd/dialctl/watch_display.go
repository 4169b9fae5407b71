package main

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/hustings/hustings/dialer"
)

// watchDisplay shows campaigns as they go.
type watchDisplay interface {
	show(*dialer.CampaignView) error
	// away says that the daemon gives no answer.
	away()
	close()
}

// newWatchDisplay returns bars on a terminal, lines elsewhere and JSON where
// programs read.
func (a *app) newWatchDisplay(campaigns []string) watchDisplay {
	switch {
	case a.asJSON:
		return jsonDisplay{&a.console}
	case a.quiet:
		return silentDisplay{}
	case a.terminal:
		return newBarDisplay(a.err, campaigns)
	default:
		return &lineDisplay{console: &a.console, shown: map[string]shownLine{}}
	}
}

type silentDisplay struct{}

func (silentDisplay) show(*dialer.CampaignView) error { return nil }
func (silentDisplay) away()                           {}
func (silentDisplay) close()                          {}

type jsonDisplay struct{ *console }

func (d jsonDisplay) show(v *dialer.CampaignView) error { return d.printJSONLine(v) }
func (jsonDisplay) away()                               {}
func (jsonDisplay) close()                              {}

// lineInterval is how long a line of progress stands before the next one.
const lineInterval = 2 * time.Second

// lineDisplay prints a line when a campaign's state changes, and now and then
// while it runs.
type lineDisplay struct {
	console *console
	shown   map[string]shownLine
	// out is where the lines are the result; nil where they are progress.
	out io.Writer
	// silent tells that it was said already that the daemon is away.
	silent bool
}

type shownLine struct {
	text, state string
	at          time.Time
}

func (d *lineDisplay) show(v *dialer.CampaignView) error {
	d.silent = false
	text, last := progressText(v), d.shown[v.ID]
	due := time.Since(last.at) >= lineInterval && text != last.text
	if v.State == last.state && !due {
		return nil
	}
	d.shown[v.ID] = shownLine{text, v.State, time.Now()}
	if d.out != nil {
		_, err := fmt.Fprintln(d.out, text)
		return err
	}
	d.console.say("%s", text)
	return nil
}

func (d *lineDisplay) away() {
	if !d.silent {
		d.console.say("%s", awayText)
	}
	d.silent = true
}

const awayText = "no answer from the daemon, still waiting"

func (*lineDisplay) close() {}

// barRefresh is how often bars are drawn.
const barRefresh = 150 * time.Millisecond

// barDisplay draws a bar a campaign, with a line beneath it for those who wait.
type barDisplay struct {
	progress *mpb.Progress
	bars     map[string]*campaignBar
}

type campaignBar struct {
	bar  *mpb.Bar
	view atomic.Pointer[dialer.CampaignView]
	gone atomic.Bool
}

func newBarDisplay(w io.Writer, campaigns []string, options ...mpb.ContainerOption) *barDisplay {
	d := &barDisplay{
		progress: mpb.New(append(options, mpb.WithOutput(w), mpb.WithWidth(28), mpb.WithRefreshRate(barRefresh))...),
		bars:     map[string]*campaignBar{},
	}
	for _, id := range campaigns {
		if d.bars[id] == nil {
			d.bars[id] = d.newBar(id)
		}
	}
	return d
}

func (d *barDisplay) newBar(id string) *campaignBar {
	b := new(campaignBar)
	text := func(of func(*dialer.CampaignView) string) decor.DecorFunc {
		return func(decor.Statistics) string {
			if v := b.view.Load(); v != nil {
				return of(v)
			}
			return ""
		}
	}
	b.bar = d.progress.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.PrependDecorators(
			decor.Name(id, decor.WCSyncSpaceR),
			decor.Any(text(stateText), decor.WCSyncSpaceR),
			decor.Any(text(dialledText), decor.WCSyncSpace),
		),
		mpb.AppendDecorators(decor.Any(text(rateText))),
		mpb.BarBtmExtender(lineBelow(text(outcomesBelow)), lineBelow(func(s decor.Statistics) string {
			if b.gone.Load() {
				return awayText
			}
			return text(waitingBelow)(s)
		})),
	)
	return b
}

func (d *barDisplay) show(v *dialer.CampaignView) error {
	b := d.bars[v.ID]
	if b == nil {
		return nil
	}
	b.gone.Store(false)
	b.view.Store(v)
	// Those who were excluded later are not left to be dialled either. The bar
	// was made without a total, so that it does not complete itself: a retry may
	// empty it again.
	b.bar.SetTotal(max(int64(v.Balance.Audience), 1), false)
	b.bar.SetCurrent(int64(dialled(&v.Balance) + sum(v.Balance.ExcludedLater)))
	return nil
}

func (d *barDisplay) away() {
	for _, b := range d.bars {
		b.gone.Store(true)
	}
}

// close leaves the bars on the terminal as they were last.
func (d *barDisplay) close() {
	for _, b := range d.bars {
		b.bar.Abort(false)
	}
	d.progress.Wait()
}

func dialledText(v *dialer.CampaignView) string {
	return grouped(dialled(&v.Balance)) + "/" + grouped(v.Balance.Audience)
}

func rateText(v *dialer.CampaignView) string {
	var parts []string
	if v.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.0f/s", v.Rate))
	}
	if v.Remaining > 0 {
		parts = append(parts, span(time.Duration(v.Remaining))+" left")
	}
	return strings.Join(parts, ", ")
}

// lineBelow draws a line under a bar, cut to the terminal's width: a line that
// wraps would be left standing when the bar is drawn again.
func lineBelow(text decor.DecorFunc) mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		_, err := fmt.Fprintln(w, shortened(text(s), max(s.AvailableWidth-1, 10)))
		return err
	})
}

// outcomesBelow says what became of the attempts.
func outcomesBelow(v *dialer.CampaignView) string { return outcomesText(&v.Balance) }

// waitingBelow says who waits until when, or why nobody is dialled.
func waitingBelow(v *dialer.CampaignView) string {
	if stop := stopText(v); stop != "" {
		return stop
	}
	return parkedText(v)
}
