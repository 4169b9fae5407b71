package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// judge is the state between two records. It grows with the numbers, and with
// the messages that have no final status.
type judge struct {
	options JudgeOptions
	verdict Verdict
	people  map[string]*suspect
	busy    map[string]*suspect // those with open requests
	living  map[string]string   // status by sid, while it is not final
	optOut  map[string]bool     // by sid of the inbound text
	repeats []*tally            // those beyond the steps
	words   map[string]string   // campaigns and parties, each kept once
	ends    bool                // this part of the log tells how requests end
}

// suspect is what the judge knows about a number.
type suspect struct {
	number    string
	party     string
	reported  bool // as one of two parties
	asked     bool // to be left alone, by text
	created   bool
	forbidden time.Time // real instant of the acknowledgement
	listed    time.Time // real instant at which an opt-out first stood in a list
	campaigns []*tally
	open      []openRequest
}

// tally counts a number's creations under a campaign token.
type tally struct {
	to, campaign string
	first        int // among all creations
	sids         []string
}

// Judge reads records in the order of the log and returns its verdict. It is
// pure: it neither reads a clock nor a file.
func Judge(records []Record, options JudgeOptions) Verdict {
	state := newJudge(options)
	for at := range records {
		state.visit(&records[at])
	}
	return state.conclude()
}

// JudgeLog judges the log at path without holding it in memory. It fails as
// [ReadLog] does.
func JudgeLog(path string, options JudgeOptions) (Verdict, error) {
	state := newJudge(options)
	err := scanFile(path, func(record *Record) error {
		state.visit(record)
		return nil
	})
	if err != nil {
		return Verdict{}, fmt.Errorf("judge: %w", err)
	}
	return state.conclude(), nil
}

func newJudge(options JudgeOptions) *judge {
	if options.Campaign == nil {
		options.Campaign = func(record Record) string { return record.From }
	}
	options.Steps = max(options.Steps, 1)
	state := &judge{
		options: options,
		people:  map[string]*suspect{}, busy: map[string]*suspect{}, living: map[string]string{},
		optOut: map[string]bool{}, words: map[string]string{},
		verdict: Verdict{
			Refused: map[int]int{}, Statuses: map[string]int{}, Faults: map[Fault]int{}, Forged: map[Fault]int{},
		},
	}
	for number, instant := range options.Acknowledged {
		state.person(number).forbidden = instant
	}
	return state
}

// person returns what is known about a number.
func (state *judge) person(number string) *suspect {
	known := state.people[number]
	if known == nil {
		known = &suspect{number: number}
		state.people[number] = known
	}
	return known
}

// word returns a word that is kept once for all records, and does not keep the
// record that it was read from.
func (state *judge) word(text string) string {
	kept, found := state.words[text]
	if !found {
		kept = strings.Clone(text)
		state.words[kept] = kept
	}
	return kept
}

func (state *judge) visit(record *Record) {
	verdict := &state.verdict
	verdict.Records++
	if state.options.Visit != nil {
		state.options.Visit(record)
	}
	switch record.Kind {
	case KindRequestBegun:
		state.begun(record)
	case KindRequestEnded:
		verdict.RequestsEnded++
		state.ended(record)
	case KindCreated:
		state.create(record)
	case KindRefused:
		verdict.Refused[record.Code]++
	case KindStatus:
		state.status(record)
	case KindFault:
		verdict.Faults[record.Fault]++
	case KindCallback:
		if answered(record) {
			verdict.CallbacksAnswered++
		} else {
			verdict.CallbacksLost++
		}
	case KindForged:
		state.forged(record)
	case KindInbound:
		state.inbound(record)
	case KindInboundAnswered:
		state.acknowledge(record)
	case KindShown:
		if person := state.person(record.From); state.optOut[record.Sid] && person.listed.IsZero() {
			person.listed = time.Unix(0, record.Real)
		}
	case KindOutage:
		if record.Status != outageOver {
			verdict.Outages++
		}
	case KindClock:
		if record.Status == clockStarted {
			// Another process has taken over: no connection has outlived the last.
			state.cutOff()
			state.ends = true
		}
	case KindDigit:
		verdict.Digits++
		if record.Digits == digitObjects {
			state.objects(state.person(record.To))
		}
	case KindDigitAnswered:
		// What is said on being told of the digit is the acknowledgement.
		if person := state.person(record.To); record.OptOut && answered(record) && person.forbidden.IsZero() {
			person.forbidden = time.Unix(0, record.Real)
		}
	case KindInboundURL, KindRedacted, KindDeleted, KindFaultsSet, KindRungBack, KindSaid, KindVoiceURL:
	}
}

func answered(record *Record) bool { return record.HTTP >= 200 && record.HTTP < 300 }

// serve notes for whom a person is tried.
func (state *judge) serve(person *suspect, record *Record) {
	if state.options.Party == nil {
		return
	}
	party := state.word(state.options.Party(*record))
	switch {
	case party == "" || person.reported:
	case person.party == "":
		person.party = party
	case person.party != party:
		person.reported = true
		state.verdict.TwoParties = append(state.verdict.TwoParties,
			TwoParties{To: record.To, First: person.party, Second: party, Record: record.Seq})
	}
}

func (state *judge) create(record *Record) {
	person := state.person(record.To)
	state.verdict.Created++
	state.verdict.Segments += record.Segments
	if !person.created {
		person.created = true
		state.verdict.Recipients++
	}
	state.serve(person, record)
	state.status(record)
	campaign := state.word(state.options.Campaign(*record))
	at := slices.IndexFunc(person.campaigns, func(known *tally) bool { return known.campaign == campaign })
	if at < 0 {
		at = len(person.campaigns)
		person.campaigns = append(person.campaigns, &tally{to: person.number, campaign: campaign, first: state.verdict.Created})
	}
	count := person.campaigns[at]
	count.sids = append(count.sids, record.Sid)
	if len(count.sids) == state.options.Steps+1 {
		state.repeats = append(state.repeats, count)
	}
}

// status counts the last status of each message. A final one stays, so that a
// message which is over need not be remembered.
func (state *judge) status(record *Record) {
	before, found := state.living[record.Sid]
	switch {
	case found:
		state.verdict.Statuses[before]--
	case record.Kind != KindCreated:
		return
	}
	state.verdict.Statuses[record.Status]++
	if final(record.Status) {
		delete(state.living, record.Sid)
		return
	}
	state.living[record.Sid] = record.Status
}

func (state *judge) forged(record *Record) {
	state.verdict.Forged[record.Fault]++
	if answered(record) {
		state.verdict.ForgeryBelieved = append(state.verdict.ForgeryBelieved,
			ForgeryBelieved{To: record.To, Record: record.Seq, Fault: record.Fault, HTTP: record.HTTP})
	}
}

func (state *judge) inbound(record *Record) {
	state.verdict.Inbound++
	optOut := record.OptOut
	if state.options.OptOut != nil {
		optOut = state.options.OptOut(record.Body)
	}
	if !optOut {
		return
	}
	state.optOut[record.Sid] = true
	state.objects(state.person(record.From))
}

// objects counts people who ask to be left alone, in a text or by a digit.
func (state *judge) objects(person *suspect) {
	if !person.asked {
		person.asked = true
		state.verdict.OptOuts++
	}
}

func (state *judge) acknowledge(record *Record) {
	if !answered(record) {
		return
	}
	state.verdict.InboundAnswered++
	person := state.person(record.From)
	if state.optOut[record.Sid] && person.forbidden.IsZero() {
		person.forbidden = time.Unix(0, record.Real)
	}
}

func (state *judge) conclude() Verdict {
	state.cutOff()
	verdict := state.verdict
	slices.SortFunc(state.repeats, func(a, b *tally) int { return cmp.Compare(a.first, b.first) })
	for _, count := range state.repeats {
		verdict.Twice = append(verdict.Twice, Twice{To: count.to, Campaign: count.campaign, Sids: count.sids})
	}
	slices.SortFunc(verdict.Overlaps, func(a, b Overlap) int {
		return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.First, b.First))
	})
	for status, count := range verdict.Statuses {
		if count == 0 {
			delete(verdict.Statuses, status)
		}
	}
	return verdict
}
