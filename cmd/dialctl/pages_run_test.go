package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hustings/hustings/cmd/internal/outpost"
)

// Ensure that every command that the pages for people give does what it is given
// for: the lines of their shell blocks are run as they stand, in order, against a
// daemon and a SANDBOX, and each command that a sentence names, with its flags, is run
// as well. What is not run is printed, with the reason. A command that is neither fails.
func TestPages_Run(t *testing.T) {
	t.Parallel()
	done := newDeeds()
	t.Run("pages", func(t *testing.T) {
		for _, w := range worlds {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				newWorldRun(t, w, done).run()
			})
		}
	})
	if t.Failed() {
		return // what was not run then says nothing
	}
	for _, name := range pageNames {
		for _, line := range readPage(t, name).lines() {
			if !done.excused(line) && len(commandsIn(line)) == 0 && !slices.ContainsFunc(worlds, func(w world) bool { return w.page == name }) {
				t.Errorf("%s: %s: it is never run", name, line)
			}
		}
		for _, command := range readPage(t, name).commands() {
			if why := done.lacks(command); why != "" {
				t.Errorf("%s: %s: %s: add it to a world in pages_world_test.go, or to notRun with the reason", name, command, why)
			}
		}
	}
	for _, line := range slices.Sorted(maps.Keys(notRun)) {
		if !done.skipped[line] {
			t.Errorf("notRun has %q, which stands on no page", line)
			continue
		}
		t.Logf("SKIPPED: %s: %s", line, notRun[line])
	}
	t.Logf("%d commands were run, %d were not", done.count, len(notRun))
}

// deeds are the commands that were run, each with the flags that it had.
type deeds struct {
	mu      sync.Mutex
	flags   map[string]map[string]bool
	lines   map[string]bool
	skipped map[string]bool
	count   int
}

func newDeeds() *deeds {
	return &deeds{flags: map[string]map[string]bool{}, lines: map[string]bool{}, skipped: map[string]bool{}}
}

// note enters the commands of a shell line that was run.
func (d *deeds) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	for _, command := range commandsIn(line) {
		d.lines[plain(command)] = true
		path, flags := take(command)
		if d.flags[path] == nil {
			d.flags[path] = map[string]bool{}
		}
		for _, flag := range flags {
			d.flags[path][flag] = true
		}
	}
}

// excused tells whether a line, or a command, is one of those that are not run.
func (d *deeds) excused(line string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for begin := range notRun {
		if strings.HasPrefix(line, begin) {
			d.skipped[begin] = true
			return true
		}
	}
	return false
}

// lacks says what of a command was never run, empty where nothing is missing.
func (d *deeds) lacks(command string) string {
	if d.excused(command) {
		return ""
	}
	path, flags := take(command)
	if d.flags[path] == nil {
		return "it is never run"
	}
	for _, flag := range flags {
		if !d.flags[path][flag] {
			return "it is never run with " + flag
		}
	}
	if whole.MatchString(command) && strings.TrimPrefix(command, "./") != path && len(strings.Fields(command)) > len(strings.Fields(path))+len(flags) && !d.lines[plain(command)] {
		return "it is never run as it stands"
	}
	return ""
}

// whole is a command without a placeholder, which is a word in capitals.
var whole = regexp.MustCompile(`^(?:[^A-Z ]|[A-Z][a-z])+(?: (?:[^A-Z ]|[A-Z][a-z])+)*$`)

// plain is a command without what changes nothing in it.
func plain(command string) string { return strings.TrimPrefix(strings.TrimSpace(command), "./") }

// take tells what a command is, such as "dialctl store backup", and its flags.
func take(command string) (path string, flags []string) {
	words := strings.Fields(regexp.MustCompile(`"[^"]*"|'[^']*'|\$\([^)]*\)`).ReplaceAllString(command, "TEXT"))
	path, rest := filepath.Base(words[0]), words[1:]
	if path == "dialctl" {
		found, left, err := (&app{}).rootCommand().Find(rest)
		if err != nil {
			return command, nil // no such command: it was never run either
		}
		path, rest = found.CommandPath(), left
	} else if len(rest) > 0 && rest[0] == "check" {
		path, rest = path+" check", rest[1:]
	}
	for _, word := range rest {
		if strings.HasPrefix(word, "--") {
			flag, _, _ := strings.Cut(word, "=")
			flags = append(flags, flag)
		}
	}
	return path, flags
}

// commandsIn returns the commands of ours in a shell line.
func commandsIn(line string) (commands []string) {
	for _, part := range regexp.MustCompile(`&&|\|\||[;|&>]|\$\(|\)`).Split(line, -1) {
		if part = strings.TrimSpace(part); regexp.MustCompile(`^(\./)?(dialctl|dialerd|sandbox) `).MatchString(part + " ") {
			commands = append(commands, part)
		}
	}
	return commands
}

// worldRun is a world in which lines are run.
type worldRun struct {
	t       *testing.T
	world   world
	done    *deeds
	folder  string
	words   *strings.Replacer
	env     []string
	daemon  *exec.Cmd
	log     bytes.Buffer
	started int
}

func newWorldRun(t *testing.T, w world, done *deeds) *worldRun {
	t.Helper()
	r := &worldRun{t: t, world: w, done: done, folder: t.TempDir()}
	archive, err := txtar.ParseFile(filepath.Join("testdata", "pages_"+w.name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	nats, reports := outpost.FreeAddress(t), outpost.FreeAddress(t)
	places := strings.NewReplacer("NATS", nats, "REPORTS", reports)
	for _, file := range archive.Files {
		if err := os.WriteFile(filepath.Join(r.folder, file.Name), []byte(places.Replace(string(file.Data))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"configs": filepath.Join(root, "configs"), "dialctl": r.program("dialctl"), "dialerd": r.program("dialerd")} {
		if err := os.Symlink(target, filepath.Join(r.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	mine := []string{"FOLDER", r.folder}
	for _, who := range []string{"anne", "bruno"} {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.folder, who+".txt"), []byte(identity.String()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		mine = append(mine, strings.ToUpper(who)+"_RECIPIENT", identity.Recipient().String())
	}
	pairs := append([]string{"https://reports.example.org", "http://" + reports}, w.words...)
	for i, word := range pairs {
		pairs[i] = strings.NewReplacer(mine...).Replace(word)
	}
	r.words = strings.NewReplacer(pairs...)
	r.env = append(os.Environ(), "HUSTINGS_NATS=nats://"+nats, "HUSTINGS_DATA="+filepath.Join(r.folder, "hustings-data"),
		"XDG_CONFIG_HOME="+filepath.Join(r.folder, "settings"), "REPORTS=http://"+reports)
	if w.operator != "" {
		r.env = append(r.env, "HUSTINGS_OPERATOR="+w.operator)
	}
	return r
}

func (r *worldRun) program(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return path
}

// run runs what comes before the page, its lines, and what its sentences name.
func (r *worldRun) run() {
	defer r.down()
	r.each(r.world.before)
	if r.world.page != "" {
		for _, line := range readPage(r.t, r.world.page).lines() {
			if r.done.excused(line) {
				continue
			}
			for begin, first := range r.world.first {
				if strings.HasPrefix(line, begin) {
					r.each(first)
				}
			}
			r.line(line)
		}
	}
	r.env = append(r.env, "HUSTINGS_OPERATOR=op-anne")
	r.each(r.world.after)
}

// assignment is a line that holds for all lines after it.
var assignment = regexp.MustCompile(`^[A-Z]+=\S+$`)

func (r *worldRun) each(lines string) {
	for line := range strings.Lines(lines) {
		switch line = strings.TrimSpace(line); {
		case assignment.MatchString(line):
			r.env = append(r.env, line)
		case line != "":
			r.line(line)
		}
	}
}

// stopped are the commands that want the daemon stopped.
var stopped = regexp.MustCompile(`systemctl stop|dialctl store (restore|check|compact)|--store hustings-data|^rm -r`)

// needsNone are those that do not care.
var needsNone = regexp.MustCompile(`^(\./)?(dialctl (key (create|backup|confirm|restore)|operator key|sample|schema|report (verify|preview)|policy (show|eval)) |dialerd check)`)

// line runs one line, with the daemon running or stopped as the line wants it.
func (r *worldRun) line(line string) {
	r.t.Helper()
	if stopped.MatchString(line) {
		r.down()
	} else if needsNone.MatchString(line) {
		// it runs or not
	} else if strings.Contains(line, "dialctl ") || strings.Contains(line, "dialerd --") || strings.Contains(line, "systemctl") || strings.Contains(line, "curl") {
		r.up()
	}
	if _, err := exec.LookPath("curl"); err != nil && strings.HasPrefix(line, "curl") {
		r.t.Logf("SKIPPED: %s: there is no curl on this machine", line)
		return
	}
	r.done.note(line)
	if strings.Contains(line, "systemctl ") || strings.Contains(line, "./dialerd --") {
		return // that was it
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience/2)
	defer cancel()
	given := r.words.Replace(line)
	for end := time.Now().Add(patience / 2); ; {
		command := exec.CommandContext(ctx, "sh", "-c", given)
		command.Dir, command.Env = r.folder, r.env
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what the shell has started ends with it
		command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
		command.Stdin = strings.NewReader(r.world.number)
		output, err := command.CombinedOutput()
		if phoneNumber.MatchString(ownCallers.ReplaceAllString(string(output), "")) && !strings.HasPrefix(line, "cat ") {
			r.t.Errorf("%s: it shows a phone number", line)
		}
		if err == nil {
			return
		}
		if again, ok := strings.CutPrefix(line, "until "); !ok || time.Now().After(end) {
			r.t.Fatalf("%s\nwas run as\n%s\nand has failed: %v\n%s\nthe daemon says:\n%s", line, given, err, output, tail(r.log.String()))
		} else {
			given = r.words.Replace(again)
		}
		wait(ctx, 100*time.Millisecond)
	}
}

func tail(text string) string { return text[max(0, len(text)-2000):] }

// up starts the daemon where none runs.
func (r *worldRun) up() {
	r.t.Helper()
	if r.daemon != nil {
		return
	}
	log, err := os.Create(filepath.Join(r.folder, fmt.Sprintf("dialerd-%d.log", r.started)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.started++
	defer func() { _ = log.Close() }()
	r.daemon = exec.Command("dialerd", "--config", "dialerd.yaml", "--log-format", "console")
	r.daemon.Dir, r.daemon.Env, r.daemon.Stderr = r.folder, r.env, log
	if err := r.daemon.Start(); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; wait(r.t.Context(), 50*time.Millisecond) {
		said, err := os.ReadFile(log.Name())
		r.log.Reset()
		_, _ = r.log.Write(said)
		if err == nil && bytes.Contains(said, []byte("daemon.started")) {
			return
		}
		if time.Now().After(end) || r.t.Context().Err() != nil {
			r.t.Fatalf("the daemon does not start:\n%s", tail(string(said)))
		}
	}
}

// down stops the daemon where one runs.
func (r *worldRun) down() {
	if r.daemon == nil {
		return
	}
	_ = r.daemon.Process.Signal(syscall.SIGTERM) // one that is over says so below
	if err := r.daemon.Wait(); err != nil {
		r.t.Errorf("the daemon ended: %v", err)
	}
	r.daemon = nil
}
