package sample

import (
	"errors"
	"fmt"
	"time"
)

// The first day of the years in which consent was given; the polling day of
// the demo is 2027-04-18, and consent expires after three years.
var (
	recent  = time.Date(2025, time.January, 2, 8, 0, 0, 0, time.FixedZone("", 60*60))
	expired = time.Date(2022, time.January, 3, 8, 0, 0, 0, time.FixedZone("", 60*60))
)

// parties are those of the demo, with how many mobiles in a thousand consented
// to each.
var parties = []struct {
	name  string
	share int
}{{"party-a", 750}, {"party-b", 700}}

// grant is one row of consent, in words.
type grant struct {
	channel, party, collectedFrom, explicit, slot string
	givenAt                                       time.Time
}

func writeGrants(r *random, dir string, people []person) (err error) {
	grants, err := createList(dir, "grants.csv", "number", "channel", "party", "purpose", "given_at", "collected_from",
		"explicit", "wording_version", "wording", "slot", "evidence")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, grants.close()) }()
	evidence := 0
	for _, p := range people {
		for _, g := range grantsOf(r, p) {
			evidence++
			if err := grants.write(g.fields(r, p.number, evidence)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// grantsOf draws what a person consented to: on a mobile mostly texts, on a
// landline automatic calls in a slot of the day.
func grantsOf(r *random, p person) []grant {
	var grants []grant
	for _, party := range parties {
		g := grant{
			channel: "sms", party: party.name, collectedFrom: "data_subject", explicit: pick(r, "true", "true", "oui"),
			givenAt: within(r, recent, 700),
		}
		if !p.mobile {
			if r.often(300) {
				grants = append(grants, g.call(r))
			}
			continue
		}
		if !r.often(party.share) {
			continue
		}
		switch at := r.below(100); {
		case at < 2:
			g.givenAt = within(r, expired, 700)
		case at < 4:
			g = g.call(r)
		case at < 6:
			g.explicit = pick(r, "false", "non")
		case at < 7:
			g.collectedFrom = "third_party"
		case at < 12:
			grants = append(grants, g.call(r)) // Both calls and texts.
		}
		grants = append(grants, g)
	}
	return grants
}

// call turns a grant for texts into one for calls.
func (g grant) call(r *random) grant {
	g.channel, g.slot = "robocall", pick(r, "10:00-13:00", "14:00-20:00", "18:00-20:00")
	return g
}

func (g grant) fields(r *random, number string, evidence int) []string {
	way := "les SMS"
	if g.channel != "sms" {
		way = "les appels"
	}
	written, given := "+33"+number, g.givenAt.Format(time.RFC3339)
	if r.often(100) {
		written = write(r, number)
	}
	if r.often(100) {
		given = g.givenAt.Format("02/01/2006 15:04")
	}
	return []string{
		written, g.channel, g.party, "political", given, g.collectedFrom, g.explicit, "2025-1",
		"J'accepte " + way + " de " + g.party + ".", g.slot, fmt.Sprintf("form-%06d", evidence),
	}
}

// within returns a second of the day on one of so many days.
func within(r *random, first time.Time, days int) time.Time {
	return first.AddDate(0, 0, r.below(days)).Add(time.Duration(r.below(12*60*60)) * time.Second)
}

// writeOptOuts writes the opt-outs of three people in a hundred, and some of
// numbers that no list has: an objection may come before the contact does.
func writeOptOuts(r *random, dir string, people []person, numbers *pool) (err error) {
	optOuts, err := createList(dir, "optouts.csv", "number", "received_at", "reason", "way")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, optOuts.close()) }()
	first := time.Date(2026, time.December, 10, 8, 0, 0, 0, time.FixedZone("", 60*60))
	add := func(number string) error {
		return optOuts.write(write(r, number), within(r, first, 80).Format(time.RFC3339),
			pick(r, "stop", "stop", "stop", "complaint", "erasure"), pick(r, "sms", "sms", "phone", "email", "form", "post"))
	}
	for i, p := range people {
		if r.often(30) {
			if err := add(p.number); err != nil {
				return err
			}
		}
		if i%250 == 249 {
			if err := add(numbers.spare()); err != nil {
				return err
			}
		}
	}
	return nil
}
