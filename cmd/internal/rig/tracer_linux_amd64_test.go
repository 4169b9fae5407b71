package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/hustings/hustings/cmd/internal/outpost"
)

// The kernel's words that package syscall lacks; see ptrace(2), wait(2) and
// seccomp(2).
const (
	ptraceGetSyscallInfo = 0x420e
	ptraceTraceSeccomp   = 0x80
	ptraceExitKill       = 0x100000
	ptraceEventSeccomp   = 7
	waitAll              = 0x40000000

	noNewPrivileges   = 38
	sysSeccomp        = 317
	seccompFilter     = 1
	seccompAllThreads = 1
	seccompTrace      = 0x7ff00000
	seccompAllow      = 0x7fff0000
	loadNumber        = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
	jumpIfEqual       = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
	answerWith        = syscall.BPF_RET | syscall.BPF_K
)

// syscallInfo is what the kernel tells of a thread that has stopped at a system
// call.
type syscallInfo struct {
	_         [4]uint8
	_         uint32
	_, _      uint64
	number    uint64
	arguments [6]uint64
	_         uint32
}

// boundaries are the system calls that leave something behind, or that others
// can see. By says what the first argument is.
var boundaries = map[uint64]struct {
	name string
	by   func(*tracer, int, *syscallInfo) string
}{
	syscall.SYS_WRITE:     {"write", (*tracer).descriptor},
	syscall.SYS_PWRITE64:  {"pwrite64", (*tracer).descriptor},
	syscall.SYS_WRITEV:    {"writev", (*tracer).descriptor},
	syscall.SYS_PWRITEV:   {"pwritev", (*tracer).descriptor},
	syscall.SYS_FSYNC:     {"fsync", (*tracer).descriptor},
	syscall.SYS_FDATASYNC: {"fdatasync", (*tracer).descriptor},
	syscall.SYS_FTRUNCATE: {"ftruncate", (*tracer).descriptor},
	syscall.SYS_FALLOCATE: {"fallocate", (*tracer).descriptor},
	syscall.SYS_SENDTO:    {"sendto", (*tracer).descriptor},
	syscall.SYS_SENDMSG:   {"sendmsg", (*tracer).descriptor},
	syscall.SYS_CONNECT:   {"connect", (*tracer).descriptor},
	syscall.SYS_RENAMEAT:  {"renameat", (*tracer).path},
	syscall.SYS_LINKAT:    {"linkat", (*tracer).path},
	syscall.SYS_UNLINKAT:  {"unlinkat", (*tracer).path},
	syscall.SYS_MKDIRAT:   {"mkdirat", (*tracer).path},
}

// watchedDaemon is a role: the daemon, which stops at each of the boundaries for
// whoever watches it.
func watchedDaemon(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	program := []syscall.SockFilter{{Code: loadNumber}}
	left := uint8(len(boundaries))
	for number := range boundaries {
		program = append(program, syscall.SockFilter{Code: jumpIfEqual, K: uint32(number), Jt: left})
		left--
	}
	program = append(program,
		syscall.SockFilter{Code: answerWith, K: seccompAllow}, syscall.SockFilter{Code: answerWith, K: seccompTrace})
	filter := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread()
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, noNewPrivileges, 1, 0)
	if errno == 0 {
		_, _, errno = syscall.RawSyscall(sysSeccomp, seccompFilter, seccompAllThreads, uintptr(unsafe.Pointer(&filter)))
	}
	runtime.UnlockOSThread()
	if errno != 0 {
		_, _ = fmt.Fprintf(stderr, refused+"%v\n", errno)
		return exitUnlisted
	}
	return mortalDaemon(ctx, args, stdout, stderr)
}

// tracer watches a process's system calls, over all its threads, in the order in
// which they happen, and does its deed at one of them.
type tracer struct {
	order   traceOrder
	process int
	seen    traceReport
	known   map[int]bool
}

// traceDaemon is a role: it plays the daemon in another process and watches that.
// It ends as the daemon does.
func traceDaemon(_ context.Context, args []string, stdout, stderr io.Writer) int {
	t := &tracer{known: map[int]bool{}, seen: traceReport{Seen: map[string]int{}}}
	if err := json.Unmarshal([]byte(os.Getenv(settingTrace)), &t.order); err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", settingTrace, err)
		return exitUnlisted
	}
	status, err := t.run(args)
	if err == nil {
		err = t.tell()
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "watch the daemon: %v\n", err)
		return exitUnlisted
	}
	if status.Signaled() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return status.ExitStatus()
}

// run starts the daemon and watches it to its end.
func (t *tracer) run(args []string) (syscall.WaitStatus, error) {
	runtime.LockOSThread() // the kernel knows the thread as the one that watches
	command := exec.Command(os.Args[0], args...)
	command.Env = append(os.Environ(), outpost.As(roleWatched))
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	input, err := command.StdinPipe()
	if err != nil {
		return 0, err
	}
	defer func() { _ = input.Close() }()
	if err := command.Start(); err != nil {
		return 0, err
	}
	t.process = command.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(t.process, &status, waitAll, nil); err != nil {
		return status, fmt.Errorf("wait for the first stop: %w", err)
	}
	options := ptraceTraceSeccomp | syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACEFORK | ptraceExitKill
	if err := syscall.PtraceSetOptions(t.process, options); err != nil {
		return status, fmt.Errorf("set options: %w", err)
	}
	t.known[t.process] = true
	t.goOn(t.process, 0)
	t.forward()
	return t.watch()
}

// forward hands on what the test tells the tracer.
func (t *tracer) forward() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		for range signals {
			_ = syscall.Kill(t.process, syscall.SIGTERM)
		}
	}()
}

func (t *tracer) goOn(thread int, with syscall.Signal) {
	_ = syscall.PtraceCont(thread, int(with)) // one that was killed meanwhile does not go on
}

// watch goes from stop to stop until the process is over.
func (t *tracer) watch() (syscall.WaitStatus, error) {
	for {
		var status syscall.WaitStatus
		thread, err := syscall.Wait4(-1, &status, waitAll, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return status, fmt.Errorf("wait for a stop: %w", err)
		case !status.Stopped():
			if thread == t.process {
				return status, nil
			}
			continue
		}
		switch stopped := status.StopSignal(); {
		case stopped == syscall.SIGTRAP && status.TrapCause() == ptraceEventSeccomp:
			if err := t.at(thread); err != nil {
				return status, err
			}
			t.goOn(thread, 0)
		case stopped == syscall.SIGTRAP:
			t.goOn(thread, 0) // a thread was made
		case stopped == syscall.SIGSTOP && !t.known[thread]:
			t.known[thread] = true // by its first stop a thread joins
			t.goOn(thread, 0)
		default:
			t.goOn(thread, stopped)
		}
	}
}

// at looks at the call that a thread is at.
func (t *tracer) at(thread int) error {
	var info syscallInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, ptraceGetSyscallInfo, uintptr(thread),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return nil //nolint:nilerr // it was killed meanwhile
	}
	boundary, watched := boundaries[info.number]
	if !watched {
		return nil
	}
	target := boundary.by(t, thread, &info)
	if target == "" {
		return nil
	}
	kind := boundary.name + " " + target
	t.seen.Seen[kind]++
	if (call{kind, t.seen.Seen[kind]}) == t.order.At {
		t.seen.Done = time.Now()
		return t.act(thread)
	}
	return nil
}

// act does the deed at the entry of a call: the call is not made.
func (t *tracer) act(thread int) error {
	if t.order.Fail == 0 {
		return syscall.Kill(t.process, syscall.SIGKILL)
	}
	var registers syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &registers); err != nil {
		return fmt.Errorf("read the registers: %w", err)
	}
	registers.Orig_rax, registers.Rax = ^uint64(0), -uint64(t.order.Fail) // no call has this number
	if err := syscall.PtraceSetRegs(thread, &registers); err != nil {
		return fmt.Errorf("write the registers: %w", err)
	}
	return nil
}

// descriptor names the file or socket that a call is about, empty for what
// leaves nothing behind: a pipe, a device, the runtime's own bell.
func (t *tracer) descriptor(_ int, info *syscallInfo) string {
	link, err := os.Readlink("/proc/" + strconv.Itoa(t.process) + "/fd/" + strconv.Itoa(int(int32(info.arguments[0]))))
	if err != nil {
		return ""
	}
	return part(link)
}

// path names the file that a call is about whose second argument is a path.
func (t *tracer) path(thread int, info *syscallInfo) string {
	text := make([]byte, 512)
	n, err := syscall.PtracePeekData(thread, uintptr(info.arguments[1]), text)
	if err != nil {
		n = 0
	}
	name, _, _ := bytes.Cut(text[:n], []byte{0})
	return part(string(name))
}

// part says which part of a house a file is.
func part(path string) string {
	switch {
	case strings.HasPrefix(path, "socket:"):
		return "socket"
	case strings.HasPrefix(path, "pipe:"), strings.HasPrefix(path, "anon_inode:"), strings.HasPrefix(path, "/dev/"):
		return ""
	}
	_, inside, found := strings.Cut(path+"/", "/data/")
	if !found {
		return "another file"
	}
	inside = strings.TrimSuffix(inside, "/")
	switch top, _, deeper := strings.Cut(inside, "/"); {
	case top == "":
		return "its folder"
	case deeper:
		return top + "/"
	default:
		return top
	}
}

// tell writes the report.
func (t *tracer) tell() error {
	report, err := json.Marshal(t.seen)
	if err != nil {
		return err
	}
	return os.WriteFile(t.order.Report, report, 0o600)
}
