package twilio

import (
	"encoding/xml"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/dialer"
)

// twimlDocument is a document as Twilio reads it.
type twimlDocument struct {
	XMLName xml.Name    `xml:"Response"`
	Verbs   []twimlVerb `xml:",any"`
}

type twimlVerb struct {
	XMLName  xml.Name
	Language string      `xml:"language,attr"`
	Action   string      `xml:"action,attr"`
	Digits   string      `xml:"numDigits,attr"`
	Text     string      `xml:",chardata"`
	Verbs    []twimlVerb `xml:",any"`
}

func mustParse(t interface{ Fatalf(string, ...any) }, document string) twimlDocument {
	var parsed twimlDocument
	if err := xml.Unmarshal([]byte(document), &parsed); err != nil {
		t.Fatalf("%q: %v", document, err)
	}
	return parsed
}

// words draws what parties write, signs of XML among it.
var words = rapid.StringMatching(`[A-Za-zé&<>"' ,.0-9-]{1,80}`).Filter(func(s string) bool { return strings.TrimSpace(s) != "" })

// Ensure that every document, whatever a party writes, says who is calling and how to
// object within its first two verbs, takes the digit from there on, and then says the
// message to the letter.
func TestCallDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		identity, way := words.Draw(t, "identity"), "appuyez sur le "+dialer.ObjectDigit+" "+words.Draw(t, "way")
		script := &dialer.Script{
			Language: rapid.SampledFrom([]string{"fr-FR", "en-GB", "de-DE"}).Draw(t, "language"),
			Opening:  words.Draw(t, "before") + identity + words.Draw(t, "between") + way, Body: words.Draw(t, "body"),
		}
		if rapid.Bool().Draw(t, "recorded") {
			script.RecordingURL = "https://recordings.example/a.mp3?b=1&c=2"
		}
		document, err := callDocument(script, "https://calls.example/twilio/digit/abc#rc=5&rp=all")
		if err != nil {
			t.Fatalf("%v", err)
		}
		parsed := mustParse(t, document)
		first := parsed.Verbs[0]
		if first.XMLName.Local != "Gather" || first.Digits != "1" || !strings.HasPrefix(first.Action, "https://calls.example/twilio/digit/abc") {
			t.Fatalf("no digit is taken: %s", document)
		}
		opening := first.Verbs[0]
		if opening.XMLName.Local != "Say" || opening.Language != script.Language {
			t.Fatalf("the opening is not said: %s", document)
		}
		for _, needed := range []string{identity, way} {
			if !strings.Contains(opening.Text, strings.TrimSpace(needed)) {
				t.Fatalf("%q is not in the first two verbs: %s", needed, document)
			}
		}
		message := first.Verbs[1]
		switch {
		case script.RecordingURL != "" && (message.XMLName.Local != "Play" || message.Text != script.RecordingURL):
			t.Fatalf("the recording is not played: %s", document)
		case script.RecordingURL == "" && (message.XMLName.Local != "Say" || message.Text != script.Body):
			t.Fatalf("the message is not said to the letter: %s", document)
		}
		if !opensWith(document, script.Opening) {
			t.Fatalf("not taken for what it is: %s", document)
		}
	})
}

// Ensure that a document is known which does not say first who calls.
func TestOpensWith(t *testing.T) {
	const opening = "Bonjour, Parti. Appuyez sur le 9."
	for document, want := range map[string]bool{
		`<Response><Gather action="https://a.example"><Say>` + opening + `</Say><Say>Votez.</Say></Gather></Response>`: true,
		`<Response><Gather action="https://a.example"><Say>Votez.</Say><Say>` + opening + `</Say></Gather></Response>`: false,
		`<Response><Say>Votez.</Say><Gather action="https://a.example"><Say>` + opening + `</Say></Gather></Response>`: false,
		`<Response><Say>` + opening + `</Say></Response>`:                                                              false,
		`<Response><Gather><Say>` + opening + `</Say></Gather></Response>`:                                             false,
		`<Response><Gather action="https://a.example"><Play>` + opening + `</Play></Gather></Response>`:                false,
		`<Response/>`: false, ``: false, `<Response><Gather`: false,
	} {
		if got := opensWith(document, opening); got != want {
			t.Errorf("%s: %t", document, got)
		}
	}
}

// Ensure that an answer asks for a digit only where it is to, and that a voicemail
// takes none.
func TestAnswerDocument(t *testing.T) {
	for _, asks := range []bool{false, true} {
		document, err := answerDocument(dialer.Spoken{Language: "fr-FR", Text: "C'est noté & dit.", Asks: asks}, "https://a.example/digit")
		if err != nil {
			t.Fatal(err)
		}
		if parsed := mustParse(t, document); (parsed.Verbs[0].XMLName.Local == "Gather") != asks || !strings.Contains(document, "&amp;") {
			t.Errorf("asks %t: %s", asks, document)
		}
	}
	document, err := voicemailDocument(&dialer.Script{Language: "fr-FR", Voicemail: "Rappelez-nous."})
	if err != nil || mustParse(t, document).Verbs[0].Text != "Rappelez-nous." || strings.Contains(document, "Gather") {
		t.Errorf("%s, %v", document, err)
	}
}
