// Command mutations shows that the tests can fail. Each patch beside it is a
// seeded fault with the name of the test that must catch it:
//
//	# fault: what is broken
//	# caught by: ./dialer TestX
//
// A fault is applied to copies of the files that it touches, and the test runs
// over them by way of go test's -overlay, so that the tree is never changed. The
// test must fail by an assertion of its own: code that does not compile, a panic
// or a time-out catches nothing. Without faults all named tests must pass.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

const folder = ".ci/mutations"

func main() {
	atOnce := flag.Int("p", 2, "how many faults to try at once")
	flag.Parse()
	if err := run(os.Stdout, *atOnce, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// mutation is a seeded fault and the test that must catch it.
type mutation struct {
	name, path    string
	fault         string
	folder, test  string // "./dialer", "TestX"
	files         []string
	verdict, note string
	took          time.Duration
}

const caught = "caught"

func run(out io.Writer, atOnce int, words []string) error {
	mutations, err := read(words)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := passUnharmed(out, mutations); err != nil {
		return err
	}
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	var done int
	var mu sync.Mutex
	for _, m := range mutations {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			m.try()
			mu.Lock()
			defer mu.Unlock()
			done++
			fmt.Fprintf(out, "%d of %d  %s: %s\n", done, len(mutations), m.name, m.verdict)
		})
	}
	all.Wait()
	return report(out, mutations, time.Since(began))
}

// report prints the table, and tells whether every fault was caught.
func report(out io.Writer, mutations []*mutation, took time.Duration) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nMUTATION\tFAULT\tTEST\tVERDICT\tTOOK")
	escaped := 0
	for _, m := range mutations {
		if m.verdict != caught {
			escaped++
		}
		fmt.Fprintf(table, "%s\t%s\t%s %s\t%s\t%s\n", m.name, m.fault, m.folder, m.test, m.verdict, m.took.Round(100*time.Millisecond))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, m := range mutations {
		if m.note != "" {
			fmt.Fprintf(out, "\n-- %s: %s\n%s\n", m.name, m.verdict, m.note)
		}
	}
	fmt.Fprintf(out, "\n%d faults, %d caught, in %s\n", len(mutations), len(mutations)-escaped, took.Round(time.Second))
	if escaped > 0 {
		return fmt.Errorf("%d of %d faults were not caught", escaped, len(mutations))
	}
	return nil
}

func read(words []string) ([]*mutation, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	var mutations []*mutation
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".patch")
		if len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(name, word) }) {
			continue
		}
		m := &mutation{name: name, path: path}
		if err := m.read(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		mutations = append(mutations, m)
	}
	if len(mutations) == 0 {
		return nil, errors.New("there is no such patch")
	}
	return mutations, nil
}

func (m *mutation) read() error {
	text, err := os.ReadFile(m.path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if fault, ok := strings.CutPrefix(line, "# fault: "); ok {
			m.fault = fault
		}
		if test, ok := strings.CutPrefix(line, "# caught by: "); ok {
			m.folder, m.test, _ = strings.Cut(test, " ")
		}
		if file, ok := strings.CutPrefix(line, "+++ b/"); ok {
			m.files = append(m.files, file)
		}
	}
	if m.fault == "" || m.test == "" || len(m.files) == 0 {
		return errors.New(`want "# fault: WHAT", "# caught by: ./FOLDER TEST" and a unified diff`)
	}
	return nil
}

// passUnharmed demands that each named test passes, and is not skipped, as long
// as nothing is broken.
func passUnharmed(out io.Writer, mutations []*mutation) error {
	tests := map[string]map[string]bool{}
	for _, m := range mutations {
		if tests[m.folder] == nil {
			tests[m.folder] = map[string]bool{}
		}
		tests[m.folder][m.test] = true
	}
	for _, of := range slices.Sorted(maps.Keys(tests)) {
		names := slices.Sorted(maps.Keys(tests[of]))
		fmt.Fprintf(out, "without a fault: %s %s\n", of, strings.Join(names, " "))
		results, output, err := test(of, names, "")
		if err != nil {
			return err
		}
		for _, name := range names {
			if results[name] != "pass" {
				return fmt.Errorf("%s %s does not pass without a fault: %q\n%s", of, name, results[name], output)
			}
		}
	}
	return nil
}

// try applies the fault and runs its test.
func (m *mutation) try() {
	began := time.Now()
	defer func() { m.took = time.Since(began) }()
	overlay, err := m.apply()
	if overlay != "" {
		defer func() { _ = os.RemoveAll(filepath.Dir(overlay)) }()
	}
	if err != nil {
		m.verdict, m.note = "DOES NOT APPLY", err.Error()
		return
	}
	results, output, err := test(m.folder, []string{m.test}, overlay)
	switch {
	case err != nil:
		m.verdict, m.note = "DOES NOT RUN", err.Error()
	case results[""] == "build-fail":
		m.verdict, m.note = "DOES NOT COMPILE", output
	case results[m.test] == "fail" && byItself.MatchString(output):
		m.verdict, m.note = "PANICS OR HANGS", output
	case results[m.test] == "fail":
		m.verdict = caught
	case results[m.test] == "pass":
		m.verdict = "SURVIVES"
	default:
		m.verdict, m.note = "DOES NOT END", output
	}
}

// byItself is output of a test that ended by itself, and by no assertion.
var byItself = regexp.MustCompile(`(?m)^panic: |^fatal error: |panic: test timed out`)

// apply makes copies of the files with the fault in them, and returns the path of
// the overlay that puts them in the others' places.
func (m *mutation) apply() (string, error) {
	top, err := os.Getwd()
	if err != nil {
		return "", err
	}
	copies, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(copies, "overlay.json")
	replace := map[string]string{}
	for _, file := range m.files {
		text, err := os.ReadFile(file)
		if err != nil {
			return overlay, err
		}
		replace[filepath.Join(top, file)] = filepath.Join(copies, file)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(copies, file)), 0o700); err != nil {
			return overlay, err
		}
		if err := os.WriteFile(filepath.Join(copies, file), text, 0o600); err != nil {
			return overlay, err
		}
	}
	patch := exec.Command("git", "apply", "-C1", filepath.Join(top, m.path))
	patch.Dir = copies
	patch.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(copies))
	if output, err := patch.CombinedOutput(); err != nil {
		return overlay, fmt.Errorf("%w\n%s", err, output)
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return overlay, err
	}
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// test runs tests of a package and returns what became of each; under "" stands
// "build-fail" where they did not compile.
func test(of string, names []string, overlay string) (map[string]string, string, error) {
	arguments := []string{
		"test", "-json", "-count=1", "-p=1", "-vet=off", "-timeout=5m", "-run", "^(" + strings.Join(names, "|") + ")$",
	}
	if overlay != "" {
		arguments = append(arguments, "-overlay", overlay)
	}
	command := exec.Command("go", append(arguments, of)...)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := command.Start(); err != nil {
		return nil, "", err
	}
	results, output := map[string]string{}, new(strings.Builder)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var event struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue
		}
		switch event.Action {
		case "output", "build-output":
			output.WriteString(event.Output)
		case "build-fail":
			results[""] = event.Action
		case "pass", "fail", "skip":
			if event.Test != "" {
				results[event.Test] = event.Action
			}
		}
	}
	_ = command.Wait() // it fails where a test does
	if err := lines.Err(); err != nil {
		return nil, "", err
	}
	return results, last(output.String(), 6000) + complaints.String(), nil
}

// last returns the end of a text.
func last(text string, most int) string { return text[max(0, len(text)-most):] }
