package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/dialer"
)

// storm logs an event so many times.
func storm(log zerolog.Logger, level zerolog.Level, event string, times int) {
	for range times {
		log.WithLevel(level).Str("text", `says "event":"audit.went_back"`).Str(dialer.FieldEvent, event).Send()
	}
}

// Ensure that of an event that storms a hundred lines pass in each minute, and that
// one line says how many did not; and that it keeps no other event out of the log.
func TestRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const refused, other = "callback_refused", "attempt.answer"
		out := new(syncBuffer)
		limited := newRepeats(out, newMetrics().suppressed)
		log := zerolog.New(limited)
		want := func(when, text string, lines int) {
			t.Helper()
			if got := strings.Count(out.all(), text); got != lines {
				t.Errorf("%s: %d lines hold %s, want %d", when, got, text, lines)
			}
		}
		storm(log, zerolog.WarnLevel, refused, 1000)
		want("in a storm", `"event":"callback_refused"`, repeatsPerMinute)
		storm(log, zerolog.ErrorLevel, refused, 1)
		storm(log, zerolog.WarnLevel, other, 3)
		want("at another level", `"level":"error"`, 1)
		want("beside the storm", `"event":"attempt.answer"`, 3)
		want("while it lasts", eventSuppressed, 0)

		<-time.After(time.Minute)
		synctest.Wait()
		want("a minute later", `"level":"warn","event":"log.suppressed","of":"callback_refused","count":900,`, 1)
		want("a minute later", eventSuppressed, 1)

		storm(log, zerolog.WarnLevel, refused, repeatsPerMinute+1)
		want("in the next minute", `"event":"callback_refused"`, 2*repeatsPerMinute+1)
		if err := limited.Close(); err != nil {
			t.Error(err)
		}
		want("at the end", `"of":"callback_refused","count":1,`, 1)
		<-time.After(time.Minute)
		synctest.Wait()
		want("after the end", eventSuppressed, 2)
	})
}

// Ensure that what tells of the daemon's life, its books, its audit log and of
// opt-outs is never kept out of the log, and that debug, which somebody has asked
// for, is whole.
func TestRepeats_Never(t *testing.T) {
	t.Parallel()
	out := new(syncBuffer)
	log := zerolog.New(newRepeats(out, newMetrics().suppressed))
	for _, event := range []string{
		eventAuditWentBack, eventCheckpointFailed, eventLingering, eventBackup, eventErasureDelayed,
		dialer.EventFailed, dialer.EventHalted, dialer.EventRestored, dialer.EventReconciled, dialer.EventObjection,
	} {
		storm(log, zerolog.ErrorLevel, event, 3*repeatsPerMinute)
		if n := strings.Count(out.all(), `"event":"`+event+`"`); n != 3*repeatsPerMinute {
			t.Errorf("%s: %d lines", event, n)
		}
	}
	storm(log, zerolog.DebugLevel, dialer.EventDecision, 3*repeatsPerMinute)
	if n := strings.Count(out.all(), dialer.EventDecision); n != 3*repeatsPerMinute {
		t.Errorf("debug: %d lines", n)
	}
}

// Ensure that every event that the sources name stands in the README's table.
func TestEvents_Documented(t *testing.T) {
	t.Parallel()
	const root = "../../.."
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Logs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	constant := regexp.MustCompile(`(?m)^\s*[eE]vent[A-Z]\w*\s+= "([a-z_.]+)"`)
	for pattern, least := range map[string]int{"cmd/internal/daemon/events.go": 15, "dialer/events.go": 30, "dialer/twilio/notice.go": 4, "queue/logging.go": 20} {
		source, err := os.ReadFile(filepath.Join(root, pattern))
		events := constant.FindAllStringSubmatch(string(source), -1)
		if err != nil || len(events) < least {
			t.Fatal(pattern, len(events), errors.Join(err, errors.New("is it written otherwise?")))
		}
		for _, event := range events {
			if !strings.Contains(section, "`"+event[1]+"`") {
				t.Errorf("%s, of %s, does not stand in the README", event[1], pattern)
			}
		}
	}
}
