package consent_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hustings/hustings/consent"
)

// A pack is data, and data is right or wrong in each of its values. So that no
// value can be changed unseen, each is changed here, one at a time, and a case
// must notice: a window that closes a minute later, a territory left out of a
// list, a rule that is gone.

// mutant is a pack with one thing changed.
type mutant struct {
	// what says which rule and value, such as
	// "FR-W1: params.week[0].hours[1]: 14:01-20:00".
	what string
	rule string
	// without tells that the whole rule is left out.
	without bool
	file    consent.PackFile
}

// unseen are changes that change nothing, with the reason why.
var unseen = map[string]string{
	"FR-CA1: params.week[0].hours[0]: 07:59-22:00": "FR-W4 opens at 08:00",
	"FR-CA1: params.week[0].hours[0]: 08:00-21:59": "FR-W4 closes at 21:30",
	"FR-CA1: params.week[0].hours[0]: 08:00-22:01": "FR-W4 closes at 21:30",
	"US-F1: params.lines without landline":         "an unconsented robocall to any other line is denied before (US-B3)",
	"US-K1: left out":                              "the house takes the words of the law in every country (H-K1)",
}

// mutants returns the pack with each of its rules left out, and with each value
// of each rule changed.
func mutants(tb testing.TB, file consent.PackFile, house consent.RuleFile) []mutant {
	tb.Helper()
	var all []mutant
	add := func(rule, what string, without bool, change func(*consent.PackFile)) {
		changed := copyPack(tb, file)
		change(&changed)
		if what = rule + ": " + what; unseen[what] == "" {
			all = append(all, mutant{what, rule, without, changed})
		}
	}
	for i, rule := range file.Rules {
		if rule.Kind == "record" {
			continue // decides nothing
		}
		for _, change := range changes(rule.Params, "params", skipping(rule, house)) {
			add(rule.ID, change.what, false, func(f *consent.PackFile) { f.Rules[i].Params, _ = change.value.(map[string]any) })
		}
		if rule.Params["applied"] == false {
			continue // says that it decides nothing
		}
		add(rule.ID, "left out", true, func(f *consent.PackFile) { f.Rules = slices.Delete(f.Rules, i, i+1) })
		for _, channel := range governed(rule) {
			others := slices.DeleteFunc(slices.Clone(governed(rule)), func(c string) bool { return c == channel })
			if len(others) > 0 {
				add(rule.ID, "not on "+channel, false, func(f *consent.PackFile) { f.Rules[i].Channels = others })
			}
		}
	}
	for i, poll := range file.Polls {
		add(poll.ID, "left out", false, func(f *consent.PackFile) { f.Polls = slices.Delete(f.Polls, i, i+1) })
	}
	for i, territory := range file.Territories {
		add(file.Pack, "not in "+territory, false, func(f *consent.PackFile) { f.Territories = slices.Delete(f.Territories, i, i+1) })
	}
	return all
}

func governed(rule consent.RuleFile) []string {
	if len(rule.Channels) > 0 {
		return rule.Channels
	}
	return []string{"sms", "live_call", "predictive_call", "robocall", "ai_voice"}
}

func copyPack(tb testing.TB, file consent.PackFile) consent.PackFile {
	tb.Helper()
	text, err := json.Marshal(file)
	if err != nil {
		tb.Fatal(err)
	}
	var copied consent.PackFile
	if err := json.Unmarshal(text, &copied); err != nil {
		tb.Fatal(err)
	}
	return copied
}

// wording are parameters that people read and no decision does, or that the
// dialer keeps to by itself.
var wording = []string{"text", "help_answer", "on_stale", "connect_within", "end_force"}

// skipping tells which parameters, or elements of their lists, cannot matter.
func skipping(rule consent.RuleFile, house consent.RuleFile) func(parameter string, element any) bool {
	return func(parameter string, element any) bool {
		switch {
		case slices.Contains(wording, parameter), rule.Kind == "abandonment" && parameter == "days":
			return true
		case rule.Kind == "lawful_basis" && parameter == "allowed" && element != nil:
			// Consent opens every channel, and where none is needed no other
			// basis is asked for.
			allowed, _ := rule.Params["allowed"].([]any)
			return element == "consent" || element != "none" && slices.Contains(allowed, any("none"))
		case rule.Kind == "stop_keywords" && rule.ID != house.ID && element != nil:
			known, _ := house.Params[parameter].([]any)
			return slices.Contains(known, element)
		}
		return false
	}
}

// change is a value with one thing in it changed.
type change struct {
	what  string
	value any
}

// changes returns the value with each thing in it changed.
func changes(value any, path string, skip func(parameter string, element any) bool) []change {
	var all []change
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if skip(key, nil) {
				continue
			}
			for _, c := range changes(value[key], path+"."+key, skip) {
				changed := maps.Clone(value)
				changed[key] = c.value
				all = append(all, change{c.what, changed})
			}
		}
	case []any:
		for i, element := range value {
			if skip(path[strings.LastIndexByte(path, '.')+1:], element) {
				continue
			}
			all = append(all, change{fmt.Sprintf("%s without %v", path, element), slices.Delete(slices.Clone(value), i, i+1)})
			for _, c := range changes(element, fmt.Sprintf("%s[%d]", path, i), skip) {
				changed := slices.Clone(value)
				changed[i] = c.value
				all = append(all, change{c.what, changed})
			}
		}
	case bool:
		all = append(all, change{fmt.Sprintf("%s: %t", path, !value), !value})
	case uint64:
		for _, n := range []uint64{value - 1, value + 1} {
			all = append(all, change{fmt.Sprintf("%s: %d", path, n), n})
		}
	case float64:
		for _, n := range []float64{value - 0.1, value + 0.1} {
			all = append(all, change{fmt.Sprintf("%s: %g", path, n), n})
		}
	case string:
		for _, other := range wordChanges(value) {
			all = append(all, change{path + ": " + other, other})
		}
	}
	return all
}

var (
	hoursForm    = regexp.MustCompile(`^\d\d:\d\d-\d\d:\d\d$`)
	clockForm    = regexp.MustCompile(`^\d\d:\d\d$`)
	durationForm = regexp.MustCompile(`^\d+[smhd]$`)
)

// otherWords are words of which there are two, and others to put in their place.
var otherWords = map[string]string{
	"party": "broker", "broker": "party", "own": "calendar", "calendar": "own",
	"polling_day": "decision", "decision": "polling_day", "denies": "allows", "allows": "denies",
	"Europe/Paris": "America/New_York", "internal": "another", "TPS": "another", "RND": "another", "FR": "DE",
	"daily": "mon-sat", "mon-sat": "mon-fri", "mon-fri": "mon-thu", "sat-sun": "sat",
}

func wordChanges(word string) []string {
	switch {
	case hoursForm.MatchString(word):
		from, to, _ := strings.Cut(word, "-")
		return []string{
			minutesLater(from, -1) + "-" + to, minutesLater(from, 1) + "-" + to,
			from + "-" + minutesLater(to, -1), from + "-" + minutesLater(to, 1),
		}
	case clockForm.MatchString(word):
		return []string{minutesLater(word, -1), minutesLater(word, 1)}
	case durationForm.MatchString(word):
		n, _ := strconv.Atoi(word[:len(word)-1])
		seconds := n * map[byte]int{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[word[len(word)-1]]
		return []string{fmt.Sprintf("%ds", seconds-1), fmt.Sprintf("%ds", seconds+1)}
	case otherWords[word] != "":
		return []string{otherWords[word]}
	}
	return nil
}

func minutesLater(clock string, minutes int) string {
	var hour, minute int
	_, _ = fmt.Sscanf(clock, "%d:%d", &hour, &minute)
	total := hour*60 + minute + minutes
	return fmt.Sprintf("%02d:%02d", total/60, total%60)
}
