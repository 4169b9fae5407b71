package store_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The events of a program are read off strace: it stops a thread before and after
// each call, so that its lines stand in an order in which things may have happened.

// event is a call that leaves something behind. Entered and left are the lines at
// which it began and ended; they differ where another thread's call came between.
type event struct {
	name          string
	arguments     []string
	result        int64
	entered, left int
}

// tracedCalls are those that change files or names, or bring them to disk.
const tracedCalls = "openat,close,write,pwrite64,ftruncate,fsync,fdatasync,linkat,unlinkat,renameat,renameat2"

// trace runs this test binary in a role under strace, and returns its events in
// the order in which they had their effect.
func trace(t *testing.T, role, folder string) []event {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skipf("SKIPPED: power cuts of the ledger are simulated from what strace sees, and it is not installed: %v", err)
	}
	path := filepath.Join(t.TempDir(), "trace")
	command := exec.Command(strace, "--seccomp-bpf", "-f", "-qq", "-xx", "-s", "16777216", "-e", "signal=none",
		"-e", "trace="+tracedCalls, "-o", path, os.Args[0])
	command.Env = append(os.Environ(), storeRole+"="+role, storeFolder+"="+folder)
	output, err := command.CombinedOutput()
	if err != nil && (strings.Contains(string(output), "ptrace") || strings.Contains(string(output), "Operation not permitted")) {
		t.Skipf("SKIPPED: power cuts of the ledger are simulated from what strace sees, and it may not look: %s", output)
	}
	if err != nil {
		t.Fatalf("the traced program: %v\n%s", err, output)
	}
	return readTrace(t, path)
}

var traceLine = regexp.MustCompile(`^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$`)

func readTrace(t *testing.T, path string) []event {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var events []event
	unfinished := map[string]int{} // by thread: where its call stands
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 256<<20)
	for number := 0; lines.Scan(); number++ {
		parts := traceLine.FindStringSubmatch(lines.Text())
		if parts == nil {
			continue
		}
		thread, rest := parts[1], parts[4]
		if parts[2] != "" {
			at, begun := unfinished[thread]
			if !begun {
				t.Fatalf("%s of thread %s ends and has not begun", parts[2], thread)
			}
			delete(unfinished, thread)
			events[at].finish(rest, number)
			continue
		}
		events = append(events, event{name: parts[3], entered: number})
		if begun, found := strings.CutSuffix(rest, " <unfinished ...>"); found {
			events[len(events)-1].arguments = splitArguments(begun)
			unfinished[thread] = len(events) - 1
			continue
		}
		events[len(events)-1].finish(rest, number)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.line() - b.line() })
	return events
}

// line is when the call has its effect: a descriptor can be another's until the
// call that returns it has ended.
func (e *event) line() int {
	if e.name == "openat" {
		return e.left
	}
	return e.entered
}

// finish reads what follows the name: the rest of the arguments and the result.
func (e *event) finish(rest string, line int) {
	e.left = line
	e.result = -1 // unless it says otherwise
	call, result, found := strings.Cut(rest, " = ")
	end := strings.LastIndex(call, ")")
	if !found || end < 0 {
		return
	}
	if e.arguments == nil {
		e.arguments = splitArguments(call[:end])
	}
	number, _, _ := strings.Cut(result, " ")
	if n, err := strconv.ParseInt(number, 0, 64); err == nil {
		e.result = n
	}
}

func splitArguments(text string) []string { return strings.Split(text, ", ") }

// text decodes a string argument, which strace was asked to print in hexadecimal.
func (e *event) text(i int) string {
	if i >= len(e.arguments) {
		return ""
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(strings.Trim(e.arguments[i], `"`), `\x`, ""))
	if err != nil {
		return fmt.Sprintf("not a text: %.40s", e.arguments[i])
	}
	return string(raw)
}

func (e *event) number(i int) int64 {
	if i >= len(e.arguments) {
		return -1
	}
	n, _ := strconv.ParseInt(e.arguments[i], 0, 64)
	return n
}

// opened is what a file descriptor stands for.
type opened struct {
	file   *simFile
	folder bool
	// acks tells that it is the list of what was acknowledged.
	acks bool
	end  int64
}

// replayer feeds a disk with events.
type replayer struct {
	folder string
	disk   *simDisk
	open   map[int64]*opened
	// acknowledged are the lines that the program has written about what it was
	// promised, in order.
	acknowledged []string
	// syncs are the syncs under way: which event they were, and when they end.
	syncs []pendingSync
}

type pendingSync struct {
	of   *opened
	at   int
	left int
}

// step takes one event; i is which one it is.
func (r *replayer) step(i int, e *event) {
	r.finishSyncs(e.line())
	switch e.name {
	case "openat":
		r.opens(i, e)
	case "close":
		delete(r.open, e.number(0))
	case "write", "pwrite64":
		r.writes(i, e)
	case "ftruncate":
		if o := r.open[e.number(0)]; o != nil && o.file != nil {
			o.file.changes = append(o.file.changes, change{length: e.number(1), at: i})
		}
	case "fsync", "fdatasync":
		if o := r.open[e.number(0)]; o != nil && e.result == 0 {
			r.syncs = append(r.syncs, pendingSync{o, i, e.left})
		}
	case "linkat", "renameat", "renameat2", "unlinkat":
		r.renames(i, e)
	}
}

// finishSyncs makes durable what the syncs have brought to disk that ended before
// the line: what was written before they began.
func (r *replayer) finishSyncs(line int) {
	var rest []pendingSync
	for _, s := range r.syncs {
		switch {
		case s.left >= line:
			rest = append(rest, s)
		case s.of.folder:
			r.disk.syncNames(s.at)
		case s.of.file != nil:
			s.of.file.sync(s.at)
		}
	}
	r.syncs = rest
}

func (r *replayer) opens(i int, e *event) {
	path := e.text(1)
	if e.result < 0 {
		return
	}
	if path == r.folder {
		r.open[e.result] = &opened{folder: true}
		return
	}
	name, inside := r.name(path)
	if !inside {
		return
	}
	flags := e.arguments[2]
	if name == acksName {
		r.open[e.result] = &opened{acks: true}
		return
	}
	file := r.disk.now[name]
	switch {
	case file == nil:
		file = new(simFile)
		r.disk.rename(naming{to: name, file: file, at: i})
	case strings.Contains(flags, "O_TRUNC"):
		file.changes = append(file.changes, change{at: i})
	}
	r.open[e.result] = &opened{file: file}
}

// name is how a file is called in the folder, or in one below it.
func (r *replayer) name(path string) (name string, inside bool) {
	return strings.CutPrefix(path, r.folder+"/")
}

func (r *replayer) writes(i int, e *event) {
	o := r.open[e.number(0)]
	switch {
	case o == nil:
	case o.acks:
		r.acknowledged = append(r.acknowledged, strings.Fields(e.text(1))...)
	case o.file != nil:
		data, offset := []byte(e.text(1)), o.end
		if e.name == "pwrite64" {
			offset = e.number(3)
		} else {
			o.end += int64(len(data))
		}
		o.file.changes = append(o.file.changes, change{offset: offset, data: data, at: i})
	}
}

func (r *replayer) renames(i int, e *event) {
	if e.result != 0 {
		return
	}
	from, inside := r.name(e.text(1))
	if !inside || r.disk.now[from] == nil { // a folder, perhaps
		return
	}
	to := ""
	if e.name != "unlinkat" {
		to, _ = r.name(e.text(3))
	}
	r.disk.rename(naming{from: from, to: to, link: e.name == "linkat", file: r.disk.now[from], at: i})
}
