package dialer

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// RecipientRow is a recipient as it stands in the ledger, with its last attempt.
type RecipientRow struct {
	State   RecipientState
	Outcome Outcome
	Step    uint8
	Counted bool
	Until   time.Time
	Reason  string
	Zone    string
	// Attempt is 0 where none was made; the rest is that attempt's.
	Attempt      uint64
	AttemptState string
	SID          string
	Looks        uint8
}

// Recipients returns the recipients of the campaign with that name.
func Recipients(tx Tx, name string) map[contact.ID]RecipientRow {
	b := books{tx}
	record, found := b.campaign(b.named(name))
	if !found {
		return nil
	}
	rows := map[contact.ID]RecipientRow{}
	for key := range b.prefixed(BucketRecipient, campaignKey(record.Number)) {
		key := recipientKey(key)
		r, _ := b.recipient(key)
		row := RecipientRow{
			State: r.state, Outcome: r.outcome, Step: r.step, Counted: r.counted, Until: r.until, Reason: r.reason, Attempt: r.attempt,
		}
		if int(key[4]) < len(record.Zones) {
			row.Zone = record.Zones[key[4]]
		}
		if a := b.attempt(r.attempt); a != nil {
			row.AttemptState, row.SID, row.Looks = a.state.String(), a.sid, a.looks
		}
		rows[key.id(record.Mask)] = row
	}
	return rows
}

// PastAttempts returns how many attempts count against the contact's caps, and
// the one that has no outcome yet.
func PastAttempts(tx Tx, id contact.ID) (count int, inFlight uint64) {
	h := books{tx}.history(id)
	return len(h.past), h.inFlight
}

// Equations returns what is wrong with the counters of any campaign, or with the
// rows that they count; nothing where both equations hold for all.
func Equations(tx Tx) []string {
	b := books{tx}
	var faults []string
	for key := range b.Rows(BucketBalance, nil) {
		number := readCampaignKey(key)
		kept := b.balance(number)
		if fault := kept.fault(); fault != "" {
			faults = append(faults, fmt.Sprintf("campaign %d: %s", number, fault))
		}
		var counted balance
		for _, row := range b.prefixed(BucketRecipient, campaignKey(number)) {
			r, err := readRecipient(row)
			if err != nil {
				faults = append(faults, err.Error())
			}
			counted.count(recipient{}, r)
		}
		if kept.State != CampaignAccepted && (counted.Recipients != kept.Recipients || counted.Final != kept.Final || counted.Counted != kept.Counted) {
			faults = append(faults, fmt.Sprintf("campaign %d: the counters are not what the rows add up to", number))
		}
	}
	return faults
}

// OpenCampaigns counts the campaigns that have not closed.
func OpenCampaigns(tx Tx) (open int) {
	for _, row := range tx.Rows(BucketBalance, nil) {
		if CampaignState(row[0]) != CampaignClosed {
			open++
		}
	}
	return open
}

// PartyOf returns the party that the contact is bound to in the round.
func PartyOf(tx Tx, round string, id contact.ID) string {
	return string(books{tx}.claimedBy(round, id))
}

// AttemptRow is one try as it stands in the ledger.
type AttemptRow struct {
	Contact contact.ID
	State   string
	Outcome Outcome
	SID     string
}

// Attempts returns all tries by their sequence numbers.
func Attempts(tx Tx) map[uint64]AttemptRow {
	rows := map[uint64]AttemptRow{}
	for key, row := range tx.Rows(BucketAttempt, nil) {
		if a, err := readAttempt(row); err == nil {
			rows[binary.BigEndian.Uint64(key)] = AttemptRow{a.contact, a.state.String(), a.outcome, a.sid}
		}
	}
	return rows
}

// Intended tells whether the attempt is on disk and waits for its answer.
func Intended(tx Tx, sequence uint64) bool {
	a := books{tx}.attempt(sequence)
	return a != nil && a.state == attemptIntended
}

// CampaignRow is what of a campaign the tests count.
type CampaignRow struct {
	Ending           string
	Accepted, Closed time.Time
	Unknown          uint64
	// Excluded counts by reason, at planning and later.
	Excluded map[string]uint64
}

// Campaigns returns all campaigns by name.
func Campaigns(tx Tx) map[string]CampaignRow {
	b := books{tx}
	rows := map[string]CampaignRow{}
	for record := range b.campaigns() {
		kept := b.balance(record.Number)
		row := CampaignRow{
			Ending: kept.Ending.String(), Accepted: record.Accepted, Closed: record.Closed,
			Unknown: kept.Final[OutcomeUnknown], Excluded: b.exclusions(record.Number, excludedAtPlanning),
		}
		for reason, n := range b.exclusions(record.Number, excludedLater) {
			row.Excluded[reason] += n
		}
		rows[record.Job.ID] = row
	}
	return rows
}

// ForeignMessages returns the names of the messages that no attempt stands for.
func ForeignMessages(tx Tx) (sids []string) {
	for key := range tx.Rows(BucketForeign, nil) {
		sids = append(sids, string(key[contact.IDSize:]))
	}
	return sids
}

// IntentPart is how many bytes of an attempt's row its intent has fixed.
const IntentPart = intentPart

// ReachAge is how long counting trusts what it has made.
const ReachAge = reachAge
