package sandbox

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// story numbers records and gives each a real second of its own.
func story(records ...Record) []Record {
	for at := range records {
		records[at].Seq = uint64(at + 1)
		records[at].Real = second(at + 1).UnixNano()
	}
	return records
}

func second(count int) time.Time { return time.Unix(int64(1000+count), 0) }

func begun(to string) Record { return Record{Kind: KindRequestBegun, To: to, From: testFrom} }

func created(to, from, callback, sid string) Record {
	return Record{
		Kind: KindCreated, To: to, From: from, StatusCallback: callback, Sid: sid, Status: statusQueued, Segments: 1,
	}
}

func inboundText(from, sid string, optOut bool) Record {
	return Record{Kind: KindInbound, From: from, To: testFrom, Sid: sid, Body: "STOP", OptOut: optOut}
}

func inboundAnswered(from, sid string, status int) Record {
	return Record{Kind: KindInboundAnswered, From: from, Sid: sid, HTTP: status}
}

const otherTo = "+33639980002"

// started is how a process begins that logs the ends of requests.
func started() Record { return Record{Kind: KindClock, Status: clockStarted} }

func ended(to string, request uint64) Record {
	return Record{Kind: KindRequestEnded, To: to, Request: request, HTTP: 201}
}

func TestJudge_Twice(t *testing.T) {
	t.Parallel()
	byCallback := JudgeOptions{Campaign: func(record Record) string { return record.StatusCallback }}
	tests := []struct {
		name    string
		options JudgeOptions
		records []Record
		want    []Twice
	}{
		{"two numbers", JudgeOptions{}, story(created(testTo, "A", "", "1"), created(otherTo, "A", "", "2")), nil},
		{"two senders", JudgeOptions{}, story(created(testTo, "A", "", "1"), created(testTo, "B", "", "2")), nil},
		{
			"same sender",
			JudgeOptions{},
			story(created(testTo, "A", "", "1"), created(testTo, "A", "", "2")),
			[]Twice{{testTo, "A", []string{"1", "2"}}},
		},
		{"two tokens", byCallback, story(created(testTo, "A", "x", "1"), created(testTo, "A", "y", "2")), nil},
		{
			"same token", byCallback, story(created(testTo, "A", "x", "1"), created(testTo, "B", "x", "2"), created(testTo, "B", "x", "3")),
			[]Twice{{testTo, "x", []string{"1", "2", "3"}}},
		},
		{
			"as many as there are steps",
			JudgeOptions{Steps: 2},
			story(created(testTo, "A", "", "1"), created(testTo, "A", "", "2"), created(otherTo, "A", "", "3")), nil,
		},
		{
			"more than there are steps",
			JudgeOptions{Steps: 2},
			story(created(testTo, "A", "", "1"), created(otherTo, "A", "", "2"), created(testTo, "A", "", "3"), created(testTo, "A", "", "4")),
			[]Twice{{testTo, "A", []string{"1", "3", "4"}}},
		},
		{
			"in the order of the first creations",
			JudgeOptions{},
			story(created(testTo, "A", "", "1"), created(otherTo, "A", "", "2"), created(otherTo, "A", "", "3"), created(testTo, "A", "", "4")),
			[]Twice{{testTo, "A", []string{"1", "4"}}, {otherTo, "A", []string{"2", "3"}}},
		},
		{"begun twice but made once", JudgeOptions{}, story(begun(testTo), begun(testTo), created(testTo, "A", "", "1")), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			verdict := Judge(test.records, test.options)
			if diff := cmp.Diff(test.want, verdict.Twice); diff != "" {
				t.Error(diff)
			}
			if (verdict.Err() != nil) != (test.want != nil) {
				t.Errorf("error %v", verdict.Err())
			}
		})
	}
}

func TestJudge_AfterStop(t *testing.T) {
	t.Parallel()
	stopped := func(status int, later ...Record) []Record {
		return story(append([]Record{inboundText(testTo, "1", true), inboundAnswered(testTo, "1", status)}, later...)...)
	}
	acknowledged := func(count int) JudgeOptions {
		return JudgeOptions{Acknowledged: map[string]time.Time{testTo: second(count)}}
	}
	never := func(string) bool { return false }
	byList := JudgeOptions{ListGrace: time.Second}
	shown := func(sid string) Record { return Record{Kind: KindShown, From: testTo, Sid: sid} }
	tests := []struct {
		name    string
		options JudgeOptions
		records []Record
		want    []uint64 // sequences of the requests
	}{
		{"before", JudgeOptions{}, story(begun(testTo), inboundText(testTo, "1", true), inboundAnswered(testTo, "1", 200)), nil},
		{"not yet answered", JudgeOptions{}, story(inboundText(testTo, "1", true), begun(testTo)), nil},
		{"between text and answer", JudgeOptions{}, story(inboundText(testTo, "1", true), begun(testTo), inboundAnswered(testTo, "1", 200)), nil},
		{"after", JudgeOptions{}, stopped(204, begun(testTo), begun(otherTo)), []uint64{3}},
		{"answered with an error", JudgeOptions{}, stopped(500, begun(testTo)), nil},
		{"within grace", JudgeOptions{Grace: time.Second}, stopped(204, begun(testTo)), nil},
		{"beyond grace", JudgeOptions{Grace: time.Second}, stopped(204, begun(otherTo), begun(testTo)), []uint64{4}},
		{"no opt-out", JudgeOptions{}, story(inboundText(testTo, "1", false), inboundAnswered(testTo, "1", 200), begun(testTo)), nil},
		{"the caller reads it otherwise", JudgeOptions{OptOut: never}, stopped(204, begun(testTo)), nil},
		{"listed, and not asked", JudgeOptions{}, story(inboundText(testTo, "1", true), shown("1"), begun(testTo)), nil},
		{"listed", byList, story(inboundText(testTo, "1", true), shown("1"), begun(testTo), begun(testTo)), []uint64{4}},
		{"no opt-out listed", byList, story(inboundText(testTo, "1", false), shown("1"), begun(testTo), begun(testTo)), nil},
		{"the first list counts", byList, story(inboundText(testTo, "1", true), shown("1"), shown("1"), begun(testTo)), []uint64{4}},
		{"listed before it was acknowledged", byList, story(inboundText(testTo, "1", true), shown("1"), begun(otherTo), begun(testTo), inboundAnswered(testTo, "1", 204), begun(testTo)), []uint64{4, 6}},
		{"acknowledged later than answered", acknowledged(3), stopped(204, begun(testTo), begun(testTo)), []uint64{4}},
		{"acknowledged without a text", acknowledged(1), story(begun(testTo), begun(testTo)), []uint64{2}},
		{"the first text counts", JudgeOptions{}, stopped(204, begun(testTo), inboundText(testTo, "2", true), inboundAnswered(testTo, "2", 200), begun(testTo)), []uint64{3, 6}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			verdict := Judge(test.records, test.options)
			var got []uint64
			for _, found := range verdict.AfterStop {
				got = append(got, found.Request)
				if found.To != testTo || !found.Begun.After(found.Acknowledged) {
					t.Errorf("wrong finding %+v", found)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (verdict.Err() != nil) != (test.want != nil) {
				t.Errorf("error %v", verdict.Err())
			}
		})
	}
}

// Ensure that two requests to one number are let pass only where the log shows that
// the first had ended.
func TestJudge_Overlaps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		slack   time.Duration
		records []Record
		want    [][2]uint64 // sequences of the first and the second
	}{
		{"one after the other", 0, story(started(), begun(testTo), ended(testTo, 2), begun(testTo), ended(testTo, 4)), nil},
		{"two numbers", 0, story(started(), begun(testTo), begun(otherTo), ended(testTo, 2), ended(otherTo, 3)), nil},
		{"at once", 0, story(started(), begun(testTo), begun(testTo), ended(testTo, 2), ended(testTo, 3)), [][2]uint64{{2, 3}}},
		{"the first never ends", 0, story(started(), begun(testTo), begun(testTo), ended(testTo, 3)), [][2]uint64{{2, 3}}},
		{"neither ends", 0, story(started(), begun(testTo), begun(testTo)), [][2]uint64{{2, 3}}},
		{"created is not ended", 0, story(started(), begun(testTo), created(testTo, "A", "", "1"), begun(testTo), ended(testTo, 2)), [][2]uint64{{2, 4}}},
		{
			"three at once", 0, story(started(), begun(testTo), begun(testTo), begun(testTo), ended(testTo, 3), ended(testTo, 2), ended(testTo, 4)),
			[][2]uint64{{2, 3}, {2, 4}, {3, 4}},
		},
		{"the wrong end", 0, story(started(), begun(testTo), ended(otherTo, 2), begun(testTo)), [][2]uint64{{2, 4}}},
		{"an end twice", 0, story(started(), begun(testTo), ended(testTo, 2), ended(testTo, 2), begun(testTo)), nil},
		{"within the slack", time.Second, story(started(), begun(testTo), begun(testTo), ended(testTo, 2), ended(testTo, 3)), nil},
		{"beyond the slack", time.Second, story(started(), begun(testTo), begun(testTo), begun(otherTo), ended(testTo, 2)), [][2]uint64{{2, 3}}},
		{"no slack without an end", time.Hour, story(started(), begun(testTo), begun(testTo)), [][2]uint64{{2, 3}}},
		{"another process", 0, story(started(), begun(testTo), started(), begun(testTo), ended(testTo, 4)), nil},
		{"at once before another process", 0, story(started(), begun(testTo), begun(testTo), started()), [][2]uint64{{2, 3}}},
		{"a clock that is moved is no other process", 0, story(started(), begun(testTo), Record{Kind: KindClock}, begun(testTo)), [][2]uint64{{2, 4}}},
		{"a log without ends", 0, story(Record{Kind: KindClock}, begun(testTo), begun(testTo)), nil},
		{"a log that has ends from here on", 0, story(begun(testTo), begun(testTo), started(), begun(testTo), ended(testTo, 4)), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			verdict := Judge(test.records, JudgeOptions{Slack: test.slack, Steps: 10})
			var got [][2]uint64
			for _, found := range verdict.Overlaps {
				got = append(got, [2]uint64{found.First, found.Second})
				if found.To != testTo || !found.Ended.IsZero() && found.Ended.Before(found.Begun) {
					t.Errorf("wrong finding %+v", found)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (verdict.Err() != nil) != (test.want != nil) {
				t.Errorf("error %v", verdict.Err())
			}
		})
	}
}

func TestJudge_TwoParties(t *testing.T) {
	t.Parallel()
	bySender := func(record Record) string {
		return map[string]string{"TILLEULS": "lindens", "TILLEULS2": "lindens", "CANAL": "canal"}[record.From]
	}
	try := func(to, from string) Record { return Record{Kind: KindRequestBegun, To: to, From: from} }
	tests := []struct {
		name    string
		party   func(Record) string
		records []Record
		want    []TwoParties
	}{
		{"not asked", nil, story(try(testTo, "CANAL"), try(testTo, "TILLEULS")), nil},
		{"one each", bySender, story(try(testTo, "CANAL"), try(otherTo, "TILLEULS")), nil},
		{"two senders of one", bySender, story(try(testTo, "TILLEULS"), try(testTo, "TILLEULS2")), nil},
		{"tried for two", bySender, story(try(testTo, "CANAL"), try(testTo, "TILLEULS")), []TwoParties{{testTo, "canal", "lindens", 2}}},
		{
			"made for two", bySender, story(created(testTo, "CANAL", "", "1"), created(testTo, "TILLEULS", "", "2")),
			[]TwoParties{{testTo, "canal", "lindens", 2}},
		},
		{
			"told once", bySender, story(try(testTo, "CANAL"), try(testTo, "TILLEULS"), try(testTo, "CANAL"), try(testTo, "TILLEULS")),
			[]TwoParties{{testTo, "canal", "lindens", 2}},
		},
		{"nobody's between", bySender, story(try(testTo, "CANAL"), try(testTo, "+15005550006"), try(testTo, "CANAL")), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			verdict := Judge(test.records, JudgeOptions{Party: test.party, Steps: 10})
			if diff := cmp.Diff(test.want, verdict.TwoParties); diff != "" {
				t.Error(diff)
			}
			if (verdict.Err() != nil) != (test.want != nil) {
				t.Errorf("error %v", verdict.Err())
			}
		})
	}
}

// Ensure that forged callbacks must not be answered as true ones, and that one
// which was is no acknowledgement.
func TestJudge_ForgeryBelieved(t *testing.T) {
	t.Parallel()
	forged := func(status int) Record {
		return Record{Kind: KindForged, Sid: "1", To: testFrom, From: testTo, Fault: ForgedForeign, HTTP: status}
	}
	records := story(inboundText(testTo, "1", true), forged(403), forged(0), forged(503), forged(302), forged(204), begun(testTo), forged(200))
	verdict := Judge(records, JudgeOptions{})
	want := []ForgeryBelieved{{testFrom, 6, ForgedForeign, 204}, {testFrom, 8, ForgedForeign, 200}}
	if diff := cmp.Diff(want, verdict.ForgeryBelieved); diff != "" || verdict.Err() == nil || verdict.Forged[ForgedForeign] != 6 {
		t.Errorf("%v, %v\n%s", verdict.Forged, verdict.Err(), diff)
	}
	if len(verdict.AfterStop) != 0 || verdict.InboundAnswered != 0 {
		t.Errorf("a forgery was taken for an acknowledgement: %+v", verdict)
	}
}

// Ensure that errors and what programs read hold counts, and no numbers.
func TestVerdict_NoNumbers(t *testing.T) {
	t.Parallel()
	records := story(
		started(), inboundText(testTo, "1", true), inboundAnswered(testTo, "1", 200), begun(testTo), begun(testTo),
		created(testTo, "A", "", "2"), created(testTo, "A", "", "3"), begun(testTo), created(testTo, "B", "", "4"),
		Record{Kind: KindForged, To: testTo, Fault: ForgedGarbled, HTTP: 200}, Record{Kind: KindOutage, Status: "frozen"},
		Record{Kind: KindOutage, Status: outageOver},
	)
	verdict := Judge(records, JudgeOptions{Party: func(record Record) string { return record.From }})
	want := Findings{Twice: 1, AfterStop: 3, Overlaps: 3, TwoParties: 1, ForgeryBelieved: 1}
	if diff := cmp.Diff(want, verdict.Findings()); diff != "" || verdict.Outages != 1 {
		t.Errorf("%d outages\n%s", verdict.Outages, diff)
	}
	text, err := json.Marshal(verdict)
	if err != nil || bytes.Contains(text, []byte(testTo)) || strings.Contains(verdict.Err().Error(), testTo) {
		t.Errorf("%s, %v, %v", text, verdict.Err(), err)
	}
}

// Ensure that whoever looks on sees every record before the verdict.
func TestJudge_Visit(t *testing.T) {
	t.Parallel()
	var seen []Kind
	Judge(story(begun(testTo), created(testTo, "A", "", "1")), JudgeOptions{Visit: func(record *Record) { seen = append(seen, record.Kind) }})
	if diff := cmp.Diff([]Kind{KindRequestBegun, KindCreated}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestJudge_Counts(t *testing.T) {
	t.Parallel()
	verdict := Judge(story(
		Record{Kind: KindClock},
		begun(testTo), created(testTo, "A", "", "1"), Record{Kind: KindStatus, Sid: "1", Status: statusSent},
		Record{Kind: KindCallback, Sid: "1", HTTP: 204}, Record{Kind: KindCallback, Sid: "1", HTTP: 500},
		Record{Kind: KindCallback, Sid: "1", Error: "refused"},
		begun(otherTo), Record{Kind: KindFault, Fault: FaultHang}, created(otherTo, "A", "", "2"),
		begun(testTo), Record{Kind: KindRefused, Code: 21610, HTTP: 400},
		inboundText(testTo, "3", true), inboundAnswered(testTo, "3", 200), inboundText(testTo, "4", true),
	), JudgeOptions{})
	want := Verdict{
		Records: 15, Requests: 3, Created: 2, Segments: 2, Recipients: 2,
		Refused: map[int]int{21610: 1}, Statuses: map[string]int{statusSent: 1, statusQueued: 1},
		Faults: map[Fault]int{FaultHang: 1}, CallbacksAnswered: 1, CallbacksLost: 2, Forged: map[Fault]int{},
		Inbound: 2, InboundAnswered: 1, OptOuts: 1,
	}
	if diff := cmp.Diff(want, verdict); diff != "" {
		t.Error(diff)
	}
}
