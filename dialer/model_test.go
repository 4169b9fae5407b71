package dialer_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// Models know in a few lines what the ledger and all that stands on it must say.
// Each makes the moves of the path by hand, on a house in which nothing happens
// by itself, and compares after every one.

// modelled runs the actions of a model, as rapid draws them, over a new house
// each time.
func modelled(t *testing.T, p plan, actions func(h *house) map[string]func(*rapid.T)) {
	t.Helper()
	t.Parallel()
	p.still = true
	rapid.Check(t, func(rt *rapid.T) {
		h := newHouse(t, p)
		defer func() { h.checkBooks(); h.closeLedger() }()
		rt.Repeat(actions(h))
	})
}

// must ends the model's run where something failed that never may.
func must(rt *rapid.T, err error) {
	rt.Helper()
	if err != nil {
		rt.Fatal(err)
	}
}

// drawn is any one of a list, told by its place there.
func drawn[T any](rt *rapid.T, what string, of []T) T {
	return of[rapid.IntRange(0, len(of)-1).Draw(rt, what)]
}

// said is an answer of the carrier's, by its kind.
func (h *house) said(attempt uint64, kind dialer.AnswerKind) dialer.Answer {
	answer := dialer.Answer{Kind: kind, HTTPStatus: 400, Code: 21211}
	if kind == dialer.Accepted {
		answer.HTTPStatus, answer.Code, answer.SID = 201, 0, sidOf(attempt)
	}
	return answer
}

func sidOf(attempt uint64) string { return fmt.Sprintf("SM%06d", attempt) }

// resend is how soon a withdrawn recipient may be asked about again.
const resend = time.Second

// forever is long enough for every look and every poll.
const forever = 5 * time.Hour

func (h *house) ids() []contact.ID {
	ids := make([]contact.ID, len(h.directory.people))
	for i, p := range h.directory.people {
		ids[i] = p.ID
	}
	return ids
}
