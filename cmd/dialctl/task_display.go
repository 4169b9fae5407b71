package main

import (
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/hustings/hustings/queue"
)

// taskDisplay shows how far a task is: a bar on a terminal, a line now and then
// elsewhere.
type taskDisplay struct {
	console *console
	// count writes how much is done or to do.
	count    func(uint64) string
	last     time.Time
	progress *mpb.Progress
	bar      *mpb.Bar
	phase    atomic.Pointer[string]
}

func (a *app) newTaskDisplay(count func(uint64) string) *taskDisplay {
	d := &taskDisplay{console: &a.console, count: count, last: time.Now()}
	d.phase.Store(new(string))
	if a.terminal && !a.quiet {
		d.progress = mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(40), mpb.WithRefreshRate(barRefresh))
		d.bar = d.progress.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.PrependDecorators(decor.Any(func(s decor.Statistics) string {
				text := *d.phase.Load() + " " + count(uint64(s.Current))
				if s.Total > s.Current {
					text += " of " + count(uint64(s.Total))
				}
				return text + " "
			})),
			mpb.AppendDecorators(decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 8}), "")),
		)
	}
	return d
}

// show is told every answer of the daemon.
func (d *taskDisplay) show(p queue.TaskProgress) {
	if p.Phase != "" {
		d.phase.Store(&p.Phase)
	}
	switch {
	case d.bar != nil:
		d.bar.SetTotal(int64(p.Total), false)
		d.bar.SetCurrent(int64(p.Done))
	case p.Phase == "" || time.Since(d.last) < importLineInterval:
	case p.Total == 0:
		d.last = time.Now()
		d.console.say("%s: %s", p.Phase, d.count(p.Done))
	default:
		d.last = time.Now()
		d.console.say("%s: %s of %s", p.Phase, d.count(p.Done), d.count(p.Total))
	}
}

// close leaves the bar on the terminal.
func (d *taskDisplay) close(done bool) {
	if d.bar == nil {
		return
	}
	if done {
		d.bar.SetTotal(-1, true)
	} else {
		d.bar.Abort(false)
	}
	d.progress.Wait()
}
