package report

import (
	"encoding/json"
	"io"
	"math"
	"testing"
)

// Ensure how a noisy count becomes a quote, at each edge.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		reachable uint64
		noise     int64
		expected  uint64 // 0: withheld
	}{
		{0, 0, 0},
		{0, -1 << 37, 0},
		{499, 0, 0},
		{520, -21, 0},
		{499, 1, 500},
		{500, 0, 500},
		{524, 0, 500},
		{525, 0, 550},
		{maximumSize, 0, maximumSize},
	} {
		if got, shown := quoted(test.reachable, test.noise).Contacts(); got != test.expected || shown != (got != 0) {
			t.Errorf("%d with noise %d: %d, %t", test.reachable, test.noise, got, shown)
		}
	}
}

// Ensure the promise of a quote: between neighbouring counts no answer's chance differs by more than a factor exp(0.05), and a day of
// quotes costs a person epsilon 1.
func TestDrawQuote_Promise(t *testing.T) {
	t.Parallel()
	const widest = 2000 // noise that is wider has a chance under 1e-43
	chances := func(reachable uint64) map[uint64]float64 {
		answers := map[uint64]float64{}
		for noise := int64(-widest); noise <= widest; noise++ {
			contacts, _ := quoted(reachable, noise).Contacts()
			answers[contacts] += noiseChance(noise, quoteEpsilonNumerator, quoteEpsilonDenominator)
		}
		return answers
	}
	limit := math.Exp(0.05) * (1 + 1e-9)
	before := chances(450)
	for reachable := uint64(451); reachable < 600; reachable++ {
		after := chances(reachable)
		for contacts, chance := range after {
			if other := before[contacts]; chance > 1e-12 && (chance/other > limit || other/chance > limit) {
				t.Fatalf("the answer %d tells %d from %d by a factor %.4f", contacts, reachable-1, reachable, chance/other)
			}
		}
		before = after
	}
	if QuotesPerDay*quoteEpsilonNumerator > quoteEpsilonDenominator {
		t.Error("a day of quotes costs a person more than epsilon 1")
	}
}

// Ensure that the margin of a quote is what it says, by draws: 5 % of them stand further off at most.
func TestDrawQuote_Margin(t *testing.T) {
	t.Parallel()
	const draws, truth = 20_000, 10_000
	random, far := stream(t.Name()), 0
	margin := quoteTerms().Margin.PlusMinus
	for range draws {
		quote, err := DrawQuote(random, truth)
		if err != nil {
			t.Fatal(err)
		}
		if contacts, _ := quote.Contacts.Contacts(); max(contacts, truth)-min(contacts, truth) > margin {
			far++
		}
	}
	most := 0.05 + math.Sqrt(math.Log(1e9)/2/draws)
	t.Logf("figures: %d quotes, %.2f %% of them more than %d off; 5 %% may be, and %.2f %% with confidence 1 - 1e-09", draws, 100*float64(far)/draws, margin, 100*most)
	if float64(far)/draws > most {
		t.Errorf("%d of %d quotes are more than %d off", far, draws, margin)
	}
	if got, err := json.Marshal(Quote{Terms: quoteTerms()}); err != nil || string(got) != `{"contacts":null,"epsilon":0.05,"margin":{"confidence":0.95,"plus_minus":85}}` {
		t.Errorf("a withheld quote is %s, %v", got, err)
	}
}

// Ensure that a failing source and an impossible count give no quote.
func TestDrawQuote_Fails(t *testing.T) {
	t.Parallel()
	for name, draw := range map[string]func() (Quote, error){
		"no random bytes": func() (Quote, error) { return DrawQuote(io.LimitReader(stream(t.Name()), 7), 1000) },
		"a huge count":    func() (Quote, error) { return DrawQuote(stream(t.Name()), maximumSize+1) },
	} {
		if quote, err := draw(); err == nil || quote != (Quote{}) {
			t.Errorf("%s: %+v, %v", name, quote, err)
		}
	}
}

// Ensure that a figure is read as it was written, and a zero, which is never written, is not.
func TestFigure_UnmarshalJSON(t *testing.T) {
	t.Parallel()
	for text, expected := range map[string]uint64{"null": 0, "550": 550} {
		figure := Figure{contacts: 1}
		if err := json.Unmarshal([]byte(text), &figure); err != nil || figure.contacts != expected {
			t.Errorf("%s: %v, %v", text, figure, err)
		}
	}
	for _, text := range []string{"0", "-5", "5.5", `"5"`, "{}"} {
		var figure Figure
		if err := json.Unmarshal([]byte(text), &figure); err == nil {
			t.Errorf("%s was read as %v", text, figure)
		}
	}
}
