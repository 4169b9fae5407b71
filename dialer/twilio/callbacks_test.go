package twilio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// inboxStub remembers what it is told, and fails where asked.
type inboxStub struct {
	statuses []dialer.StatusUpdate
	texts    []dialer.InboundText
	reply    string
	err      error
	contexts []context.Context
	// hungUp tells that the context of a call was over while it was handled.
	hungUp bool
}

func (i *inboxStub) Status(ctx context.Context, update dialer.StatusUpdate) error {
	i.statuses, i.contexts = append(i.statuses, update), append(i.contexts, ctx)
	return i.err
}

func (i *inboxStub) Inbound(ctx context.Context, text dialer.InboundText) (string, error) {
	i.texts, i.contexts, i.hungUp = append(i.texts, text), append(i.contexts, ctx), ctx.Err() != nil
	return i.reply, i.err
}

type clockStub struct{ dialer.WallClock }

func (clockStub) Now() time.Time { return testSince }

func mustCallbacks(tb testing.TB, inbox Inbox, changes ...func(*CallbackOptions)) *Callbacks {
	tb.Helper()
	options := CallbackOptions{
		AuthToken: NewSecret([]byte(testToken)), ReferenceKey: testReferenceKey, PublicURL: testPublic, Clock: clockStub{},
	}
	for _, change := range changes {
		change(&options)
	}
	callbacks, err := NewCallbacks(options, inbox)
	if err != nil {
		tb.Fatal(err)
	}
	return callbacks
}

func testReference(attempt uint64) string { return newReferences(testReferenceKey).reference(attempt) }

// statusForm is a status callback as Twilio sends it.
func statusForm(status string, more ...string) url.Values {
	form := url.Values{
		"MessageSid": {testSID}, "MessageStatus": {status}, "SmsSid": {testSID}, "SmsStatus": {status},
		"To": {testNumber}, "From": {testSender}, "AccountSid": {testAccount}, "ApiVersion": {"2010-04-01"},
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func inboundForm(body string, more ...string) url.Values {
	form := statusForm("received", append([]string{"From", testNumber, "To", testSender, "Body", body, "NumMedia", "0"}, more...)...)
	form.Del("MessageStatus")
	return form
}

// signedRequest is a form that Twilio has posted to target.
func signedRequest(target string, form url.Values) *http.Request {
	request := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Twilio-Signature", sign(testToken, testPublic+target, form))
	return request
}

func serve(handler http.Handler, request *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

// Ensure that each of Twilio's words comes to the inbox as our status, with
// the attempt that the address names.
func TestCallbacks_Status(t *testing.T) {
	t.Parallel()
	tests := []struct {
		form url.Values
		want dialer.StatusUpdate
	}{
		{statusForm("queued"), dialer.StatusUpdate{Status: dialer.StatusQueued}},
		{statusForm("accepted"), dialer.StatusUpdate{Status: dialer.StatusQueued}},
		{statusForm("scheduled"), dialer.StatusUpdate{Status: dialer.StatusQueued}},
		{statusForm("sending"), dialer.StatusUpdate{Status: dialer.StatusSending}},
		{statusForm("sent", "RawDlrDoneDate", "2611231000"), dialer.StatusUpdate{Status: dialer.StatusSent}},
		{statusForm("delivered"), dialer.StatusUpdate{Status: dialer.StatusDelivered}},
		{statusForm("read"), dialer.StatusUpdate{Status: dialer.StatusDelivered}},
		{statusForm("partially_delivered"), dialer.StatusUpdate{Status: dialer.StatusDelivered}},
		{statusForm("undelivered", "ErrorCode", "30005"), dialer.StatusUpdate{Status: dialer.StatusUndelivered, Code: 30005, Effect: dialer.EffectUnreachable}},
		{statusForm("failed", "ErrorCode", testNumber), dialer.StatusUpdate{Status: dialer.StatusFailed}},
		{statusForm("failed", "ErrorCode", "-30005"), dialer.StatusUpdate{Status: dialer.StatusFailed}},
		{statusForm("canceled"), dialer.StatusUpdate{Status: dialer.StatusCanceled}},
	}
	for _, test := range tests {
		inbox := new(inboxStub)
		answer := serve(mustCallbacks(t, inbox), signedRequest(statusPath+testReference(77), test.form))
		if answer.Code != http.StatusNoContent || answer.Body.Len() != 0 {
			t.Errorf("%v: answered %d %q", test.form, answer.Code, answer.Body)
		}
		test.want.Attempt, test.want.SID = 77, testSID
		if difference := cmp.Diff([]dialer.StatusUpdate{test.want}, inbox.statuses); difference != "" {
			t.Errorf("%v (-want +got):\n%s", test.form, difference)
		}
	}
}

// Ensure that an inbound text comes to the inbox whole and that its reply goes
// back as TwiML in which it can break nothing.
func TestCallbacks_Inbound(t *testing.T) {
	t.Parallel()
	body := "Arrêtez ça & <vite> ; merci +\n" + strings.Repeat("€", 500)
	for _, reply := range []string{"", "C'est noté <party> & \"co\" ]]> </Message>\x00"} {
		inbox := &inboxStub{reply: reply}
		answer := serve(mustCallbacks(t, inbox), signedRequest(inboundPath, inboundForm(body)))
		want := []dialer.InboundText{{SID: testSID, From: mustNumber(t, testNumber), To: testSender, Body: body, ReceivedAt: testSince}}
		if difference := cmp.Diff(want, inbox.texts, cmpopts.EquateComparable(contact.Number{}), cmpopts.IgnoreFields(dialer.InboundText{}, "HeardAt")); difference != "" {
			t.Errorf("text (-want +got):\n%s", difference)
		}
		var document struct {
			XMLName xml.Name `xml:"Response"`
			Message *string
		}
		if err := xml.Unmarshal(answer.Body.Bytes(), &document); err != nil || answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "text/xml; charset=utf-8" {
			t.Errorf("answered %d %v %q: %v", answer.Code, answer.Header(), answer.Body, err)
		}
		if (document.Message != nil) != (reply != "") || reply != "" && *document.Message != strings.ReplaceAll(reply, "\x00", "\uFFFD") {
			t.Errorf("answered %q for %q", answer.Body, reply)
		}
	}
}

// Ensure that the carrier's own opt-outs are told apart, and that a text by
// another channel is that number's all the same.
func TestCallbacks_Inbound_Kinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		form    url.Values
		stopped bool
		heard   bool
	}{
		{inboundForm("STOP", "OptOutType", "STOP"), true, true},
		{inboundForm("START", "OptOutType", "START"), false, true},
		{inboundForm("HELP", "OptOutType", "HELP"), false, true},
		{inboundForm("stop", "From", "rcs:"+testNumber), false, true},
		{inboundForm("", "From", testNumber), false, true},
		{inboundForm("pub", "From", "36063"), false, false},
		{inboundForm("pub", "From", "BANQUE"), false, false},
		{inboundForm("stop", "MessageSid", "x"), false, false},
	}
	for _, test := range tests {
		inbox := new(inboxStub)
		callbacks := mustCallbacks(t, inbox)
		if answer := serve(callbacks, signedRequest(inboundPath, test.form)); answer.Code != http.StatusOK {
			t.Errorf("%v: answered %d", test.form, answer.Code)
		}
		heard := len(inbox.texts) == 1
		if heard && inbox.texts[0].NoReply != test.form.Has("OptOutType") {
			t.Errorf("%v: got %+v", test.form, inbox.texts)
		}
		if heard != test.heard || heard && inbox.texts[0].CarrierStopped != test.stopped || callbacks.Counts().Unusable == 1 == test.heard {
			t.Errorf("%v: got %+v", test.form, inbox.texts)
		}
	}
}

// Ensure that what the inbox could not keep is asked for again, and that a
// STOP is heard out although its messenger has hung up.
func TestCallbacks_Deferred(t *testing.T) {
	t.Parallel()
	inbox := &inboxStub{err: errors.New("the ledger is closed"), reply: "not to be sent"}
	callbacks := mustCallbacks(t, inbox)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, request := range []*http.Request{
		signedRequest(statusPath+testReference(1), statusForm("sent")), signedRequest(inboundPath, inboundForm("STOP")),
	} {
		if answer := serve(callbacks, request.WithContext(ctx)); answer.Code != http.StatusServiceUnavailable || answer.Body.Len() != 0 {
			t.Errorf("%s: answered %d %q", request.URL, answer.Code, answer.Body)
		}
	}
	if got := callbacks.Counts(); got != (CallbackCounts{Deferred: 2}) {
		t.Errorf("got %+v", got)
	}
	if _, bounded := inbox.contexts[1].Deadline(); !bounded || inbox.hungUp {
		t.Error("the handling of an inbound text has no bound, or ends with its messenger")
	}
}

// Ensure that nothing but a signed request to one of our addresses gets
// through to the inbox.
func TestCallbacks_Refuses(t *testing.T) {
	t.Parallel()
	good := func() *http.Request { return signedRequest(statusPath+testReference(1), statusForm("sent")) }
	change := func(f func(*http.Request)) *http.Request {
		request := good()
		f(request)
		return request
	}
	withBody := func(body string) *http.Request {
		return change(func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), -1 })
	}
	big := "Body=" + strings.Repeat("x", callbackLimit)
	otherKey := newReferences(NewSecret([]byte("another key, of 32 bytes as well")))
	tests := []struct {
		name    string
		request *http.Request
		want    int
	}{
		{"Path", signedRequest("/twilio/other", statusForm("sent")), 404},
		{"Root", signedRequest("/", statusForm("sent")), 404},
		{"Below", signedRequest(inboundPath+"/x", statusForm("sent")), 404},
		{"Get", change(func(r *http.Request) { r.Method = http.MethodGet }), 405},
		{"Put", change(func(r *http.Request) { r.Method = http.MethodPut }), 405},
		{"Text", change(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), 415},
		{"NoType", change(func(r *http.Request) { r.Header.Del("Content-Type") }), 415},
		{"Multipart", change(func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }), 415},
		{"TooLarge", withBody(big), 413},
		{"TooLargeAnnounced", change(func(r *http.Request) { r.ContentLength = callbackLimit + 1 }), 413},
		{"NoSignature", change(func(r *http.Request) { r.Header.Del("X-Twilio-Signature") }), 403},
		{"OtherSignature", change(func(r *http.Request) { r.Header.Set("X-Twilio-Signature", sign("", testPublic+r.URL.Path, nil)) }), 403},
		{"OtherBody", withBody(statusForm("delivered").Encode()), 403},
		{"NoForm", withBody("%zz"), 403},
		{"Semicolon", withBody("a=1;b=2"), 403},
		{"ManyFields", withBody(strings.Repeat("a=1&", maximumFields+1)), 403},
		{"OtherPath", change(func(r *http.Request) { r.URL.Path = statusPath + testReference(2) }), 403},
		{"OtherQuery", change(func(r *http.Request) { r.URL.RawQuery = "a=b" }), 403},
		{"OtherReference", signedRequest(statusPath+otherKey.reference(1), statusForm("sent")), 403},
		{"NoReference", signedRequest(statusPath, statusForm("sent")), 403},
		{"BelowReference", signedRequest(statusPath+testReference(1)+"/x", statusForm("sent")), 403},
		{"JSONWithoutHash", change(func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }), 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inbox, log := new(inboxStub), new(syncBuffer)
			callbacks := mustCallbacks(t, inbox, func(o *CallbackOptions) { o.Logger = zerolog.New(log) })
			answer := serve(callbacks, test.request)
			if answer.Code != test.want || len(inbox.statuses)+len(inbox.texts) != 0 {
				t.Errorf("answered %d, told %+v; want %d", answer.Code, inbox, test.want)
			}
			if counts := callbacks.Counts(); (counts.BadSignature+counts.BadReference == 1) != (test.want == 403) {
				t.Errorf("counted %+v", counts)
			}
			if test.want == 405 && answer.Header().Get("Allow") != "POST" {
				t.Errorf("405 allows %q", answer.Header().Get("Allow"))
			}
			noNumber(t, "log", log.String())
			if strings.Contains(log.String(), "SM") {
				t.Errorf("the log repeats the request: %s", log)
			}
		})
	}
	if answer := serve(mustCallbacks(t, new(inboxStub)), good()); answer.Code != http.StatusNoContent {
		t.Errorf("the good request was answered %d", answer.Code)
	}
}

// Ensure that the Host header has no say in what was signed, and that a public
// URL with a path works whether or not a proxy removes it.
func TestCallbacks_PublicURL(t *testing.T) {
	t.Parallel()
	inbox := new(inboxStub)
	callbacks := mustCallbacks(t, inbox, func(o *CallbackOptions) { o.PublicURL = testPublic + "/hook" })
	target := statusPath + testReference(1)
	for _, path := range []string{"/hook" + target, target} {
		request := signedRequest(path, statusForm("sent"))
		request.Header.Set("X-Twilio-Signature", sign(testToken, testPublic+"/hook"+target, statusForm("sent")))
		request.Host = "evil.example.org"
		if answer := serve(callbacks, request); answer.Code != http.StatusNoContent {
			t.Errorf("%s: answered %d", path, answer.Code)
		}
	}
	request := signedRequest(target, statusForm("sent"))
	request.Host = "evil.example.org"
	request.Header.Set("X-Twilio-Signature", sign(testToken, "https://evil.example.org"+target, statusForm("sent")))
	if answer := serve(callbacks, request); answer.Code != http.StatusForbidden {
		t.Errorf("signed for another host: answered %d", answer.Code)
	}
}

// Ensure that a JSON body is believed by the hash in the signed address.
func TestCallbacks_JSON(t *testing.T) {
	t.Parallel()
	inbox := new(inboxStub)
	callbacks := mustCallbacks(t, inbox)
	body := `{"MessageSid":"` + testSID + `","MessageStatus":"failed","ErrorCode":30007,"Nested":{"a":1}}`
	sum := sha256.Sum256([]byte(body))
	target := statusPath + testReference(5) + "?bodySHA256=" + hex.EncodeToString(sum[:])
	for sent, want := range map[string]int{body: 204, body + " ": 403, "[]": 403} {
		request := httptest.NewRequest(http.MethodPost, target, strings.NewReader(sent))
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
		request.Header.Set("X-Twilio-Signature", sign(testToken, testPublic+target, nil))
		if answer := serve(callbacks, request); answer.Code != want {
			t.Errorf("%s: answered %d, want %d", sent, answer.Code, want)
		}
	}
	want := []dialer.StatusUpdate{{Attempt: 5, SID: testSID, Status: dialer.StatusFailed, Code: 30007, Effect: dialer.EffectFiltered}}
	if difference := cmp.Diff(want, inbox.statuses); difference != "" {
		t.Errorf("statuses (-want +got):\n%s", difference)
	}
}

// Ensure that signed news which we do not understand is taken off Twilio's
// hands, changes nothing and is noted without a number.
func TestCallbacks_Unusable(t *testing.T) {
	t.Parallel()
	inbox, log := new(inboxStub), new(syncBuffer)
	callbacks := mustCallbacks(t, inbox, func(o *CallbackOptions) { o.Logger = zerolog.New(log) })
	for _, form := range []url.Values{
		statusForm("being_invented"), statusForm(testNumber), statusForm(""), statusForm("sent", "MessageSid", testNumber),
	} {
		if answer := serve(callbacks, signedRequest(statusPath+testReference(9), form)); answer.Code != http.StatusNoContent {
			t.Errorf("%v: answered %d", form, answer.Code)
		}
	}
	if got := callbacks.Counts(); got != (CallbackCounts{Unusable: 4}) || len(inbox.statuses) != 0 {
		t.Errorf("counted %+v, told %+v", got, inbox.statuses)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), `"status":"being_invented"`) {
		t.Errorf("want one line with the word, got %s", log)
	}
	noNumber(t, "log", log.String())
}

// Ensure that refusals do not fill the log.
func TestCallbacks_LogsSometimes(t *testing.T) {
	t.Parallel()
	log := new(syncBuffer)
	callbacks := mustCallbacks(t, new(inboxStub), func(o *CallbackOptions) { o.Logger = zerolog.New(log) })
	for range 1000 {
		request := signedRequest(inboundPath, inboundForm("x"))
		request.Header.Set("X-Twilio-Signature", strings.Repeat("A", 27)+"=")
		serve(callbacks, request)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || callbacks.Counts().BadSignature != 1000 {
		t.Errorf("%d lines, counted %+v: %s", lines, callbacks.Counts(), log)
	}
}

// Ensure that what could never be believed is refused at the start.
func TestNewCallbacks_Refuses(t *testing.T) {
	t.Parallel()
	good := CallbackOptions{AuthToken: NewSecret([]byte(testToken)), ReferenceKey: testReferenceKey, PublicURL: testPublic}
	noToken, noKey, noURL := good, good, good
	noToken.AuthToken, noKey.ReferenceKey, noURL.PublicURL = NewSecret(nil), Secret{}, "calls.example.org"
	tests := map[string]CallbackOptions{"auth token: is empty": noToken, "reference key": noKey, "public url": noURL}
	for want, options := range tests {
		if _, err := NewCallbacks(options, new(inboxStub)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := NewCallbacks(good, nil); err == nil {
		t.Error("no inbox was accepted")
	}
	if got, err := InboundURL(testPublic + "/hook/"); err != nil || got != testPublic+"/hook/twilio/inbound#"+retryFragment {
		t.Errorf("inbound url: got %q, %v", got, err)
	}
	if _, err := InboundURL("ftp://x"); err == nil {
		t.Error("an inbound url was made of no public one")
	}
}

// Ensure that no request, however damaged, gets past the signature or brings
// the handler down.
func FuzzCallbacks(f *testing.F) {
	f.Add(statusPath+testReference(1), "", statusForm("sent").Encode(), "application/x-www-form-urlencoded", "")
	f.Add(inboundPath, "a=b", "{}", "application/json", sign("", "", nil))
	f.Add("/%zz", "bodySHA256=00", "a;b", "x", "=")
	f.Fuzz(func(t *testing.T, path, query, body, contentType, signature string) {
		inbox := new(inboxStub)
		request := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: path, RawQuery: query}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
			Header: http.Header{"Content-Type": {contentType}, "X-Twilio-Signature": {signature}},
		}
		answer := serve(mustCallbacks(t, inbox), request)
		if answer.Code < 400 || len(inbox.statuses)+len(inbox.texts) > 0 {
			t.Errorf("answered %d and told %+v", answer.Code, fmt.Sprint(inbox.statuses))
		}
	})
}
