package consent_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/cases"
)

// loadCases reads all cases of a file.
func loadCases(path string) ([]*cases.Case, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var all []*cases.Case
	for c, err := range cases.Read(file) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, c)
	}
	return all, nil
}

func readCases(tb testing.TB, path string) []*cases.Case {
	tb.Helper()
	all, err := loadCases(path)
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// casePaths are the files of cases that stand beside the engine.
func casePaths() ([]string, error) {
	paths, err := filepath.Glob("testdata/cases/*.jsonl")
	if err == nil && len(paths) == 0 {
		err = errors.New("there are no files of cases")
	}
	return paths, err
}

func ownCases(tb testing.TB) []string {
	tb.Helper()
	paths, err := casePaths()
	if err != nil {
		tb.Fatal(err)
	}
	return paths
}

func runCases(t *testing.T, path string) {
	t.Helper()
	packs := shipped(t)
	for _, c := range readCases(t, path) {
		t.Run(c.ID, func(t *testing.T) {
			got, err := c.Eval(packs)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Meets(c.Expect) {
				t.Errorf("%s on %s at %s (%s)\n got %+v\nwant %+v", c.Pack, c.Channel, c.At, c.Source, got, c.Expect)
			}
		})
	}
}

// Ensure that the engine answers as the conformance cases say.
func TestConformance(t *testing.T) {
	t.Parallel()
	path := os.Getenv("HUSTINGS_POLICY_CASES")
	if path == "" {
		t.Skip("set HUSTINGS_POLICY_CASES to a file of conformance cases to run them")
	}
	runCases(t, path)
}

// Ensure that every rule of every pack does what it is there for, to the
// second where there is one.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, path := range ownCases(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			runCases(t, path)
		})
	}
}

// Ensure that no rule stands in a pack without a case that it lets through and
// one that it does not.
func TestCases_EveryRule(t *testing.T) {
	t.Parallel()
	passed, refused := make(map[string]bool), make(map[string]bool)
	for _, path := range ownCases(t) {
		for _, c := range readCases(t, path) {
			side := refused
			if slices.Contains([]string{"allow", "none", "opt_in_request"}, c.Expect.Decision) {
				side = passed
			}
			for id := range strings.FieldsSeq(c.Source + " " + c.Expect.Rule) {
				side[id] = true
			}
		}
	}
	for _, file := range shippedFiles(t) {
		for _, rule := range file.Rules {
			if rule.Kind == "record" {
				continue // decides nothing
			}
			if !passed[rule.ID] {
				t.Errorf("%s: no case that it lets through", rule.ID)
			}
			if !refused[rule.ID] && !opens(rule) {
				t.Errorf("%s: no case that it refuses", rule.ID)
			}
		}
	}
}

// opens tells whether the rule is there to say that something does not bind:
// a list that is not applied, a channel that needs no basis.
func opens(rule consent.RuleFile) bool {
	if applied, stated := rule.Params["applied"]; stated {
		return applied == false
	}
	allowed, _ := rule.Params["allowed"].([]any)
	return slices.Contains(allowed, any("none"))
}

// Ensure that stopping at the first failing check is all that Decide does
// beyond Explain, on every case there is.
func TestExplain_FirstFailingIsDecision(t *testing.T) {
	t.Parallel()
	packs := shipped(t)
	for _, path := range ownCases(t) {
		for _, c := range readCases(t, path) {
			if c.Channel == cases.Inbound {
				continue
			}
			campaign, person, err := c.Question()
			if err != nil {
				t.Fatal(err)
			}
			want := packs[c.Pack].Decide(campaign, person, c.At)
			if got := firstFailing(packs[c.Pack].Explain(campaign, person, c.At)); got != want {
				t.Errorf("%s: first failing %s, decision %s", c.ID, got, want)
			}
		}
	}
}

func firstFailing(results []consent.CheckResult) consent.Decision {
	for _, result := range results {
		if !result.Decision.Allowed() {
			return result.Decision
		}
	}
	return consent.Decision{Verdict: consent.Allow, Reason: consent.OK}
}
