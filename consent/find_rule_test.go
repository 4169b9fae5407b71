package consent_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Ensure that looking for a rule's id leads to the code that checks it, and that
// no comment names a rule that is gone: see "How to find a rule" in doc.go.
func TestRules_AreNamedWhereTheyAreChecked(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := make(map[string]string) // id to file
	line := regexp.MustCompile(`(?m)^//\n// Rules: ((?:.|\n// )*?)\.\n`)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range line.FindAllSubmatch(text, -1) {
			for id := range strings.SplitSeq(strings.ReplaceAll(string(found[1]), "\n//", ""), ",") {
				named[strings.TrimSpace(id)] = path
			}
		}
	}
	var shippedIDs []string
	for _, file := range shippedFiles(t) {
		for _, rule := range file.Rules {
			shippedIDs = append(shippedIDs, rule.ID)
			if named[rule.ID] == "" {
				t.Errorf("%s, kind %s, of pack %s: no comment names it; add it to the line \"Rules:\" over the kind's parameters", rule.ID, rule.Kind, file.Pack)
			}
		}
	}
	for id, path := range named {
		if !slices.Contains(shippedIDs, id) {
			t.Errorf("%s: names %s, which no pack has", path, id)
		}
	}
}
