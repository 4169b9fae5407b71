package dialer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// drawer draws quotes that tell how often it was asked, and of what.
type drawer struct{ draws int }

func (d *drawer) draw(perDay int) dialer.QuoteDraw {
	return dialer.QuoteDraw{PerDay: perDay, Draw: func(reachable uint64) (json.RawMessage, error) {
		d.draws++
		return json.RawMessage(fmt.Sprintf(`"draw %d of %d"`, d.draws, reachable)), nil
	}}
}

// asking is a question of party-a.
func asking(segment dialer.Segment) dialer.SegmentQuestion {
	return dialer.SegmentQuestion{Segment: segment, Party: "party-a", Channel: contact.SMS, Round: "FR-PRES-2027-R1"}
}

func (h *house) quote(q dialer.SegmentQuestion, draw dialer.QuoteDraw) string {
	h.t.Helper()
	quoted, faults, err := h.dialer().Quote(h.t.Context(), q, draw)
	if err != nil || len(faults) > 0 {
		h.t.Fatalf("quote: %v, %v", faults, err)
	}
	return string(quoted.Answer)
}

// Ensure that a quote is drawn once for a segment and a day: again, in other words,
// for the same contacts by other criteria, after a crash and after an import the
// same answer is given; and that another party, channel, round or day has its own.
func TestDialer_Quote_Once(t *testing.T) {
	in(t, plan{people: 40, speed: 600}, func(h *house) {
		young, _ := h.spread()
		gender := slices.IndexFunc(h.registry.Attributes, func(a dialer.Attribute) bool { return a.Name == "gender" })
		for _, p := range h.directory.people {
			p.Values[gender] = 1
		}
		h.run()
		h.await("the ledger is trusted", h.dialer().Trusted)
		d := new(drawer)
		first := h.quote(asking(dialer.Segment{"age_band": {"18-24"}}), d.draw(9))
		if first != fmt.Sprintf(`"draw 1 of %d"`, len(young)) {
			t.Fatalf("the first quote is %s", first)
		}
		for what, segment := range map[string]dialer.Segment{
			"again":                     {"age_band": {"18-24"}},
			"the value twice":           {"age_band": {"18-24", "18-24"}},
			"a criterion that all meet": {"age_band": {"18-24"}, "gender": {"f", "m"}},
			"a value that nobody has":   {"age_band": {"18-24", "65+"}},
		} {
			if got := h.quote(asking(segment), d.draw(9)); got != first {
				t.Errorf("%s: %s, not %s", what, got, first)
			}
		}
		h.object(young[0].ID)
		h.kill()
		h.directory.people = append(h.directory.people[:1:1], h.directory.people[2:]...) // another edition
		h.run()
		h.await("the ledger is trusted", h.dialer().Trusted)
		if got := h.quote(asking(dialer.Segment{"age_band": {"18-24"}}), d.draw(9)); got != first {
			t.Errorf("after a crash: %s, not %s", got, first)
		}
		both := h.quote(asking(dialer.Segment{"age_band": {"18-24", "25-34"}}), d.draw(9))
		if got := h.quote(asking(dialer.Segment{"age_band": {"25-34", "18-24"}}), d.draw(9)); got != both {
			t.Errorf("in another order: %s, not %s", got, both)
		}
		others := asking(dialer.Segment{"age_band": {"18-24"}})
		others.Party = "party-b"
		seen := map[string]bool{first: true, both: true, h.quote(others, d.draw(9)): true}
		others.Channel = contact.Robocall
		seen[h.quote(others, d.draw(9))] = true
		others.Round = "FR-PRES-2027-R2"
		seen[h.quote(others, d.draw(9))] = true
		h.pass(25 * time.Hour / 600)
		seen[h.quote(others, d.draw(9))] = true
		if len(seen) != 6 || d.draws != 6 {
			t.Errorf("%d answers of %d draws: %v", len(seen), d.draws, seen)
		}
		if rows := h.rows(dialer.BucketQuote); rows != 2 {
			t.Errorf("%d rows are kept, of today's one quote", rows)
		}
	})
}

// Ensure that a party is quoted so many segments a day and no more, that what was
// quoted stays, and that nothing is drawn on the day of a restored ledger.
func TestDialer_Quote_Refused(t *testing.T) {
	in(t, plan{people: 40}, func(h *house) {
		h.spread()
		d := new(drawer)
		refused := func(segment dialer.Segment, why string) {
			t.Helper()
			_, faults, err := h.dialer().Quote(t.Context(), asking(segment), d.draw(2))
			refusal, is := errors.AsType[*dialer.OrderError](err)
			if !is || !strings.Contains(refusal.Reason, why) || len(faults) > 0 {
				t.Errorf("%v, %v; want a refusal that says %q", faults, err, why)
			}
		}
		young, old := dialer.Segment{"age_band": {"18-24"}}, dialer.Segment{"age_band": {"25-34"}}
		refused(young, "before the ledger is known to be whole")
		h.run()
		h.await("the ledger is trusted", h.dialer().Trusted)
		first, second := h.quote(asking(young), d.draw(2)), h.quote(asking(old), d.draw(2))
		refused(nil, "was quoted 2 segments today")
		if h.quote(asking(young), d.draw(2)) != first || h.quote(asking(old), d.draw(2)) != second {
			t.Error("what was quoted is answered otherwise at the limit")
		}
		for field, q := range map[string]dialer.SegmentQuestion{
			"party":   {Segment: young},
			"round":   {Segment: young, Party: "party-a", Channel: contact.SMS, Round: "XX"},
			"channel": {Segment: young, Party: "party-a", Round: "FR-PRES-2027-R1"},
			"segment.age_band[0]": {
				Segment: dialer.Segment{"age_band": {"20"}}, Party: "party-a", Channel: contact.SMS, Round: "FR-PRES-2027-R1",
			},
		} {
			_, faults, err := h.dialer().Quote(t.Context(), q, d.draw(2))
			if err != nil || len(faults) != 1 || faults[0].Field != field {
				t.Errorf("%s: %v, %v", field, faults, err)
			}
		}
		failing := dialer.QuoteDraw{PerDay: 9, Draw: func(uint64) (json.RawMessage, error) { return nil, errors.New("no random bytes") }}
		if quoted, _, err := h.dialer().Quote(t.Context(), asking(dialer.Segment{"age_band": {"65+"}}), failing); err == nil {
			t.Errorf("quoted without a draw: %s", quoted.Answer)
		}
	})
}

// Ensure that nothing is drawn on the day on which a ledger was put back, which may
// have forgotten what it drew; on the next day it is.
func TestDialer_Quote_Restored(t *testing.T) {
	witness := new(fakeWitness)
	in(t, plan{people: 40, speed: 600, witness: witness}, func(h *house) {
		h.spread()
		h.run()
		h.await("the ledger is trusted", h.dialer().Trusted)
		d, young := new(drawer), asking(dialer.Segment{"age_band": {"18-24"}})
		before := h.copy("file", witness)
		h.quote(young, d.draw(9))
		h.pass(2 * time.Second) // within a second the ledger is marked anew
		h.putBack(before, witness, false)
		h.run()
		h.await("the ledger is known to be restored", h.isHalted)
		if _, _, err := h.dialer().Quote(t.Context(), young, d.draw(9)); err == nil {
			t.Error("quoted before the reconcile")
		}
		h.reconcile(dialer.ReconcileOrder{})
		if _, _, err := h.dialer().Quote(t.Context(), young, d.draw(9)); err == nil || !strings.Contains(err.Error(), "restored today") {
			t.Errorf("quoted on the day of the restored ledger: %v", err)
		}
		h.pass(25 * time.Hour / 600)
		h.quote(young, d.draw(9))
		if d.draws != 2 {
			t.Errorf("%d draws", d.draws)
		}
	})
}
