package twilio

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/twilio/twilio-go/twiml"

	"github.com/hustings/hustings/dialer"
)

// What a call says is a document in TwiML. It is the same for everybody in a
// campaign but for the address that a digit is sent to: no field in it is about the
// person called.

// documentLimit is how long a document may be that goes with the request, in
// characters (Twilio, Calls resource, parameter Twiml).
const documentLimit = 4000

// afterWords is how long a digit is waited for once all is said, in seconds.
const afterWords = "4"

// callDocument is what a call says: the opening, which tells who is calling and how
// to object, and then the message. All of it stands within the Gather, so that the
// digit works from the first word to the last.
func callDocument(script *dialer.Script, digits string) (string, error) {
	said := []twiml.Element{say(script.Language, script.Opening)}
	if script.RecordingURL != "" {
		said = append(said, &twiml.VoicePlay{Url: script.RecordingURL})
	} else {
		said = append(said, say(script.Language, script.Body))
	}
	return document(gather(digits, said...), &twiml.VoiceHangup{})
}

// voicemailDocument is what is left on a machine.
func voicemailDocument(script *dialer.Script) (string, error) {
	return document(say(script.Language, script.Voicemail), &twiml.VoiceHangup{})
}

// answerDocument is what is said to somebody who has pressed a digit or rung back.
func answerDocument(spoken dialer.Spoken, digits string) (string, error) {
	words := say(spoken.Language, spoken.Text)
	if !spoken.Asks {
		return document(words, &twiml.VoiceHangup{})
	}
	return document(gather(digits, words), &twiml.VoiceHangup{})
}

func say(language, text string) twiml.Element {
	return &twiml.VoiceSay{Language: language, Message: text}
}

func gather(action string, said ...twiml.Element) twiml.Element {
	return &twiml.VoiceGather{
		Input: "dtmf", NumDigits: "1", Timeout: afterWords, Action: action, Method: "POST", InnerElements: said,
	}
}

func document(verbs ...twiml.Element) (string, error) {
	text, err := twiml.Voice(verbs)
	if err != nil {
		return "", fmt.Errorf("write what a call says: %w", err)
	}
	return text, nil
}

// opensWith tells whether the first words of a document are these, and whether a
// digit is taken while they are said. It reads what is sent, not what it was made of.
func opensWith(document, opening string) bool {
	var response struct {
		Verbs []struct {
			XMLName xml.Name
			Action  string `xml:"action,attr"`
			Said    []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(document), &response); err != nil || len(response.Verbs) == 0 {
		return false
	}
	first := response.Verbs[0]
	return first.XMLName.Local == "Gather" && first.Action != "" && len(first.Said) > 0 &&
		first.Said[0].XMLName.Local == "Say" && strings.TrimSpace(first.Said[0].Text) == strings.TrimSpace(opening)
}
