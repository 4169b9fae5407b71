package queue

import (
	"encoding/json"
	"strings"
	"testing"
)

// Ensure that a question about a contact opens for the verb that it was sealed
// for and for no other, and that what is none is refused without being quoted.
func TestOpenContactQuestion(t *testing.T) {
	t.Parallel()
	private, public, err := GenerateSealKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(ContactQuestion{Number: "+33639980001", Operator: "op-anne", Reason: "letter"})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Seal(public, contactPurpose(VerbContactFile), text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenContactQuestion(private, VerbContactFile, sealed)
	if err != nil || got.Number != "+33639980001" || got.Reason != "letter" {
		t.Errorf("%v, %v", got.Reason, err)
	}
	nonsense, err := Seal(public, contactPurpose(VerbContactFile), []byte(`"0639980001"`))
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() (ContactQuestion, error){
		"another verb": func() (ContactQuestion, error) { return OpenContactQuestion(private, VerbOptOut, sealed) },
		"an opt-out":   func() (ContactQuestion, error) { _, err := OpenOptOut(private, sealed); return ContactQuestion{}, err },
		"changed":      func() (ContactQuestion, error) { return OpenContactQuestion(private, VerbContactFile, sealed[1:]) },
		"no question":  func() (ContactQuestion, error) { return OpenContactQuestion(private, VerbContactFile, nonsense) },
	} {
		if got, err := try(); CodeOf(err) != CodeInvalid || got.Number != "" || strings.Contains(err.Error(), "63998") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
