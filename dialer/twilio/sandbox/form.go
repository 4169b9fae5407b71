package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a create request.
const (
	maximumForm     = 256 << 10 // bytes
	maximumBody     = 1600      // characters
	maximumValidity = 36_000    // seconds
	minimumLead     = 5 * time.Minute
	maximumLead     = 35 * 24 * time.Hour
)

// assignedSender is what the sandbox sends from for a messaging service that
// leaves the choice to it: Twilio's magic good number.
const assignedSender = "+15005550006"

// createForm is a create request as it came.
type createForm struct {
	to, from, service, body, callback string
	validity, sendAt, scheduleType    string
	smartEncoded                      string

	call      *CallOrder // where it asks for a call
	malformed bool       // a number in it is none
}

// order is a create request that passed the checks.
type order struct {
	to, from, service, body, callback string
	validity                          int // seconds
	sendAt                            time.Time
	segments                          int
	call                              *CallOrder
}

// parsePairs hands the pairs of a form to set, in order. It returns an error for
// an escape that is none; the pairs before it have been handed over.
func parsePairs(form string, set func(key, value string)) error {
	for form != "" {
		var pair string
		pair, form, _ = strings.Cut(form, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return fmt.Errorf("form key: %w", err)
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return fmt.Errorf("form value of %q: %w", key, err)
		}
		set(key, value)
	}
	return nil
}

// readPairs hands the pairs of a request's form to set, in order.
func readPairs(request *http.Request, set func(key, value string)) *refusal {
	text, refused := readForm(request)
	if refused == nil && parsePairs(text, set) != nil {
		return refusalParameter
	}
	return refused
}

// parseCreateForm reads what the sandbox plays of Twilio's parameters. The first
// value of a repeated key counts.
func parseCreateForm(form string) (createForm, error) {
	var parsed createForm
	err := parsePairs(form, func(key, value string) {
		var field *string
		switch key {
		case "To":
			field = &parsed.to
		case "From":
			field = &parsed.from
		case "MessagingServiceSid":
			field = &parsed.service
		case "Body":
			field = &parsed.body
		case "StatusCallback":
			field = &parsed.callback
		case "ValidityPeriod":
			field = &parsed.validity
		case "SendAt":
			field = &parsed.sendAt
		case "ScheduleType":
			field = &parsed.scheduleType
		case "SmartEncoded":
			field = &parsed.smartEncoded
		default:
			return // Twilio does not notice unknown parameters either
		}
		if *field == "" {
			*field = value
		}
	})
	parsed.to = plainNumber(parsed.to)
	parsed.from = strings.TrimSpace(parsed.from)
	return parsed, err
}

// plainNumber removes the signs with which people group digits.
func plainNumber(number string) string {
	return strings.Map(func(char rune) rune {
		if strings.ContainsRune(" -.()", char) {
			return -1
		}
		return char
	}, number)
}

var (
	numberPattern  = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	codePattern    = regexp.MustCompile(`^[0-9]{3,8}$`)
	namePattern    = regexp.MustCompile(`^[0-9A-Za-z +_&-]{1,11}$`)
	servicePattern = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
)

// alphanumeric says whether the sender has a letter.
func alphanumeric(sender string) bool {
	return strings.ContainsFunc(sender, func(char rune) bool {
		return 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z'
	})
}

// check does what Twilio does with a create request before it makes a message.
// now is the sandbox instant.
func (form *createForm) check(now time.Time) (order, *refusal) {
	if form.call != nil {
		return form.checkCall()
	}
	accepted := order{
		to: form.to, from: form.from, service: form.service,
		body: form.body, callback: form.callback, validity: maximumValidity,
	}
	for _, refused := range []*refusal{
		form.checkAddresses(), form.checkText(), accepted.setValidity(form.validity),
		accepted.setSchedule(form, now), magicTo[form.to], magicFrom[form.from],
	} {
		if refused != nil {
			return order{}, refused
		}
	}
	if accepted.from == "" {
		accepted.from = assignedSender
	}
	if form.smartEncoded == "true" {
		accepted.body = smartEncoding.Replace(accepted.body)
	}
	accepted.segments = countSegments(accepted.body)
	return accepted, nil
}

func (form *createForm) checkAddresses() *refusal {
	switch {
	case form.to == "":
		return refusalNoTo
	case !numberPattern.MatchString(form.to):
		return refusalTo
	case form.service != "" && !servicePattern.MatchString(form.service):
		return refusalServiceInvalid
	case form.from == "" && form.service == "":
		return refusalNoFrom
	case form.from == "":
		return nil
	case numberPattern.MatchString(form.from), codePattern.MatchString(form.from):
		return nil
	case namePattern.MatchString(form.from) && alphanumeric(form.from):
		return nil
	}
	return refusalFrom
}

func (form *createForm) checkText() *refusal {
	if form.body == "" {
		return refusalNoBody
	}
	if utf8.RuneCountInString(form.body) > maximumBody {
		return refusalBodyLength
	}
	if form.callback != "" {
		if _, err := parseTarget(form.callback); err != nil {
			return refusalCallback
		}
	}
	return nil
}

func (accepted *order) setValidity(text string) *refusal {
	if text == "" {
		return nil
	}
	seconds, err := strconv.Atoi(text)
	switch {
	case err != nil || seconds < 1:
		return refusalValidity
	case seconds > maximumValidity:
		return refusalValidityRange
	}
	accepted.validity = seconds
	return nil
}

func (accepted *order) setSchedule(form *createForm, now time.Time) *refusal {
	if form.sendAt == "" && form.scheduleType == "" {
		return nil
	}
	if form.service == "" {
		return refusalNoService
	}
	sendAt, err := time.Parse(time.RFC3339, form.sendAt)
	lead := sendAt.Sub(now)
	if err != nil || form.scheduleType != "fixed" || lead < minimumLead || lead > maximumLead {
		return refusalSchedule
	}
	accepted.sendAt = sendAt.UTC()
	return nil
}
