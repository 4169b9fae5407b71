package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"time"
)

// MaximumFaultsFile bounds a file of faults, in bytes.
const MaximumFaultsFile = 64 << 10

// FaultsFileError is what is wrong with a file of faults, where, and what to do
// about it. It quotes no phone number.
type FaultsFileError struct {
	File         string
	Line, Column int    // from 1; zero where the place is not known
	Field        string // such as rules[2].fault, or nothing
	Reason       string
	Hint         string
}

// Error tells the place and the reason, without the hint.
func (wrong *FaultsFileError) Error() string {
	text := wrong.File
	if wrong.Line > 0 {
		text += fmt.Sprintf(":%d:%d", wrong.Line, wrong.Column)
	}
	if wrong.Field != "" {
		text += ": " + wrong.Field
	}
	return text + ": " + wrong.Reason
}

// faultsDocument is Faults as a file and the control path have them. A mix is the
// base that the other keys change.
type faultsDocument struct {
	Mix              string            `yaml:"mix" json:"mix,omitempty"`
	Probability      map[Fault]float64 `yaml:"probability" json:"probability,omitempty"`
	HangTime         string            `yaml:"hang_time" json:"hang_time,omitempty"`
	SlowTime         string            `yaml:"slow_time" json:"slow_time,omitempty"`
	CallbackLost     float64           `yaml:"callback_lost" json:"callback_lost,omitempty"`
	CallbackTwice    float64           `yaml:"callback_twice" json:"callback_twice,omitempty"`
	CallbackLate     float64           `yaml:"callback_late" json:"callback_late,omitempty"`
	CallbackEarly    float64           `yaml:"callback_early" json:"callback_early,omitempty"`
	CallbackShuffled float64           `yaml:"callback_shuffled" json:"callback_shuffled,omitempty"`
	CallbackForged   float64           `yaml:"callback_forged" json:"callback_forged,omitempty"`
	InboundLost      float64           `yaml:"inbound_lost" json:"inbound_lost,omitempty"`
	ListLag          string            `yaml:"list_lag" json:"list_lag,omitempty"`
	Rules            []ruleDocument    `yaml:"rules" json:"rules,omitempty"`
}

type ruleDocument struct {
	Fault       Fault    `yaml:"fault" json:"fault"`
	Request     string   `yaml:"request" json:"request,omitempty"`
	To          string   `yaml:"to" json:"to,omitempty"`
	Nth         string   `yaml:"nth" json:"nth,omitempty"`
	Probability *float64 `yaml:"probability" json:"probability,omitempty"`
}

const knownKeys = "the keys are mix, probability, hang_time, slow_time, callback_lost, callback_twice, callback_late, " +
	"callback_early, callback_shuffled, callback_forged, inbound_lost, list_lag and rules; " +
	"those of a rule fault, request, to, nth and probability"

// ReadFaults reads a file of faults, YAML or JSON. It fails as [ParseFaults] does.
func ReadFaults(path string) (Faults, error) {
	file, err := os.Open(path)
	if err != nil {
		return Faults{}, fmt.Errorf("open faults: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, MaximumFaultsFile+1))
	if err != nil {
		return Faults{}, fmt.Errorf("read faults: %w", err)
	}
	return ParseFaults(path, text)
}

// ParseFaults reads faults from YAML or JSON of at most [MaximumFaultsFile] bytes.
// What it does not know it refuses: the error is a [*FaultsFileError], which calls
// the text by name. The faults have no script.
func ParseFaults(name string, text []byte) (Faults, error) {
	faults, wrong := parseFaults(text)
	if wrong != nil {
		wrong.File, wrong.Reason = name, masked(wrong.Reason)
		return Faults{}, wrong
	}
	return faults, nil
}

// MarshalJSON encodes faults as ParseFaults reads them. A script is left out.
func (faults Faults) MarshalJSON() ([]byte, error) { return json.Marshal(faults.document()) }

func parseFaults(text []byte) (Faults, *FaultsFileError) {
	file, wrong := parseNodes(text)
	if wrong != nil {
		return Faults{}, wrong
	}
	var asked faultsDocument
	if wrong := decodeFaults(file, &asked); wrong != nil {
		return Faults{}, wrong
	}
	if asked.Mix == "" {
		asked.Mix = MixNone
	}
	base, err := Mix(asked.Mix)
	if err != nil {
		return Faults{}, placed(file, &invalid{"mix", err.Error(), ""})
	}
	// Once more over the mix, so that the keys which stand there change it.
	full := base.document()
	if wrong := decodeFaults(file, &full); wrong != nil {
		return Faults{}, wrong
	}
	full.Probability = maps.Clone(base.Probability)
	for fault, probability := range asked.Probability {
		if full.Probability == nil {
			full.Probability = map[Fault]float64{}
		}
		full.Probability[fault] = probability
	}
	faults, err := full.faults()
	if err == nil {
		err = faults.validate()
	}
	if err != nil {
		return Faults{}, placed(file, err)
	}
	return faults, nil
}

// document is the inverse of faults.
func (faults Faults) document() faultsDocument {
	document := faultsDocument{
		Probability: faults.Probability,
		HangTime:    durationText(faults.HangTime), SlowTime: durationText(faults.SlowTime), ListLag: durationText(faults.ListLag),
		CallbackLost: faults.CallbackLost, CallbackTwice: faults.CallbackTwice, CallbackLate: faults.CallbackLate,
		CallbackEarly: faults.CallbackEarly, CallbackShuffled: faults.CallbackShuffled, CallbackForged: faults.CallbackForged,
		InboundLost: faults.InboundLost,
	}
	for _, rule := range faults.Rules {
		written := ruleDocument{Fault: rule.Fault, Request: rule.Request.String(), To: rule.To, Nth: rule.Nth.String()}
		if rule.Probability != 0 {
			written.Probability = &rule.Probability
		}
		document.Rules = append(document.Rules, written)
	}
	return document
}

func durationText(duration time.Duration) string {
	if duration == 0 {
		return ""
	}
	return duration.String()
}

// faults returns what the document means. What is not valid by itself is left to
// validate.
func (document *faultsDocument) faults() (Faults, error) {
	faults := Faults{
		Probability:  document.Probability,
		CallbackLost: document.CallbackLost, CallbackTwice: document.CallbackTwice, CallbackLate: document.CallbackLate,
		CallbackEarly: document.CallbackEarly, CallbackShuffled: document.CallbackShuffled, CallbackForged: document.CallbackForged,
		InboundLost: document.InboundLost,
	}
	for _, duration := range []struct {
		field, text string
		into        *time.Duration
	}{
		{"hang_time", document.HangTime, &faults.HangTime},
		{"slow_time", document.SlowTime, &faults.SlowTime},
		{"list_lag", document.ListLag, &faults.ListLag},
	} {
		if duration.text == "" {
			continue
		}
		parsed, err := time.ParseDuration(duration.text)
		if err != nil {
			return Faults{}, &invalid{duration.field, fmt.Sprintf("%q is no duration", masked(duration.text)), "write a number with a unit, such as 90s or 15m"}
		}
		*duration.into = parsed
	}
	for at := range document.Rules {
		rule, err := document.Rules[at].rule(fmt.Sprintf("rules[%d]", at))
		if err != nil {
			return Faults{}, err
		}
		faults.Rules = append(faults.Rules, rule)
	}
	return faults, nil
}

func (document *ruleDocument) rule(field string) (Rule, error) {
	rule := Rule{Fault: document.Fault, To: plainNumber(document.To)}
	for _, span := range []struct {
		key, text string
		into      *Span
	}{{".request", document.Request, &rule.Request}, {".nth", document.Nth, &rule.Nth}} {
		if span.text == "" {
			continue
		}
		parsed, err := ParseSpan(span.text)
		if err != nil {
			return Rule{}, &invalid{field + span.key, err.Error(), ""}
		}
		*span.into = parsed
	}
	if document.Probability != nil {
		if rule.Probability = *document.Probability; rule.Probability == 0 {
			return Rule{}, &invalid{field + ".probability", "a rule that never holds", "leave the rule out"}
		}
	}
	return rule, nil
}
