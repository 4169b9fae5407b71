package sandbox

import (
	"errors"
	"fmt"
	"time"
)

// JudgeOptions tell the judge what the log cannot know. The zero value is a
// strict judge.
type JudgeOptions struct {
	// Campaign returns the token under which one number may be created Steps
	// times, read from a created record, for example out of its StatusCallback.
	// By default it is the sender.
	Campaign func(Record) string

	// Steps is how often one number may be created under one campaign token;
	// zero means once.
	Steps int

	// Party returns for whom a create request or a message was, read from a
	// request_begun or created record; nothing means nobody's. A number may be
	// tried for one party alone in the whole log. Where it is nil the judge does
	// not ask.
	Party func(Record) string

	// OptOut says whether an inbound text asks to be left alone. By default the
	// sandbox's own classification counts, see [IsOptOut].
	OptOut func(body string) bool

	// Acknowledged names the real instant at which a number's opt-out was
	// acknowledged, by whatever way it came. It stands in for the instant at
	// which the inbound callback was answered with 2xx.
	Acknowledged map[string]time.Time

	// Grace is the real time after an acknowledgement within which a request may
	// still begin.
	Grace time.Duration

	// ListGrace is the real time after an opt-out has first stood in a list within
	// which a request may still begin, although nobody has acknowledged it. At zero
	// the judge does not ask: a list that was answered need not have arrived.
	ListGrace time.Duration

	// Slack is the real time for which two requests to one number may overlap. A
	// client that gives up may begin again before the carrier has noticed.
	Slack time.Duration

	// Visit, where it is not nil, sees every record before it is judged, so that
	// who looks for more need not read the log again. It must not keep the record.
	Visit func(*Record)
}

// Twice is a number with more creations under the same campaign token than the
// campaign has steps.
type Twice struct {
	To       string
	Campaign string
	Sids     []string
}

// AfterStop is a create request that began after the number's opt-out had been
// acknowledged, or had stood in a list.
type AfterStop struct {
	To           string
	Request      uint64 // sequence of the request_begun
	Begun        time.Time
	Acknowledged time.Time // or listed
	Listed       bool
}

// Overlap is a create request that began while another one to the same number
// had not ended.
type Overlap struct {
	To            string
	First, Second uint64 // sequences of their request_begun
	Begun         time.Time
	Ended         time.Time // of the first; zero where the log shows no end
}

// TwoParties is a number that was tried for two parties.
type TwoParties struct {
	To            string
	First, Second string // the parties
	Record        uint64 // sequence of the first record for the second
}

// ForgeryBelieved is a callback that Twilio never sent and that was answered as
// if it had.
type ForgeryBelieved struct {
	To     string
	Record uint64 // sequence
	Fault  Fault  // the kind of forgery
	HTTP   int
}

// Verdict is what a log proves. All but the lists are counts. The lists name
// numbers and stay out of JSON; [Verdict.Findings] counts them.
type Verdict struct {
	Records           int            `json:"records"`
	Requests          int            `json:"requests"`       // create requests begun
	RequestsEnded     int            `json:"requests_ended"` // with an answer or without
	Created           int            `json:"created"`        // outbound messages made
	Segments          int            `json:"segments"`
	Recipients        int            `json:"recipients"` // different numbers among the created
	Refused           map[int]int    `json:"refused"`    // by Twilio's error code
	Statuses          map[string]int `json:"statuses"`   // last status of each created message
	Faults            map[Fault]int  `json:"faults"`
	CallbacksAnswered int            `json:"callbacks_answered"` // with 2xx
	CallbacksLost     int            `json:"callbacks_lost"`
	Forged            map[Fault]int  `json:"forged"` // callbacks that Twilio never sent, by kind
	Inbound           int            `json:"inbound"`
	InboundAnswered   int            `json:"inbound_answered"` // with 2xx
	OptOuts           int            `json:"opt_outs"`         // different numbers, by a text or a digit
	Digits            int            `json:"digits"`           // pressed in calls
	Outages           int            `json:"outages"`

	Twice           []Twice           `json:"-"`
	AfterStop       []AfterStop       `json:"-"`
	Overlaps        []Overlap         `json:"-"`
	TwoParties      []TwoParties      `json:"-"`
	ForgeryBelieved []ForgeryBelieved `json:"-"`
}

// Findings are the numbers of broken promises.
type Findings struct {
	Twice           int `json:"twice"`
	AfterStop       int `json:"after_stop"`
	Overlaps        int `json:"overlaps"`
	TwoParties      int `json:"two_parties"`
	ForgeryBelieved int `json:"forgery_believed"`
}

// Findings counts the verdict's lists.
func (verdict Verdict) Findings() Findings {
	return Findings{
		Twice: len(verdict.Twice), AfterStop: len(verdict.AfterStop), Overlaps: len(verdict.Overlaps),
		TwoParties: len(verdict.TwoParties), ForgeryBelieved: len(verdict.ForgeryBelieved),
	}
}

// Err returns nil if the log shows no broken promise. The error holds counts, no
// numbers.
func (verdict Verdict) Err() error {
	found := verdict.Findings()
	var faults []error
	for _, fault := range []struct {
		count int
		what  string
	}{
		{found.Twice, "numbers created more often than a campaign has steps"},
		{found.AfterStop, "requests begun after an opt-out that was acknowledged or listed"},
		{found.Overlaps, "requests begun while another to the same number had not ended"},
		{found.TwoParties, "numbers tried for two parties"},
		{found.ForgeryBelieved, "forged callbacks answered as true ones"},
	} {
		if fault.count > 0 {
			faults = append(faults, fmt.Errorf("%d %s", fault.count, fault.what))
		}
	}
	return errors.Join(faults...)
}
