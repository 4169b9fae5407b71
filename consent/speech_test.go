package consent

import (
	"strings"
	"testing"
)

func goodSpeech() *Speech {
	return &Speech{
		Language: "fr-FR", Objected: "C'est noté.", NotHeard: "Appuyez sur le 9.",
		RungBack: "Appel pour {party}. {origin}.", Stranger: "Aucun appel.", Withheld: "Numéro masqué.",
	}
}

// Ensure that a pack's speech is refused, with the field at fault, where something
// in it could not be said.
func TestSpeech_Validate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Speech)
		field  string
	}{
		"good":             {func(*Speech) {}, ""},
		"no language":      {func(s *Speech) { s.Language = "" }, "language"},
		"a language alone": {func(s *Speech) { s.Language = "fr" }, "language"},
		"silence":          {func(s *Speech) { s.Objected = "" }, "objected"},
		"a sermon":         {func(s *Speech) { s.Stranger = strings.Repeat("a", mostSpoken+1) }, "stranger"},
		"a name unknown":   {func(s *Speech) { s.RungBack += " {contact}" }, "rung_back"},
		"a party there":    {func(s *Speech) { s.Withheld += " {party}" }, "withheld"},
		"nobody's call":    {func(s *Speech) { s.RungBack = "{origin}" }, "rung_back"},
		"from nowhere":     {func(s *Speech) { s.RungBack = "{party}" }, "rung_back"},
	} {
		t.Run(name, func(t *testing.T) {
			s := goodSpeech()
			test.change(s)
			err := s.validate()
			if (err == nil) != (test.field == "") || err != nil && !strings.HasPrefix(err.Error(), test.field+":") {
				t.Errorf("error %v, want one of field %q", err, test.field)
			}
		})
	}
}

// Ensure that a pack speaks as the one does which it extends, unless it has words of
// its own, and that the names are filled in.
func TestPack_Speech(t *testing.T) {
	base := PackFile{Pack: "BASE", Title: "Base", Version: "2026-01-01", Abstract: true, ValidFrom: "2026-01-01", ValidTo: "2030-01-01"}
	silent, err := NewPack(base)
	if err != nil {
		t.Fatal(err)
	}
	if _, speaks := silent.Speech(); speaks {
		t.Error("a pack without words speaks")
	}
	base.Speech = goodSpeech()
	parent, err := NewPack(base)
	if err != nil {
		t.Fatal(err)
	}
	child, err := NewPack(PackFile{Pack: "CHILD", Title: "Child", Version: "2026-01-01", Extends: "BASE", Abstract: true, ValidFrom: "2026-01-01", ValidTo: "2030-01-01"}, parent)
	if err != nil {
		t.Fatal(err)
	}
	speech, speaks := child.Speech()
	if !speaks || speech != *goodSpeech() {
		t.Errorf("the child says %+v", speech)
	}
	if got, want := speech.ToCaller(CallerNames{Party: "P", Origin: "O"}), "Appel pour P. O."; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	base.Speech.Language = "french"
	if _, err := NewPack(base); err == nil || !strings.Contains(err.Error(), "speech.language") {
		t.Errorf("a wrong language: %v", err)
	}
}
