package country

import (
	"strconv"
	"time"
)

const (
	grantHeader     = "synthetic number,channel,party,purpose,given_at,collected_from,explicit,wording_version,wording,slot,evidence"
	objectionHeader = "synthetic number,received_at,reason,way"
)

// The first days on which consent was given and objections came in. Consent
// expires after three years; the polling day of the registry is 2027-04-18.
var (
	recentConsent  = time.Date(2025, time.January, 2, 8, 0, 0, 0, time.UTC)
	expiredConsent = time.Date(2022, time.January, 3, 8, 0, 0, 0, time.UTC)
	firstObjection = time.Date(2026, time.December, 10, 8, 0, 0, 0, time.UTC)
)

const (
	consentDays   = 700
	objectionDays = 80
)

// consents draws a share of the people who have a mobile.
func (n *nation) consents(d *draws, row uint64) (person, bool) {
	// Decided before the person is drawn, since most have not consented.
	if d.below(uint64(n.options.Contacts)) >= uint64(n.options.Grants) || n.kindOf(row) != onePerson {
		return person{}, false
	}
	p := n.personAt(row)
	return p, p.mobile
}

// grantRow appends what the person of a row consented to: mostly nothing.
func (n *nation) grantRow(to []byte, row uint64) []byte {
	d := drawsOf(n.options.Seed, streamConsent, row)
	p, consents := n.consents(&d, row)
	if !consents {
		return to
	}
	campaigns := uint64(n.options.Campaigns)
	first := d.below(campaigns)
	to = n.appendGrant(to, &d, p.number, first, row)
	if campaigns > 1 && d.often(50) { // To two parties, of which the first to order gets the contact.
		to = n.appendGrant(to, &d, p.number, (first+1+d.below(campaigns-1))%campaigns, row)
	}
	return to
}

func (n *nation) appendGrant(to []byte, d *draws, number, campaign, row uint64) []byte {
	from, explicit, channel, slot, first := "data_subject", "true", "sms", "", recentConsent
	switch at := d.below(100); {
	case at < 2:
		first = expiredConsent
	case at < 4:
		explicit = "non"
	case at < 5:
		from = "third_party"
	case at < 8:
		channel, slot = "robocall", pick(d, "10:00-13:00", "14:00-20:00", "18:00-20:00")
	}
	to = appendNumber(to, d, number)
	to = append(append(append(to, ','), channel...), ",party-"...)
	to = appendOrdinal(to, campaign)
	to = append(to, ",political,"...)
	to = appendInstant(to, d, first, consentDays)
	to = append(append(append(to, ','), from...), ',')
	to = append(append(to, explicit...), ",2025-1,J'accepte d'etre joint par party-"...)
	to = append(append(appendOrdinal(to, campaign), "...,"...), slot...)
	to = append(to, ",form-"...)
	return append(strconv.AppendUint(to, row, 10), '\n')
}

// objectionRow appends the objection of a row's person: mostly none.
func (n *nation) objectionRow(to []byte, row uint64) []byte {
	d := drawsOf(n.options.Seed, streamObjection, row)
	if d.below(uint64(n.options.Contacts)) >= uint64(n.options.OptOuts) || n.kindOf(row) != onePerson {
		return to
	}
	to = append(appendNumber(to, &d, n.personAt(row).number), ',')
	to = append(appendInstant(to, &d, firstObjection, objectionDays), ',')
	to = append(append(to, pick(&d, "stop", "stop", "stop", "complaint")...), ',')
	return append(append(to, pick(&d, "sms", "sms", "phone", "email", "form", "post")...), '\n')
}

// appendInstant appends a second of the day on one of so many days.
func appendInstant(to []byte, d *draws, first time.Time, days uint64) []byte {
	hours := time.Duration(d.below(days))*24*time.Hour + time.Duration(d.below(12*60*60))*time.Second
	return first.Add(hours).AppendFormat(to, time.RFC3339)
}

// appendOrdinal appends the campaign's number from 1, with leading zeros.
func appendOrdinal(to []byte, campaign uint64) []byte {
	ordinal := campaign + 1
	return append(to, byte('0'+ordinal/100%10), byte('0'+ordinal/10%10), byte('0'+ordinal%10))
}
