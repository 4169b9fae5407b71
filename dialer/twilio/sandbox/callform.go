package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// CallOrder is what a call was asked for with, beside its numbers.
type CallOrder struct {
	Twiml     string   `json:"twiml,omitempty"`
	URL       string   `json:"url,omitempty"` // fetched where there is no Twiml
	Ring      int      `json:"ring"`          // seconds until nobody answers
	Talk      int      `json:"talk"`          // seconds until an answered call is ended
	Detection string   `json:"detection,omitempty"`
	Verdict   string   `json:"verdict,omitempty"` // where it is told who has answered
	Events    []string `json:"events,omitempty"`
	Inbound   bool     `json:"inbound,omitempty"` // a person has called us
}

// Limits and defaults of a call, as Twilio has them.
const (
	maximumTwiml = 4000 // characters
	usualRing    = 60
	maximumRing  = 600
	usualTalk    = 14_400
)

// Twilio's errors about calls.
var (
	refusalNoCallTo   = &refusal{http.StatusBadRequest, 21201, "No 'To' number is specified"}
	refusalNoDocument = &refusal{http.StatusBadRequest, 21205, "Url parameter is required."}
	refusalTwiml      = &refusal{http.StatusBadRequest, 21218, "Twiml is too long"}
	refusalCaller     = &refusal{http.StatusBadRequest, 21210, "'From' phone number not verified"}
	refusalCallOver   = &refusal{http.StatusBadRequest, 21220, "Call is not in-progress. Cannot redirect."}
)

// parseCallForm reads what the sandbox plays of Twilio's parameters of a call.
func parseCallForm(form string) (createForm, error) {
	asked := &CallOrder{Ring: usualRing, Talk: usualTalk}
	parsed := createForm{call: asked}
	err := parsePairs(form, func(key, value string) {
		switch key {
		case "To":
			parsed.to = plainNumber(value)
		case "From":
			parsed.from = strings.TrimSpace(value)
		case "StatusCallback":
			parsed.callback = value
		case "StatusCallbackEvent":
			asked.Events = append(asked.Events, strings.Fields(value)...)
		case "Twiml":
			asked.Twiml = value
		case "Url":
			asked.URL = value
		case "Timeout":
			parsed.set(&asked.Ring, value, maximumRing)
		case "TimeLimit":
			parsed.set(&asked.Talk, value, usualTalk)
		case "MachineDetection":
			asked.Detection = value
		case "AsyncAmdStatusCallback":
			asked.Verdict = value
		}
	})
	parsed.body = spokenIn(asked.Twiml)
	return parsed, err
}

// set reads a number of seconds.
func (form *createForm) set(into *int, text string, most int) {
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 || seconds > most {
		form.malformed = true
		return
	}
	*into = seconds
}

// checkCall does what Twilio does with a request for a call before it makes one.
func (form *createForm) checkCall() (order, *refusal) {
	asked := form.call
	switch {
	case form.to == "":
		return order{}, refusalNoCallTo
	case !numberPattern.MatchString(form.to):
		return order{}, refusalTo
	case form.malformed, asked.Detection != "" && asked.Detection != "Enable" && asked.Detection != "DetectMessageEnd":
		return order{}, refusalParameter
	case !numberPattern.MatchString(form.from):
		return order{}, refusalCaller
	case magicTo[form.to] != nil:
		return order{}, magicTo[form.to]
	case magicFrom[form.from] != nil:
		return order{}, magicFrom[form.from]
	case asked.Twiml == "" && asked.URL == "":
		return order{}, refusalNoDocument
	case utf8.RuneCountInString(asked.Twiml) > maximumTwiml:
		return order{}, refusalTwiml
	}
	for _, address := range []string{form.callback, asked.Verdict, asked.URL} {
		if address == "" {
			continue
		}
		if _, err := parseTarget(address); err != nil {
			return order{}, refusalCallback
		}
	}
	return order{to: form.to, from: form.from, body: form.body, callback: form.callback, call: asked}, nil
}

// wants says whether a status is among the events that a call reports.
func (asked *CallOrder) wants(status string) bool {
	event := status
	switch {
	case status == statusInProgress:
		event = "answered"
	case final(status):
		event = "completed"
	}
	if len(asked.Events) == 0 {
		return event == "completed" // Twilio's default
	}
	return slices.Contains(asked.Events, event)
}

// leaves is when a call that is made now leaves the carrier's queue.
func (server *Server) leaves(now time.Time) time.Time {
	if server.options.CallsPerSecond <= 0 {
		return now
	}
	server.queue.mutex.Lock()
	defer server.queue.mutex.Unlock()
	if server.queue.free.Before(now) {
		server.queue.free = now
	}
	at := server.queue.free
	server.queue.free = at.Add(time.Duration(float64(time.Second) / server.options.CallsPerSecond))
	return at
}
