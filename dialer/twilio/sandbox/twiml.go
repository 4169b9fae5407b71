package sandbox

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// verb is one thing that a document has a call do.
type verb struct {
	name  string
	text  string // of a Say; the address of a Play
	attrs map[string]string
	// said are the verbs within a Gather.
	said []verb
}

// The verbs that the sandbox plays, with the attributes that it knows, and which of
// them a Gather may hold.
var (
	knownVerbs = map[string][]string{
		"Say": {"language", "voice", "loop"}, "Play": {"loop", "digits"}, "Pause": {"length"}, "Hangup": nil,
		"Gather": {"input", "action", "method", "timeout", "numDigits", "finishOnKey", "actionOnEmptyResult"},
	}
	nestedVerbs = map[string]bool{"Say": true, "Play": true, "Pause": true}
)

// parseTwiml reads a document. It is strict: what Twilio would warn about or fail on
// is an error, with the verb that is wrong.
func parseTwiml(document string) ([]verb, error) {
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("there is no Response: %w", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			if start.Name.Local != "Response" {
				return nil, fmt.Errorf("the document is a %s, not a Response", start.Name.Local)
			}
			break
		}
	}
	verbs, _, err := parseVerbs(decoder, false)
	if err != nil {
		return nil, err
	}
	for {
		switch token, err := decoder.Token(); {
		case errors.Is(err, io.EOF):
			return verbs, nil
		case err != nil:
			return nil, fmt.Errorf("after the Response: %w", err)
		default:
			if text, ok := token.(xml.CharData); !ok || strings.TrimSpace(string(text)) != "" {
				return nil, errors.New("something stands after the Response")
			}
		}
	}
}

// parseVerbs reads up to the end of the element that it is in, and returns the text
// beside the verbs, too.
func parseVerbs(decoder *xml.Decoder, nested bool) (verbs []verb, text string, err error) {
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, "", fmt.Errorf("the document ends too early: %w", err)
		}
		switch token := token.(type) {
		case xml.EndElement:
			return verbs, strings.TrimSpace(text), nil
		case xml.CharData:
			text += string(token)
		case xml.StartElement:
			one, err := parseVerb(decoder, token, nested)
			if err != nil {
				return nil, "", err
			}
			verbs = append(verbs, one)
		}
	}
}

func parseVerb(decoder *xml.Decoder, start xml.StartElement, nested bool) (verb, error) {
	one := verb{name: start.Name.Local, attrs: map[string]string{}}
	known, found := knownVerbs[one.name]
	if !found || nested && !nestedVerbs[one.name] {
		return verb{}, fmt.Errorf("verb %q is not known there", one.name)
	}
	for _, attr := range start.Attr {
		if !slices.Contains(known, attr.Name.Local) {
			return verb{}, fmt.Errorf("verb %s has no attribute %q", one.name, attr.Name.Local)
		}
		one.attrs[attr.Name.Local] = attr.Value
	}
	var err error
	one.said, one.text, err = parseVerbs(decoder, true)
	switch {
	case err != nil:
		return verb{}, err
	case len(one.said) > 0 && one.name != "Gather":
		return verb{}, fmt.Errorf("verb %s holds others", one.name)
	case (one.name == "Say" || one.name == "Play") == (one.text == ""):
		return verb{}, fmt.Errorf("verb %s with the text %q", one.name, one.text)
	}
	return one, nil
}

// playedFor is how long a recording takes that the sandbox cannot hear.
const playedFor = 20 * time.Second

// charactersPerSecond is how fast the sandbox's voice reads.
const charactersPerSecond = 15

// takes is how long a verb takes that is not interrupted.
func (v *verb) takes() time.Duration {
	switch v.name {
	case "Say":
		return time.Duration(len([]rune(v.text))) * time.Second / charactersPerSecond
	case "Play":
		return playedFor
	case "Pause":
		return v.seconds("length", 1)
	}
	return 0
}

func (v *verb) seconds(attr string, usual int) time.Duration {
	number, err := strconv.Atoi(v.attrs[attr])
	if err != nil || number < 0 {
		number = usual
	}
	return time.Duration(number) * time.Second
}

// spokenIn is what a document says, without what is around it: empty where it cannot
// be read.
func spokenIn(document string) string {
	verbs, err := parseTwiml(document)
	if err != nil {
		return ""
	}
	var said []string
	for _, one := range verbs {
		for _, each := range append([]verb{one}, one.said...) {
			if each.name == "Say" || each.name == "Play" {
				said = append(said, each.text)
			}
		}
	}
	return strings.Join(said, "\n")
}
