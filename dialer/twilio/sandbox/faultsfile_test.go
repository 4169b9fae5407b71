package sandbox

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const wholeFaults = `
# everything that can be said
probability:
  hang: 0.25
  list_error: 0.5
hang_time: 2s
slow_time: 1m30s
callback_lost: 0.01
callback_twice: 0.02
callback_late: 0.03
callback_early: 0.04
callback_shuffled: 0.05
callback_forged: 0.06
inbound_lost: 1
list_lag: 20s
rules:
  - fault: reset
    request: 7
  - {fault: page, request: 10-20, probability: 0.5}
  - {fault: callback_lost, to: "+33 6 39 98 00 01", nth: 2-}
`

func wholeFaultsValue() Faults {
	return Faults{
		Probability: map[Fault]float64{FaultHang: 0.25, FaultListError: 0.5},
		HangTime:    2 * time.Second, SlowTime: 90 * time.Second, ListLag: 20 * time.Second,
		CallbackLost: 0.01, CallbackTwice: 0.02, CallbackLate: 0.03, CallbackEarly: 0.04, CallbackShuffled: 0.05,
		CallbackForged: 0.06, InboundLost: 1,
		Rules: []Rule{
			{Fault: FaultReset, Request: Span{7, 7}},
			{Fault: FaultPage, Request: Span{10, 20}, Probability: 0.5},
			{Fault: FaultCallbackLost, To: testTo, Nth: Span{2, 0}},
		},
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	changed := StandardMix()
	changed.CallbackLost, changed.Probability[FaultHang] = 0, 0.5
	tests := []struct {
		name, text string
		want       Faults
	}{
		{"YAML", wholeFaults, wholeFaultsValue()},
		{"nothing", "{}", Faults{}},
		{"a mix", "mix: standard", StandardMix()},
		{"no mix", "mix: none\nlist_lag: 1s", Faults{ListLag: time.Second}},
		{"a mix and changes", "mix: standard\ncallback_lost: 0\nprobability: {hang: 0.5}", changed},
		{"JSON", `{"callback_lost": 0.5, "rules": [{"fault": "drop", "request": "3"}, {"fault": "drop", "nth": 4}]}`, Faults{
			CallbackLost: 0.5, Rules: []Rule{{Fault: FaultDrop, Request: Span{3, 3}}, {Fault: FaultDrop, Nth: Span{4, 4}}},
		}},
		{"JSON with tabs", "{\n\t\"callback_lost\":\t0.5,\n\t\"probability\": {}\n}\n", Faults{CallbackLost: 0.5}},
		{"Windows", "callback_lost: 0.5\r\nlist_lag: 2s\r\n", Faults{CallbackLost: 0.5, ListLag: 2 * time.Second}},
		{"every fault has a name", rulesOfAll(), allRules()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseFaults("faults.yaml", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Probability) == 0 {
				got.Probability = nil
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func allRules() (faults Faults) {
	for _, fault := range FaultNames() {
		faults.Rules = append(faults.Rules, Rule{Fault: fault})
	}
	return faults
}

func rulesOfAll() string {
	text := "rules:\n"
	for _, fault := range FaultNames() {
		text += "  - fault: " + string(fault) + "\n"
	}
	return text
}

func TestParseFaults_Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text   string
		line, column int
		field, says  string
		hint         string
	}{
		{"unknown key", "callback_lost: 1\ncallback_erly: 1", 2, 1, "", `key "callback_erly" is not known`, "callback_early"},
		{"unknown key of a rule", "rules:\n  - fault: hang\n    when: 3", 3, 5, "", `key "when" is not known`, "nth"},
		{"unknown fault", "probability:\n  hang: 0.1\n  flood: 0.1", 3, 10, "probability.flood", "unknown fault", "list_hang"},
		{"no probability of its own", "probability: {callback_lost: 1}", 1, 30, "probability.callback_lost", "unknown fault", ""},
		{"unknown fault of a rule", "rules:\n  - fault: hang\n  - fault: rest", 3, 12, "rules[1].fault", "unknown fault", "reset"},
		{"rule without a fault", "rules:\n  - request: 1", 2, 5, "rules[0].fault", "is missing", "reset"},
		{"too probable", "callback_lost: 1.5", 1, 16, "callback_lost", "outside 0..1", ""},
		{"negative", "probability: {hang: -0.1}", 1, 21, "probability.hang", "outside 0..1", ""},
		{"not a number", "inbound_lost: .nan", 1, 15, "inbound_lost", "outside 0..1", ""},
		{"a word for a number", "inbound_lost: often", 1, 15, "", "a number is wanted", ""},
		{"together too probable", "probability: {hang: 0.6, drop: 0.6}", 1, 14, "probability", "together exceed 1", ""},
		{"duration without unit", "hang_time: 3", 1, 12, "hang_time", "no duration", "90s"},
		{"duration of a day and more", "list_lag: 25h", 1, 11, "list_lag", "outside", ""},
		{"bad range", "rules: [{fault: hang, request: 9-3}]", 1, 32, "rules[0].request", "no number from 9 on", ""},
		{"range from nought", "rules: [{fault: hang, nth: 0}]", 1, 28, "rules[0].nth", "no range", ""},
		{"no number", "rules: [{fault: hang, to: somebody}]", 1, 27, "rules[0].to", "is no number", "quotation marks"},
		{"lists have no recipients", "rules: [{fault: list_hang, nth: 1}]", 1, 33, "rules[0].nth", "not numbered", "request"},
		{"rule that never holds", "rules: [{fault: hang, probability: 0}]", 1, 36, "rules[0].probability", "never", "leave"},
		{"rules that are no list", "rules: {fault: hang}", 1, 8, "", "sequence is expected", ""},
		{"twice", "list_lag: 1s\nlist_lag: 2s", 2, 1, "", "already defined", ""},
		{"unknown mix", "mix: heavy", 1, 6, "mix", "standard", ""},
		{"anchor", "callback_lost: &a 1", 1, 16, "", "not read", "write the value out"},
		{"two documents", "list_lag: 1s\n---\nlist_lag: 2s", 0, 0, "", "one document", ""},
		{"empty", " \n", 0, 0, "", "nothing stands there", "{}"},
		{"only a remark", "# later", 0, 0, "", "one document", ""},
		{"a list", "- hang", 1, 1, "", "mapping is expected", ""},
		{"no YAML", "probability: [", 1, 14, "", "not found", ""},
		{"no text", "callback_lost: \xff", 0, 0, "", "UTF-8", ""},
		{"too deep", strings.Repeat("[", 40), 0, 0, "", "deeper", ""},
		{"too long", "#" + strings.Repeat("x", MaximumFaultsFile), 0, 0, "", "longer", ""},
		{"a number in the wrong place", "rules: [{fault: \"+33639980001\"}]", 1, 17, "rules[0].fault", "+***********", ""},
		{"a number as a key", "\"+33639980001\": 1", 1, 1, "", "+***********", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseFaults("faults.yaml", []byte(test.text))
			wrong, ok := errors.AsType[*FaultsFileError](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if wrong.Line != test.line || wrong.Column != test.column || wrong.Field != test.field ||
				!strings.Contains(wrong.Reason, test.says) || !strings.Contains(wrong.Hint, test.hint) {
				t.Errorf("%d:%d %s: %s (%s)", wrong.Line, wrong.Column, wrong.Field, wrong.Reason, wrong.Hint)
			}
			if !strings.HasPrefix(err.Error(), "faults.yaml") || strings.Contains(err.Error()+wrong.Hint, testTo) && test.hint == "" {
				t.Errorf("said %q, %q", err, wrong.Hint)
			}
		})
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "faults.yaml")
	if _, err := ReadFaults(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte(wholeFaults), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFaults(path)
	if diff := cmp.Diff(wholeFaultsValue(), got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Ensure that the mixes are values: valid, readable, the same each time, and
// nobody's but the caller's.
func TestMix(t *testing.T) {
	t.Parallel()
	for _, name := range []string{MixNone, MixStandard} {
		first, err := Mix(name)
		if err != nil || first.validate() != nil || first.Script != nil {
			t.Fatalf("%s: %v, %v", name, err, first.validate())
		}
		text, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseFaults(name, text)
		if diff := cmp.Diff(first, read); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	spoiled := StandardMix()
	spoiled.Probability[FaultHang] = 1
	if diff := cmp.Diff(wantStandard, StandardMix().shares()); diff != "" {
		t.Error(diff)
	}
	if _, err := Mix("heavy"); err == nil {
		t.Error("an unknown mix was found")
	}
}

// shares are the sums that the standard mix is made for.
func (faults Faults) shares() map[string]float64 {
	sum := func(accepted bool) (total float64) {
		for _, fault := range requestFaults {
			if fault.accepts() == accepted {
				total += faults.Probability[fault]
			}
		}
		return float64(int(total*10_000+0.5)) / 10_000
	}
	return map[string]float64{
		"made without a clear answer": sum(true), "nothing made": sum(false),
		"lost": faults.CallbackLost, "twice": faults.CallbackTwice, "late": faults.CallbackLate,
		"shuffled": faults.CallbackShuffled, "early": faults.CallbackEarly, "forged": faults.CallbackForged,
		"inbound lost": faults.InboundLost, "lag in seconds": faults.ListLag.Seconds(),
	}
}

var wantStandard = map[string]float64{
	"made without a clear answer": 0.03, "nothing made": 0.03,
	"lost": 0.02, "twice": 0.05, "late": 0.10, "shuffled": 0.05, "early": 0.02, "forged": 0.01,
	"inbound lost": 0.10, "lag in seconds": 20,
}

// Ensure that no text makes the parser panic, and that what it accepts is valid
// and comes back the same when it is written out.
func FuzzParseFaults(f *testing.F) {
	f.Add([]byte(wholeFaults))
	f.Add([]byte("mix: standard\nrules: [{fault: hang, request: 1-}]"))
	f.Add([]byte(`{"probability":{"hang":1e-3},"hang_time":"0s"}`))
	f.Add([]byte("a: &b [*b]\n<<: *b"))
	f.Add([]byte("? a\n: - - -\n---\n..."))
	f.Fuzz(func(t *testing.T, text []byte) {
		faults, err := ParseFaults("fuzz", text)
		if err != nil {
			if wrong, ok := errors.AsType[*FaultsFileError](err); !ok || wrong.Reason == "" {
				t.Fatalf("error %v", err)
			}
			return
		}
		if err := faults.validate(); err != nil {
			t.Fatalf("accepted what is not valid: %v", err)
		}
		written, err := json.Marshal(faults)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseFaults("fuzz", written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if len(faults.Probability) == 0 {
			faults.Probability, again.Probability = nil, nil
		}
		if diff := cmp.Diff(faults, again); diff != "" {
			t.Fatalf("%s:\n%s", written, diff)
		}
	})
}
