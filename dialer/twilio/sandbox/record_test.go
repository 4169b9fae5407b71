package sandbox

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// fullRecord has every field set.
func fullRecord(text string) Record {
	return Record{
		Seq: 7, At: monday.Add(1234567), Real: 1795474670617946416, Kind: KindCreated, Request: 6,
		Sid: text, To: text, From: text, Service: text, Body: text, StatusCallback: text, Status: text,
		Code: 30003, HTTP: 429, Segments: 2, Validity: 600, SendAt: monday.Add(time.Hour), ReplyTo: text,
		OptOut: true, Blocked: true, Tries: 3, Fault: FaultHang, URL: text, Error: text,
		Clock: &ClockState{Start: monday, Anchor: monday, Speed: 0.1},
	}
}

func TestRecord_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "plain", "l'été \"à\" 2\\3 € 👍", "\x00\n\r\t\x1f\x7f", "<&>\u2028"} {
		want := fullRecord(text)
		line := want.appendTo(nil)
		var got Record
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v in %s", text, err, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("STOP \"svp\"\n")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		want := fullRecord(text)
		line := want.appendTo(nil)
		if strings.Count(string(line), "\n") != 1 {
			t.Fatalf("not one line: %q", line)
		}
		var got Record
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if utf8.ValidString(text) && got.Body != text {
			t.Fatalf("got %q, want %q", got.Body, text)
		}
	})
}

// Ensure that the fast way to read a line knows nothing better than the slow one:
// whatever it accepts means the same to encoding/json.
func FuzzRecord_Decode(f *testing.F) {
	full := fullRecord("STOP")
	full.Clock = nil
	f.Add(full.appendTo(nil))
	escaped := fullRecord("l'été\n\"2\"")
	f.Add(escaped.appendTo(nil))
	for _, line := range []string{
		`{}`, `{"seq":01}`, `{"seq":-1}`, `{"real":-0,"code":-7}`, `{"seq":1}x`, `{"seq":1}` + "\n\n", `{"seq":1,}`, `{"SEQ":1}`,
		`{"seq":18446744073709551616}`, `{"at":"2027-03-09"}`, `{"opt_out":false}`, `{"to":null}`, `{"seq":1,"seq":2}`, "{\"to\":\"\xff\"}",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var fast, slow Record
		if plain := (reader{rest: line}); !plain.record(&fast) {
			return
		}
		if err := json.Unmarshal(line, &slow); err != nil {
			t.Fatalf("accepted %q: %v", line, err)
		}
		if diff := cmp.Diff(slow, fast); diff != "" {
			t.Fatalf("%q:\n%s", line, diff)
		}
	})
}

// Ensure that the lines of every kind are read the fast way, or nothing is gained.
func TestRecord_DecodeFast(t *testing.T) {
	t.Parallel()
	record := fullRecord("Réunion à 20 h")
	record.Clock = nil
	var got Record
	if plain := (reader{rest: record.appendTo(nil)}); !plain.record(&got) {
		t.Fatal("a plain line was not understood")
	}
	if diff := cmp.Diff(record, got); diff != "" {
		t.Error(diff)
	}
}

// mustLog opens a log writer on a new file.
func mustLog(t testing.TB) (*logWriter, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sandbox.log")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return newLogWriter(file, mustClock(t, monday, 1), 1, 0, nil), path
}

// Ensure that many writers give one sequence without gaps, in the order of time,
// with every sid its own, and that flush keeps its word.
func TestLogWriter_ManyWriters(t *testing.T) {
	t.Parallel()
	log, path := mustLog(t)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 200 {
				record := Record{Kind: KindCreated, To: testTo}
				if err := log.append(&record); err != nil {
					t.Error(err)
				}
				if err := log.flush(); err != nil {
					t.Error(err)
				}
				log.mutex.Lock()
				if log.flushed < record.Seq {
					t.Errorf("flush returned before record %d was written", record.Seq)
				}
				log.mutex.Unlock()
			}
		})
	}
	writers.Wait()
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	records, err := ReadLog(path)
	if err != nil {
		t.Fatal(err)
	}
	sids := map[string]bool{}
	for at, record := range records {
		sids[record.Sid] = true
		if at > 0 && (record.At.Before(records[at-1].At) || record.Real < records[at-1].Real) {
			t.Fatalf("record %d is older than the one before", record.Seq)
		}
	}
	if len(records) != 1600 || len(sids) != 1600 {
		t.Errorf("%d records, %d sids, want 1600", len(records), len(sids))
	}
	if err := log.append(&Record{}); !errors.Is(err, errLogClosed) {
		t.Errorf("append after close: %v", err)
	}
}

// Ensure that a record nobody flushes is in the file soon.
func TestLogWriter_FlushesByItself(t *testing.T) {
	t.Parallel()
	log, path := mustLog(t)
	if err := log.append(&Record{Kind: KindClock}); err != nil {
		t.Fatal(err)
	}
	log.mutex.Lock()
	for log.flushed < 1 {
		log.written.Wait()
	}
	log.mutex.Unlock()
	records, err := ReadLog(path)
	if err != nil || len(records) != 1 {
		t.Errorf("%d records, %v", len(records), err)
	}
	if err := log.close(); err != nil {
		t.Error(err)
	}
}

// Ensure that a log which cannot be written refuses all that follows.
func TestLogWriter_StopsAtAnError(t *testing.T) {
	t.Parallel()
	log, path := mustLog(t)
	if err := log.file.Close(); err != nil {
		t.Fatal(err)
	}
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	log.file = readOnly
	if err := log.append(&Record{Kind: KindClock}); err != nil {
		t.Fatal(err)
	}
	if err := log.flush(); err == nil {
		t.Error("flush to a read-only file succeeded")
	}
	if err := log.append(&Record{Kind: KindClock}); err == nil {
		t.Error("append after an error succeeded")
	}
	if err := log.close(); err == nil {
		t.Error("close hid the error")
	}
}

func TestReadLog(t *testing.T) {
	t.Parallel()
	line := func(sequence uint64) string {
		return string((&Record{Seq: sequence, At: monday, Kind: KindInboundURL}).appendTo(nil))
	}
	tests := []struct {
		name, content string
		records       int
		damaged       bool
	}{
		{"empty", "", 0, false},
		{"whole", line(1) + line(2), 2, false},
		{"torn last line", line(1) + line(2)[:20], 1, false},
		{"gap", line(1) + line(3), 1, true},
		{"repeated", line(1) + line(1), 1, true},
		{"starts late", line(2), 0, true},
		{"garbage between", line(1) + "garbage\n" + line(2), 1, true},
		{"zeros at the end", line(1) + "\x00\x00\n", 1, true},
		{"empty line", line(1) + "\n", 1, true},
		{"line longer than a buffer", line(1) + strings.Replace(line(2), "{", "{"+strings.Repeat(" ", 1<<17), 1) + line(3), 3, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			records, err := ReadLog(path)
			if len(records) != test.records {
				t.Errorf("%d records, want %d", len(records), test.records)
			}
			if errors.Is(err, ErrLogDamaged) != test.damaged || (err != nil) != test.damaged {
				t.Errorf("error %v, want damaged %v", err, test.damaged)
			}
		})
	}
	if _, err := ReadLog(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing log: %v", err)
	}
}

// Ensure that no content makes the reader panic, count bytes that are not there,
// or lose a record that it has counted.
func FuzzReadLog(f *testing.F) {
	whole := string((&Record{Seq: 1, At: monday, Kind: KindCreated, To: testTo, Body: "x"}).appendTo(nil))
	f.Add(whole)
	f.Add(whole + whole)
	f.Add(whole + whole[:30])
	f.Add("{}\n")
	f.Fuzz(func(t *testing.T, content string) {
		var records []Record
		bytes, err := scanLog(strings.NewReader(content), func(record *Record) error {
			records = append(records, *record)
			return nil
		})
		if bytes > int64(len(content)) {
			t.Fatalf("%d bytes of %d", bytes, len(content))
		}
		if err == nil && strings.Contains(content[bytes:], "\n") {
			t.Fatal("whole lines were left out without an error")
		}
		if lines := strings.Count(content[:bytes], "\n"); lines != len(records) {
			t.Fatalf("%d records from %d lines", len(records), lines)
		}
		Judge(records, JudgeOptions{})
	})
}
