package sandbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// caller is whose calls the sandbox plays: it keeps what it was told, and answers
// requests for a document.
type caller struct {
	t        *testing.T
	server   *httptest.Server
	document func(path string, form url.Values) string

	mutex sync.Mutex
	told  []url.Values
}

func newCaller(t *testing.T) *caller {
	l := &caller{t: t, document: func(string, url.Values) string { return "" }}
	l.server = httptest.NewServer(l)
	t.Cleanup(l.server.Close)
	return l
}

func (l *caller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		l.t.Error(err)
	}
	var fields []field
	for key := range r.PostForm {
		fields = append(fields, field{key, r.PostForm.Get(key)})
	}
	sortFields(fields)
	if want := sign(testToken, l.server.URL+r.URL.Path, fields); r.Header.Get("X-Twilio-Signature") != want {
		l.t.Errorf("%s: a wrong signature", r.URL.Path)
	}
	r.PostForm.Set("path", r.URL.Path)
	l.mutex.Lock()
	l.told = append(l.told, r.PostForm)
	l.mutex.Unlock()
	_, _ = fmt.Fprint(w, l.document(r.URL.Path, r.PostForm))
}

// of returns the values of a key in all that was told at a path.
func (l *caller) of(path, key string) (values []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, form := range l.told {
		if form.Get("path") == path {
			values = append(values, form.Get(key))
		}
	}
	return values
}

const callPath = "/2010-04-01/Accounts/" + testAccount + "/Calls"

// certain are calls that all end the same.
func certain(change func(*CallShares)) CallShares {
	shares := CallShares{Failed: -1, Busy: -1, Declined: -1, NoAnswer: -1, Machine: -1, Objects: -1, Confused: -1, HangUp: -1}
	change(&shares)
	return shares
}

func (l *caller) document9() string {
	return `<Response><Gather input="dtmf" numDigits="1" timeout="4" action="` + l.server.URL + `/digit" method="POST">` +
		`<Say language="fr-FR">Bonjour, Parti des Tilleuls. Appuyez sur le 9.</Say><Say>Votez pour la retraite, et pour rien d'autre que cela.</Say></Gather><Hangup/></Response>`
}

func (l *caller) form(change func(url.Values)) url.Values {
	form := url.Values{
		"To": {testTo}, "From": {"+33162000001"}, "Twiml": {l.document9()}, "StatusCallback": {l.server.URL + "/status"},
		"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"}, "Timeout": {"20"}, "TimeLimit": {"60"},
		"MachineDetection": {"Enable"}, "AsyncAmd": {"true"}, "AsyncAmdStatusCallback": {l.server.URL + "/machine"},
	}
	change(form)
	return form
}

// Ensure that each end of a call comes about as it is asked for, and is told in order.
func TestCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shares   func(*CallShares)
		statuses string
		verdict  string
		digits   int
	}{
		"a person":    {func(*CallShares) {}, "initiated ringing in-progress completed", "human", 0},
		"a machine":   {func(s *CallShares) { s.Machine = 1 }, "initiated ringing in-progress completed", "machine_start", 0},
		"busy":        {func(s *CallShares) { s.Busy = 1 }, "initiated busy", "", 0},
		"declined":    {func(s *CallShares) { s.Declined = 1 }, "initiated ringing busy", "", 0},
		"nobody":      {func(s *CallShares) { s.NoAnswer = 1 }, "initiated ringing no-answer", "", 0},
		"failed":      {func(s *CallShares) { s.Failed = 1 }, "initiated failed", "", 0},
		"a 9":         {func(s *CallShares) { s.Objects = 1 }, "initiated ringing in-progress completed", "human", 1},
		"a 5, a 9":    {func(s *CallShares) { s.Confused = 1 }, "initiated ringing in-progress completed", "human", 2},
		"a short one": {func(s *CallShares) { s.HangUp = 1 }, "initiated ringing in-progress completed", "human", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newCaller(t)
			l.document = func(path string, form url.Values) string {
				switch {
				case path == "/digit" && form.Get("Digits") == "9":
					return "<Response><Say>C'est noté.</Say><Hangup/></Response>"
				case path == "/digit":
					return l.document9()
				}
				return ""
			}
			options := quiet(t)
			options.Calls, options.Speed = certain(test.shares), 200
			bed := mustStart(t, options)
			made := bed.do(http.MethodPost, callPath+".json", l.form(func(url.Values) {}))
			sid, _ := made.fields["sid"].(string)
			if made.status != http.StatusCreated || !strings.HasPrefix(sid, "CA") {
				t.Fatalf("%d %s", made.status, made.body)
			}
			bed.until(t, "the end is told", func() bool {
				told := l.of("/status", "CallStatus")
				return len(told) > 0 && final(told[len(told)-1])
			})
			if got := strings.Join(l.of("/status", "CallStatus"), " "); got != test.statuses {
				t.Errorf("told %q, want %q", got, test.statuses)
			}
			if test.verdict != "" && name != "a short one" {
				bed.until(t, "the verdict is told", func() bool { return strings.Join(l.of("/machine", "AnsweredBy"), " ") == test.verdict })
			}
			if got := len(l.of("/digit", "Digits")); got != test.digits {
				t.Errorf("%d digits came, want %d", got, test.digits)
			}
			one := bed.do(http.MethodGet, callPath+"/"+sid+".json", nil)
			if status, _ := one.fields["status"].(string); !final(status) || !strings.HasSuffix(test.statuses, status) {
				t.Errorf("the resource says %q", status)
			}
			verdict, err := bed.server.Verdict(JudgeOptions{})
			if err != nil || verdict.Created != 1 || verdict.OptOuts != min(test.digits, 1) {
				t.Errorf("verdict %+v, %v", verdict, err)
			}
		})
	}
}

// until waits for something that must come.
func (bed *bench) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// Ensure that a call can be ended while it waits, rings or is talked on, and that
// cancelling leaves one alone that was answered.
func TestCalls_Update(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shares func(*CallShares)
		at     string // when
		change url.Values
		status int
		ends   string
	}{
		"cancelled while it rings":  {func(s *CallShares) { s.NoAnswer = 1 }, statusRinging, url.Values{"Status": {"canceled"}}, 200, statusCanceled},
		"hung up":                   {func(*CallShares) {}, statusInProgress, url.Values{"Status": {"completed"}}, 200, statusCompleted},
		"cancelled too late":        {func(*CallShares) {}, statusInProgress, url.Values{"Status": {"canceled"}}, 400, statusCompleted},
		"another document":          {func(*CallShares) {}, statusInProgress, url.Values{"Twiml": {"<Response><Say>Au revoir</Say></Response>"}}, 200, statusCompleted},
		"a document for nobody yet": {func(s *CallShares) { s.NoAnswer = 1 }, statusRinging, url.Values{"Twiml": {"<Response/>"}}, 400, statusNoAnswer},
		"nothing":                   {func(*CallShares) {}, statusInProgress, url.Values{}, 400, statusCompleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newCaller(t)
			options := quiet(t)
			options.Calls, options.Speed = certain(test.shares), 40
			bed := mustStart(t, options)
			made := bed.do(http.MethodPost, callPath+".json", l.form(func(url.Values) {}))
			sid, _ := made.fields["sid"].(string)
			path := callPath + "/" + sid + ".json"
			status := func() string {
				status, _ := bed.do(http.MethodGet, path, nil).fields["status"].(string)
				return status
			}
			bed.until(t, test.at, func() bool { return status() == test.at })
			if got := bed.do(http.MethodPost, path, test.change); got.status != test.status {
				t.Errorf("answered %d, want %d: %s", got.status, test.status, got.body)
			}
			bed.until(t, test.ends, func() bool { return status() == test.ends })
			if name == "another document" {
				records, err := ReadLog(options.Log)
				if err != nil || !said(records, "Au revoir") {
					t.Errorf("it was never said: %v", err)
				}
			}
			if got := bed.do(http.MethodPost, path, url.Values{"Status": {"completed"}}); got.status != http.StatusBadRequest {
				t.Errorf("a call that is over was changed: %d", got.status)
			}
			if got := bed.do(http.MethodDelete, path, nil); got.status != http.StatusNoContent {
				t.Errorf("deleting answered %d", got.status)
			}
			if got := bed.do(http.MethodGet, path, nil); got.status != http.StatusNotFound {
				t.Errorf("a deleted call is still there: %d", got.status)
			}
		})
	}
}

func said(records []Record, words string) bool {
	for _, record := range records {
		if record.Kind == KindSaid && record.Body == words {
			return true
		}
	}
	return false
}

// Ensure that calls beyond the account's rate wait, and can be cancelled meanwhile.
func TestCalls_Queue(t *testing.T) {
	t.Parallel()
	l := newCaller(t)
	options := quiet(t)
	options.Calls, options.CallsPerSecond, options.Speed = certain(func(*CallShares) {}), 0.01, 1
	bed := mustStart(t, options)
	for range 2 {
		bed.do(http.MethodPost, callPath+".json", l.form(func(url.Values) {}))
	}
	waits := bed.do(http.MethodPost, callPath+".json", l.form(func(url.Values) {}))
	sid, _ := waits.fields["sid"].(string)
	if got := bed.do(http.MethodPost, callPath+"/"+sid+".json", url.Values{"Status": {"canceled"}}); got.fields["status"] != statusCanceled {
		t.Errorf("cancelled: %s", got.body)
	}
	list := bed.do(http.MethodGet, callPath+".json?To="+url.QueryEscape(testTo), nil)
	calls, _ := list.fields["calls"].([]any)
	if len(calls) != 3 {
		t.Errorf("%d calls in the list: %s", len(calls), list.body)
	}
	if messages, _ := bed.do(http.MethodGet, strings.TrimSuffix(callPath, "Calls")+"Messages.json", nil).fields["messages"].([]any); len(messages) != 0 {
		t.Errorf("%d calls pass for messages", len(messages))
	}
}

// Ensure that requests for calls are refused as Twilio refuses them.
func TestCalls_Refused(t *testing.T) {
	t.Parallel()
	l := newCaller(t)
	bed := mustStart(t, quiet(t))
	for name, test := range map[string]struct {
		change func(url.Values)
		code   float64
	}{
		"nobody":         {func(f url.Values) { f.Del("To") }, 21201},
		"no number":      {func(f url.Values) { f.Set("To", "0639980001") }, 21211},
		"from a name":    {func(f url.Values) { f.Set("From", "TILLEULS") }, 21210},
		"nothing to say": {func(f url.Values) { f.Del("Twiml") }, 21205},
		"too much":       {func(f url.Values) { f.Set("Twiml", strings.Repeat("a", maximumTwiml+1)) }, 21218},
		"no time":        {func(f url.Values) { f.Set("Timeout", "soon") }, 20001},
		"no detection":   {func(f url.Values) { f.Set("MachineDetection", "yes") }, 20001},
		"no address":     {func(f url.Values) { f.Set("StatusCallback", "nowhere") }, 21609},
		"a magic number": {func(f url.Values) { f.Set("To", "+15005550001") }, 21211},
	} {
		got := bed.do(http.MethodPost, callPath+".json", l.form(test.change))
		if code, _ := got.fields["code"].(float64); code != test.code {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}

// Ensure that a document which Twilio could not play is not played either.
func TestParseTwiml(t *testing.T) {
	t.Parallel()
	for document, good := range map[string]bool{
		`<Response/>`: true,
		`<?xml version="1.0" encoding="UTF-8"?><Response><Say>Tom &amp; Jerry</Say><Hangup/></Response>`:   true,
		`<Response><Say voice="alice" language="fr-FR">a</Say><Pause length="2"/></Response>`:              true,
		`<Response><Gather numDigits="1"><Say>a</Say><Play>https://a.example/b</Play></Gather></Response>`: true,
		``:                                      false,
		`<Say>a</Say>`:                          false,
		`<Response><Say>a</Response>`:           false,
		`<Response><Say></Say></Response>`:      false,
		`<Response><Shout>a</Shout></Response>`: false,
		`<Response><Say loud="1">a</Say></Response>`:      false,
		`<Response><Say><Say>a</Say></Say></Response>`:    false,
		`<Response><Gather><Hangup/></Gather></Response>`: false,
		`<Response><Gather><Gather/></Gather></Response>`: false,
		`<Response/><Response/>`:                          false,
		`<Response><Say>a</Say></Response> and more`:      false,
	} {
		if _, err := parseTwiml(document); (err == nil) != good {
			t.Errorf("%q: %v", document, err)
		}
	}
}

// Ensure that parsing never fails but with an error.
func FuzzParseTwiml(f *testing.F) {
	f.Add(`<Response><Gather numDigits="1"><Say>a</Say></Gather><Hangup/></Response>`)
	f.Add(`<Response><Say>a`)
	f.Fuzz(func(t *testing.T, document string) {
		verbs, err := parseTwiml(document)
		for at := range verbs {
			if verbs[at].takes() < 0 || err != nil {
				t.Errorf("verb %+v of a document with %v", verbs[at], err)
			}
		}
	})
}

// Ensure that somebody who rings us back hears what they are told, that their digits
// come, and that a withheld number stays one.
func TestRingBack(t *testing.T) {
	t.Parallel()
	l := newCaller(t)
	l.document = func(path string, form url.Values) string {
		if path == "/voice" {
			return l.document9()
		}
		return "<Response><Say>C'est noté.</Say></Response>"
	}
	options := quiet(t)
	options.VoiceURL, options.Speed = l.server.URL+"/voice", 100
	bed := mustStart(t, options)
	if _, err := bed.server.RingBack("", "+33162000001", "9"); err != nil {
		t.Fatal(err)
	}
	if _, err := bed.server.RingBack(testTo, "+33162000001", "9"); err != nil {
		t.Fatal(err)
	}
	bed.until(t, "both have pressed", func() bool { return len(l.of("/digit", "Digits")) == 2 })
	from := strings.Join(l.of("/voice", "From"), " ")
	if !strings.Contains(from, testTo) || !strings.Contains(from, withheldNumber) {
		t.Errorf("called from %q", from)
	}
	for _, wrong := range [][3]string{{"0639", "+33162000001", ""}, {testTo, "TILLEULS", ""}, {testTo, "+33162000001", "nine"}} {
		if sid, err := bed.server.RingBack(wrong[0], wrong[1], wrong[2]); err == nil {
			t.Errorf("%v: %s", wrong, sid)
		}
	}
	bed.until(t, "the opt-outs are acknowledged", func() bool {
		verdict, err := bed.server.Verdict(JudgeOptions{})
		return err == nil && verdict.OptOuts == 2
	})
}

// Ensure that a sandbox which was killed takes up the calls that waited or rang, and
// knows that those are over that were talked on.
func TestCalls_Restart(t *testing.T) {
	t.Parallel()
	l := newCaller(t)
	options := quiet(t)
	options.Calls, options.Speed = certain(func(*CallShares) {}), 1
	server, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	record := Record{
		Kind: KindCreated, To: testTo, From: "+33162000001", StatusCallback: l.server.URL + "/status", Status: statusQueued,
		Call: &CallOrder{Twiml: l.document9(), Ring: 20, Talk: 60, Events: []string{"completed"}},
	}
	for _, status := range []string{statusQueued, statusInProgress} {
		if err := server.log.append(&record); err != nil {
			t.Fatal(err)
		}
		if status != statusQueued {
			change := Record{Kind: KindStatus, Sid: record.Sid, To: testTo, Status: status}
			if err := server.log.append(&change); err != nil {
				t.Fatal(err)
			}
		}
		record.Sid = ""
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	bed := mustStart(t, options)
	list, _ := bed.do(http.MethodGet, callPath+".json", nil).fields["calls"].([]any)
	statuses := map[any]int{}
	for _, one := range list {
		statuses[one.(map[string]any)["status"]]++
	}
	if len(list) != 2 || statuses[statusCompleted] != 1 {
		t.Errorf("after the restart: %v", statuses)
	}
}
