package dialer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hustings/hustings/dialer"
)

// Ensure that an operator is told which characters make a text dearer, where
// they stand and what to write instead, and nothing where it costs nothing.
func TestJob_TextWarnings(t *testing.T) {
	t.Parallel()
	a := func(n int) string { return strings.Repeat("a", n) }
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"plain":                {"Votez le 18 avril [oui]. STOP au 36111", nil},
		"dear, but it fits":    {a(150) + "€", nil},
		"UCS-2 that costs one": {"l’élu", []string{"message.body, character 2: ’ (U+2019) makes the text UCS-2; write ' instead", "message.body, segments: 1 in UCS-2, 1 in GSM-7 without such characters"}},
		"each character once": {"“Ça”, “çà” et l’élu" + a(60), []string{
			"message.body, character 1: “ (U+201C) makes the text UCS-2; write \" instead",
			"message.body, character 4: ” (U+201D) makes the text UCS-2; write \" instead",
			"message.body, character 8: ç (U+00E7) makes the text UCS-2; write c instead",
			"message.body, character 16: ’ (U+2019) makes the text UCS-2; write ' instead",
			"message.body, segments: 2 in UCS-2, 1 in GSM-7 without such characters",
		}},
		"a space that is none": {"STOP\u202f!", []string{
			"message.body, character 5: U+202F makes the text UCS-2; write a plain space instead",
			"message.body, segments: 1 in UCS-2, 1 in GSM-7 without such characters",
		}},
		"an accent apart": {"e\u0301lu", []string{
			"message.body, character 1: e\u0301 (U+0065 U+0301) makes the text UCS-2; write é instead",
			"message.body, segments: 1 in UCS-2, 1 in GSM-7 without such characters",
		}},
		"nothing like it": {"\u200b🗳️ oui", []string{
			"message.body, character 1: U+200B makes the text UCS-2; leave it out",
			"message.body, character 2: 🗳️ (U+1F5F3 U+FE0F) makes the text UCS-2; nothing plainer is like it",
			"message.body, segments: 1 in UCS-2, 1 in GSM-7 without such characters",
		}},
		"five are named": {"âêîôûŷ", []string{
			"message.body, character 1: â (U+00E2) makes the text UCS-2; write a instead",
			"message.body, character 2: ê (U+00EA) makes the text UCS-2; write e instead",
			"message.body, character 3: î (U+00EE) makes the text UCS-2; write i instead",
			"message.body, character 4: ô (U+00F4) makes the text UCS-2; write o instead",
			"message.body, character 5: û (U+00FB) makes the text UCS-2; write u instead",
			"message.body, more such characters: 1",
			"message.body, segments: 1 in UCS-2, 1 in GSM-7 without such characters",
		}},
		"twice": {a(159) + "€", []string{
			"message.body, character 160: € (U+20AC) counts twice in GSM-7; nothing plainer is like it",
			"message.body, segments: 2 in GSM-7, 1 in GSM-7 without such characters",
		}},
	} {
		job := dialer.Job{Message: dialer.JobMessage{Body: test.text}}
		if got := job.TextWarnings(); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}
