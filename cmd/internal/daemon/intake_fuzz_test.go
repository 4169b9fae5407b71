package daemon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hustings/hustings/queue"
)

// FuzzIntakeVerbs ensures that whatever is asked of the intake desk, by whatever
// verb, is answered or refused, that a refusal begins no session and quotes no
// number, and that a session under way goes on as if nothing had been said.
func FuzzIntakeVerbs(f *testing.F) {
	verbs := []queue.Verb{queue.VerbIntakeOpen, queue.VerbIntakeChunk, queue.VerbIntakeFinish, queue.VerbIntakeStatus, queue.VerbIntakeAbort}
	open := `{"kind":"contacts","source":"x","files":["a"],"encapsulated":"` + strings.Repeat("A", 43) + `=","operator":"op-anne"}`
	for i, text := range []string{open, "{}", `{"session":"x"}`, `{"session":"","refusals":-1}`, "", "null", "[]", `{"kind":"contacts","files":null}`} {
		f.Add(uint8(i), []byte(text), "", "0", "0")
		f.Add(uint8(i+1), []byte(text), "other", "-1", "18446744073709551616")
	}
	h := mustMakeHall(f)
	f.Fuzz(func(t *testing.T, verb uint8, data []byte, session, file, sequence string) {
		under := h.mustOpen(t, queue.IntakeContacts, "a")
		before := len(h.desk.sessions)
		asked := verbs[int(verb)%len(verbs)]
		header := map[string]string{queue.HeaderSession: session, queue.HeaderFile: file, queue.HeaderSequence: sequence}
		answer, err := h.desk.handlers()[asked](t.Context(), queue.Request{Verb: asked, Data: data, Header: header})
		switch {
		case err != nil && (queue.CodeOf(err) == queue.CodeInternal || strings.Contains(err.Error(), "639980001") || len(h.desk.sessions) != before):
			t.Errorf("%s %q is refused with %v; %d sessions, want %d", asked, data, err, len(h.desk.sessions), before)
		case err == nil:
			begun := answer.(queue.IntakeProgress).Session
			if asked != queue.VerbIntakeOpen || !json.Valid(data) || begun == "" {
				t.Errorf("%s %q is answered with %+v", asked, data, answer)
			}
			(&intakeSender{hall: h, id: begun}).mustAsk(t, queue.VerbIntakeAbort)
		}
		if _, known := h.desk.sessions[under.id]; !known || h.contacts() != 0 {
			t.Error("the session under way is gone, or contacts came in")
		}
		under.mustAsk(t, queue.VerbIntakeAbort)
	})
}
