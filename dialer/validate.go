package dialer

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hustings/hustings/consent"
)

var jobID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Validate checks the job against the registry and returns all that is wrong.
// The rules of the pack are asked apart from it.
func (j *Job) Validate(registry *Registry) []Fault {
	var faults []Fault
	say := func(field, hint, format string, values ...any) {
		faults = append(faults, Fault{Field: field, Reason: fmt.Sprintf(format, values...), Hint: hint})
	}
	if !jobID.MatchString(j.ID) {
		say("id", "lower-case letters, digits and dashes, at most 63", "%q cannot name a campaign", j.ID)
	}
	if _, ok := registry.Party(j.Party); !ok {
		say("party", "parties stand in the registry", "%q is not a registered party", j.Party)
	}
	if _, _, ok := registry.Round(j.Round); !ok {
		say("round", "rounds stand in the registry, under elections", "%q is not a registered round", j.Round)
	}
	if j.Purpose != consent.Political {
		say("purpose", "the only purpose is "+consent.Political, "%q is not a purpose that contacts consented to", j.Purpose)
	}
	faults = append(faults, j.validateChannel(registry)...)
	if j.Size < MinimumSize {
		say("size", fmt.Sprintf("%d at least: figures over fewer people could single somebody out", MinimumSize),
			"%d contacts cannot be ordered", j.Size)
	}
	switch price := dearest(j.wordings(&registry.Tariff)).price; {
	case j.Budget <= 0:
		say("budget", "the most that the carrier may charge, such as 250.00", "no budget is given")
	case j.Budget < price:
		say("budget", "the most that the carrier may charge for the whole campaign, such as 250.00",
			"%s does not pay for one message, which can cost %s", j.Budget, price)
	}
	faults = append(faults, j.validateMessage()...)
	faults = append(faults, j.validateSender(registry)...)
	faults = append(faults, j.validateTimes()...)
	faults = append(faults, j.validateTrial(registry)...)
	_, wrong := j.Segment.compile(registry.Attributes)
	return append(faults, wrong...)
}

func (j *Job) validateSender(registry *Registry) []Fault {
	senders := registry.SendersOf(j.Sender)
	if len(senders) == 0 {
		return []Fault{{Field: "sender", Reason: fmt.Sprintf("%q is not a registered sender", j.Sender), Hint: "senders and their pools stand in the registry"}}
	}
	for _, sender := range senders {
		if !sender.Serves(j.Party, j.Channel) {
			return []Fault{{
				Field: "sender", Reason: fmt.Sprintf("sender %s may not be used by %s on %s", sender.ID, j.Party, j.Channel),
				Hint: "the registry binds senders to parties and channels",
			}}
		}
	}
	return nil
}

func (j *Job) validateTimes() []Fault {
	var faults []Fault
	if j.Schedule.End.IsZero() {
		faults = append(faults, Fault{Field: "schedule.end", Reason: "the campaign has no end", Hint: "such as 2027-04-16T20:00:00+02:00"})
	} else if !j.Schedule.End.After(j.Schedule.Start) {
		faults = append(faults, Fault{Field: "schedule.end", Reason: "the end is not after the start"})
	}
	faults = append(faults, j.Schedule.validateDaily()...)
	return append(faults, j.Retry.validate()...)
}

// MinimumSize is the fewest contacts that can be ordered: the report's noise
// and threshold protect no smaller group.
const MinimumSize = 500

// maxSegments is how long a text may be: Twilio takes 1,600 characters, but
// nobody reads that.
const maxSegments = 6

func (j *Job) validateMessage() []Fault {
	m := &j.Message
	faults := m.validateVariants()
	for _, name := range sortedKeys(m.Elements) {
		if _, err := consent.ParseElements([]string{name}); err != nil {
			faults = append(faults, Fault{Field: "message.elements." + name, Reason: err.Error()})
		}
	}
	for _, text := range m.texts() {
		faults = append(faults, j.validateText(text)...)
	}
	return faults
}

// validateText holds one text to all that a text must be.
func (j *Job) validateText(text jobText) []Fault {
	if strings.TrimSpace(text.body) == "" {
		return []Fault{{Field: text.field, Reason: "the body is empty"}}
	}
	var faults []Fault
	whole := text.body
	if j.Call != nil {
		whole = j.Call.Opening + "\n" + text.body
	} else if size := MeasureText(text.body); size.Segments > maxSegments {
		faults = append(faults, Fault{Field: text.field, Reason: fmt.Sprintf("the body takes %d segments, %d at most", size.Segments, maxSegments)})
	}
	for _, name := range sortedKeys(j.Message.Elements) {
		if words := j.Message.Elements[name]; words == "" || !strings.Contains(whole, words) {
			faults = append(faults, Fault{
				Field: "message.elements." + name, Reason: fmt.Sprintf("%s does not contain %q", text, words),
				Hint: "an element is a literal part of the body",
			})
		}
	}
	return faults
}
