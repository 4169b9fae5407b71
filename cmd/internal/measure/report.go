package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// row is one line of the table.
type row struct {
	What string `json:"what"`
	// Ours and Theirs are measured figures with their units; Theirs may be empty
	// where the figure stands for itself.
	Ours   string `json:"ours"`
	Theirs string `json:"theirs,omitempty"`
	// Ratio is Ours to Theirs as the promise is put; Reach and Aim are what it
	// should be.
	Ratio string `json:"ratio,omitempty"`
	Reach string `json:"reach,omitempty"`
	Aim   string `json:"aim,omitempty"`
	// Verdict is one of the constants below.
	Verdict string `json:"verdict,omitempty"`
	// Skipped says why nothing was measured.
	Skipped string `json:"skipped,omitempty"`
}

// The verdicts about a row.
const (
	aimed  = "aim"
	reach  = "reached"
	missed = "missed"
	holds  = "holds"
)

// result is what a section has found.
type result struct {
	Rows  []row    `json:"rows"`
	Notes []string `json:"notes,omitempty"`
	// On says when, at which commit, on which machine, with which sizes.
	On string `json:"on"`
}

// target is what a ratio is held against: greater is better unless less is set.
type target struct {
	reach, aim float64
	less       bool
	unit       string
}

// judge writes a value and its target into the row.
func (r row) judge(value float64, t target) row {
	better := func(limit float64) bool { return value >= limit }
	sign := "at least "
	if t.less {
		better, sign = func(limit float64) bool { return value <= limit }, "at most "
	}
	r.Ratio = figure(value) + t.unit
	r.Reach, r.Aim = sign+figure(t.reach)+t.unit, sign+figure(t.aim)+t.unit
	switch {
	case better(t.aim):
		r.Verdict = aimed
	case better(t.reach):
		r.Verdict = reach
	default:
		r.Verdict = missed
	}
	return r
}

// figure prints a number with about three digits that count.
func figure(value float64) string {
	switch {
	case value >= 1000:
		digits := fmt.Sprintf("%.0f", value)
		for at := len(digits) - 3; at > 0; at -= 3 {
			digits = digits[:at] + "," + digits[at:]
		}
		return digits
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// median returns the middle one; of an even number, the lower middle one.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// medianBy returns the run with the middle value.
func medianBy[T any](runs []T, value func(T) float64) T {
	sorted := slices.Clone(runs)
	slices.SortStableFunc(sorted, func(a, b T) int { return cmp.Compare(value(a), value(b)) })
	return sorted[(len(sorted)-1)/2]
}

// results are all sections' results by name.
type results map[string]result

func readResults(path string) (results, error) {
	all := results{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read earlier results: %w", err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("read earlier results in %s (remove it to begin anew): %w", path, err)
	}
	return all, nil
}

func (r results) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

const preamble = `# Performance

Written by ` + "`.ci/performance`" + `; do not edit it by hand. Each figure stands beside what it is held against, measured in the
same run on the same machine, which stubs and load makers share with what is measured. Absolute times drift with the machine; the
ratios are what counts. "Reach" is promised, "aim" is hoped for. The runs' middle one is told.

`

// render writes the whole page.
func (r results) render(sections []section) string {
	var page strings.Builder
	page.WriteString(preamble)
	for _, section := range sections {
		result, measured := r[section.name]
		fmt.Fprintf(&page, "## %s\n\n%s\n\n", section.title, section.about)
		if !measured {
			fmt.Fprintf(&page, "Not measured yet: `.ci/performance --only %s`\n\n", section.name)
			continue
		}
		page.WriteString("| what | ours | held against | ratio | reach | aim | verdict |\n|---|---|---|---|---|---|---|\n")
		for _, row := range result.Rows {
			verdict := row.Verdict
			if row.Skipped != "" {
				verdict = "SKIPPED: " + row.Skipped
			}
			cells := []string{row.What, row.Ours, row.Theirs, row.Ratio, row.Reach, row.Aim, verdict}
			for i, cell := range cells {
				cells[i] = strings.ReplaceAll(cell, "|", `\|`)
			}
			fmt.Fprintf(&page, "| %s |\n", strings.Join(cells, " | "))
		}
		page.WriteString("\n")
		for _, note := range result.Notes {
			fmt.Fprintf(&page, "- %s\n", note)
		}
		if len(result.Notes) > 0 {
			page.WriteString("\n")
		}
		fmt.Fprintf(&page, "%s\n\n", result.On)
	}
	return strings.TrimRight(page.String(), "\n") + "\n"
}
