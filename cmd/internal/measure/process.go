package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs until it is ended.
type process struct {
	name    string
	command *exec.Cmd
	over    chan struct{}
	log     string
}

// start starts a program. What it says goes to a log in the folder, which a
// failure quotes. It is killed with the context.
func start(ctx context.Context, folder string, command *exec.Cmd) (*process, error) {
	name := filepath.Base(command.Path)
	p := &process{name: name, command: command, over: make(chan struct{}), log: filepath.Join(folder, name+".log")}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = log.Close() }()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = command.Wait() // it was ended, or its log tells why
		close(p.over)
	}()
	go func() {
		select {
		case <-ctx.Done():
			_ = command.Process.Kill()
		case <-p.over:
		}
	}()
	return p, nil
}

// gracePeriod is how long a program may take to end when it is asked to.
const gracePeriod = 60 * time.Second

// end asks the program to end, and kills it where it does not.
func (p *process) end(signal os.Signal) {
	_ = p.command.Process.Signal(signal) // it may be over
	timer := time.AfterFunc(gracePeriod, func() { _ = p.command.Process.Kill() })
	defer timer.Stop()
	<-p.over
}

// failed tells the end of what the program has said.
func (p *process) failed(err error) error {
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s: %w; its log ends:\n%s", p.name, err, text[max(0, len(text)-2000):])
}

var errEnded = errors.New("it has ended")

// await waits until the condition holds, the program has ended, or the context.
func (p *process) await(ctx context.Context, condition func() bool) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-p.over:
			return p.failed(errEnded)
		case <-ctx.Done():
			return p.failed(context.Cause(ctx))
		}
	}
	return nil
}

// clockTicks is how many a second Linux counts CPU time in, on every platform
// that Go knows.
const clockTicks = 100

// cpuTime is the CPU time that processes have used so far.
func cpuTime(processes ...*process) (time.Duration, error) {
	var sum time.Duration
	for _, p := range processes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of %s: %w", p.name, err)
		}
		used, err := parseStat(text)
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of %s: %w", p.name, err)
		}
		sum += used
	}
	return sum, nil
}

// parseStat reads user and system time out of /proc/PID/stat.
func parseStat(text []byte) (time.Duration, error) {
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const user, system = 11, 12
	if len(fields) <= system {
		return 0, errors.New("there are too few fields")
	}
	var sum int64
	for _, at := range []int{user, system} {
		ticks, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read ticks: %w", err)
		}
		sum += ticks
	}
	return time.Duration(sum) * (time.Second / clockTicks), nil
}

// anonymous is the process's resident memory but for files, in bytes.
func (p *process) anonymous() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "RssAnon:"); found {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read the memory of %s: %w", p.name, err)
			}
			return kilobytes << 10, nil
		}
	}
	return 0, errors.New("the system does not tell anonymous memory")
}

// run runs a program to its end and returns what it printed. Its errors hold the
// end of that.
func run(ctx context.Context, folder string, environment []string, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...) //nolint:gosec // our own programs, go and git
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	output, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, output[max(0, len(output)-2000):])
	}
	return string(output), nil
}
