package consent_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hustings/hustings/consent"
)

// sound is a small pack that compiles; the tests below break it.
const sound = `
pack: XX
title: A pack to break
version: 2026-11-01
zone: Europe/Paris
valid_from: 2026-01-01
valid_to: 2028-01-01
polls:
  - {id: XX-1, kind: general, date: 2027-04-18, source: a test}
rules:
  - {id: XX-B1, kind: lawful_basis, force: law, params: {allowed: [consent]}, source: a test}
  - {id: XX-O1, kind: opt_out, force: law, params: {scope: broker}, source: a test}
  - {id: XX-L1, kind: suppression_list, force: house, params: {name: internal, max_age: 24h, on_stale: defer}, source: a test}
  - {id: XX-W1, kind: calling_window, force: house, params: {week: [{days: daily, hours: ["08:00-20:00"]}]}, source: a test}
  - {id: XX-W2, kind: holidays, force: house, params: {fixed: [01-01], easter: [1]}, source: a test}
  - {id: XX-F1, kind: frequency_cap, force: house, channels: [sms], params: {attempts: 4, days: 30, scope: party}, valid_from: 2026-02-01, valid_to: 2027-02-01, source: a test}
`

// over is a small overlay over it.
const over = `
pack: XX-OVER
title: An overlay to break
version: 2026-11-01
extends: XX
overlay: true
valid_from: 2026-01-01
valid_to: 2028-01-01
rules:
  - {id: OV-W1, kind: calling_window, force: carrier, channels: [sms], params: {week: [{days: mon-sat, hours: ["09:00-19:00"]}]}, source: a test}
`

func parsePack(tb testing.TB, text string) consent.PackFile {
	tb.Helper()
	var file consent.PackFile
	if err := yaml.UnmarshalWithOptions([]byte(text), &file, yaml.Strict()); err != nil {
		tb.Fatalf("%v\n%s", err, text)
	}
	return file
}

// replaced puts a new text in the place of an old one that must be there.
func replaced(tb testing.TB, text, old, new string) string {
	tb.Helper()
	if !strings.Contains(text, old) {
		tb.Fatalf("%q is not in the pack", old)
	}
	return strings.Replace(text, old, new, 1)
}

// Ensure that a pack which cannot be understood to the last word does not
// compile, and that the error says where.
func TestNewPack_Refuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, new, want string }{
		{"code", "pack: XX", "pack: x x", `pack: "x x" is not a code`},
		{"no title", "title: A pack to break", "title: ''", "title: is missing"},
		{"version", "2026-11-01", "November", `version: "November" is not a date`},
		{"zone", "Europe/Paris", "Mars/Base", `zone: zone "Mars/Base" is not known`},
		{"local zone", "Europe/Paris", "Local", "zone: want the name"},
		{"pack life", "valid_to: 2028-01-01", "valid_to: 2026-01-01", "valid_from: 2026-01-01 is not before valid_to"},
		{"endless pack", "valid_to: 2028-01-01\n", "\n", "a pack needs both"},
		{"parent", "title:", "extends: EU\ntitle:", `extends: there is no pack "EU"`},
		{"overlay over nothing", "title:", "overlay: true\ntitle:", "extends: an overlay needs a pack"},
		{"places without overlay", "title:", "territories: [US-MN]\ntitle:", "territories: only an overlay"},
		{"poll date", "2027-04-18", "18 April", `polls[0]: date: "18 April"`},
		{"poll source", "date: 2027-04-18, source: a test", "date: 2027-04-18, source: ''", "polls[0]: source: is missing"},
		{"rule id", "XX-B1", "basis", `rule basis: id:`},
		{"rule twice", "XX-O1", "XX-B1", "rule XX-B1: id: stands there twice"},
		{"kind", "kind: opt_out", "kind: optout", `rule XX-O1: kind: "optout" is not known`},
		{"force", "force: house", "force: custom", `rule XX-L1: force: "custom" is none of law, regulator, carrier, house`},
		{"source", "scope: broker}, source: a test", "scope: broker}, source: ''", "rule XX-O1: source: is missing"},
		{"channel", "channels: [sms]", "channels: [fax]", `rule XX-F1: channels: channel "fax" is not known`},
		{"channel twice", "channels: [sms]", "channels: [sms, sms]", "rule XX-F1: channels:"},
		{"any channel", "channels: [sms]", "channels: [any]", "rule XX-F1: channels:"},
		{"rule life", "valid_from: 2026-02-01", "valid_from: 2027-02-01", "rule XX-F1: valid_from: 2027-02-01 is not before"},
		{"rule date", "valid_to: 2027-02-01", "valid_to: soon", `rule XX-F1: valid_to: "soon"`},
		{"unknown parameter", "scope: broker", "scope: broker, reach: far", `rule XX-O1: params: unknown parameter "reach"`},
		{"parameter in capitals", "scope: broker", "Scope: broker", `rule XX-O1: params: "Scope"`},
		{"wrong type", "attempts: 4", "attempts: four", "rule XX-F1: params: attempts: found string, want int"},
		{"fraction", "attempts: 4", "attempts: 4.5", "rule XX-F1: params: attempts:"},
		{"zero", "attempts: 4", "attempts: 0", "rule XX-F1: attempts: want a number greater than 0"},
		{"scope", "scope: broker", "scope: everybody", `rule XX-O1: scope: want party or broker, not "everybody"`},
		{"no params", "params: {allowed: [consent]}", "params: {}", "rule XX-B1: allowed: is missing or empty"},
		{"basis", "[consent]", "[hope]", `rule XX-B1: params: basis "hope" is not known`},
		{"on_stale", "on_stale: defer", "on_stale: ignore", "rule XX-L1: on_stale: want defer"},
		{"max_age", "max_age: 24h", "max_age: a day", `rule XX-L1: params: period "a day"`},
		{"hours", "08:00-20:00", "8-20", `rule XX-W1: params: time of day "8"`},
		{"hours backwards", "08:00-20:00", "20:00-08:00", `rule XX-W1: params: hours "20:00-08:00"`},
		{"hours overlap", "08:00-20:00", `08:00-12:00", "11:00-20:00`, "rule XX-W1: week[0]: days"},
		{"days", "days: daily", "days: weekdays", `rule XX-W1: week[0]: days "weekdays"`},
		{"holiday", "[01-01]", "[02-30]", `rule XX-W2: fixed: "02-30"`},
		{"no basis", "kind: lawful_basis, force: law", "kind: lawful_basis, force: law, channels: [sms]", "channel robocall: there is no rule of kind lawful_basis"},
		{"hours that end", "params: {week", "valid_to: 2027-06-01, params: {week", "there is no rule of kind calling_window that holds everywhere and as long as the pack"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := consent.NewPack(parsePack(t, replaced(t, sound, c.old, c.new)))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "pack ") {
				t.Errorf("error %v\nwant one that says %s", err, c.want)
			}
		})
	}
	if _, err := consent.NewPack(parsePack(t, sound)); err != nil {
		t.Errorf("the sound pack: %v", err)
	}
}

// Ensure that an overlay can do nothing but add rules that refuse.
func TestNewPack_OverlayRefuses(t *testing.T) {
	t.Parallel()
	base, err := consent.NewPack(parsePack(t, sound))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"replaces", "force: carrier", "force: carrier, replaces: [XX-W1]", "rule OV-W1: replaces: an overlay only adds rules"},
		{"opens", "kind: calling_window", "kind: consented_slot", "rule OV-W1: kind: consented_slot can open"},
		{"own zone", "overlay: true", "overlay: true\nzone: UTC", "overlay: an overlay has no zone"},
		{"polls of one place", "rules:", "territories: [US-MN]\npolls: [{id: A, kind: general, date: 2027-01-01, source: a test}]\nrules:", "territories: only an overlay without polls"},
		{"campaign of one place", "rules:", "territories: [US-MN]\nrules:\n  - {id: OV-X1, kind: caller_id, force: law, params: {shown: true}, source: a test}", "rule OV-X1: kind: caller_id concerns the whole campaign"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := consent.NewPack(parsePack(t, replaced(t, over, c.old, c.new)), base)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant one that says %s", err, c.want)
			}
		})
	}
	if _, err := consent.NewPack(parsePack(t, over), base); err != nil {
		t.Errorf("the sound overlay: %v", err)
	}
}

// Ensure that only a house rule can be replaced, and only one that is there.
func TestNewPack_Replaces(t *testing.T) {
	t.Parallel()
	base, err := consent.NewPack(parsePack(t, sound))
	if err != nil {
		t.Fatal(err)
	}
	child := strings.Replace(over, "overlay: true\n", "", 1)
	for _, c := range []struct{ id, want string }{
		{"XX-W1", ""},
		{"XX-B1", "XX-B1 is no house rule (force law) and stays"},
		{"XX-Z9", `there is no rule "XX-Z9"`},
	} {
		p, err := consent.NewPack(parsePack(t, replaced(t, child, "channels: [sms]", "replaces: ["+c.id+"]")), base)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("replacing %s: error %v, want one that says %s", c.id, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, there := p.Rule(c.id); there {
			t.Errorf("%s is still there", c.id)
		}
		if rule, there := p.Rule("OV-W1"); !there || rule.Force != "carrier" || rule.Pack != "XX-OVER" {
			t.Errorf("the rule instead: %+v, %t", rule, there)
		}
	}
}

// Ensure that packs come together in any order, that a state's overlay is part
// of its country, and that circles are seen.
func TestNewPacks(t *testing.T) {
	t.Parallel()
	files := shippedFiles(t)
	packs, err := consent.NewPacks(files...)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"EU", "FR", "FR-AGGREGATOR", "DE", "ES", "BE", "US", "UK", "CA"} {
		if packs[code] == nil || packs[code].Code() != code {
			t.Errorf("pack %s is not there", code)
		}
	}
	for _, code := range []string{"HOUSE", "US-MN", "US-STATES"} {
		if packs[code] != nil {
			t.Errorf("a campaign could choose %s", code)
		}
	}
	if rule, there := packs["US"].Rule("US-ST2"); !there || rule.Territories[0] != "US-MN" {
		t.Errorf("Minnesota's rule in the pack US: %+v, %t", rule, there)
	}
	backwards := make([]consent.PackFile, 0, len(files))
	for i := range files {
		backwards = append(backwards, files[len(files)-1-i])
	}
	again, err := consent.NewPacks(backwards...)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again["FR"].Version(), packs["FR"].Version(); got != want {
		t.Errorf("version %s, in another order %s", want, got)
	}
	a, b := parsePack(t, sound), parsePack(t, sound)
	a.Pack, a.Extends, b.Pack, b.Extends = "AA", "BB", "BB", "AA"
	if _, err := consent.NewPacks(a, b); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle: error %v", err)
	}
	if _, err := consent.NewPacks(parsePack(t, sound), parsePack(t, sound)); err == nil {
		t.Error("the same pack twice compiles")
	}
}

// Ensure that the version tells any two contents apart, those of the packs
// below included, and is the same for the same content.
func TestPack_Version(t *testing.T) {
	t.Parallel()
	build := func(base, top string) string {
		parent, err := consent.NewPack(parsePack(t, base))
		if err != nil {
			t.Fatal(err)
		}
		p, err := consent.NewPack(parsePack(t, top), parent)
		if err != nil {
			t.Fatal(err)
		}
		return p.Version()
	}
	version := build(sound, over)
	if !regexp.MustCompile(`^XX-OVER@2026-11-01\+sha256:[0-9a-f]{16}$`).MatchString(version) {
		t.Errorf("version %q", version)
	}
	if again := build(sound, over); again != version {
		t.Errorf("the same content has versions %s and %s", version, again)
	}
	if changed := build(replaced(t, sound, "24h", "12h"), over); changed == version {
		t.Errorf("another content below has the same version %s", version)
	}
}

// Ensure that the shipped packs say where each rule comes from, and that no
// house rule passes for law.
func TestShippedPacks_Sources(t *testing.T) {
	t.Parallel()
	for _, file := range shippedFiles(t) {
		for _, rule := range file.Rules {
			if house := strings.HasPrefix(rule.Source, "house"); house != (rule.Force == "house") {
				t.Errorf("%s: force %s, source %q", rule.ID, rule.Force, rule.Source)
			}
		}
	}
}

// FuzzNewPack ensures that no pack file, however mangled, makes the compiler
// panic, and that what compiles can be asked.
func FuzzNewPack(f *testing.F) {
	for _, text := range []string{sound, over} {
		seed, err := json.Marshal(parsePack(f, text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	for _, file := range shippedFiles(f) {
		seed, err := json.Marshal(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	base := shipped(f)["EU"]
	_, campaign, person, at := frenchText(f)
	f.Fuzz(func(_ *testing.T, text []byte) {
		var file consent.PackFile
		if json.Unmarshal(text, &file) != nil {
			return
		}
		if p, err := consent.NewPack(file, base); err == nil {
			p.Explain(campaign, person, at)
			p.Classify("stop")
		}
	})
}

// Ensure that every rule is put into words, and that no value of it is left out
// of them: a lawyer reads nothing else.
func TestRule_Value(t *testing.T) {
	t.Parallel()
	unsaid := []string{"defer", "registration", "polling_day", "decision", "denies", "allows", "own", "calendar", "party", "broker"}
	for code, pack := range shipped(t) {
		for _, rule := range pack.Rules() {
			var missing []string
			for _, value := range scalars(rule.Params) {
				if !slices.Contains(unsaid, value) && !strings.Contains(rule.Value, value) && !strings.Contains(rule.Value, strings.ReplaceAll(value, `"`, `\"`)) {
					missing = append(missing, value)
				}
			}
			if rule.Value == "" || len(missing) > 0 {
				t.Errorf("%s of %s says %q, without %q", rule.ID, code, rule.Value, missing)
			}
		}
	}
}

// scalars are the texts and numbers of parameters.
func scalars(value any) []string {
	switch value := value.(type) {
	case map[string]any:
		var all []string
		for _, v := range value {
			all = append(all, scalars(v)...)
		}
		return all
	case []any:
		var all []string
		for _, v := range value {
			all = append(all, scalars(v)...)
		}
		return all
	case bool:
		return nil
	default:
		return []string{fmt.Sprint(value)}
	}
}
