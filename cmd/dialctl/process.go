package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a process that the demo runs: this very program, as another one.
type child struct {
	name    string
	command *exec.Cmd
	log     string
	// over is closed once it has ended, with err saying how.
	over chan struct{}
	err  error
}

// startChild runs a hidden verb of ours in a process of its own. What it says
// goes to the log; its first line on stdout is sent to ready.
func startChild(name, log string, ready chan<- string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	c := &child{name: name, command: exec.Command(self, args...), log: log, over: make(chan struct{})} //nolint:gosec,noctx // our own program, which end() ends
	c.command.Args[0] = "dialctl"
	c.command.Stdout, c.command.Stderr, c.command.SysProcAttr = &firstLine{line: ready, rest: output}, output, apart()
	started := make(chan error)
	go func() {
		// A child that is to die with its parent dies with the thread that
		// started it, so that the thread must stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = output.Close() }()
		err := c.command.Start()
		started <- err
		if err == nil {
			c.err = c.command.Wait()
			close(c.over)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	return c, nil
}

// firstLine sends the first line that is written to it, and hands all on.
type firstLine struct {
	mu   sync.Mutex
	seen []byte
	sent bool
	line chan<- string
	rest io.Writer
}

func (f *firstLine) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.sent && f.line != nil {
		f.seen = append(f.seen, text...)
		if line, _, whole := bytes.Cut(f.seen, []byte("\n")); whole {
			f.line <- string(line)
			f.sent, f.seen = true, nil
		}
	}
	return f.rest.Write(text)
}

// kill ends the child without a warning, as a power cut would.
func (c *child) kill() error {
	if err := c.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the %s: %w", c.name, err)
	}
	<-c.over
	return nil
}

// end asks the child to stop, and kills it if it does not in time.
func (c *child) end(patience time.Duration) {
	if c == nil {
		return
	}
	_ = c.command.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.over:
	case <-timer.C:
		_ = c.kill()
	}
}

// died explains the end of a child that should have gone on.
func (c *child) died() error {
	text, _ := os.ReadFile(c.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return &failure{
		message: fmt.Sprintf("the %s ended by itself (%v): %s", c.name, c.err, lines[len(lines)-1]),
		hint:    "its log is " + c.log, cause: c.err,
	}
}
