package dialer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// confirming is a pack that allows one confirmation within five minutes, as that
// of the United States does, over French words and hours.
func confirming(tb testing.TB) *consent.Pack {
	tb.Helper()
	rule := func(id, kind string, params map[string]any) consent.RuleFile {
		return consent.RuleFile{ID: id, Kind: kind, Force: "house", Source: "house: a test", Params: params}
	}
	words := rule("T-K1", "stop_keywords", map[string]any{
		"keywords": []any{"STOP"}, "help": []any{"HELP"}, "help_answer": "Texts from {party} by {sender}. STOP ends them.",
	})
	confirmation := rule("T-O2", "opt_out_confirmation", map[string]any{"within": "5m", "most": 1, "text": "No more texts from {party}."})
	words.Channels, confirmation.Channels = []string{"sms"}, []string{"sms"}
	pack, err := consent.NewPack(consent.PackFile{
		Pack: "TEST", Title: "a test", Version: "2026-11-01", ValidFrom: "2026-01-01", ValidTo: "2030-01-01",
		Rules: []consent.RuleFile{
			rule("T-B1", "lawful_basis", map[string]any{"allowed": []any{"consent"}}),
			rule("T-O1", "opt_out", map[string]any{"scope": "broker"}),
			rule("T-L1", "suppression_list", map[string]any{"name": "internal", "max_age": "24h", "on_stale": "defer"}),
			rule("T-W1", "calling_window", map[string]any{"week": []any{map[string]any{"days": "daily", "hours": []any{"08:00-21:00"}}}}),
			words, confirmation,
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return pack
}

// texted runs the test in a house under the confirming pack, whose people have
// all been texted by party-a.
func texted(t *testing.T, people int, test func(h *house)) {
	in(t, plan{people: people}, func(h *house) {
		h.pack = confirming(t)
		h.restart()
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		test(h)
	})
}

// reply hands a text in that came so long ago, and returns the answer to it.
func (h *house) reply(from *person, body string, ago time.Duration, change func(*dialer.InboundText)) string {
	h.t.Helper()
	text := dialer.InboundText{
		SID: "SM" + body + from.ID.String() + ago.String(), From: from.number, To: "36111", Body: body, ReceivedAt: h.clock.Now().Add(-ago),
	}
	if change != nil {
		change(&text)
	}
	answer, err := h.dialer().Inbound(context.Background(), text)
	if err != nil {
		h.t.Error(err)
	}
	return answer
}

const confirmed = "No more texts from Parti des Tilleuls."

// Ensure that an opt-out is confirmed once and no more, however often it is
// repeated, a restart in between included, and again only after a new consent.
func TestReply_ConfirmsOnce(t *testing.T) {
	texted(t, 3, func(h *house) {
		p := h.directory.people[0]
		if got := h.reply(p, "Stop", 0, nil); got != confirmed {
			t.Errorf("the first opt-out is answered %q", got)
		}
		if got := h.reply(p, "Stop", 0, nil); got != "" {
			t.Errorf("the same text told twice is answered %q", got)
		}
		for _, again := range []string{"STOP!", "stop now", "stop please"} {
			h.pass(time.Second)
			if got := h.reply(p, again, 0, nil); got != "" {
				t.Errorf("%q is answered %q", again, got)
			}
		}
		h.restart()
		if got := h.reply(p, "stop stop", 0, nil); got != "" {
			t.Errorf("after a restart it is answered %q", got)
		}
		h.pass(time.Minute)
		grant := &dialer.RecordGrants{Grants: []dialer.Grant{grantOf(p.ID, "party-a", h.clock.Now())}}
		if err := h.ledger.Commit(t.Context(), grant); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Minute)
		if got := h.reply(p, "STOP.", 0, nil); got != confirmed {
			t.Errorf("the opt-out after a new consent is answered %q", got)
		}
		if log := h.log.String(); !strings.Contains(log, "CONFIRMATION_REPEAT") {
			t.Error("the log does not tell why a repeated opt-out is not answered")
		}
	})
}

// Ensure that an opt-out is not confirmed late, nor where the carrier has
// answered it, nor to whom we have never written, nor at night.
func TestReply_NoConfirmation(t *testing.T) {
	texted(t, 6, func(h *house) {
		people := h.directory.people
		if got := h.reply(people[0], "STOP", 5*time.Minute, nil); got != confirmed {
			t.Errorf("after five minutes: %q", got)
		}
		if got := h.reply(people[1], "STOP", 5*time.Minute+time.Second, nil); got != "" {
			t.Errorf("after more than five minutes: %q", got)
		}
		carrier := func(text *dialer.InboundText) { text.CarrierStopped, text.NoReply = true, true }
		if got := h.reply(people[2], "STOP", 0, carrier); got != "" {
			t.Errorf("where the carrier has answered: %q", got)
		}
		if got := h.reply(people[2], "stop", 0, nil); got != confirmed {
			t.Errorf("and then to us: %q", got)
		}
		stranger, err := contact.ParseE164("+33639989999")
		if err != nil {
			t.Fatal(err)
		}
		if got := h.reply(&person{number: stranger}, "STOP", 0, nil); got != "" {
			t.Errorf("to a stranger: %q", got)
		}
		h.pass(13 * time.Hour)
		if got := h.reply(people[3], "STOP", 0, nil); got != "" {
			t.Errorf("at night: %q", got)
		}
		if log := h.log.String(); !strings.Contains(log, "CONFIRMATION_LATE") || !strings.Contains(log, "CALLING_WINDOW") {
			t.Errorf("the log does not tell why: %s", log)
		}
	})
}

// Ensure that a call for help is answered by the words of the pack, that it
// changes nothing, and that a pack without words says nothing.
func TestReply_Help(t *testing.T) {
	texted(t, 2, func(h *house) {
		p := h.directory.people[0]
		if got, want := h.reply(p, "help?", 0, nil), "Texts from Parti des Tilleuls by 36111. STOP ends them."; got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
		if got := h.reply(p, "help?", 0, nil); got != "" {
			t.Errorf("the same text told twice is answered %q", got)
		}
		if got := h.reply(p, "HELP", 0, func(text *dialer.InboundText) { text.NoReply = true }); got != "" {
			t.Errorf("where the carrier has answered: %q", got)
		}
		if got := h.reply(p, "thanks", 0, nil); got != "" {
			t.Errorf("small talk is answered %q", got)
		}
		if n := h.journal.count(); n != 0 {
			t.Errorf("%d objections in the journal", n)
		}
		if got := h.reply(p, "STOP", 0, nil); got != confirmed {
			t.Errorf("the opt-out after it is answered %q", got)
		}
	})
}

// Ensure that the French pack confirms nothing, and has an answer to AIDE.
func TestReply_French(t *testing.T) {
	in(t, plan{people: 2}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "closed")
		if got := h.reply(h.directory.people[0], "aide", 0, nil); !strings.Contains(got, "Parti des Tilleuls") || !strings.Contains(got, "STOP") {
			t.Errorf("AIDE is answered %q", got)
		}
		if got := h.reply(h.directory.people[0], "STOP", 0, nil); got != "" {
			t.Errorf("STOP is answered %q", got)
		}
	})
}

// Ensure that texts which the carrier only lists afterwards are taken in without
// an answer, and that none counts as given.
func TestReply_NoneToWhatIsListed(t *testing.T) {
	texted(t, 2, func(h *house) {
		p := h.directory.people[0]
		h.halt()
		h.carrier.receive(dialer.InboundText{SID: "SMlisted", From: p.number, To: "36111", Body: "STOP", ReceivedAt: h.clock.Now()})
		h.restart()
		h.run()
		h.await("the listed text is heard", func() bool { return h.journal.count() == 1 })
		if got := h.reply(p, "stop now", 0, nil); got != confirmed {
			t.Errorf("the next one is answered %q", got)
		}
	})
}
