package outpost

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/dialer/twilio/sandbox"
	"github.com/hustings/hustings/store"
)

// ReadCarrier reads the carrier's own log, which is the judge in all that
// follows: ours tells only what we believe.
func ReadCarrier(tb testing.TB, path string) []sandbox.Record {
	tb.Helper()
	records, err := sandbox.ReadLog(path)
	if err != nil {
		tb.Fatal(err)
	}
	return records
}

// Requests counts the requests that have begun at the carrier. It is asked often,
// so it only looks for what such a line has.
func Requests(tb testing.TB, path string) int {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.Count(content, []byte(`"kind":"`+string(sandbox.KindRequestBegun)+`"`))
}

// Judge reads the carrier's log: nobody twice for a campaign, nobody after an
// opt-out was acknowledged, nobody for two parties, nobody twice at the same
// time, no forged callback believed. Further acknowledgements are those that did
// not come as a text.
func Judge(tb testing.TB, path string, acknowledged map[string]time.Time) sandbox.Verdict {
	tb.Helper()
	verdict, err := sandbox.JudgeLog(path, sandbox.JudgeOptions{Acknowledged: acknowledged, Party: Party})
	if err != nil {
		tb.Fatal(err)
	}
	if err := verdict.Err(); err != nil {
		tb.Errorf("the carrier's log: %v", err)
	}
	return verdict
}

// callers are the numbers that parties call from, in the embedded registry, with the
// names by which they write.
var callers = map[string]string{"+33162000001": "TILLEULS", "+33162000002": "CANAL"}

// Party is for whom a message or a call was: a sender speaks for one party.
func Party(record sandbox.Record) string { return cmp.Or(callers[record.From], record.From) }

// Dialled returns the numbers for which a request has begun.
func Dialled(tb testing.TB, path string) map[string]bool {
	tb.Helper()
	numbers := map[string]bool{}
	for _, record := range ReadCarrier(tb, path) {
		if record.Kind == sandbox.KindRequestBegun {
			numbers[record.To] = true
		}
	}
	return numbers
}

// MustBeSound checks the store of a daemon that does not run: its pages, its
// sealed numbers, its rows against each other, and the journal against them.
func MustBeSound(tb testing.TB, data string) {
	tb.Helper()
	paths := store.PathsIn(data)
	keys, err := store.LoadOrCreateKeys(paths.Keys, true)
	if err != nil {
		tb.Fatal(err)
	}
	findings, err := store.Check(context.WithoutCancel(tb.Context()), store.CheckOptions{Paths: paths, Keys: keys, Full: true, Books: dialer.CheckBooks})
	if err != nil {
		tb.Fatal(err)
	}
	for _, finding := range findings {
		tb.Errorf("the store: %s", finding)
	}
}
