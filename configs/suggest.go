package configs

import (
	"fmt"
	"slices"
	"strings"
)

// suggest returns a hint for a word that is not one of those known.
func suggest(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here: " + list(known)
}

// list enumerates words without filling the screen.
func list(words []string) string {
	const most = 120
	text := strings.Join(words, ", ")
	if len(text) <= most {
		return text
	}
	cut := strings.LastIndex(text[:most], ", ")
	if cut < 0 {
		return fmt.Sprintf("%d values", len(words))
	}
	return fmt.Sprintf("%s and %d more", text[:cut], len(words)-strings.Count(text[:cut], ", ")-1)
}

// nearest returns the known word that is likeliest meant, or "".
func nearest(word string, known []string) string {
	best, least := "", 1+max(2, len(word)/3)
	if len(word) < 3 || len(word) > 64 {
		return ""
	}
	for _, candidate := range known {
		distance := editDistance(fold(word), fold(candidate))
		if distance < least && distance < len(candidate) {
			best, least = candidate, distance
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours between two words.
func editDistance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range to {
		rows[0][j+1] = j + 1
	}
	for i := range from {
		for j := range to {
			replaced := rows[i][j]
			if from[i] != to[j] {
				replaced++
			}
			rows[i+1][j+1] = min(replaced, rows[i][j+1]+1, rows[i+1][j]+1)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				rows[i+1][j+1] = min(rows[i+1][j+1], rows[i-1][j-1]+1)
			}
		}
	}
	return rows[len(from)][len(to)]
}

// sortedKeys returns a map's keys in a fixed order, so that faults come in the
// same order every time.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
