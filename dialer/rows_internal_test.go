package dialer

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

var (
	drawInstant = rapid.Custom(func(t *rapid.T) time.Time { return instant(rapid.Int64Range(0, 1<<61).Draw(t, "ns")) })
	drawID      = rapid.Custom(func(t *rapid.T) contact.ID {
		return contact.ID(rapid.SliceOfN(rapid.Byte(), contact.IDSize, contact.IDSize).Draw(t, "id"))
	})
)

func draw32(t *rapid.T) [sha256.Size]byte {
	return sha256.Sum256([]byte(rapid.String().Draw(t, "hashed")))
}

// Ensure that every row is read as it was written.
func TestRows_RoundTrip(t *testing.T) {
	t.Run("recipient", rapid.MakeCheck(func(t *rapid.T) {
		want := recipient{
			state:   rapid.SampledFrom([]RecipientState{RecipientPlanned, RecipientFinal, RecipientExcluded}).Draw(t, "state"),
			outcome: Outcome(rapid.Uint8Range(0, uint8(outcomeCount)-1).Draw(t, "outcome")), step: rapid.Uint8().Draw(t, "step"),
			counted: rapid.Bool().Draw(t, "counted"), attempt: rapid.Uint64().Draw(t, "attempt"),
			until: drawInstant.Draw(t, "until"), reason: rapid.String().Draw(t, "reason"),
		}
		got, err := readRecipient(want.append(nil))
		if err != nil || got != want {
			t.Fatalf("read %+v, %v, want %+v", got, err, want)
		}
	}))
	t.Run("attempt", rapid.MakeCheck(func(t *rapid.T) {
		want := &attemptRecord{
			recipient: newRecipientKey(rapid.Uint32().Draw(t, "campaign"), 3, [2]byte{}, drawID.Draw(t, "id")), contact: drawID.Draw(t, "contact"),
			step: rapid.Uint8().Draw(t, "step"), grant: rapid.Uint32().Draw(t, "grant"), pack: rapid.Uint16().Draw(t, "pack"), text: draw32(t),
			salt: [16]byte(drawID.Draw(t, "salt")), intended: drawInstant.Draw(t, "intended"), notAfter: drawInstant.Draw(t, "not after"),
			segments: rapid.Uint8().Draw(t, "segments"), reserved: Money(rapid.Int64().Draw(t, "reserved")),
			state:   attemptState(rapid.Uint8Range(1, uint8(attemptStateCount)-1).Draw(t, "state")),
			outcome: Outcome(rapid.Uint8Range(0, uint8(outcomeCount)-1).Draw(t, "outcome")), status: StatusSent, looks: rapid.Uint8().Draw(t, "looks"),
			code: int(rapid.Uint32().Draw(t, "code")), answered: drawInstant.Draw(t, "answered"), final: drawInstant.Draw(t, "final"),
			sid: rapid.StringMatching(`[A-Za-z0-9]{0,40}`).Draw(t, "sid"), priced: rapid.Bool().Draw(t, "priced"),
			sender: rapid.StringMatching(`(\+[0-9]{6,15}|[A-Z]{3,11})?`).Draw(t, "sender"),
		}
		if want.priced {
			want.price = Money(rapid.Int64().Draw(t, "price"))
		}
		got, err := readAttempt(want.append(nil))
		if err != nil || *got != *want {
			t.Fatalf("read %+v, %v, want %+v", got, err, want)
		}
		if body := want.appendIntent(nil); !bytes.HasPrefix(want.append(nil), body) || len(body) != intentPart {
			t.Fatal("the row does not begin with the intent")
		}
	}))
	t.Run("history", rapid.MakeCheck(func(t *rapid.T) {
		want := history{inFlight: rapid.Uint64().Draw(t, "in flight")}
		for range rapid.IntRange(0, 5).Draw(t, "count") {
			want.past = append(want.past, pastAttempt{
				rapid.Uint64().Draw(t, "sequence"), drawInstant.Draw(t, "at"), contact.SMS, rapid.StringN(0, 60, 255).Draw(t, "party"),
			})
		}
		got, err := readHistory(want.append(nil))
		if err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(history{}, pastAttempt{})) {
			t.Fatalf("read %+v, %v, want %+v", got, err, want)
		}
	}))
	t.Run("balance", rapid.MakeCheck(func(t *rapid.T) {
		want := balance{State: CampaignHeld, Ending: EndingBudget, Reserved: Money(rapid.Int64().Draw(t, "reserved"))}
		for _, counter := range counters(&want) {
			*counter = rapid.Uint64().Draw(t, "counter")
		}
		got, err := readBalance(want.append(nil))
		if err != nil || got != want {
			t.Fatalf("read %+v, %v, want %+v", got, err, want)
		}
	}))
	t.Run("grant", rapid.MakeCheck(func(t *rapid.T) {
		want := Grant{
			Wording: "", WordingVersion: rapid.String().Draw(t, "version"), Evidence: rapid.String().Draw(t, "evidence"),
			Source: rapid.String().Draw(t, "source"), SourceHash: draw32(t), ImportedAt: drawInstant.Draw(t, "imported"),
			Grant: consent.Grant{
				Channel: contact.SMS, Party: rapid.String().Draw(t, "party"), Purpose: rapid.String().Draw(t, "purpose"),
				GivenAt: drawInstant.Draw(t, "given"), CollectedFrom: rapid.String().Draw(t, "from"), Explicit: rapid.Bool().Draw(t, "explicit"),
				Slot: consent.Slot{Start: rapid.Int32().Draw(t, "start"), End: rapid.Int32().Draw(t, "end")}, WordingHash: draw32(t),
			},
		}
		got, err := readGrant(want.append(nil), asString)
		if err != nil || got != want || !want.same(want.append(nil)) {
			t.Fatalf("read %+v, %v, want %+v", got, err, want)
		}
	}))
}

// counters are all of a balance's.
func counters(b *balance) []*uint64 {
	list := []*uint64{
		&b.Considered, &b.ExcludedAtPlanning, &b.NotDrawn, &b.Size, &b.Audience, &b.Attempts, &b.Withdrawn, &b.AfterClosing, &b.Segments,
	}
	for _, counts := range [][]uint64{b.Recipients[:], b.Final[:], b.Counted[:]} {
		for i := range counts {
			list = append(list, &counts[i])
		}
	}
	return list
}

// FuzzReadRows ensures that no row, however damaged, is more than an error, and
// that what is read is written as it was.
func FuzzReadRows(f *testing.F) {
	r := recipient{state: RecipientWaiting, until: someInstant, reason: "WHY"}
	h := history{inFlight: 3, past: []pastAttempt{{3, someInstant, contact.SMS, "party-a"}}}
	g := Grant{Evidence: "form", Grant: consent.Grant{Party: "party-a"}}
	for _, row := range [][]byte{
		nil,
		{0},
		r.append(nil), (&attemptRecord{state: attemptPlaced, sid: "SM1"}).append(nil), (&attemptRecord{state: attemptIntended, sender: "A", priced: true}).append(nil), h.append(nil),
		(&balance{State: CampaignRunning, Size: 500}).append(nil), g.append(nil), dueKey(someInstant, recipientKey{}),
	} {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		if a, err := readAttempt(row); err == nil && !bytes.Equal(a.append(nil), row) {
			t.Errorf("attempt %x is written as %x", row, a.append(nil))
		}
		if h, err := readHistory(row); err == nil && len(row) > 0 && !bytes.Equal(h.append(nil), row) {
			t.Errorf("history %x is written as %x", row, h.append(nil))
		}
		_, _ = readRecipient(row)
		_, _ = readBalance(row)
		_, _ = readGrant(row, asString)
		_, _ = readObjection(row, row, asString)
		_, _ = readOpen(row)
		_, _, _ = readDueKey(row)
	})
}

// Ensure that the history keeps every attempt, and takes out what provably was
// never created.
func TestHistory(t *testing.T) {
	var h history
	h.begin(pastAttempt{1, someInstant, contact.SMS, "party-a"})
	h.begin(pastAttempt{2, someInstant.Add(historyCounts), contact.SMS, "party-b"})
	if h.inFlight != 2 || len(h.past) != 2 {
		t.Fatalf("two attempts: %+v", h)
	}
	h.undo(2)
	if h.inFlight != 0 || len(h.past) != 1 || h.past[0].sequence != 1 {
		t.Fatalf("the second one undone: %+v", h)
	}
}
