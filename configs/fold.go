package configs

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold brings the ways to write one name together: case, accents, and whether
// words are parted by spaces, dots, hyphens, underscores or apostrophes make no
// difference.
func fold(name string) string {
	var folded strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r) || strings.ContainsRune("_-.'’", r):
			gap = folded.Len() > 0
		default:
			if gap {
				folded.WriteByte(' ')
				gap = false
			}
			folded.WriteRune(r)
		}
	}
	return folded.String()
}
