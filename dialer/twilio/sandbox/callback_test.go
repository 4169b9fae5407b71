package sandbox

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// expectedSignature is written anew, from Twilio's description.
func expectedSignature(address string, form url.Values) string {
	for _, key := range slices.Sorted(maps.Keys(form)) {
		address += key + form.Get(key)
	}
	code := hmac.New(sha1.New, []byte(testToken))
	code.Write([]byte(address))
	return base64.StdEncoding.EncodeToString(code.Sum(nil))
}

// check verifies what every callback has to have.
func (came call) check(t *testing.T, base string) {
	t.Helper()
	if got, want := came.header.Get("X-Twilio-Signature"), expectedSignature(base+came.path, came.form); got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	if came.header.Get("X-Hustings-Sandbox") != "SANDBOX" || came.form.Get("AccountSid") != testAccount ||
		came.form.Get("ApiVersion") != "2010-04-01" || came.form.Get("SmsSid") != came.form.Get("MessageSid") {
		t.Errorf("callback %+v", came)
	}
}

func TestCallbacks_OfALife(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	tests := []struct {
		name, to string
		form     url.Values
		want     []string
		code     string
	}{
		{"delivered", testTo, nil, []string{"sending", "sent", "delivered"}, ""},
		{"landline", "+33199000001", nil, []string{"sending", "sent", "undelivered"}, "30006"},
		{"by a service", testTo, url.Values{"MessagingServiceSid": {testService}}, []string{"queued", "sending", "sent", "delivered"}, ""},
	}
	bed := mustStart(t, quiet(t))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			form := text(test.to, "StatusCallback", base+"/cb/a?b=c%20d#rc=2&rp=all")
			maps.Copy(form, test.form)
			sid := bed.mustCreate(form)
			for _, status := range test.want {
				came := next(t, calls)
				came.check(t, base)
				final := status == test.want[len(test.want)-1]
				if came.path != "/cb/a?b=c%20d" || came.form.Get("MessageStatus") != status || came.form.Get("SmsStatus") != status ||
					came.form.Get("MessageSid") != sid || came.form.Get("To") != test.to || came.form.Get("From") != testFrom ||
					came.form.Get("MessagingServiceSid") != test.form.Get("MessagingServiceSid") {
					t.Errorf("want %s, got %+v", status, came)
				}
				if final != came.form.Has("RawDlrDoneDate") || final && came.form.Get("ErrorCode") != test.code {
					t.Errorf("%s: %v", status, came.form)
				}
			}
		})
	}
}

func TestCallbacks_Retries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fragment    string
		first, then int // statuses that the dialer answers with
		tries       int
	}{
		{"", 500, 204, 1},
		{"#rc=3&rp=5xx", 500, 204, 2},
		{"#rc=3&rp=5xx", 500, 500, 4},
		{"#rc=3&rp=5xx", 404, 204, 1},
		{"#rc=3&rp=4xx,5xx", 404, 204, 2},
		{"#rc=0&rp=all", 500, 204, 1},
		{"#rc=3&rp=all", 302, 204, 1},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			t.Parallel()
			var count atomic.Int64
			base, _ := listener(t, func(call) int {
				if count.Add(1) == 1 {
					return test.first
				}
				return test.then
			})
			options := quiet(t)
			options.Instant = true
			bed := mustStart(t, options)
			bed.mustCreate(text(testTo, "StatusCallback", base+test.fragment))
			want := test.first
			if test.tries > 1 {
				want = test.then
			}
			if record := bed.awaitKind(KindCallback); record.Tries != test.tries || record.HTTP != want {
				t.Errorf("%d tries, status %d, want %d and %d", record.Tries, record.HTTP, test.tries, want)
			}
		})
	}
}

// Ensure that lives go on while nobody answers, and that lost callbacks stay lost.
func TestCallbacks_NobodyAnswers(t *testing.T) {
	t.Parallel()
	bed := mustStart(t, quiet(t))
	sid := bed.mustCreate(text(testTo, "StatusCallback", "http://127.0.0.1:1/cb"))
	for range 3 {
		if record := bed.awaitKind(KindCallback); record.Tries != 2 || record.HTTP != 0 || record.Error == "" {
			t.Errorf("record %+v", record)
		}
	}
	if got := bed.do(http.MethodGet, messages(sid), nil); got.fields["status"] != "delivered" {
		t.Errorf("message is %s", got.body)
	}
}

// Ensure that a read time-out is not tried again unless asked for.
func TestCallbacks_ReadTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	base, _ := listener(t, func(call) int { <-release; return http.StatusNoContent })
	defer close(release)
	options := quiet(t)
	options.Instant = true
	bed := mustStart(t, options)
	bed.mustCreate(text(testTo, "StatusCallback", base+"#ct=100&rt=100"))
	if record := bed.awaitKind(KindCallback); record.Tries != 1 || record.HTTP != 0 || record.Error == "" {
		t.Errorf("record %+v", record)
	}
	bed.mustCreate(text(testTo, "StatusCallback", base+"#ct=100&rt=100&rc=2&rp=rt&tt=10000"))
	if record := bed.awaitKind(KindCallback); record.Tries != 3 {
		t.Errorf("record %+v", record)
	}
}

func TestCallbacks_Faults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		faults      Faults
		sent, calls int // of three statuses
	}{
		{"lost", Faults{CallbackLost: 1}, 0, 0},
		{"twice", Faults{CallbackTwice: 1}, 6, 6},
		{"late", Faults{CallbackLate: 1}, 3, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			base, calls := listener(t, fine)
			options := quiet(t)
			options.Faults = test.faults
			bed := mustStart(t, options)
			bed.mustCreate(text(testTo, "StatusCallback", base+"/cb"))
			seen := map[string]int{}
			for range test.calls {
				seen[next(t, calls).form.Get("MessageStatus")]++
			}
			for range max(test.calls, 3) {
				bed.awaitKind(KindCallback)
			}
			for _, status := range []string{"sending", "sent", "delivered"} {
				if seen[status] != test.calls/3 {
					t.Errorf("%s came %d times", status, seen[status])
				}
			}
			verdict, err := bed.server.Verdict(JudgeOptions{})
			if err != nil || verdict.CallbacksAnswered != test.sent {
				t.Errorf("verdict %+v, %v", verdict, err)
			}
		})
	}
}

// Ensure that people answer, that what they say is logged, posted and listed, and
// that the answer to it is logged too.
func TestReplies(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	options := quiet(t)
	options.StopFraction, options.InboundURL = 1, base+"/inbound#rc=1"
	bed := mustStart(t, options)
	sid := bed.mustCreate(text(testTo))
	record := bed.awaitKind(KindInbound)
	if record.ReplyTo != sid || record.From != testTo || record.To != testFrom || !slices.Contains(replies, record.Body) ||
		record.OptOut != IsOptOut(record.Body) {
		t.Errorf("record %+v", record)
	}
	came := next(t, calls)
	came.check(t, base)
	if came.path != "/inbound" || came.form.Get("MessageSid") != record.Sid || came.form.Get("From") != testTo ||
		came.form.Get("To") != testFrom || came.form.Get("Body") != record.Body || came.form.Get("NumMedia") != "0" || came.form.Has("OptOutType") {
		t.Errorf("callback %+v", came)
	}
	if ended := bed.awaitKind(KindInboundAnswered); ended.Sid != record.Sid || ended.HTTP != 204 || ended.From != testTo {
		t.Errorf("answered %+v", ended)
	}
}

func TestReplies_SilentAlphanumeric(t *testing.T) {
	t.Parallel()
	options := quiet(t)
	options.Start, options.Speed, options.StopFraction, options.SilentAlphanumeric = monday, 1, 1, true
	bed := mustStart(t, options)
	silent := bed.mustCreate(text(testTo))
	loud := bed.mustCreate(text(testTo, "From", "36111"))
	if err := bed.server.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	if record := bed.awaitKind(KindInbound); record.ReplyTo != loud || record.ReplyTo == silent {
		t.Errorf("record %+v", record)
	}
}

// Ensure that the carrier keeps opt-outs where it is asked to, over a restart too.
func TestCarrierStops(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	options := quiet(t)
	options.CarrierStops, options.InboundURL = true, base
	first := mustStart(t, options)
	for body, want := range map[string]string{"stop svp": "", "STOP": "STOP"} {
		if _, err := first.server.Reply(testTo, testFrom, body); err != nil {
			t.Fatal(err)
		}
		if got := next(t, calls).form.Get("OptOutType"); got != want {
			t.Errorf("%q has OptOutType %q, want %q", body, got, want)
		}
	}
	if err := first.server.Close(); err != nil {
		t.Fatal(err)
	}
	second := mustStart(t, options)
	if got := second.do(http.MethodPost, messages(""), text(testTo)); got.fields["code"] != 21610.0 {
		t.Errorf("created after STOP: %d %s", got.status, got.body)
	}
	second.mustCreate(text(testTo, "From", "36111"))
	second.mustCreate(text(otherTo))
}

// Ensure that the load mode calls back once for each of many messages.
func TestInstant_Load(t *testing.T) {
	t.Parallel()
	base, calls := listener(t, fine)
	options := quiet(t)
	options.Instant = true
	bed := mustStart(t, options)
	const count = 500
	for index := range count {
		bed.mustCreate(text(number(index), "StatusCallback", fmt.Sprintf("%s/cb/%d", base, index)))
	}
	seen := map[string]bool{}
	for range count {
		came := next(t, calls)
		if seen[came.path] || came.form.Get("MessageStatus") != "delivered" {
			t.Fatalf("callback %+v", came)
		}
		seen[came.path] = true
	}
}
