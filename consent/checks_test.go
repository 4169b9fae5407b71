package consent

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Ensure that a rule's kind leads a reader to the function that checks it.
func TestChecks_BearTheNameOfTheirFunction(t *testing.T) {
	t.Parallel()
	for _, c := range checks {
		name := runtime.FuncForPC(reflect.ValueOf(c.refuses).Pointer()).Name()
		name = name[strings.LastIndexByte(name, '.')+1:]
		if plain := strings.ReplaceAll(c.name, "_", ""); !strings.EqualFold(plain, name) {
			t.Errorf("check %s is func %s", c.name, name)
		}
	}
}

// Ensure that no kind of rule is written in a pack and then checked by nobody.
func TestKinds_HaveACheck(t *testing.T) {
	t.Parallel()
	// These are read by the check of another kind.
	within := map[string]string{
		"opt_out_confirmation": "opt_out", "consent_max_age": "lawful_basis", "direct_collection": "lawful_basis",
		"explicit_separate": "lawful_basis", "subscriber_exemption": "lawful_basis", "early_poll": "blackout", "voting_place": "blackout",
		"consented_slot": "calling_window",
	}
	for _, k := range kinds {
		if k.name == "stop_keywords" || k.name == "record" {
			continue // Classify reads the one, people the other
		}
		name := k.name
		if other, is := within[name]; is {
			name = other
		}
		if !slices.ContainsFunc(checks[:], func(c check) bool { return c.name == name }) {
			t.Errorf("kind %s has no check", k.name)
		}
	}
}
