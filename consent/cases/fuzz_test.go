package cases_test

import (
	"strings"
	"testing"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/cases"
)

// FuzzRead ensures that no file of cases breaks the reader, and that whatever is
// read as a case can be put to its pack: it is refused, or its answer has a
// verdict and a reason, and is the same when it is put again.
func FuzzRead(f *testing.F) {
	f.Add(sound)
	for _, text := range []string{
		"", "\n\n", "{}", `{"id":"A"}`, sound + "\n" + sound, strings.Replace(sound, `"sms"`, `"sms_inbound"`, 1),
		strings.Replace(sound, "Europe/Paris", "Local", 1), strings.Replace(sound, "1980", "-1", 1), strings.Replace(sound, "2027-04-18", "2027-13-41", 1),
		strings.Replace(sound, `"FR"`, `"US"`, 1), strings.Replace(sound, "+01:00", "-99:99", 1),
		"{\n}\n[[[[\n\xff",
	} {
		f.Add(text)
	}
	packs, err := configs.LoadPacks("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for c, err := range cases.Read(strings.NewReader(text)) {
			if err != nil {
				if !strings.HasPrefix(err.Error(), "line ") {
					t.Errorf("a fault without its line: %v", err)
				}
				continue
			}
			answer, err := c.Eval(packs)
			if err != nil {
				continue
			}
			again, _ := c.Eval(packs)
			if answer != again || answer.ID != c.ID || answer.Decision == "" || answer.Reason == "" {
				t.Errorf("case %q: %+v, and then %+v", c.ID, answer, again)
			}
			if allowed := answer.Decision == consent.Allow.String(); allowed != (answer.Reason == consent.OK.String()) {
				t.Errorf("case %q: %s for %s", c.ID, answer.Decision, answer.Reason)
			}
		}
	})
}
