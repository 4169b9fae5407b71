package dialer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// JobCall is what a job says of its calls, beside the message itself.
type JobCall struct {
	// Opening is said before anything else: who is calling, that it is a machine,
	// and which digit objects.
	Opening string `json:"opening"`
	// Recording names a registered recording of the message, which is played in
	// the place of a synthetic voice.
	Recording string `json:"recording,omitempty"`
	// Machine is what becomes of a call that a machine answers; MachineHangUp where
	// nothing is said.
	Machine MachinePolicy `json:"machine,omitempty"`
	// Voicemail is what is left after the beep, with MachineVoicemail.
	Voicemail string `json:"voicemail,omitempty"`
	// Ring is how long a phone rings, and Talk how long a call may last: both are
	// bounds, and the budget reckons with Talk.
	Ring Duration `json:"ring,omitzero"`
	Talk Duration `json:"talk,omitzero"`
}

// MachinePolicy is what becomes of a call that a machine answers.
type MachinePolicy string

// The policies.
const (
	// MachineHangUp ends the call.
	MachineHangUp MachinePolicy = "hang_up"
	// MachineVoicemail waits for the beep and leaves a text of its own.
	MachineVoicemail MachinePolicy = "voicemail"
	// MachineAnswer makes no difference between machines and people.
	MachineAnswer MachinePolicy = "answer"
)

// ObjectDigit is the digit that objects, in every call and in every country: a way
// out that changed from call to call would be none.
const ObjectDigit = "9"

const (
	usualRing, leastRing, mostRing = 25 * time.Second, 10 * time.Second, time.Minute
	usualTalk, leastTalk, mostTalk = 90 * time.Second, 15 * time.Second, 3 * time.Minute
	// afterMessage is left to whoever wants to press the digit at the end.
	afterMessage = 4 * time.Second
	// charactersPerSecond is how fast a synthetic voice reads.
	charactersPerSecond = 15
)

func (c *JobCall) ring() time.Duration { return cmp.Or(time.Duration(c.Ring), usualRing) }

func (c *JobCall) talk() time.Duration { return cmp.Or(time.Duration(c.Talk), usualTalk) }

func (c *JobCall) machine() MachinePolicy { return cmp.Or(c.Machine, MachineHangUp) }

// minutes is how many begun minutes one call can last.
func (c *JobCall) minutes() int { return int((c.talk() + time.Minute - 1) / time.Minute) }

// Recording is a message that somebody has spoken, registered with what they say:
// it is that text which rules look at, and which the party signs off.
type Recording struct {
	ID string
	// URL is where the carrier fetches it.
	URL string
	// Seconds is how long it takes, and Transcript what it says, to the letter.
	Seconds    int
	Transcript string
}

// Script is all that a call may say. Nothing in it is about the person called.
type Script struct {
	// Language is a tag of BCP 47.
	Language      string
	Opening, Body string
	// RecordingURL is played in the place of Body where it is not empty.
	RecordingURL string
	Voicemail    string
}

// CallTerms are what the carrier is asked for with a call.
type CallTerms struct {
	Script *Script
	// Ring and Talk end a call that is not answered, and one that does not end.
	Ring, Talk time.Duration
	Machine    MachinePolicy
}

// IsCall tells whether the request is for a call.
func (r *Request) IsCall() bool { return r.Call != nil }

// isCall tells whether the job's contacts are rung.
func (j *Job) isCall() bool { return j.Channel.IsVoice() }

// texts returns what a contact may get of the job, whole: the message of a text, or
// all that a call says.
func (j *Job) texts() []jobText {
	texts := j.Message.texts()
	if j.Call == nil {
		return texts
	}
	for i := range texts {
		texts[i].body = j.Call.transcript(texts[i].body)
	}
	return texts
}

// transcript is all that a call may say, as it is kept and signed off.
func (c *JobCall) transcript(body string) string {
	whole := c.Opening + "\n" + body
	if c.Voicemail != "" {
		whole += "\n[voicemail] " + c.Voicemail
	}
	if c.Recording != "" {
		whole += "\n[recording] " + c.Recording
	}
	return whole
}

// validateChannel holds a job to what its channel needs.
func (j *Job) validateChannel(registry *Registry) []Fault {
	switch {
	case j.Channel == contact.SMS && j.Call != nil:
		return []Fault{{Field: "call", Reason: "a campaign of texts rings nobody", Hint: "leave it out, or choose the channel robocall or ai_voice"}}
	case j.Channel == contact.SMS:
		return nil
	case j.Channel != contact.Robocall && j.Channel != contact.AIVoice:
		return []Fault{{Field: "channel", Reason: fmt.Sprintf("%s is not placed: it needs people who speak", j.Channel), Hint: "sms, robocall or ai_voice"}}
	case j.Call == nil:
		return []Fault{{Field: "call", Reason: "is missing", Hint: "a call needs an opening at least: who calls, and that 9 objects"}}
	case registry.Tariff.Minute <= 0:
		return []Fault{{Field: "channel", Reason: "the tariff has no price for a minute", Hint: "set tariff.minute in the registry to the most that one can cost"}}
	}
	return j.validateCall(registry)
}

func (j *Job) validateCall(registry *Registry) []Fault {
	var faults []Fault
	say := func(field, hint, format string, values ...any) {
		faults = append(faults, Fault{Field: field, Reason: fmt.Sprintf(format, values...), Hint: hint})
	}
	c := j.Call
	for _, needed := range j.openingElements() {
		if words := j.Message.Elements[needed]; words == "" || !strings.Contains(c.Opening, words) {
			say("call.opening", "quote the words under message.elements."+needed, "it does not hold the element %s", needed)
		}
	}
	if j.Message.Elements[dataOrigin] == "" {
		say("message.elements."+dataOrigin, "whoever rings back is told it", "it does not say where the number came from")
	}
	for _, text := range append(j.Message.texts(), jobText{"call.opening", "", c.Opening}, jobText{"call.voicemail", "", c.Voicemail}) {
		if strings.ContainsFunc(text.body, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
			say(text.field, "leave it out", "it holds a character that no voice can read")
		}
	}
	if way := j.Message.Elements[optOutAtStart]; way != "" && !strings.Contains(way, ObjectDigit) {
		say("message.elements."+optOutAtStart, "such as: press "+ObjectDigit, "it does not name the digit %s, which objects", ObjectDigit)
	}
	if ring := c.ring(); ring < leastRing || ring > mostRing {
		say("call.ring", fmt.Sprintf("from %s to %s", leastRing, mostRing), "a phone cannot be let ring for %s", ring)
	}
	if talk := c.talk(); talk < leastTalk || talk > mostTalk {
		say("call.talk", fmt.Sprintf("from %s to %s", leastTalk, mostTalk), "a call cannot be let last %s", talk)
	}
	switch c.Machine {
	case "", MachineHangUp, MachineAnswer:
		if c.Voicemail != "" {
			say("call.voicemail", "machine: voicemail leaves it", "nobody would leave it")
		}
	case MachineVoicemail:
		if words := j.Message.Elements["identity"]; c.Voicemail == "" || !strings.Contains(c.Voicemail, words) {
			say("call.voicemail", "whoever hears it must know whom it is from", "it does not hold the element identity")
		}
	default:
		say("call.machine", "hang_up, voicemail or answer", "%q is no policy", string(c.Machine))
	}
	for name, rule := range j.Retry.Outcomes {
		if rule.Maximum > 0 && time.Duration(rule.After) < leastBetweenCalls {
			say("retry.outcomes."+name+".after", "such as 24h", "a phone is not rung again within %s", leastBetweenCalls)
		}
	}
	if j.Retry.Maximum > 0 && time.Duration(j.Retry.After) < leastBetweenCalls {
		say("retry.after", "such as 24h", "a phone is not rung again within %s", leastBetweenCalls)
	}
	return append(faults, j.validateSpeech(registry)...)
}

// leastBetweenCalls is how soon a phone may ring again: whoever was busy, or has
// declined, is left in peace for a while, and then until another part of the day.
const leastBetweenCalls = time.Hour

const optOutAtStart, dataOrigin = "opt_out_at_start", "data_origin"

// openingElements are what every call says first, whatever the rules ask for.
func (j *Job) openingElements() []string {
	if j.Channel == contact.AIVoice {
		return []string{"identity", optOutAtStart, "ai_disclosure"}
	}
	return []string{"identity", optOutAtStart}
}

// validateSpeech holds what is said to the time that there is for it.
func (j *Job) validateSpeech(registry *Registry) []Fault {
	var faults []Fault
	recording, registered := registry.recording(j.Call.Recording)
	if j.Call.Recording != "" && !registered {
		faults = append(faults, Fault{Field: "call.recording", Reason: fmt.Sprintf("%q is not registered", j.Call.Recording), Hint: "recordings stand in the registry"})
	}
	for _, text := range j.Message.texts() {
		takes := speaks(text.body)
		if registered {
			takes = time.Duration(recording.Seconds) * time.Second
			if recording.Transcript != text.body {
				faults = append(faults, Fault{Field: text.field, Reason: "it is not what the recording says", Hint: "it must be the registered transcript, to the letter"})
			}
		}
		if whole := speaks(j.Call.Opening) + takes + afterMessage; whole > j.Call.talk() {
			faults = append(faults, Fault{
				Field: text.field, Reason: fmt.Sprintf("it takes about %s to say, with the opening, and a call ends after %s", whole.Round(time.Second), j.Call.talk()),
				Hint: "shorten it, or set call.talk",
			})
		}
	}
	if left := speaks(j.Call.Voicemail); left > mostVoicemail {
		faults = append(faults, Fault{Field: "call.voicemail", Reason: fmt.Sprintf("it takes about %s to say, %s at most", left.Round(time.Second), mostVoicemail)})
	}
	return faults
}

// mostVoicemail is how long a text on a machine may be.
const mostVoicemail = 30 * time.Second

// speaks is about how long a text takes to say.
func speaks(text string) time.Duration {
	return time.Duration(len([]rune(text))) * time.Second / charactersPerSecond
}

// script returns what a call of the job says under the pack.
func (j *Job) script(registry *Registry, pack *consent.Pack, body string) *Script {
	speech, _ := pack.Speech()
	script := &Script{Language: speech.Language, Opening: j.Call.Opening, Body: body, Voicemail: j.Call.Voicemail}
	if recording, found := registry.recording(j.Call.Recording); found {
		script.RecordingURL = recording.URL
	}
	return script
}

// recording returns the registered recording with that name.
func (r *Registry) recording(id string) (Recording, bool) {
	i := slices.IndexFunc(r.Recordings, func(one Recording) bool { return one.ID == id })
	if i < 0 {
		return Recording{}, false
	}
	return r.Recordings[i], true
}

// callTerms are what the carrier is asked for with a call that says so.
func (j *Job) callTerms(script *Script) *CallTerms {
	return &CallTerms{Script: script, Ring: j.Call.ring(), Talk: j.Call.talk(), Machine: j.Call.machine()}
}
