package dialer

import "time"

// CampaignView is what an operator sees of a campaign. It never leaves the
// broker.
type CampaignView struct {
	ID       string    `json:"id"`
	Party    string    `json:"party"`
	Round    string    `json:"round"`
	Channel  string    `json:"channel"`
	Sender   string    `json:"sender"`
	State    string    `json:"state"`
	Ending   string    `json:"ending,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	Accepted time.Time `json:"accepted"`
	// Order is the campaign's place in the order of acceptance.
	Order  uint64    `json:"order"`
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end"`
	Closed time.Time `json:"closed,omitzero"`
	// Hold is why the dialer holds the campaign, Holds are all the times it did.
	Hold  HoldReason `json:"hold,omitempty"`
	Holds []HoldNote `json:"holds,omitempty"`
	// TextSHA256 is the hash of the text, SignOff the party's word on it;
	// WaitsForSignOff tells that the campaign does not begin before it has one.
	TextSHA256      string   `json:"text_sha256"`
	SignOff         *SignOff `json:"sign_off,omitempty"`
	WaitsForSignOff bool     `json:"waits_for_sign_off,omitempty"`
	// Trial is how far the trial is, nil for a campaign without one.
	Trial *TrialView `json:"trial,omitempty"`
	// Pending is the order that waits for a second operator.
	Pending *PendingOrder `json:"pending,omitempty"`
	Parked  []ParkedZone  `json:"parked,omitempty"`
	Balance BalanceSheet  `json:"balance"`
	// Variants tell the texts apart where there are several; only where one
	// campaign is asked for by name.
	Variants []VariantSheet `json:"variants,omitempty"`
	// Tests are the texts' on the broker's own phones, the oldest first; only where
	// one campaign is asked for by name.
	Tests []TestView `json:"tests,omitempty"`
	// Seeds are what went to the broker's own phones within the campaign, likewise.
	Seeds []TestView `json:"seeds,omitempty"`
	// Rate is how many requests a second of real time began lately, and
	// Remaining how long the rest takes at that rate; 0 where unknown.
	Rate      float64  `json:"rate"`
	Remaining Duration `json:"remaining,omitzero"`
	// Forecast says when all will have had their turn, as things stand; nil where
	// nothing is to come.
	Forecast *Forecast `json:"forecast,omitempty"`
	// ReportDue is when the report is released, or was.
	ReportDue time.Time `json:"report_due,omitzero"`
	Now       time.Time `json:"now"`
}

// ParkedZone is a group of recipients that wait for their window to open.
type ParkedZone struct {
	Zones  string    `json:"zones"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// BalanceSheet is a campaign's exact totals: operators only.
type BalanceSheet struct {
	Considered         uint64            `json:"considered"`
	ExcludedAtPlanning map[string]uint64 `json:"excluded_at_planning,omitempty"`
	NotDrawn           uint64            `json:"not_drawn"`
	Size               uint64            `json:"size"`
	Shortfall          uint64            `json:"shortfall"`
	Audience           uint64            `json:"audience"`
	Planned            uint64            `json:"planned"`
	Waiting            uint64            `json:"waiting"`
	Intended           uint64            `json:"intended"`
	InDoubt            uint64            `json:"in_doubt"`
	Placed             uint64            `json:"placed"`
	ExcludedLater      map[string]uint64 `json:"excluded_later,omitempty"`
	Final              map[string]uint64 `json:"final,omitempty"`
	Attempts           uint64            `json:"attempts"`
	Withdrawn          uint64            `json:"withdrawn"`
	AfterClosing       uint64            `json:"after_closing"`
	OptOuts            uint64            `json:"opt_outs"`
	Filtered           uint64            `json:"filtered"`
	// Minutes are those begun, at worst, of a campaign of calls, in the place of
	// segments; Abandoned the calls that a person answered in vain.
	Minutes   uint64 `json:"minutes,omitempty"`
	Abandoned uint64 `json:"abandoned,omitempty"`
	Segments  uint64 `json:"segments"`
	Reserved  Money  `json:"reserved"`
	Budget    Money  `json:"budget"`
	// Balances tells whether both equations hold; Fault says which does not.
	Balances bool   `json:"balances"`
	Fault    string `json:"fault,omitempty"`
}

// Estimate answers a dry run: what would happen, with nothing started.
type Estimate struct {
	Campaign           string            `json:"campaign"`
	Faults             []Fault           `json:"faults,omitempty"`
	Considered         uint64            `json:"considered"`
	ExcludedAtPlanning map[string]uint64 `json:"excluded_at_planning,omitempty"`
	NotDrawn           uint64            `json:"not_drawn"`
	Audience           uint64            `json:"audience"`
	Shortfall          uint64            `json:"shortfall"`
	// SegmentsEach and Encoding are the dearest text's.
	SegmentsEach int    `json:"segments_each"`
	Encoding     string `json:"encoding"`
	// MinutesEach is how many begun minutes a call can last, where the contacts are rung.
	MinutesEach int `json:"minutes_each,omitempty"`
	// Price is the most that the carrier can charge for all of it.
	Price Money `json:"price"`
	// Duration is how long the requests take at the sender's rate, closed
	// windows aside.
	Duration Duration  `json:"duration"`
	FirstAt  time.Time `json:"first_at,omitzero"`
	// Forecast says when all will have had their turn, as things stand.
	Forecast *Forecast `json:"forecast,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Rejection is the answer to a job that was not accepted.
type Rejection struct {
	Submission string    `json:"submission"`
	Campaign   string    `json:"campaign,omitempty"`
	Party      string    `json:"party,omitempty"`
	At         time.Time `json:"at"`
	Faults     []Fault   `json:"faults"`
}

// Event is one step of a campaign, published for watchers.
type Event struct {
	Campaign string        `json:"campaign"`
	Name     string        `json:"name"`
	At       time.Time     `json:"at"`
	View     *CampaignView `json:"view,omitempty"`
}
