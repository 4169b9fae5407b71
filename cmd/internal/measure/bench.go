package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// bench is where a run takes place: its folder, its programs, what earlier
// sections have set up.
type bench struct {
	*options
	ctx     context.Context //nolint:containedctx // the run's life, which what it starts may not outlive
	out     io.Writer
	began   time.Time
	dir     string
	bin     string
	machine string
	commit  string
	// nations are the directories that were built, by the number of contacts.
	nations map[int]*nation
	// server is PostgreSQL, where a section has opened it, and loaded how long it
	// took to load everybody, each time.
	server *postgres
	loaded []time.Duration
}

// newBench makes the run's folder. Programs are taken from beside our own.
func newBench(ctx context.Context, o *options, out io.Writer) (*bench, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	b := &bench{options: o, ctx: ctx, out: out, began: time.Now(), bin: filepath.Dir(own), nations: map[int]*nation{}}
	if b.dir, err = os.MkdirTemp(o.work, "hustings-performance-"); err != nil {
		return nil, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	// PostgreSQL, which does not run as root, must reach its own part of it.
	if err := os.Chmod(b.dir, 0o711); err != nil { //nolint:gosec // so that others can pass through, not look
		return nil, errors.Join(fmt.Errorf("make a folder for temporary files: %w", err), b.close())
	}
	b.machine = machineFacts()
	b.commit = b.describeCommit(ctx)
	b.say("%s", b.facts())
	if load, cores := loadAverage(), runtime.NumCPU(); load > float64(cores)/2 {
		b.say("WARNING: others keep this machine busy (load %.1f on %d cores): only CPU times can be believed", load, cores)
	}
	return b, nil
}

func (b *bench) close() error {
	if b.server != nil {
		b.server.close()
	}
	if err := os.RemoveAll(b.dir); err != nil {
		return fmt.Errorf("remove temporary files: %w", err)
	}
	return nil
}

// say tells what is done, and when.
func (b *bench) say(format string, values ...any) {
	_, _ = fmt.Fprintf(b.out, "%6s  %s\n", time.Since(b.began).Round(time.Second), fmt.Sprintf(format, values...)) // progress only
}

// tell prints a row as it will stand in the table.
func (b *bench) tell(r row) {
	if r.Skipped != "" {
		b.say("SKIPPED: %s: %s", r.What, r.Skipped)
		return
	}
	text := r.What + ": " + r.Ours
	if r.Theirs != "" {
		text += " against " + r.Theirs
	}
	if r.Ratio != "" {
		text += ", " + r.Ratio
	}
	if r.Verdict != "" {
		text += " (" + r.Verdict + ")"
	}
	b.say("%s", text)
}

func (b *bench) program(name string) string { return filepath.Join(b.bin, name) }

// folder makes a folder for temporary files and returns what removes it.
func (b *bench) folder(name string) (string, func(), error) {
	dir, err := os.MkdirTemp(b.dir, name+"-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // close removes what is left
}

// facts says when and where and how large.
func (b *bench) facts() string {
	return fmt.Sprintf("%s, load %.1f, commit %s, %s contacts, %s sends, %d runs; %s", time.Now().UTC().Format("2006-01-02 15:04 MST"), loadAverage(), b.commit,
		figure(float64(b.Contacts)), figure(float64(b.Sends)), b.Runs, b.machine)
}

func (b *bench) describeCommit(ctx context.Context) string {
	described, err := run(ctx, b.root, nil, "git", "describe", "--always", "--dirty")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(described)
}

// machineFacts says what the machine is.
func machineFacts() string {
	facts := []string{fmt.Sprintf("%d cores", runtime.NumCPU())}
	if model := procLine("/proc/cpuinfo", "model name"); model != "" {
		facts[0] += " (" + model + ")"
	}
	if memory := procLine("/proc/meminfo", "MemTotal"); memory != "" {
		facts = append(facts, memory+" of memory")
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		facts = append(facts, runtime.GOOS+" "+strings.TrimSpace(string(kernel)))
	}
	return strings.Join(append(facts, runtime.Version()), ", ")
}

// loadAverage is how many were at work in the last minute, ourselves included; 0
// where the system does not tell.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64) // 0 for what is no number
	return load
}

// procLine returns what stands behind a key in a file of /proc.
func procLine(path, key string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
