package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Ensure that an early callback has been answered before the create request is,
// and that the life goes on behind it.
func TestCallbacks_Early(t *testing.T) {
	t.Parallel()
	for _, instant := range []bool{false, true} {
		t.Run(fmt.Sprint(instant), func(t *testing.T) {
			t.Parallel()
			base, calls := listener(t, fine)
			options := quiet(t)
			// By itself nothing would happen for hours.
			options.Start, options.Speed, options.Instant = monday, 0.001, instant
			options.Faults.CallbackEarly = 1
			bed := mustStart(t, options)
			sid := bed.mustCreate(text(testTo, "StatusCallback", base+"/cb"))
			select {
			case came := <-calls:
				came.check(t, base)
				if came.form.Get("MessageSid") != sid {
					t.Errorf("callback %+v", came)
				}
			default:
				t.Fatal("the answer came before the callback")
			}
			callback := bed.awaitKind(KindCallback)
			if ended := bed.awaitKind(KindRequestEnded); ended.Seq < callback.Seq || ended.HTTP != http.StatusCreated {
				t.Errorf("%+v before %+v", ended, callback)
			}
			if !instant {
				if err := bed.server.AdvanceClock(time.Hour); err != nil {
					t.Fatal(err)
				}
				bed.awaitStatus(sid, statusDelivered)
			}
		})
	}
}

// Ensure that an early callback which nobody answers holds up the answer for as
// long as a callback lasts, and not for ever.
func TestCallbacks_EarlyUnanswered(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Faults.CallbackEarly = 1
	bed := mustStart(t, options)
	bed.mustCreate(text(testTo, "StatusCallback", "http://127.0.0.1:1/cb#rc=0"))
	if record := bed.awaitKind(KindCallback); record.HTTP != 0 || record.Error == "" {
		t.Errorf("record %+v", record)
	}
}

func TestCallbacks_Shuffled(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	options := quiet(t)
	options.Faults.CallbackShuffled = 1
	bed := mustStart(t, options)
	orders := map[string]bool{}
	for index := range 12 {
		sid := bed.mustCreate(text(number(index), "StatusCallback", base+"/cb"))
		var order []string
		for range 3 {
			came := next(t, calls)
			if came.form.Get("MessageSid") != sid {
				t.Fatalf("callback %+v", came)
			}
			order = append(order, came.form.Get("MessageStatus"))
		}
		orders[strings.Join(order, " ")] = true
		slices.Sort(order)
		if diff := cmp.Diff([]string{"delivered", "sending", "sent"}, order); diff != "" {
			t.Error(diff)
		}
	}
	if len(orders) < 2 || orders["sending sent delivered"] {
		t.Errorf("orders %v", orders)
	}
}

// Ensure that callbacks which wait for the last are not lost when the fault is
// switched off meanwhile.
func TestCallbacks_ShuffledAndCleared(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	options := quiet(t)
	options.Start, options.Speed, options.Faults.CallbackShuffled = monday, 1, 1
	bed := mustStart(t, options)
	sid := bed.mustCreate(text(testTo, "StatusCallback", base+"/cb"))
	bed.awaitStatus(sid, statusSending)
	if err := bed.server.SetFaults(Faults{}); err != nil {
		t.Fatal(err)
	}
	if err := bed.server.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 3 {
		seen[next(t, calls).form.Get("MessageStatus")] = true
	}
	if len(seen) != 3 {
		t.Errorf("came %v", seen)
	}
}

// Ensure that a lost inbound text is in the list, and is not acknowledged.
func TestReplies_Lost(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	options := quiet(t)
	options.InboundURL = base
	options.Faults.Rules = []Rule{{Fault: FaultInboundLost, To: testTo, Nth: Span{1, 1}}}
	bed := mustStart(t, options)
	lost, err := bed.server.Reply(testTo, testFrom, "STOP")
	if err != nil {
		t.Fatal(err)
	}
	if ended := bed.awaitKind(KindInboundAnswered); ended.Sid != lost || ended.HTTP != 0 || ended.From != testTo {
		t.Errorf("answered %+v", ended)
	}
	second, err := bed.server.Reply(testTo, testFrom, "STOP")
	if err != nil {
		t.Fatal(err)
	}
	if came := next(t, calls); came.form.Get("MessageSid") != second {
		t.Errorf("callback %+v", came)
	}
	got := bed.do(http.MethodGet, messages("")+"?"+url.Values{"To": {testFrom}}.Encode(), nil)
	if diff := cmp.Diff([]string{second, lost}, got.sids()); diff != "" {
		t.Error(diff)
	}
}

// Ensure that what lags is missing from lists and from fetching, both of messages
// and of texts, until its time has come, and that nothing lags for longer.
func TestServer_ListLag(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed, options.Faults.ListLag = monday, 0.001, time.Minute
	bed := mustStart(t, options)
	const count = 20
	var sids []string
	for index := range count {
		sids = append(sids, bed.mustCreate(text(number(index))))
	}
	inbound, err := bed.server.Reply(testTo, testFrom, "STOP")
	if err != nil {
		t.Fatal(err)
	}
	sids = append(sids, inbound)
	last := 0
	for passed := time.Duration(0); passed <= time.Minute; passed += 10 * time.Second {
		listed := bed.do(http.MethodGet, messages(""), nil).sids()
		for _, sid := range sids {
			got := bed.do(http.MethodGet, messages(sid), nil)
			if shown := slices.Contains(listed, sid); shown != (got.status == http.StatusOK) || !shown && got.fields["code"] != 20404.0 {
				t.Errorf("after %v: listed %v, fetched %d %s", passed, shown, got.status, got.body)
			}
		}
		if len(listed) < last || passed == 0 && len(listed) > count/2 {
			t.Errorf("after %v: %d of %d are listed, before %d", passed, len(listed), len(sids), last)
		}
		last = len(listed)
		if err := bed.server.AdvanceClock(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if last != len(sids) {
		t.Errorf("after a minute %d of %d are listed", last, len(sids))
	}
}

// Ensure that each way in which reading goes wrong looks as it should, for lists
// and for single messages, and that it happens to the requests that are meant.
func TestServer_ListFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault  Fault
		status int
		body   string
	}{
		{FaultListThrottle, 429, `"code":20429`},
		{FaultListError, 500, `"code":20500`},
		{FaultListPage, 502, "<html>"},
		{FaultListHang, 0, ""},
	}
	for _, test := range tests {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			options := quiet(t)
			options.Faults = Faults{HangTime: 20 * time.Millisecond, Rules: []Rule{{Fault: test.fault, Request: Span{1, 2}}}}
			bed := mustStart(t, options)
			// A connection that was kept would have the client try again by itself.
			bed.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			sid := bed.mustCreate(text(testTo))
			for _, path := range []string{messages(""), messages(sid)} {
				got, err := bed.try(http.MethodGet, path, nil)
				if got.status != test.status || (err != nil) != (test.status == 0) || !strings.Contains(string(got.body), test.body) {
					t.Errorf("%s: %d %s, %v", path, got.status, got.body, err)
				}
			}
			if got := bed.do(http.MethodGet, messages(""), nil); got.status != http.StatusOK || len(got.sids()) != 1 {
				t.Errorf("the third request: %d", got.status)
			}
			verdict, err := bed.server.Verdict(JudgeOptions{})
			if err != nil || verdict.Faults[test.fault] != 2 {
				t.Errorf("verdict %+v, %v", verdict, err)
			}
		})
	}
}

// Ensure that faults are changed while the sandbox runs, read back as they are,
// logged, and left as they were where they are refused.
func TestControl_FaultsReadBack(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Faults = StandardMix()
	options.Faults.Script = func(int, string) Fault { return FaultNone }
	bed := mustStart(t, options)
	read := func(got answer) Faults {
		t.Helper()
		faults, err := ParseFaults("answer", got.body)
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("%d %s: %v", got.status, got.body, err)
		}
		return faults
	}
	if diff := cmp.Diff(StandardMix(), read(bed.ask(http.MethodGet, "/sandbox/faults", ""))); diff != "" {
		t.Error(diff)
	}
	for range 2 {
		got := read(bed.ask(http.MethodPost, "/sandbox/faults", wholeFaults))
		if diff := cmp.Diff(wholeFaultsValue(), got); diff != "" {
			t.Error(diff)
		}
	}
	for body, hint := range map[string]string{
		`{"rules":[{"fault":"flood"}]}`: "one of hang", `{"callback_lost":2}`: "", "": "{}", "callback_lots: 1": "callback_lost",
	} {
		got := bed.ask(http.MethodPost, "/sandbox/faults", body)
		said, _ := got.fields["hint"].(string)
		if got.status != http.StatusBadRequest || got.fields["error"] == "" || !strings.Contains(said, hint) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if diff := cmp.Diff(wholeFaultsValue(), read(bed.ask(http.MethodGet, "/sandbox/faults", ""))); diff != "" {
		t.Error(diff)
	}
	if bed.server.Faults().Script == nil {
		t.Error("the script is gone")
	}
	for _, want := range []Faults{StandardMix(), wholeFaultsValue()} {
		set, err := ParseFaults("log", []byte(bed.awaitKind(KindFaultsSet).Body))
		if diff := cmp.Diff(want, set); diff != "" || err != nil {
			t.Errorf("logged: %v\n%s", err, diff)
		}
	}
}

// Ensure that one seed plays one story: the same requests, one after the other,
// meet the same faults and the same callbacks, and another seed brings others.
func TestFaults_OneSeedOneStory(t *testing.T) {
	t.Parallel()
	stories := map[uint64]string{}
	for _, seed := range []uint64{1, 2, 1} {
		told := tellStory(t, seed)
		if before, again := stories[seed]; again && before != told {
			t.Errorf("seed %d:\n%s", seed, cmp.Diff(strings.Split(before, "\n"), strings.Split(told, "\n")))
		}
		stories[seed] = told
	}
	if stories[1] == stories[2] {
		t.Error("two seeds play the same story")
	}
}

// tellStory has 60 messages go through many faults, and returns what happened to
// each, which must not depend on how fast anything was.
func tellStory(t *testing.T, seed uint64) string {
	t.Helper()
	base, _ := listener(t, fine)
	options := quiet(t)
	options.Seed, options.StopFraction, options.InboundURL = seed, 0.5, base
	options.Faults = Faults{
		Probability:  map[Fault]float64{FaultError: 0.2, FaultRefuse: 0.2},
		CallbackLost: 0.2, CallbackTwice: 0.2, CallbackShuffled: 0.2, CallbackForged: 0.2, InboundLost: 0.5,
	}
	bed := mustStart(t, options)
	for index := range 60 {
		bed.do(http.MethodPost, messages(""), text(number(index), "StatusCallback", base+"/cb"))
	}
	if err := bed.server.AdvanceClock(48 * time.Hour); err != nil {
		t.Fatal(err)
	}
	bed.awaitLives(60)
	if err := bed.server.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := ReadLog(options.Log)
	if err != nil {
		t.Fatal(err)
	}
	what := map[string][]string{}
	for _, record := range records {
		if record.Fault != FaultNone {
			what[record.To] = append(what[record.To], string(record.Fault)+" "+record.Status)
		}
	}
	var story strings.Builder
	for index := range 60 {
		faults := what[number(index)]
		// A forgery is logged when it is over, which some are not in time.
		faults = slices.DeleteFunc(faults, func(fault string) bool { return strings.HasPrefix(fault, "forged") })
		slices.Sort(faults)
		_, _ = fmt.Fprintln(&story, index, faults)
	}
	return story.String()
}

// awaitLives waits until every create request has been refused, or its message has
// its last status and its reply.
func (bed *bench) awaitLives(requests int) {
	bed.t.Helper()
	for open := requests; open > 0; {
		record := bed.await("the end of the lives", func(record Record) bool {
			return record.Kind == KindRefused || record.Kind == KindStatus && final(record.Status) || record.Kind == KindInbound
		})
		plan := bed.server.options.planLife(record.To, statusQueued, maximumValidity)
		if record.Kind != KindStatus || plan.reply == "" {
			open--
		}
	}
}
