package configs

import (
	"strings"
	"testing"
)

// Ensure that a hint names what was likeliest meant, and nothing far-fetched.
func TestSuggest(t *testing.T) {
	t.Parallel()
	known := []string{"level", "format", "max_connections", "party-a", "party-b"}
	for word, want := range map[string]string{
		"levl": `did you mean "level"?`, "elvel": `did you mean "level"?`, "Level": `did you mean "level"?`, "max-connections": `did you mean "max_connections"?`,
		"fromat": `did you mean "format"?`, "partya": `did you mean "party-a"?`, "colour": "known here: ", "x": "known here: ", "": "known here: ",
	} {
		if got := suggest(word, known); !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

// Ensure that a list of thousands does not fill the screen.
func TestList(t *testing.T) {
	t.Parallel()
	words := make([]string, 1000)
	for i := range words {
		words[i] = "territory"
	}
	if got := list(words); len(got) > 150 || !strings.HasSuffix(got, "and 990 more") {
		t.Errorf("got %q", got)
	}
	if got := list([]string{strings.Repeat("a", 200), "b"}); got != "2 values" {
		t.Errorf("got %q", got)
	}
}

// Ensure that distances count insertions, deletions, replacements and swaps.
func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"level", "levl", 1}, {"level", "lveel", 1}, {"été", "ete", 2}, {"abc", "xyz", 3}} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
