package daemon

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
)

// repeatsPerMinute is how often one event is logged in a minute at one level. A
// hundred lines a minute are some 40 MB a day: what storms for days, while nobody
// looks, does not fill the disk, and whoever looks sees what it is.
const repeatsPerMinute = 100

// alwaysLogged begin the events that no storm keeps out of the log: they tell of
// the daemon's life, of what halts it, of books, audit log and opt-outs, each is
// looked for by itself later, and none comes more often than people or faults of
// the machine do. Proof hangs on none of them: that is the audit log's.
var alwaysLogged = []string{"audit.", "daemon.", "dialer.", "directory.", "ledger.", "store.", dialer.EventObjection}

// repeats is the log's way out. An event that repeats in a storm passes so many
// times a minute; then one line says how many were kept back.
type repeats struct {
	out        io.Writer
	suppressed *prometheus.CounterVec

	mu   sync.Mutex
	runs map[repeated]*run
}

// repeated is what counts as the same.
type repeated struct {
	event string
	level zerolog.Level
}

// run is a minute of one event, from its first line on.
type run struct{ lines, suppressed uint64 }

func newRepeats(out io.Writer, suppressed *prometheus.CounterVec) *repeats {
	return &repeats{out: out, suppressed: suppressed, runs: make(map[repeated]*run)}
}

// Write is part of io.Writer.
func (r *repeats) Write(line []byte) (int, error) { return r.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel is part of zerolog.LevelWriter. Debug is let through: somebody has
// asked for all of it.
func (r *repeats) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	if level > zerolog.DebugLevel && !r.passes(repeated{eventOf(line), level}) {
		return len(line), nil
	}
	return r.out.Write(line)
}

// eventOf returns the event that a line of JSON names, empty where it names none.
// No text within the line looks like it: its quotes are escaped.
func eventOf(line []byte) string {
	_, rest, _ := bytes.Cut(line, []byte(`"`+dialer.FieldEvent+`":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}

// passes counts a line, and tells whether it is logged.
func (r *repeats) passes(what repeated) bool {
	if slices.ContainsFunc(alwaysLogged, func(begin string) bool { return strings.HasPrefix(what.event, begin) }) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	current := r.runs[what]
	if current == nil {
		current = new(run)
		r.runs[what] = current
		time.AfterFunc(time.Minute, func() { r.end(what, current) })
	}
	if current.lines++; current.lines <= repeatsPerMinute {
		return true
	}
	current.suppressed++
	r.suppressed.WithLabelValues(what.event).Inc()
	return false
}

// end tells how many lines were kept back in a run, unless it was told before.
func (r *repeats) end(what repeated, ended *run) {
	r.mu.Lock()
	if r.runs[what] != ended {
		r.mu.Unlock()
		return
	}
	delete(r.runs, what)
	r.mu.Unlock()
	if ended.suppressed == 0 {
		return
	}
	log := zerolog.New(r.out)
	log.WithLevel(what.level).Str(dialer.FieldEvent, eventSuppressed).Str("of", what.event).
		Uint64(dialer.FieldCount, ended.suppressed).Timestamp().Send()
}

// Close ends all runs.
func (r *repeats) Close() error {
	r.mu.Lock()
	open := maps.Clone(r.runs)
	r.mu.Unlock()
	for what, current := range open {
		r.end(what, current)
	}
	return nil
}
