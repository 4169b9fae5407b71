package dialer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Ensure that every fault of a job of calls is found, in the field where it is.
func TestJob_Validate_Calls(t *testing.T) {
	recorded := func(j *dialer.Job) { j.Call.Recording = "health" }
	for name, test := range map[string]struct {
		change func(*dialer.Job)
		fields []string
	}{
		"good":                    {func(*dialer.Job) {}, nil},
		"a good recording":        {recorded, nil},
		"a good voicemail":        {func(j *dialer.Job) { j.Call.Machine, j.Call.Voicemail = dialer.MachineVoicemail, "Parti des Tilleuls" }, nil},
		"no call":                 {func(j *dialer.Job) { j.Call = nil }, []string{"call"}},
		"a call of texts":         {func(j *dialer.Job) { j.Channel, j.Sender = contact.SMS, "TILLEULS" }, []string{"call"}},
		"people who speak":        {func(j *dialer.Job) { j.Channel = contact.LiveCall }, []string{"channel", "sender"}},
		"nobody named first":      {func(j *dialer.Job) { j.Call.Opening = "Pour ne plus être appelé, appuyez sur le 9" }, []string{"call.opening"}},
		"no way out first":        {func(j *dialer.Job) { j.Call.Opening = "Bonjour, Parti des Tilleuls." }, []string{"call.opening"}},
		"no way out at all":       {func(j *dialer.Job) { delete(j.Message.Elements, "opt_out_at_start") }, []string{"call.opening"}},
		"a way out with no digit": {changeWay("Raccrochez"), []string{"message.elements.opt_out_at_start"}},
		"no origin":               {func(j *dialer.Job) { delete(j.Message.Elements, "data_origin") }, []string{"message.elements.data_origin"}},
		"a voice that hides":      {func(j *dialer.Job) { j.Channel = contact.AIVoice }, []string{"call.opening"}},
		"rings too long":          {func(j *dialer.Job) { j.Call.Ring = dialer.Duration(2 * time.Minute) }, []string{"call.ring"}},
		"rings too short":         {func(j *dialer.Job) { j.Call.Ring = dialer.Duration(time.Second) }, []string{"call.ring"}},
		"talks too long":          {func(j *dialer.Job) { j.Call.Talk = dialer.Duration(time.Hour) }, []string{"call.talk"}},
		"more than fits":          {func(j *dialer.Job) { j.Message.Body += strings.Repeat(" encore", 200) }, []string{"message.body"}},
		"no such recording":       {func(j *dialer.Job) { j.Call.Recording = "schools" }, []string{"call.recording"}},
		"another's transcript":    {func(j *dialer.Job) { recorded(j); j.Message.Body += " Merci." }, []string{"message.body"}},
		"a policy unknown":        {func(j *dialer.Job) { j.Call.Machine = "shout" }, []string{"call.machine"}},
		"a voicemail unused":      {func(j *dialer.Job) { j.Call.Voicemail = "Parti des Tilleuls" }, []string{"call.voicemail"}},
		"a voicemail of nobody":   {func(j *dialer.Job) { j.Call.Machine, j.Call.Voicemail = dialer.MachineVoicemail, "Bonjour" }, []string{"call.voicemail"}},
		"a long voicemail": {func(j *dialer.Job) {
			j.Call.Machine, j.Call.Voicemail = dialer.MachineVoicemail, "Parti des Tilleuls"+strings.Repeat(" encore", 100)
		}, []string{"call.voicemail"}},
		"rings again at once": {func(j *dialer.Job) { j.Retry = retry(1, time.Minute, "busy") }, []string{"retry.after"}},
		"a control character": {func(j *dialer.Job) { j.Call.Opening += "\x01" }, []string{"call.opening"}},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 1, voice: true}, func(h *house) {
				job := h.call("calls", "party-a")
				h.registry.Recordings = []dialer.Recording{{
					ID: "health", URL: "https://tilleuls.example/health.mp3", Seconds: 30, Transcript: job.Message.Body,
				}}
				test.change(job)
				var fields []string
				for _, fault := range job.Validate(h.registry) {
					fields = append(fields, fault.Field)
				}
				if slices.Sort(fields); !slices.Equal(slices.Compact(fields), test.fields) {
					t.Errorf("faults in %q, want %q", fields, test.fields)
				}
			})
		})
	}
}

func changeWay(words string) func(*dialer.Job) {
	return func(j *dialer.Job) {
		way := j.Message.Elements["opt_out_at_start"]
		j.Call.Opening = strings.ReplaceAll(j.Call.Opening, way, words)
		j.Message.Elements["opt_out_at_start"] = words
	}
}

// Ensure that nobody is called where there is no price for it, nor under a pack that
// has no words for those who object.
func TestJob_Calls_NotPossible(t *testing.T) {
	in(t, plan{people: 1, voice: true}, func(h *house) {
		job := h.call("calls", "party-a")
		h.registry.Tariff.Minute = 0
		if rejection := h.offer(job); rejection == nil || rejection.Faults[0].Field != "channel" {
			t.Errorf("without a price: %+v", rejection)
		}
	})
	packs, err := embeddedPacks()
	if err != nil {
		t.Fatal(err)
	}
	if speech, speaks := packs["BE"].Speech(); speaks {
		t.Errorf("Belgium has three languages, and its pack speaks %s", speech.Language)
	}
}
