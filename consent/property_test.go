package consent_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Each property draws a whole question: a pack, a campaign, a person and an
// instant, mostly sound, with a fault here and there, so that every check gets
// its turn.

type asked struct {
	pack     *consent.Pack
	campaign *consent.Campaign
	person   *consent.Person
	at       time.Time
}

var (
	packCodes   = []string{"FR", "FR-AGGREGATOR", "FR-FEED", "EU", "US", "UK", "CA", "DE", "ES", "BE"}
	parties     = []string{"party-a", "party-b"}
	channels    = []contact.Channel{contact.SMS, contact.LiveCall, contact.PredictiveCall, contact.Robocall, contact.AIVoice}
	territories = []string{"FR-75", "FR-972", "FR-987", "FR-988", "FR-974", "US-MN", "US-IN", "US-ID", "US-DC", "GB-ENG", "CA-NL", "ES", "DE", "BE", "IE"}
	kinds       = []string{"presidential", "municipal", "european", "federal"}
	// strangeZones have half hours, changes at midnight, at noon of somebody
	// else's day, or none.
	strangeZones = []string{"Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Pacific/Apia", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Marquesas"}
)

func drawQuestion(t *rapid.T) asked {
	packs, err := compileShipped()
	if err != nil {
		t.Fatal(err)
	}
	q := asked{pack: packs[rapid.SampledFrom(packCodes).Draw(t, "pack")]}
	if rapid.IntRange(0, 3).Draw(t, "overlaid") == 3 {
		if q.pack, err = consent.NewPack(drawOverlay(t, q.pack), q.pack); err != nil {
			t.Fatal(err)
		}
	}
	territory, _ := contact.FindTerritory(rapid.SampledFrom(territories).Draw(t, "territory"))
	q.at = drawInstant(t)
	q.campaign = drawCampaign(t, q.at)
	q.person = drawPerson(t, q.at, territory, q.campaign.Channel)
	return q
}

// drawInstant draws a second between autumn 2026 and summer 2028, often by day
// and near a poll.
func drawInstant(t *rapid.T) time.Time {
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	if rapid.Bool().Draw(t, "near a poll") {
		at = time.Date(2027, 4, 13, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 10*86400).Draw(t, "second")) * time.Second)
	} else {
		at = at.Add(time.Duration(rapid.IntRange(0, 600*86400).Draw(t, "second")) * time.Second)
	}
	return at.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "nanoseconds")) * 999_999_999)
}

// rarely is true now and then: for faults, so that most of the question stays
// sound and later checks are reached.
func rarely(t *rapid.T, what string) bool { return rapid.IntRange(0, 19).Draw(t, what) == 19 }

func drawCampaign(t *rapid.T, at time.Time) *consent.Campaign {
	c := &consent.Campaign{
		Party: "party-a", Channel: rapid.SampledFrom(channels).Draw(t, "channel"), CallerID: "+33162000",
		Message:       consent.Message{Elements: consent.FreephoneNumber - 1},
		Registrations: consent.Registrations{TCRUseCase: "political", CampaignVerify: true, VoterContactRegistry: true},
		Sponsor:       consent.Sponsor{EUEligible: true},
		Election: consent.Election{
			ID: "X", Kind: rapid.SampledFrom(kinds).Draw(t, "election"),
			PollingDay: at.Truncate(24*time.Hour).AddDate(0, 0, rapid.IntRange(-3, 200).Draw(t, "days to the poll")),
		},
	}
	if c.Channel == contact.SMS {
		c.CallerID = "PARTYA"
		c.Margin = time.Duration(rapid.SampledFrom([]int{0, 0, 2, 90}).Draw(t, "margin")) * time.Minute
	}
	if rarely(t, "bad campaign") {
		c.Attributes = []string{rapid.SampledFrom([]string{"religion", "income_band", "age_band"}).Draw(t, "attribute")}
		c.Sponsor.EUEligible = rapid.Bool().Draw(t, "eligible")
		c.Message.Elements = consent.Elements(rapid.IntRange(0, 4095).Draw(t, "elements"))
	}
	return c
}

func drawPerson(t *rapid.T, at time.Time, territory *contact.Territory, channel contact.Channel) *consent.Person {
	ago := func(what string, days int) time.Time {
		return at.Add(-time.Duration(rapid.IntRange(0, days*86400).Draw(t, what)) * time.Second)
	}
	line := rapid.SampledFrom([]contact.LineType{contact.Mobile, contact.Mobile, contact.Fixed, contact.TollFree}).Draw(t, "line")
	fresh := rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, 24 * time.Hour, 30 * time.Hour, -time.Hour}).Draw(t, "list is old")
	p := &consent.Person{
		NumberValid: true, LineType: line, Territory: territory, Zones: territory.Zones, BirthYear: 1980,
		Basis: consent.Basis(rapid.IntRange(0, 2).Draw(t, "basis")), LIARef: "LIA-1",
		Lists: []consent.ListEntry{
			{Name: "internal", FileAt: at.Add(-fresh), Hit: rarely(t, "hit")},
			{Name: "RND", Answer: consent.Reassigned(rapid.IntRange(0, 2).Draw(t, "reassigned")), Since: at.AddDate(0, 0, -200)},
			{Name: "TPS", FileAt: at.Add(-time.Hour), Hit: rapid.Bool().Draw(t, "on the TPS")},
			{Name: "short-code", FileAt: at.Add(-time.Hour), Hit: rarely(t, "on the feed")},
		},
		Erased: rarely(t, "erased"), InFlight: rarely(t, "in flight"), Review: rarely(t, "review"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "grants") {
		g := consent.Grant{
			Channel: channel, Party: "party-a", Purpose: consent.Political,
			GivenAt: ago("given", 800), CollectedFrom: consent.DataSubject, Explicit: !rarely(t, "bundled"),
		}
		if rarely(t, "other grant") {
			g.Channel, g.Party = rapid.SampledFrom(channels).Draw(t, "granted"), rapid.SampledFrom(parties).Draw(t, "to")
		}
		if rapid.Bool().Draw(t, "slotted") {
			start := int32(rapid.IntRange(0, 23).Draw(t, "from hour"))
			g.Slot = consent.Slot{Start: start * 3600, End: (start + 1) * 3600}
		}
		p.Grants = append(p.Grants, g)
	}
	for range rapid.IntRange(0, 5).Draw(t, "attempts") {
		p.Attempts = append(p.Attempts, consent.PastAttempt{
			Party: rapid.SampledFrom(parties).Draw(t, "by"), Channel: rapid.SampledFrom(channels).Draw(t, "on"), At: ago("tried", 40),
		})
	}
	if rarely(t, "withdrawn") {
		p.Withdrawals = []consent.Withdrawal{{Channel: channel, Party: "party-a", At: ago("withdrawn at", 800)}}
	}
	if rarely(t, "in a strange zone") {
		p.Zones = nil
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(strangeZones), 1, 3, rapid.ID).Draw(t, "zones") {
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			p.Zones = append(p.Zones, zone)
		}
	}
	if rarely(t, "refused") {
		p.Refusals = []consent.Refusal{{Party: "party-a", At: ago("refused at", 90)}}
	}
	if rarely(t, "locked") {
		p.Locks = []consent.Lock{{Party: "party-b", Until: at.Add(time.Duration(rapid.IntRange(-9, 99).Draw(t, "hours")) * time.Hour)}}
	}
	if rarely(t, "abandoned") {
		p.AbandonedAt = ago("abandoned at", 5)
	}
	return p
}

func (q asked) decide() consent.Decision { return q.pack.Decide(q.campaign, q.person, q.at) }

// check returns what the named check says at another instant.
func (q asked) check(name string, at time.Time) consent.Decision {
	for _, result := range q.pack.Explain(q.campaign, q.person, at) {
		if result.Check == name {
			return result.Decision
		}
	}
	return consent.Decision{}
}

// Ensure that Decide is the first failing entry of Explain.
func TestProperty_DecideIsFirstFailing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		if got, want := q.decide(), firstFailing(q.pack.Explain(q.campaign, q.person, q.at)); got != want {
			t.Fatalf("decision %s, first failing %s", got, want)
		}
		if d := q.pack.CheckCampaign(q.campaign, q.at); (d.Verdict == consent.Halt) != (q.decide().Verdict == consent.Halt) {
			t.Fatalf("the campaign alone: %s, with a person: %s", d, q.decide())
		}
	})
}

// Ensure that a deferral names the very first instant at which its check lets
// go: until then it holds, and at that instant it does not.
func TestProperty_Until(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		for _, result := range q.pack.Explain(q.campaign, q.person, q.at) {
			d := result.Decision
			if d.Until.IsZero() {
				continue
			}
			if d.Verdict != consent.Defer || !d.Until.After(q.at) {
				t.Fatalf("%s at %s: %s", result.Check, q.at, d)
			}
			if then := q.check(result.Check, d.Until); !then.Allowed() {
				t.Fatalf("%s at %s: %s, and then %s", result.Check, q.at, d, then)
			}
			wait := d.Until.Sub(q.at)
			some := q.at.Add(time.Duration(rapid.Int64Range(0, int64(wait)-1).Draw(t, "before")))
			for _, before := range []time.Time{d.Until.Add(-1), some} {
				if then := q.check(result.Check, before); then.Allowed() {
					t.Fatalf("%s at %s: %s, but already at %s: %s", result.Check, q.at, d, before, then)
				}
			}
		}
	})
}

// Ensure that the answer as a whole is kept until the instant that a deferral
// names: nobody may be reached before, and at that instant it is another.
func TestProperty_UntilOfTheAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		d := q.decide()
		if d.Verdict != consent.Defer || d.Until.IsZero() {
			return
		}
		wait := int64(d.Until.Sub(q.at))
		for _, before := range []time.Time{d.Until.Add(-1), q.at.Add(time.Duration(rapid.Int64Range(0, wait-1).Draw(t, "before")))} {
			if then := q.pack.Decide(q.campaign, q.person, before); then.Allowed() {
				t.Fatalf("at %s: %s, but already at %s: %s", q.at, d, before, then)
			}
		}
		if then := q.pack.Decide(q.campaign, q.person, d.Until); then.Reason == d.Reason && then.Verdict == d.Verdict {
			t.Fatalf("at %s: %s, and then still %s", q.at, d, then)
		}
	})
}

var strictness = map[consent.Verdict]int{consent.Allow: 0, consent.Defer: 1, consent.Deny: 2, consent.Halt: 3}

// Ensure that a reason which comes before all that looks at earlier attempts stays,
// whatever came of them.
func TestProperty_PrecedesHistory(t *testing.T) {
	preceding, others := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		if rapid.Bool().Draw(t, "claimed") {
			q.person.ClaimedBy = "party-b"
		}
		with := q.pack.Excludes(q.campaign, q.person, q.at).Reason
		stranger := *q.person
		stranger.Attempts, stranger.InFlight, stranger.ClaimedBy, stranger.Locks = nil, false, "", nil
		without := q.pack.Excludes(q.campaign, &stranger, q.at).Reason
		if with.PrecedesHistory() || without.PrecedesHistory() {
			if preceding++; with != without {
				t.Fatalf("%s with a history, %s without", with, without)
			}
		} else {
			others++
		}
	})
	if preceding == 0 || others == 0 {
		t.Errorf("%d reasons came before, %d did not", preceding, others)
	}
}

// Ensure that grants which are none for the campaign, with the same reason, are the
// same to the rules, and that the reason is theirs where consent is needed.
func TestProperty_Unconcerned(t *testing.T) {
	needed := 0
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		reasons := map[consent.Reason]consent.Reason{}
		for range 4 {
			person := *q.person
			person.Grants = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) consent.Grant {
				return consent.Grant{
					Channel: rapid.SampledFrom(channels).Draw(t, "channel"), Party: rapid.SampledFrom(append(parties, "", consent.AnyParty)).Draw(t, "party"),
					Purpose: rapid.SampledFrom([]string{consent.Political, "commercial"}).Draw(t, "purpose"), CollectedFrom: consent.DataSubject, Explicit: true,
					GivenAt: q.at.Add(time.Duration(rapid.IntRange(-500*24, 2).Draw(t, "hours")) * time.Hour),
				}
			}), 0, 3).Draw(t, "grants")
			worst, all := q.campaign.Unconcerned(person.Grants, q.at)
			if !all {
				continue
			}
			reason := q.pack.Excludes(q.campaign, &person, q.at).Reason
			if known, found := reasons[worst]; found && known != reason {
				t.Fatalf("grants with %s are excluded for %s, others for %s", worst, reason, known)
			}
			if reasons[worst] = reason; reason >= consent.NoLawfulBasis && reason <= consent.ConsentParty {
				if needed++; reason != worst {
					t.Fatalf("excluded for %s, not for %s", reason, worst)
				}
			}
		}
	})
	if needed == 0 {
		t.Error("nobody's consent was needed")
	}
}

// Ensure that one more objection never makes an answer more permissive.
func TestProperty_ObjectionNeverOpens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		before, excluded := q.decide(), q.pack.Excludes(q.campaign, q.person, q.at)
		q.person.Objections = append(q.person.Objections, consent.Objection{
			Channel: rapid.SampledFrom(append(channels, contact.AnyChannel)).Draw(t, "objected"),
			Party:   rapid.SampledFrom(append(parties, consent.AnyParty)).Draw(t, "against"),
			At:      q.at.Add(-time.Duration(rapid.IntRange(-10, 500*24).Draw(t, "hours ago")) * time.Hour),
		})
		if after := q.decide(); strictness[after.Verdict] < strictness[before.Verdict] {
			t.Fatalf("%s, with an objection more: %s", before, after)
		}
		if after := q.pack.Excludes(q.campaign, q.person, q.at); strictness[after.Verdict] < strictness[excluded.Verdict] {
			t.Fatalf("planning: %s, with an objection more: %s", excluded, after)
		}
	})
}

// Ensure that a longer way to the phone, or another zone that the contact may
// be in, never opens what was closed.
func TestProperty_MarginAndZonesNeverOpen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		before := q.decide()
		if rapid.Bool().Draw(t, "margin or zone") {
			q.campaign.Margin += time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute
		} else {
			other, _ := contact.FindTerritory(rapid.SampledFrom(territories).Draw(t, "another territory"))
			q.person.Zones = append(slices.Clip(q.person.Zones), other.Zones...)
		}
		if after := q.decide(); after.Allowed() && !before.Allowed() {
			t.Fatalf("%s, and then %s", before, after)
		}
	})
}

// overlayRules are rules of every kind that an overlay may hold, in forms that
// bite.
var overlayRules = []consent.RuleFile{
	{Kind: "lawful_basis", Params: map[string]any{"allowed": []any{"consent"}}},
	{Kind: "lawful_basis", Params: map[string]any{"allowed": []any{"none"}}},
	{Kind: "lawful_basis", Params: map[string]any{"allowed": []any{"consent"}, "slot": true}},
	{Kind: "lawful_basis", Params: map[string]any{"allowed": []any{"none"}, "slot": true}},
	{Kind: "consent_max_age", Params: map[string]any{"years": 1}},
	{Kind: "direct_collection"},
	{Kind: "explicit_separate"},
	{Kind: "calling_window", Params: map[string]any{"week": []any{map[string]any{"days": "daily", "hours": []any{"00:00-24:00"}}}}},
	{Kind: "calling_window", Params: map[string]any{"week": []any{map[string]any{"days": "tue-sat", "hours": []any{"11:00-12:00"}}}}},
	{Kind: "holidays", Params: map[string]any{"fixed": []any{"04-15"}}},
	{Kind: "blackout", Params: map[string]any{"polls": "own", "days_before": 5}},
	{Kind: "campaign_period", Params: map[string]any{"days": 60}},
	{Kind: "frequency_cap", Params: map[string]any{"attempts": 1, "days": 7, "scope": "broker"}},
	{Kind: "cooldown", Params: map[string]any{"days": 90}},
	{Kind: "opt_out", Params: map[string]any{"scope": "party"}},
	{Kind: "opt_out", Params: map[string]any{"scope": "broker"}},
	{Kind: "suppression_list", Params: map[string]any{"name": "internal", "max_age": "30m", "on_stale": "defer"}},
	{Kind: "suppression_list", Params: map[string]any{"name": "internal", "applied": false}},
	{Kind: "minimum_age", Params: map[string]any{"years": 16, "on": "decision", "unknown": "allows"}},
	{Kind: "line_type", Params: map[string]any{"allow": []any{"mobile", "landline"}}},
	{Kind: "reassigned_numbers", Params: map[string]any{"name": "RND"}},
	{Kind: "message_must_contain", Params: map[string]any{"elements": []any{"identity"}}},
	{Kind: "caller_id", Params: map[string]any{"senders": []any{"alphanumeric"}}},
	{Kind: "attribute_allow_list", Params: map[string]any{"attributes": []any{"age_band", "income_band", "religion"}}},
	{Kind: "exclusivity"},
	{Kind: "stop_keywords", Channels: []string{"sms"}, Params: map[string]any{"keywords": []any{"ENOUGH"}, "phrases": []any{"YOUR LIST"}, "ambiguous": []any{"MESSAGES"}}},
}

// drawOverlay draws an overlay over the pack.
func drawOverlay(t *rapid.T, over *consent.Pack) consent.PackFile {
	overlay := consent.PackFile{
		Pack: "OVER", Title: "an overlay", Version: "2026-11-01", Extends: over.Code(), Overlay: true,
		ValidFrom: "2026-01-01", ValidTo: "2030-01-01",
	}
	for i, rule := range rapid.SliceOfN(rapid.SampledFrom(overlayRules), 0, 3).Draw(t, "rules") {
		rule.ID, rule.Force, rule.Source = "OVER-X"+string(rune('1'+i)), "carrier", "a test"
		overlay.Rules = append(overlay.Rules, rule)
	}
	return overlay
}

// Ensure that no overlay allows what the pack under it does not.
func TestProperty_OverlayNeverOpens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		overlay := drawOverlay(t, q.pack)
		overlay.Pack = "OVER-TWO" // it may lie over another one
		for i := range overlay.Rules {
			overlay.Rules[i].ID = "OVER-Y" + string(rune('1'+i))
		}
		stricter, err := consent.NewPack(overlay, q.pack)
		if err != nil {
			t.Fatal(err)
		}
		before, after := q.decide(), stricter.Decide(q.campaign, q.person, q.at)
		if after.Allowed() && !before.Allowed() {
			t.Fatalf("%s, with the overlay: %s", before, after)
		}
		if len(overlay.Rules) == 0 && after != before {
			t.Fatalf("%s, with an empty overlay: %s", before, after)
		}
	})
}

// inboundStrictness orders what a reply may mean by how much it protects.
var inboundStrictness = map[consent.InboundClass]int{
	consent.InboundNone: 0, consent.InboundOptInRequest: 0, consent.InboundReview: 1, consent.InboundOptOut: 2,
}

// Ensure that no overlay takes for harmless what the pack under it takes for an
// objection, or for what may be one.
func TestProperty_OverlayHearsNoLess(t *testing.T) {
	t.Parallel()
	words := []string{"stop", "enough", "please", "your", "list", "start", "help", "messages", "retirez", "moi", "info", "arrêt", "end"}
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		overlay := drawOverlay(t, q.pack)
		overlay.Pack = "OVER-TWO"
		for i := range overlay.Rules {
			overlay.Rules[i].ID = "OVER-Y" + string(rune('1'+i))
		}
		stricter, err := consent.NewPack(overlay, q.pack)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 5).Draw(t, "words"), " ")
		before, after := q.pack.Classify(text), stricter.Classify(text)
		if inboundStrictness[after.Class] < inboundStrictness[before.Class] {
			t.Fatalf("%q: %v, with the overlay %v", text, before, after)
		}
	})
}
