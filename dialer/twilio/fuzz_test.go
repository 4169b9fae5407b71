package twilio

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// FuzzParseObject ensures that a JSON callback is read whole or not at all, and
// brings each of its texts and numbers once, sorted.
func FuzzParseObject(f *testing.F) {
	for _, body := range []string{
		`{"MessageSid":"` + testSID + `","MessageStatus":"failed","ErrorCode":30007}`, `{"a":{"b":1},"c":[1],"d":null,"e":true}`, "{}", "[]", "null", "{} {}", `{"a":1,"a":2}`, `{"a":1e400}`, "",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseObject(nil, body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is no JSON, and is read as %v", body, got)
		}
		var object map[string]any
		if err := json.Unmarshal(body, &object); err != nil && !strings.Contains(err.Error(), "number") {
			t.Fatalf("%q: %v", body, err)
		}
		if len(got) > maximumFields || !slices.IsSortedFunc(got, func(a, b field) int { return strings.Compare(a.key, b.key) }) {
			t.Errorf("%q is read as %v", body, got)
		}
		for _, one := range got {
			if text, isText := object[one.key].(string); isText && text != one.value {
				t.Errorf("%q: %s is %q, want %q", body, one.key, one.value, text)
			}
		}
	})
}

// FuzzDecodeSignature ensures that one signature has one header, to the letter:
// what else decodes to it is none.
func FuzzDecodeSignature(f *testing.F) {
	good := sign(testToken, testPublic, nil)
	for _, header := range []string{"", good, good[:27], strings.ToLower(good), good + "=", strings.Repeat("=", 28), "AAAAAAAAAAAAAAAAAAAAAAAAAAB=", "AAAA\nAAAAAAAAAAAAAAAAAAAAAA="} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if signature, ok := decodeSignature(header); ok && base64.StdEncoding.EncodeToString(signature[:]) != header {
			t.Errorf("%q is read as %x", header, signature)
		}
	})
}

// FuzzReference ensures that no address is believed but one that was made with
// the key.
func FuzzReference(f *testing.F) {
	ours := newReferences(testReferenceKey)
	for _, text := range []string{"", ours.reference(1), strings.ToUpper(ours.reference(1)), strings.Repeat("0", 48), ours.reference(1)[:46] + "zz"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if attempt, ok := ours.attempt(text); ok && ours.reference(attempt) != strings.ToLower(text) {
			t.Errorf("%q is taken for attempt %d", text, attempt)
		}
		var raw [referenceSize]byte
		if n, err := hex.Decode(raw[:], []byte(text[:min(len(text), 2*referenceSize)])); err == nil && n == referenceSize {
			raw[len(raw)-1] ^= 1
			if changed := hex.EncodeToString(raw[:]); changed != ours.reference(1) {
				_, was := ours.attempt(text)
				if _, is := ours.attempt(changed); was && is {
					t.Errorf("%q and %q are both believed", text, changed)
				}
			}
		}
	})
}

// FuzzHeaders ensures that no header of an answer makes the dialer wait for
// longer than a day, or less than not at all, or puts anything into a log that
// is not a request's name.
func FuzzHeaders(f *testing.F) {
	for _, text := range []string{"", "3", "-3", "99999999999999999999", "Mon, 23 Nov 2026 10:00:00 GMT", "RQ" + testSID[2:], testNumber, "1.5", "+3"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 23, 9, 59, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if wait := parseRetryAfter(text, now); wait < 0 || wait > retryAfterLimit {
			t.Errorf("%q makes it wait for %s", text, wait)
		}
		if id := parseRequestID(text); id != "" && (id != text || len(id) != sidSize || !isHex(id[2:])) {
			t.Errorf("%q is taken for the request %q", text, id)
		}
		if code := parseCode(text); code != 0 && !validCode(code) {
			t.Errorf("%q is taken for the code %d", text, code)
		}
		if number, ok := parseNumber(text); ok && !strings.HasSuffix(text, number.E164()) {
			t.Errorf("%q is taken for another number", text)
		}
	})
}

// FuzzPages ensures that a list is read whole or not at all, whatever the pages
// are: what is returned stands in them, and is about the number asked for.
func FuzzPages(f *testing.F) {
	page := func(rows ...map[string]any) []byte {
		text, err := json.Marshal(map[string]any{"messages": rows, "next_page_uri": nil})
		if err != nil {
			f.Fatal(err)
		}
		return text
	}
	next := `"/2010-04-01/Accounts/` + testAccount + `/Messages.json?PageToken=PA1&Page=1"`
	for _, body := range [][]byte{
		page(sent(1, testNumber, afterSince, "delivered", nil)), page(received(2, testNumber, testSender, afterSince, "STOP")),
		page(sent(1, testNumber, "yesterday", "sent", nil)), page(sent(1, testNumber, afterSince, "sent", testNumber)),
		[]byte(`{"messages":null}`), []byte(`{}`), []byte(`[]`), []byte(proxyPage), []byte(`{"messages":[],"next_page_uri":` + next + `}`),
		[]byte(`{"messages":[{"sid":1}]}`), []byte(`{"messages":[],"next_page_uri":"https://evil.example/2010-04-01/Accounts/` + testAccount + `/Messages.json?Page=1"}`),
	} {
		f.Add(body, uint16(200))
	}
	var body atomic.Pointer[[]byte]
	var status atomic.Int64
	var asked atomic.Int64
	server := newStub(f, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write(*body.Load())
	})
	client := mustClient(f, server.URL)
	number := mustNumber(f, testNumber)
	f.Fuzz(func(t *testing.T, text []byte, code uint16) {
		body.Store(&text)
		status.Store(int64(200 + code%400))
		asked.Store(0)
		records, err := client.Find(t.Context(), contact.SMS, number, testSince)
		if err != nil && records != nil || asked.Load() > findPages {
			t.Errorf("%d pages were asked for; %v with %v", asked.Load(), records, err)
		}
		if err == nil && (status.Load() != http.StatusOK || !json.Valid(text)) {
			t.Errorf("%d with %q passes for a list", status.Load(), text)
		}
		for _, r := range records {
			if !validMessageSID(r.SID) || !strings.Contains(string(text), testNumber[1:]) && !strings.Contains(string(text), `\u`) || r.CreatedAt.Before(testSince.Truncate(time.Second)) {
				t.Errorf("%q brings %+v", text, r)
			}
		}
		texts, err := client.Inbound(t.Context(), testSince)
		if err != nil && texts != nil || err == nil && (status.Load() != http.StatusOK || !json.Valid(text)) {
			t.Errorf("%d with %q brings %d texts, %v", status.Load(), text, len(texts), err)
		}
		for _, one := range texts {
			if one.From.IsZero() || one.ReceivedAt.Before(testSince.Truncate(time.Second)) {
				t.Errorf("%q brings %+v", text, one)
			}
		}
	})
}
