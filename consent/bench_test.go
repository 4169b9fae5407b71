package consent_test

import (
	"testing"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// frenchText is the question asked most: a text to a mobile in Paris, with
// consent and an earlier attempt, on a working day.
func frenchText(tb testing.TB) (*consent.Pack, *consent.Campaign, *consent.Person, time.Time) {
	tb.Helper()
	paris, known := contact.FindTerritory("FR-75")
	if !known {
		tb.Fatal("there is no Paris")
	}
	at := time.Date(2027, 3, 11, 10, 0, 0, 0, time.UTC)
	elements, err := consent.ParseElements([]string{"identity", "data_origin", "opt_out_means", "political_ad_label", "transparency_link"})
	if err != nil {
		tb.Fatal(err)
	}
	campaign := &consent.Campaign{
		Party: "party-a", Channel: contact.SMS, CallerID: "PARTYA",
		Election:   consent.Election{ID: "FR-PRES-2027-R1", Kind: "presidential", PollingDay: time.Date(2027, 4, 18, 0, 0, 0, 0, time.UTC)},
		Message:    consent.Message{Elements: elements},
		Attributes: []string{"age_band", "department"},
		Sponsor:    consent.Sponsor{EUEligible: true},
		Margin:     2 * time.Minute,
	}
	person := &consent.Person{
		NumberValid: true, LineType: contact.Mobile, Territory: paris, Zones: paris.Zones, BirthYear: 1980,
		Basis: consent.Consent,
		Grants: []consent.Grant{{
			Channel: contact.SMS, Party: "party-a", Purpose: consent.Political, GivenAt: at.AddDate(0, -6, 0),
			CollectedFrom: consent.DataSubject, Explicit: true, Version: 1,
		}},
		Attempts: []consent.PastAttempt{{Party: "party-b", Channel: contact.SMS, At: at.AddDate(0, 0, -9)}},
		Lists:    []consent.ListEntry{{Name: "internal", FileAt: at.Add(-time.Hour)}},
	}
	return shipped(tb)["FR"], campaign, person, at
}

func BenchmarkDecide_FrenchText(b *testing.B) {
	pack, campaign, person, at := frenchText(b)
	if d := pack.Decide(campaign, person, at); !d.Allowed() {
		b.Fatal(d)
	}
	b.ReportAllocs()
	for b.Loop() {
		pack.Decide(campaign, person, at)
	}
}

func BenchmarkDecide_FrenchTextOutsideHours(b *testing.B) {
	pack, campaign, person, at := frenchText(b)
	at = at.Add(12 * time.Hour)
	if d := pack.Decide(campaign, person, at); d.Reason != consent.CallingWindow {
		b.Fatal(d)
	}
	b.ReportAllocs()
	for b.Loop() {
		pack.Decide(campaign, person, at)
	}
}

func BenchmarkClassify(b *testing.B) {
	pack := shipped(b)["FR"]
	b.ReportAllocs()
	for b.Loop() {
		pack.Classify("Bonjour, merci de ne plus m’envoyer vos messages")
	}
}

// Ensure that a decision stays cheap enough to be made inside the transaction
// that writes the intent.
func TestDecide_Allocations(t *testing.T) {
	pack, campaign, person, at := frenchText(t)
	if n := testing.AllocsPerRun(100, func() { pack.Decide(campaign, person, at) }); n > 1 {
		t.Errorf("a decision allocates %v times, want at most once", n)
	}
}
