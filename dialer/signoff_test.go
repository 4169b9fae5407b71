package dialer_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that a campaign does not begin without its party's word on the exact text
// where the registry asks for it, that a word on another text is none, and that a
// restart does not forget it.
func TestDialer_SignOff(t *testing.T) {
	in(t, plan{people: 20}, func(h *house) {
		h.registry.Approvals.SignOff = true
		job := h.accept(h.job("first", "party-a"))
		h.run()
		h.awaitState(job.ID, "ready")
		h.pass(time.Hour)
		if view := h.show(job.ID); view.State != "ready" || !view.WaitsForSignOff || h.carrier.began() != 0 {
			t.Fatalf("without a sign-off it is %s, with %d requests", view.State, h.carrier.began())
		}
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(job.Message.Body)))
		for _, word := range []dialer.SignOff{
			{TextSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(job.Message.Body+" "))), By: "M. Tilleul"}, {TextSHA256: hash}, {By: "M. Tilleul"},
		} {
			err := h.dialer().SignOff(t.Context(), job.ID, word)
			if refusal, is := errors.AsType[*dialer.OrderError](err); !is || refusal.Hint == "" {
				t.Errorf("signed off with %+v: %v", word, err)
			}
		}
		if err := h.dialer().SignOff(t.Context(), job.ID, dialer.SignOff{TextSHA256: strings.ToUpper(hash), By: "M. Tilleul", Operator: "op-anne"}); err != nil {
			t.Fatal(err)
		}
		h.restart()
		h.run()
		view := h.awaitState(job.ID, "closed")
		if s := view.SignOff; s == nil || s.By != "M. Tilleul" || s.Operator != "op-anne" || view.Balance.Final["delivered"] != 20 {
			t.Errorf("closed with the sign-off %+v, %+v", s, view.Balance)
		}
		if err := h.dialer().SignOff(t.Context(), job.ID, dialer.SignOff{TextSHA256: hash, By: "M. Tilleul"}); !errors.Is(err, dialer.ErrCampaignState) {
			t.Errorf("signed off after the end: %v", err)
		}
	})
}
