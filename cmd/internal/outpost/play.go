package outpost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// roleVariable names the part that the process is to play.
const roleVariable = "HUSTINGS_PLAY_ROLE"

// Role is a program's main: it works until the context ends and returns the
// exit code.
type Role func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// The roles that an [Outpost] has played. Carrier and Daemon are the mains of
// the programs of that name.
const (
	Carrier = "carrier"
	Daemon  = "daemon"
)

// As is what the environment of a process must hold for this test binary to play
// the role in it.
func As(role string) string { return roleVariable + "=" + role }

// Play plays the part that the process was started for, and does not return
// then. Otherwise it returns at once.
func Play(roles map[string]Role) {
	name := os.Getenv(roleVariable)
	if name == "" {
		return
	}
	role, known := roles[name]
	if !known {
		_, _ = fmt.Fprintf(os.Stderr, "nobody here can play the %q\n", name)
		os.Exit(1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		// The input ends with whoever holds its other end.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	os.Exit(role(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Player is this test binary in another role, as a process of its own.
type Player struct {
	role    string
	command *exec.Cmd
	log     output
	over    chan struct{}
}

// Part is what a process is started with.
type Part struct {
	Role        string
	Arguments   []string
	Environment []string
	// Mark is what the line of its output holds that says that it is ready.
	Mark string
	// Log takes all its output, where not nil.
	Log io.Writer
	// Lifetime is how long after its start it is killed, 0 for never.
	Lifetime time.Duration
}

// ErrEnded tells that a process was over before it was ready.
var ErrEnded = errors.New("the process ended before it was ready")

// Start starts a process and returns, once it is ready, the line of its output
// that said so. Where it ends before, the error wraps ErrEnded and the player is
// returned all the same.
func Start(part Part) (*Player, string, error) {
	p := &Player{role: part.Role, command: exec.Command(os.Args[0], part.Arguments...), over: make(chan struct{})} //nolint:gosec,noctx // our own program, which End ends
	p.command.Env = append(append(os.Environ(), part.Environment...), As(part.Role))
	output, err := p.command.StderrPipe()
	if err != nil {
		return nil, "", fmt.Errorf("start the %s: %w", part.Role, err)
	}
	p.command.Stdout = p.command.Stderr
	// Held open until the process is over, or this one is.
	if _, err := p.command.StdinPipe(); err != nil {
		return nil, "", fmt.Errorf("start the %s: %w", part.Role, err)
	}
	if err := p.command.Start(); err != nil {
		return nil, "", fmt.Errorf("start the %s: %w", part.Role, err)
	}
	if part.Lifetime > 0 {
		death := time.AfterFunc(part.Lifetime, func() { _ = p.command.Process.Kill() }) // it may be over already
		defer func() { go func() { <-p.over; death.Stop() }() }()
	}
	ready := make(chan string, 1)
	go func() {
		defer close(p.over)
		p.listen(output, part, ready)
		_ = p.command.Wait() // it was killed, or has told why
	}()
	timer := time.NewTimer(Limit)
	defer timer.Stop()
	select {
	case line := <-ready:
		return p, line, nil
	case <-p.over:
		return p, "", fmt.Errorf("%s: %w\n%s", part.Role, ErrEnded, p.Tail())
	case <-timer.C:
		p.End(syscall.SIGKILL)
		return p, "", fmt.Errorf("the %s is not ready after %v\n%s", part.Role, Limit, p.Tail())
	}
}

func (p *Player) listen(output io.Reader, part Part, ready chan<- string) {
	for lines := bufio.NewReader(output); ; {
		line, err := lines.ReadString('\n')
		p.log.add(line)
		if part.Log != nil {
			_, _ = io.WriteString(part.Log, line)
		}
		if strings.Contains(line, part.Mark) {
			select {
			case ready <- line:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// End sends the signal and waits until the process is over. It returns the exit
// code, -1 where a signal ended it.
func (p *Player) End(signal syscall.Signal) int {
	_ = p.command.Process.Signal(signal) // one that is over already takes none
	<-p.over
	return p.ExitCode()
}

// Over is closed once the process is over.
func (p *Player) Over() <-chan struct{} { return p.over }

// ExitCode is that of a process that is over, -1 where a signal ended it.
func (p *Player) ExitCode() int { return p.command.ProcessState.ExitCode() }

// Said is all that the process has said so far.
func (p *Player) Said() string { return p.log.all() }

// Tail returns the end of it.
func (p *Player) Tail() string {
	text := p.log.all()
	return "the " + p.role + "'s log ends:\n" + text[max(0, len(text)-tailSize):]
}

// tailSize is how much of an output a failure shows, in bytes.
const tailSize = 4000

// output may be read while it is written.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) add(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.WriteString(line)
}

func (o *output) all() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// PID is the number of the process.
func (p *Player) PID() int { return p.command.Process.Pid }
