package consent_test

import (
	"testing"
	"unicode/utf8"

	"github.com/hustings/hustings/consent"
)

// Ensure that spelling, accents, spacing and capitals do not matter to what a
// text means.
func TestClassify_Spelling(t *testing.T) {
	t.Parallel()
	pack := shipped(t)["FR"]
	for _, text := range []string{
		"STOP", "stop", " stop. ", "«Stop»", "ＳＴＯＰ", "STOP\n", "\tstop!!!", "Arrêt", "arre\u0302t", "ARRÊT SVP", "désabonnement", "Opt-Out",
	} {
		if got := pack.Classify(text); got.Class != consent.InboundOptOut || got.Reason != consent.Keyword {
			t.Errorf("%q: %s %s", text, got.Class, got.Reason)
		}
	}
}

// FuzzClassify ensures that no text makes the classifier panic, and that
// saying "stop" first is heard whatever follows.
func FuzzClassify(f *testing.F) {
	for _, seed := range []string{"", "STOP", "Ne m’appelez plus svp", "\xff\xfe", "ＳＴＯＰ", "e\u0301\u0301", "🛑 stop 🛑", "İstop ß"} {
		f.Add(seed)
	}
	packs := shipped(f)
	f.Fuzz(func(t *testing.T, text string) {
		for code, pack := range packs {
			got := pack.Classify(text)
			if got.Class < consent.InboundNone || got.Class > consent.InboundReview || got.Reason < consent.Keyword {
				t.Errorf("%s: %q: %+v", code, text, got)
			}
			if got := pack.Classify("stop " + text); utf8.ValidString(text) && got.Class != consent.InboundOptOut && got.Class != consent.InboundReview {
				t.Errorf("%s: %q after a stop: %+v", code, text, got)
			}
		}
	})
}
