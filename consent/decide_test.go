package consent_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Ensure that nothing reads as permission but a decision that was made.
func TestDecision_ZeroIsNoPermission(t *testing.T) {
	t.Parallel()
	if (consent.Decision{}).Allowed() {
		t.Error("the zero decision allows")
	}
	if !(consent.Permit{}).IsZero() || (consent.Permit{}).Pack() != "" {
		t.Error("the zero permit permits")
	}
	if d := shipped(t)["FR"].Decide(&consent.Campaign{}, &consent.Person{}, time.Time{}); d.Allowed() {
		t.Errorf("knowing nothing, the decision is %s", d)
	}
}

// Ensure that a channel nobody wrote rules for is closed.
func TestDecide_UnknownChannel(t *testing.T) {
	t.Parallel()
	pack, campaign, person, at := frenchText(t)
	for _, channel := range []contact.Channel{contact.AnyChannel, contact.AIVoice + 1, 255} {
		campaign.Channel = channel
		if d := pack.Decide(campaign, person, at); d.Allowed() {
			t.Errorf("channel %d: %s", channel, d)
		}
	}
}

// Ensure that a poll without a date, which could be tomorrow's, keeps silent.
func TestDecide_NoPollingDay(t *testing.T) {
	t.Parallel()
	pack, campaign, person, at := frenchText(t)
	campaign.Election.PollingDay = time.Time{}
	person.BirthYear = -100
	if d := pack.Decide(campaign, person, at); d.Reason != consent.ElectionSilence {
		t.Errorf("poll without a date: %s", d)
	}
	campaign.Sponsor.EUEligible = false
	if d := pack.CheckCampaign(campaign, at); d.Reason != consent.SponsorResidency {
		t.Errorf("poll without a date, sponsor from elsewhere: %s", d)
	}
}

// Ensure that what is wrong with the campaign comes before what is wrong with
// the person, and that the campaign alone can be asked about.
func TestCheckCampaign(t *testing.T) {
	t.Parallel()
	pack, campaign, person, at := frenchText(t)
	if d := pack.CheckCampaign(campaign, at); !d.Allowed() {
		t.Errorf("a sound campaign: %s", d)
	}
	person.Erased = true
	campaign.Attributes = []string{"religion"}
	want := consent.Decision{Verdict: consent.Halt, Reason: consent.TargetingSpecialCategory, Rule: "EU-T3"}
	if diff := cmp.Diff(want, pack.CheckCampaign(campaign, at)); diff != "" {
		t.Errorf("CheckCampaign (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, pack.Decide(campaign, person, at)); diff != "" {
		t.Errorf("Decide (-want +got):\n%s", diff)
	}
}

// Ensure that planning at night sees through the closed window to what rules
// the contact out for good, and is not misled by what time will mend.
func TestExcludes(t *testing.T) {
	t.Parallel()
	pack, campaign, person, at := frenchText(t)
	night := at.Add(13 * time.Hour)
	if d := pack.Decide(campaign, person, night); d.Reason != consent.CallingWindow {
		t.Fatalf("at night: %s", d)
	}
	if d := pack.Excludes(campaign, person, night); !d.Allowed() {
		t.Errorf("only the hour is wrong, yet %s", d)
	}
	person.ClaimedBy = "party-b"
	if d := pack.Excludes(campaign, person, night); d.Reason != consent.Claimed || d.Verdict != consent.Deny {
		t.Errorf("claimed by another party: %s", d)
	}
}

// Ensure that a permit names the pack and the latest grant that holds.
func TestPermit(t *testing.T) {
	t.Parallel()
	pack, campaign, person, at := frenchText(t)
	newer := person.Grants[0]
	newer.Version, newer.GivenAt = 2, newer.GivenAt.AddDate(0, 1, 0)
	other := newer
	other.Version, other.Party = 3, "party-b"
	person.Grants = append(person.Grants, newer, other)
	permit, d := pack.Permit(campaign, person, at)
	if !d.Allowed() || permit.IsZero() {
		t.Fatalf("permit %+v, decision %s", permit, d)
	}
	if version, granted := permit.Grant(); version != 2 || !granted {
		t.Errorf("relies on grant %d (%t), want 2", version, granted)
	}
	if permit.Pack() != pack.Version() || !permit.At().Equal(at) {
		t.Errorf("permit by %q at %s", permit.Pack(), permit.At())
	}
	person.Erased = true
	if permit, d := pack.Permit(campaign, person, at); !permit.IsZero() || d.Reason != consent.Erased {
		t.Errorf("erased: permit %+v, decision %s", permit, d)
	}
}

// Ensure that a contact who may be in several zones is reached only while the
// window is open in all of them.
func TestDecide_SeveralZones(t *testing.T) {
	t.Parallel()
	idaho, _ := contact.FindTerritory("US-ID")
	campaign := &consent.Campaign{
		Party: "party-a", Channel: contact.LiveCall, CallerID: "+12025550100", Message: consent.Message{Elements: consent.Identity},
		Election: consent.Election{ID: "US-EX", Kind: "general", PollingDay: time.Date(2028, 11, 7, 0, 0, 0, 0, time.UTC)},
	}
	for _, c := range []struct {
		at, until string
	}{
		{"2027-09-15T08:59:59-06:00", "2027-09-15T08:00:00-07:00"},
		{"2027-09-15T09:00:00-06:00", ""},
		{"2027-09-15T20:59:59-06:00", ""},
		{"2027-09-15T21:00:00-06:00", "2027-09-16T08:00:00-07:00"},
	} {
		at := instant(t, c.at)
		person := &consent.Person{
			NumberValid: true, LineType: contact.Mobile, Territory: idaho, Zones: idaho.Zones, BirthYear: 1980,
			Lists: []consent.ListEntry{{Name: "internal", FileAt: at.Add(-time.Hour)}},
		}
		d := shipped(t)["US"].Decide(campaign, person, at)
		if c.until == "" {
			if !d.Allowed() {
				t.Errorf("%s: %s", c.at, d)
			}
			continue
		}
		if d.Reason != consent.CallingWindow || !d.Until.Equal(instant(t, c.until)) {
			t.Errorf("%s: %s, want a deferral until %s", c.at, d, c.until)
		}
	}
}

func instant(tb testing.TB, text string) time.Time {
	tb.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

// Ensure that every word of a reason can be read back.
func TestParseReason(t *testing.T) {
	t.Parallel()
	for r := consent.OK; r <= consent.NoKeyword; r++ {
		if got, err := consent.ParseReason(r.String()); err != nil || got != r {
			t.Errorf("%s: read as %s, %v", r, got, err)
		}
	}
	for _, word := range []string{"", "ok", "REASON_0", "OPTED OUT"} {
		if r, err := consent.ParseReason(word); err == nil {
			t.Errorf("%q: read as %s", word, r)
		}
	}
}
