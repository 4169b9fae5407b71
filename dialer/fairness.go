package dialer

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Fairness tells how all were served in a span of time: who came first, who was
// offered what, who was refused why, and who has meddled. It is worked out from
// the ledger alone, by whoever asks.
type Fairness struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Round is the one that was asked for, empty for all.
	Round string `json:"round,omitempty"`
	// Campaigns are those that were open within the span, in order of acceptance.
	Campaigns []CampaignFairness `json:"campaigns"`
	// Rejections are the jobs that were refused within the span.
	Rejections []Rejection      `json:"rejections"`
	Senders    []SenderFairness `json:"senders"`
	// Overrides are what people, and the dialer itself, did to campaigns' courses.
	Overrides []Override `json:"overrides"`
}

// CampaignFairness is one campaign's place in the order, what it got of the
// contacts, and what it got of the capacity.
type CampaignFairness struct {
	Order    uint64    `json:"order"`
	Accepted time.Time `json:"accepted"`
	Campaign string    `json:"campaign"`
	Party    string    `json:"party"`
	Round    string    `json:"round"`
	Sender   string    `json:"sender"`
	State    string    `json:"state"`
	Ordered  uint64    `json:"ordered"`
	Audience uint64    `json:"audience"`
	// Refused counts the contacts it did not get, by reason.
	Refused map[string]uint64 `json:"refused,omitempty"`
	// Undialled counts its recipients who have not had their turn.
	Undialled uint64 `json:"undialled"`
	Share
}

// Share is what a campaign or a party had of the capacity.
type Share struct {
	// Worked is how long it had work, and so waited for its turns.
	Worked Duration `json:"worked"`
	// Offered and Used count segments, Requests what began at the carrier.
	Offered  uint64 `json:"offered_segments"`
	Used     uint64 `json:"used_segments"`
	Requests uint64 `json:"requests"`
}

// SenderFairness is how a sender's capacity was shared by parties. A minute is
// contested where two parties at least had work throughout: only then is there
// an equal share to speak of.
type SenderFairness struct {
	Sender    string          `json:"sender"`
	Contested int             `json:"contested_minutes"`
	Parties   []PartyFairness `json:"parties"`
	// Jain is Jain's index of the contested minutes' shares, 1 where all are
	// equal; Hours has the index of every hour.
	Jain  float64        `json:"jain"`
	Hours []HourFairness `json:"hours,omitempty"`
}

// PartyFairness is one party's part of a sender.
type PartyFairness struct {
	Party string `json:"party"`
	Share
	// Contested counts the segments offered in contested minutes, and Due what an
	// equal share of these minutes was.
	Contested uint64  `json:"contested_segments"`
	Due       float64 `json:"due_segments"`
}

// HourFairness is Jain's index of one hour.
type HourFairness struct {
	Hour time.Time `json:"hour"`
	Jain float64   `json:"jain"`
}

// Override is an order that changed a campaign's course, or a hold.
type Override struct {
	At       time.Time `json:"at"`
	Campaign string    `json:"campaign"`
	Party    string    `json:"party"`
	// State is what the campaign became.
	State string `json:"state"`
	// Detail says what was done, by whom and why.
	Detail string `json:"detail"`
}

// Jain is Jain's index of fairness over shares that ought to be equal: 1 where
// they are, 1/n where one has all; 1 where there are none.
func Jain(shares []float64) float64 {
	var sum, squares float64
	for _, share := range shares {
		sum += share
		squares += share * share
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(shares)) * squares)
}

// Fairness works out how all were served from one instant to another, in one
// round or, where it is empty, in all.
func (d *Dialer) Fairness(from, to time.Time, round string) (*Fairness, error) {
	f := &Fairness{From: from, To: to, Round: round, Campaigns: []CampaignFairness{}, Rejections: []Rejection{}, Senders: []SenderFairness{}, Overrides: []Override{}}
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		a := newAppraisal(b, f)
		for row, value := range b.Rows(BucketShare, shareKey{minute: from.Unix() / 60}.row()) {
			key, ok := readShareKey(row)
			if !ok || key.minute*60 >= to.Unix() {
				break
			}
			e, err := readShareEntry(value)
			if err != nil {
				return err
			}
			a.enter(key, e)
		}
		a.conclude()
		return b.meddling(f, a.campaigns)
	})
	if err != nil {
		return nil, fmt.Errorf("work out how all were served: %w", err)
	}
	return f, nil
}

// meddling finds what was refused and overridden within the span.
func (b books) meddling(f *Fairness, campaigns map[uint32]*CampaignFairness) error {
	for _, row := range b.Rows(BucketRejection, nil) {
		var kept keptRejection
		if err := json.Unmarshal(row, &kept); err != nil {
			return fmt.Errorf("read a rejection: %w", err)
		}
		if !kept.At.Before(f.From) && kept.At.Before(f.To) {
			f.Rejections = append(f.Rejections, kept.Rejection)
		}
	}
	for row, value := range b.Rows(BucketOverride, overrideKey(f.From, 0)) {
		at := instant(int64(binary.BigEndian.Uint64(row)))
		if !at.Before(f.To) {
			break
		}
		if c := campaigns[binary.BigEndian.Uint32(row[8:])]; c != nil && len(value) > 0 {
			f.Overrides = append(f.Overrides, Override{
				At: at, Campaign: c.Campaign, Party: c.Party, State: CampaignState(value[0]).String(), Detail: string(value[1:]),
			})
		}
	}
	slices.SortStableFunc(f.Rejections, func(a, b Rejection) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return nil
}

// override keeps that a campaign's course was changed, by whom and why.
func (b books) override(at time.Time, campaign uint32, to CampaignState, detail string) {
	key := overrideKey(at, campaign)
	for b.Get(BucketOverride, key) != nil { // by a clock that stands
		at = at.Add(1)
		key = overrideKey(at, campaign)
	}
	b.Put(BucketOverride, key, append([]byte{byte(to)}, detail...))
}

func overrideKey(at time.Time, campaign uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, uint64(nanoseconds(at))), campaign)
}
