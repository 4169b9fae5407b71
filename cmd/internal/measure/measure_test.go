package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func mustWrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Ensure that the SMPP stub takes a message as Kannel sends it, reports it with
// the addresses swapped, and answers what it must.
func TestSMSC(t *testing.T) {
	t.Parallel()
	s, err := newSMSC()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	connection, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	submit := []byte("\x00\x05\x00PARTI\x00\x01\x0133639980001\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02hi")
	var asked []byte
	for i, p := range []pdu{
		{command: smppTransceiver, body: []byte("load\x00load\x00load\x00\x34\x00\x00\x00")},
		{command: smppEnquire},
		{command: smppSubmit, body: submit},
		{command: smppSubmit, body: []byte("x")},
		{command: 0x77},
		{command: smppDeliver | smppAnswer, body: []byte{0}},
		{command: smppUnbind},
	} {
		p.sequence = uint32(i + 1)
		asked = p.appendTo(asked)
	}
	if _, err := connection.Write(asked); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(connection)
	for i, want := range []pdu{
		{command: smppTransceiver | smppAnswer, sequence: 1},
		{command: smppEnquire | smppAnswer, sequence: 2},
		{command: smppSubmit | smppAnswer, sequence: 3},
		{command: smppDeliver, sequence: 1},
		{command: smppSubmit | smppAnswer, status: smppUnknown, sequence: 4},
		{command: smppNack, status: smppUnknown, sequence: 5},
		{command: smppUnbind | smppAnswer, sequence: 7},
	} {
		got, err := readPDU(reader)
		if err != nil || got.command != want.command || got.status != want.status || got.sequence != want.sequence {
			t.Fatalf("answer %d: %+v, %v", i, got, err)
		}
		if got.command == smppDeliver {
			back, err := readSubmission(got.body)
			if err != nil || string(back.from) != "33639980001" || string(back.to) != "PARTI" || !bytes.Contains(got.body, []byte("id:1 sub:001")) || !bytes.Contains(got.body, []byte("stat:DELIVRD")) {
				t.Errorf("report %q, %v", got.body, err)
			}
		}
	}
	if _, err := readPDU(reader); err != io.EOF { //nolint:errorlint // exactly the end
		t.Errorf("after unbind: %v", err)
	}
	for _, broken := range []string{"\x00\x00\x00\x0f" + strings.Repeat("\x00", 12), "\x7f\x00\x00\x00" + strings.Repeat("\x00", 12)} {
		if _, err := readPDU(bufio.NewReader(strings.NewReader(broken))); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
}

// Ensure that a row says what its figure means, in both directions, at the limit.
func TestRow_Judge(t *testing.T) {
	t.Parallel()
	more, less := target{reach: 2, aim: 3, unit: "x"}, target{reach: 3, aim: 2, less: true, unit: "x"}
	for _, test := range []struct {
		value float64
		t     target
		want  string
	}{{3, more, aimed}, {2.99, more, reach}, {2, more, reach}, {1.99, more, missed}, {2, less, aimed}, {3, less, reach}, {3.01, less, missed}} {
		if got := (row{}).judge(test.value, test.t); got.Verdict != test.want || !strings.HasSuffix(got.Ratio, "x") {
			t.Errorf("%v: %+v, want %s", test.value, got, test.want)
		}
	}
	for value, want := range map[float64]string{1234567: "1,234,567", 1000: "1,000", 999.6: "1000", 12.34: "12.3", 1.234: "1.23", 0: "0.00"} {
		if got := figure(value); got != want {
			t.Errorf("%v is printed as %s", value, got)
		}
	}
	if median([]int{3, 1, 2}) != 2 || median([]int{4, 1}) != 1 {
		t.Error("the median is another one")
	}
}

// Ensure that the table has every section, the measured ones with their rows, and
// that results outlive the process.
func TestResults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hidden", ".performance.json")
	all, err := readResults(path)
	if err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	all["import"] = result{
		Rows: []row{row{What: "a|b", Ours: "1 s", Theirs: "2 s"}.judge(0.5, flat), {What: "c", Skipped: "it is not there"}}, Notes: []string{"a note"}, On: "some machine",
	}
	if err := all.write(path); err != nil {
		t.Fatal(err)
	}
	if all, err = readResults(path); err != nil {
		t.Fatal(err)
	}
	page := all.render(sections)
	for _, want := range []string{
		"## Importing\n", "| a\\|b | 1 s | 2 s | 0.50x | at most 1.30x | at most 1.10x | aim |", "| c |  |  |  |  |  | SKIPPED: it is not there |",
		"- a note\n", "some machine\n", "Not measured yet: `.ci/performance --only dispatch`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	mustWrite(t, path, "{")
	if _, err := readResults(path); err == nil {
		t.Error("results that are damaged are read")
	}
}

// Ensure that what others print is read: go test, the kernel, a test of ours.
func TestRead(t *testing.T) {
	t.Parallel()
	all := readBenchmarks("goos: linux\nBenchmarkParse/E164-2   \t 100\t 1234 ns/op\t 26.5 times-the-library\t 0 B/op\t 0 allocs/op\nPASS\n")
	if len(all) != 1 || all[0].name != "Parse/E164" || all[0].metrics["ns/op"] != 1234 || all[0].metrics[timesTheLibrary] != 26.5 {
		t.Errorf("got %+v", all)
	}
	stat := "1 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0"
	if used, err := parseStat([]byte(stat)); err != nil || used != 3*time.Second {
		t.Errorf("got %s, %v", used, err)
	}
	if _, err := parseStat([]byte("1 (a) S 1")); err == nil {
		t.Error("half a line is read")
	}
	told := restartFigure.FindStringSubmatch("    restart_test.go:115: 20000 attempts in 2.1s; after the restart the ledger was open in 12ms, and the first request began after 41.5ms\n")
	if told == nil || told[3] != "41.5ms" {
		t.Errorf("got %q", told)
	}
}

// Ensure that a wrong command line is refused, and told what there is.
func TestParseOptions(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"--runs 0", "--only sending", "--skip x", "--sends 600000", "more", "--contacts x"} {
		if _, err := parseOptions(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
	o, err := parseOptions(strings.Fields("--only import,count --skip count --output x/P.md"), io.Discard)
	if err != nil || !o.wants("import") || o.wants("count") || o.wants("disk") || o.state != filepath.Join("x", ".performance.json") {
		t.Errorf("got %+v, %v", o, err)
	}
}
