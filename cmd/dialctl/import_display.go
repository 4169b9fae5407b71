package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/hustings/hustings/queue"
)

// importDisplay shows how far an import is.
type importDisplay interface {
	show(progress queue.IntakeProgress, sent int64)
	close(done bool)
}

// newImportDisplay returns bars on a terminal and lines elsewhere. A size under
// 0 is not known.
func (a *app) newImportDisplay(size int64) importDisplay {
	switch {
	case a.quiet:
		return silentImport{}
	case a.terminal:
		return newImportBars(a, size)
	default:
		return &importLines{console: &a.console, size: size, began: time.Now(), last: time.Now()}
	}
}

type silentImport struct{}

func (silentImport) show(queue.IntakeProgress, int64) {}
func (silentImport) close(bool)                       {}

// importLineInterval is how long a line stands before the next one.
const importLineInterval = 3 * time.Second

type importLines struct {
	console *console
	size    int64
	began   time.Time
	last    time.Time
	build   eta
}

func (d *importLines) show(progress queue.IntakeProgress, sent int64) {
	if time.Since(d.last) < importLineInterval {
		return
	}
	d.last = time.Now()
	switch progress.Phase {
	case queue.PhaseReading:
		sending := eta{began: d.began}
		d.console.say("sent %s, %s read, %s%s", sentText(sent, d.size), plural(progress.Rows, "row", "rows"), rowRate(progress.Rows, d.began),
			sending.text(float64(sent), float64(d.size)))
	case queue.PhaseBuilding:
		if progress.Total == 0 {
			d.console.say("building")
			return
		}
		d.console.say("building: %s of %s%s", grouped(progress.Built), plural(progress.Total, "row", "rows"),
			d.build.text(float64(progress.Built), float64(progress.Total)))
	}
}

func (*importLines) close(bool) {}

// eta tells how long something will still take if it goes on as it went so far. It
// begins when it is asked first, unless it says otherwise.
type eta struct {
	began time.Time
	from  float64
}

// text returns what is left of the time, empty where nobody can tell.
func (e *eta) text(done, all float64) string {
	if e.began.IsZero() {
		e.began, e.from = time.Now(), done
	}
	if done <= e.from || all < done {
		return ""
	}
	left := time.Duration(float64(time.Since(e.began)) * (all - done) / (done - e.from))
	return ", " + left.Round(time.Second).String() + " left"
}

func sentText(sent, size int64) string {
	if size < 0 {
		return bytesText(sent)
	}
	return bytesText(sent) + " of " + bytesText(size)
}

func rowRate(rows uint64, began time.Time) string {
	return grouped(uint64(float64(rows)/max(time.Since(began).Seconds(), 0.001))) + " rows/s"
}

// importBars draws a bar for what is sent, then one for what is built.
type importBars struct {
	progress *mpb.Progress
	sent     *mpb.Bar
	built    *mpb.Bar
	rate     atomic.Pointer[string]
	left     atomic.Pointer[string] // of the time to build
	began    time.Time
	build    eta
}

func newImportBars(a *app, size int64) *importBars {
	d := &importBars{
		progress: mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(40), mpb.WithRefreshRate(barRefresh)),
		began:    time.Now(),
	}
	d.rate.Store(new(string))
	d.left.Store(new(string))
	style := mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]")
	d.sent = d.progress.New(max(size, 0), style,
		mpb.PrependDecorators(decor.Name("sending ", decor.WCSyncSpaceR), decor.CountersKibiByte("% .1f / % .1f", decor.WCSyncSpace)),
		mpb.AppendDecorators(
			decor.Any(func(decor.Statistics) string { return *d.rate.Load() }),
			decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 8}), ""),
		),
	)
	d.built = d.progress.New(0, style,
		mpb.PrependDecorators(decor.Name("building", decor.WCSyncSpaceR), decor.CountersNoUnit("%d / %d rows", decor.WCSyncSpace)),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			if s.Total == 0 || s.Current == 0 {
				return ""
			}
			return fmt.Sprintf("%d %%%s", 100*s.Current/s.Total, *d.left.Load())
		})),
	)
	return d
}

func (d *importBars) show(progress queue.IntakeProgress, sent int64) {
	if !d.sent.Completed() {
		rate := rowRate(progress.Rows, d.began)
		d.rate.Store(&rate)
	}
	d.sent.SetCurrent(sent)
	if progress.Phase != queue.PhaseReading && !d.sent.Completed() {
		d.sent.SetTotal(-1, true)
	}
	if progress.Total > 0 {
		left := d.build.text(float64(progress.Built), float64(progress.Total))
		d.left.Store(&left)
		d.built.SetTotal(int64(progress.Total), false)
		d.built.SetCurrent(int64(progress.Built))
	}
}

// close leaves the bars on the terminal.
func (d *importBars) close(done bool) {
	if done {
		d.sent.SetTotal(-1, true)
		d.built.SetTotal(-1, true)
	} else {
		d.sent.Abort(false)
		d.built.Abort(false)
	}
	d.progress.Wait()
}
