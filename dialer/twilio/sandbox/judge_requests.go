package sandbox

import (
	"slices"
	"time"
)

// openRequest is a create request that has not ended, with those to the same
// number that have begun since.
type openRequest struct {
	sequence uint64
	later    []Overlap
}

func (state *judge) begun(record *Record) {
	state.verdict.Requests++
	person := state.person(record.To)
	begun := time.Unix(0, record.Real)
	after := AfterStop{To: record.To, Request: record.Seq, Begun: begun}
	switch {
	case !person.forbidden.IsZero() && begun.After(person.forbidden.Add(state.options.Grace)):
		after.Acknowledged = person.forbidden
		state.verdict.AfterStop = append(state.verdict.AfterStop, after)
	case state.options.ListGrace > 0 && !person.listed.IsZero() && begun.After(person.listed.Add(state.options.ListGrace)):
		after.Acknowledged, after.Listed = person.listed, true
		state.verdict.AfterStop = append(state.verdict.AfterStop, after)
	}
	state.serve(person, record)
	if !state.ends || record.To == "" {
		return
	}
	for at := range person.open {
		first := &person.open[at]
		first.later = append(first.later, Overlap{To: record.To, First: first.sequence, Second: record.Seq, Begun: begun})
	}
	person.open = append(person.open, openRequest{sequence: record.Seq})
	state.busy[record.To] = person
}

// ended closes a request, and judges those that had not waited for that.
func (state *judge) ended(record *Record) {
	person := state.busy[record.To]
	if person == nil {
		return
	}
	at := slices.IndexFunc(person.open, func(open openRequest) bool { return open.sequence == record.Request })
	if at < 0 {
		return
	}
	ended := time.Unix(0, record.Real)
	for _, overlap := range person.open[at].later {
		if ended.Sub(overlap.Begun) > state.options.Slack {
			overlap.Ended = ended
			state.verdict.Overlaps = append(state.verdict.Overlaps, overlap)
		}
	}
	person.open = slices.Delete(person.open, at, at+1)
	if len(person.open) == 0 {
		person.open = nil
		delete(state.busy, record.To)
	}
}

// cutOff judges the requests that the log shows no end of. No slack is given to
// an end that nobody has seen.
func (state *judge) cutOff() {
	for number, person := range state.busy {
		for at := range person.open {
			state.verdict.Overlaps = append(state.verdict.Overlaps, person.open[at].later...)
		}
		person.open = nil
		delete(state.busy, number)
	}
}
