package dialer

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent/contact"
)

var someInstant = time.Date(2027, 3, 9, 10, 0, 0, 0, time.UTC)

// moves are all there are, each with the states that it may start from.
var moves = map[string]struct {
	from []RecipientState
	to   RecipientState
	make func(recipient) (recipient, error)
}{
	"intend":         {states(RecipientPlanned, RecipientWaiting), RecipientIntended, func(r recipient) (recipient, error) { return r.intend(7) }},
	"wait":           {states(RecipientPlanned, RecipientWaiting), RecipientWaiting, func(r recipient) (recipient, error) { return r.wait(someInstant, "WHY") }},
	"exclude":        {states(RecipientPlanned, RecipientWaiting, RecipientIntended), RecipientExcluded, func(r recipient) (recipient, error) { return r.exclude("WHY") }},
	"withdraw":       {states(RecipientIntended), RecipientPlanned, func(r recipient) (recipient, error) { return r.withdraw(someInstant) }},
	"doubt":          {states(RecipientIntended), RecipientInDoubt, recipient.doubt},
	"place":          {states(RecipientIntended, RecipientInDoubt), RecipientPlaced, recipient.place},
	"finish":         {states(RecipientPlaced), RecipientFinal, func(r recipient) (recipient, error) { return r.finish(OutcomeFailed) }},
	"finish unknown": {states(RecipientPlaced, RecipientInDoubt), RecipientFinal, func(r recipient) (recipient, error) { return r.finish(OutcomeUnknown) }},
	"again":          {states(RecipientFinal), RecipientWaiting, func(r recipient) (recipient, error) { return r.again(someInstant) }},
}

func states(list ...RecipientState) []RecipientState { return list }

// Ensure that each move starts from the states it may start from and from no
// other, and keeps what it has no business with.
func TestRecipient_Moves(t *testing.T) {
	for name, move := range moves {
		for state := range recipientStateCount {
			before := recipient{state: state, outcome: OutcomeUndelivered, step: 2, counted: true, attempt: 5}
			after, err := move.make(before)
			allowed := false
			for _, from := range move.from {
				allowed = allowed || from == state
			}
			switch {
			case !allowed && (err == nil || after != before):
				t.Errorf("%s from %s: %+v, %v, want an error and no change", name, state, after, err)
			case allowed && (err != nil || after.state != move.to || !after.counted):
				t.Errorf("%s from %s: %+v, %v, want %s", name, state, after, err, move.to)
			}
		}
	}
}

// Ensure that a step counts when it is intended and not when it is withdrawn.
func TestRecipient_Moves_Step(t *testing.T) {
	r := recipient{state: RecipientPlanned}
	for range 3 {
		intended, _ := r.intend(1)
		r, _ = intended.withdraw(someInstant)
	}
	if r.step != 0 || r.state != RecipientPlanned || !r.until.Equal(someInstant) {
		t.Errorf("withdrawn three times: %+v", r)
	}
	if r, _ = r.intend(9); r.step != 1 || r.attempt != 9 || !r.until.IsZero() {
		t.Errorf("intended: %+v", r)
	}
}

// Ensure that nothing is tried again after an unknown outcome.
func TestRecipient_Again_Unknown(t *testing.T) {
	if r, err := (recipient{state: RecipientFinal, outcome: OutcomeUnknown}).again(someInstant); err == nil {
		t.Errorf("tried again: %+v", r)
	}
}

// Ensure that a key finds its way back to the contact and sorts by campaign and
// zone group first.
func TestRecipientKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		campaign, zone := rapid.Uint32().Draw(t, "campaign"), rapid.Uint8().Draw(t, "zone")
		mask := [2]byte{rapid.Byte().Draw(t, "mask"), rapid.Byte().Draw(t, "mask")}
		id := contact.ID(rapid.SliceOfN(rapid.Byte(), contact.IDSize, contact.IDSize).Draw(t, "id"))
		key := newRecipientKey(campaign, zone, mask, id)
		if key.campaign() != campaign || key.id(mask) != id || string(key[:5]) != string(zonePrefix(campaign, zone)) {
			t.Fatalf("key %x of campaign %d, zone %d, contact %s", key, campaign, zone, id)
		}
	})
}

// Ensure that the counters follow every move, and the outcomes of those that
// the report counts.
func TestBalance_Count(t *testing.T) {
	var b balance
	walk := func(counted bool, steps ...string) recipient {
		r := recipient{state: RecipientPlanned, counted: counted}
		b.count(recipient{}, r)
		for _, step := range steps {
			next, err := moves[step].make(r)
			if err != nil {
				t.Fatal(err)
			}
			b.count(r, next)
			r = next
		}
		return r
	}
	walk(true, "intend", "place", "finish")
	walk(false, "intend", "place", "finish")
	walk(true, "intend", "place", "finish", "again", "intend", "doubt", "finish unknown")
	walk(true, "intend", "place", "finish", "again")
	walk(true, "intend", "withdraw", "exclude")
	if b.Recipients[RecipientFinal] != 3 || b.Recipients[RecipientWaiting] != 1 || b.Recipients[RecipientExcluded] != 1 {
		t.Errorf("recipients %v", b.Recipients)
	}
	if b.Final[OutcomeFailed] != 2 || b.Final[OutcomeUnknown] != 1 || b.Counted[OutcomeFailed] != 1 || b.Counted[OutcomeUnknown] != 1 {
		t.Errorf("final %v, counted %v", b.Final, b.Counted)
	}
	if b.open() != 0 || b.undialled() != 1 {
		t.Errorf("%d open, %d undialled", b.open(), b.undialled())
	}
}

// Ensure that each equation is checked, and says which one fails.
func TestBalance_Fault(t *testing.T) {
	whole := balance{State: CampaignRunning, Considered: 10, ExcludedAtPlanning: 2, NotDrawn: 3, Audience: 5, Size: 6}
	whole.Recipients[RecipientPlanned], whole.Recipients[RecipientFinal], whole.Final[OutcomeDelivered] = 3, 2, 2
	for name, change := range map[string]func(*balance){
		"":                            func(*balance) {},
		"considered":                  func(b *balance) { b.Considered++ },
		"excluded":                    func(b *balance) { b.ExcludedAtPlanning-- },
		"a recipient is lost":         func(b *balance) { b.Recipients[RecipientPlanned]-- },
		"a recipient stands twice":    func(b *balance) { b.Recipients[RecipientWaiting]++ },
		"an outcome is lost":          func(b *balance) { b.Final[OutcomeDelivered]-- },
		"more than was ordered":       func(b *balance) { b.Size = 4 },
		"a counter went below naught": func(b *balance) { b.Recipients[RecipientPlaced]-- },
	} {
		b := whole
		change(&b)
		if fault := b.fault(); (fault != "") != (name != "") {
			t.Errorf("%q: fault %q", name, fault)
		}
	}
	if fault := (&balance{State: CampaignAccepted, Size: 500}).fault(); fault != "" {
		t.Errorf("before planning: %s", fault)
	}
}
