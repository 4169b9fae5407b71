package daemon

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// threshold is the level from which on events are logged. It may change while the
// daemon runs, for every logger that was made from the first one.
type threshold struct {
	level atomic.Int32
	// configured is the level that the configuration asks for.
	configured atomic.Int32
}

// Sample is part of zerolog.Sampler: it lets an event through or not.
func (t *threshold) Sample(level zerolog.Level) bool { return level >= t.get() }

func (t *threshold) get() zerolog.Level { return zerolog.Level(t.level.Load()) }

func (t *threshold) set(level zerolog.Level) { t.level.Store(int32(level)) }

// logLevels are the levels that can be asked for.
var logLevels = []zerolog.Level{zerolog.DebugLevel, zerolog.InfoLevel, zerolog.WarnLevel, zerolog.ErrorLevel}

// parseLevel reads one of logLevels.
func parseLevel(text string) (zerolog.Level, error) {
	for _, level := range logLevels {
		if text == level.String() {
			return level, nil
		}
	}
	return zerolog.InfoLevel, fmt.Errorf("%q is no level: debug, info, warn or error", text)
}

// logLevel tells from which level on events are logged, and sets another one first
// where one is asked for. It holds until the next start.
func (d *Daemon) logLevel(_ context.Context, request queue.Request) (any, error) {
	var asked queue.LogLevel
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	before := d.threshold.get()
	if asked.Level != "" {
		level, err := parseLevel(asked.Level)
		if err != nil {
			return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "the level of the log cannot be set: " + err.Error()}
		}
		d.threshold.set(level)
		// Told at the level that is there afterwards, or nobody would know.
		d.log.WithLevel(max(level, zerolog.InfoLevel)).Str(dialer.FieldEvent, eventLogLevel).
			Stringer("before", before).Stringer("now", level).Str("operator", withoutDigits(asked.Operator)).Send()
	}
	return queue.LogLevel{Level: d.threshold.get().String(), Configured: zerolog.Level(d.threshold.configured.Load()).String()}, nil
}
