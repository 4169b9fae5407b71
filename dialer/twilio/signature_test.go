package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
	"pgregory.net/rapid"
)

// sign computes Twilio's signature as its documentation tells it, apart from
// the code under test.
func sign(token, address string, form url.Values) string {
	text := address
	keys := make([]string, 0, len(form))
	for key := range form {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		values := slices.Clone(form[key])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			text += key + value
		}
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func mustValidator(tb testing.TB, public string) *validator {
	tb.Helper()
	address, err := parsePublicAddress(public)
	if err != nil {
		tb.Fatal(err)
	}
	return newValidator(NewSecret([]byte(testToken)), address)
}

// valid checks a form as a callback would.
func (v *validator) valid(header, target, form string) bool {
	signature, ok := decodeSignature(header)
	if !ok {
		return false
	}
	parsed, err := parseForm(nil, form)
	return err == nil && v.form(signature, target, parsed)
}

// The signatures were made by Twilio's own Node library (npm twilio 6.2.0,
// getExpectedTwilioSignature) with testToken.
var nodeSignatures = []struct {
	name, target string
	form         url.Values
	signature    string
}{
	{"Plain", "/twilio/inbound", url.Values{
		"MessageSid": {"SM00000000000000000000000000000001"}, "From": {testNumber}, "To": {testSender}, "Body": {"Arrêt à 8 h & « stop » +1"},
	}, "S7YgQZiKN6uAz7Jhq2B23OC2yfA="},
	{"Port", "/twilio/inbound", url.Values{"From": {testNumber}}, "NI9WWFBnVk/xeIZCHmjFPBDmOjg="},
	{"TwoValues", "/twilio/inbound", url.Values{
		"From": {testNumber}, "MediaUrl": {"https://b.example.org/", "https://a.example.org/", "https://b.example.org/"}, "A": {""},
	}, "AqxuOERwoWvavPfJVFoCJWhEVeE="},
}

// Ensure that what Twilio's Node library signs is accepted, with and without
// the port, and that the same signature is good for nothing else.
func TestValidator_NodeSignatures(t *testing.T) {
	t.Parallel()
	for _, public := range []string{testPublic, testPublic + ":443"} {
		v := mustValidator(t, public)
		for _, test := range nodeSignatures {
			if !v.valid(test.signature, test.target, test.form.Encode()) {
				t.Errorf("%s: %s: refused", public, test.name)
			}
			if v.valid(test.signature, test.target+"x", test.form.Encode()) || v.valid(test.signature, test.target, test.form.Encode()+"&x=") {
				t.Errorf("%s: %s: accepted for another request", public, test.name)
			}
		}
	}
}

// Ensure that JSON is accepted by the hash in the query, as Node signs it.
func TestValidator_Body(t *testing.T) {
	t.Parallel()
	const (
		body   = `{"MessageSid":"SM00000000000000000000000000000001","MessageStatus":"delivered"}`
		hash   = "c2a49ec3252aa01ed7bfceee3c3ae192ce3a8d483b78b62381a3f1649b15ba99"
		target = "/twilio/status/x?bodySHA256=" + hash
	)
	v := mustValidator(t, testPublic)
	signature, ok := decodeSignature("v+9AYZ15yS37IOIxUda2Pbl5QS4=")
	if !ok || !v.body(signature, target, hash, []byte(body)) {
		t.Error("refused")
	}
	if v.body(signature, target, hash, []byte(body+" ")) {
		t.Error("accepted for another body")
	}
	if v.body(signature, target+"&x", hash, []byte(body)) {
		t.Error("accepted for another address")
	}
}

// Ensure that each way in which Twilio may write our address is accepted, and
// no other address is.
func TestValidator_Addresses(t *testing.T) {
	t.Parallel()
	form := url.Values{"From": {testNumber}, "Body": {"STOP"}}
	tests := []struct {
		public, signed string
		want           bool
	}{
		{"https://calls.example.org", "https://calls.example.org", true},
		{"https://calls.example.org", "https://calls.example.org:443", true},
		{"https://calls.example.org/", "https://calls.example.org", true},
		{"https://calls.example.org/hook", "https://calls.example.org/hook", true},
		{"https://calls.example.org/hook", "https://calls.example.org", false},
		{"https://calls.example.org:8443", "https://calls.example.org:8443", true},
		{"https://calls.example.org:8443", "https://calls.example.org", true},
		{"https://calls.example.org:8443", "https://calls.example.org:443", false},
		{"https://calls.example.org", "http://calls.example.org", false},
		{"https://calls.example.org", "https://evil.example.org", false},
		{"http://127.0.0.1", "http://127.0.0.1:80", true},
		{"http://[::1]:8080", "http://[::1]:8080", true},
		{"http://[::1]:8080", "http://[::1]", true},
	}
	for _, test := range tests {
		v := mustValidator(t, test.public)
		for _, target := range []string{statusPath + "x", inboundPath, inboundPath + "?a=b"} {
			for fragment, known := range map[string]bool{"": true, "#" + retryFragment: true, "#rc=5": false} {
				signature := sign(testToken, test.signed+target+fragment, form)
				if got, want := v.valid(signature, target, form.Encode()), test.want && known; got != want {
					t.Errorf("public %s, signed %s%s%s: got %v, want %v", test.public, test.signed, target, fragment, got, want)
				}
			}
		}
	}
}

// Ensure that a signature which is none is not taken for one.
func TestDecodeSignature(t *testing.T) {
	t.Parallel()
	good := sign(testToken, testPublic, nil)
	for _, header := range []string{"", "=", good[:27], good + "=", strings.Repeat("=", 28), strings.Repeat("A", 28), good[:26] + "==", good[:14] + "\n" + good[15:], " " + good[1:]} {
		if signature, ok := decodeSignature(header); ok {
			t.Errorf("%q: got %x", header, signature)
		}
	}
	if _, ok := decodeSignature(good); !ok {
		t.Errorf("%q: refused", good)
	}
}

// Ensure that for a form with one value a key our verdict is that of twilio-go's
// own validator, for good and for damaged signatures alike.
func TestValidator_AgreesWithTwilioGo(t *testing.T) {
	t.Parallel()
	theirs := client.NewRequestValidator(testToken)
	ours := mustValidator(t, testPublic)
	rapid.Check(t, func(t *rapid.T) {
		pairs := rapid.MapOfN(rapid.StringN(1, 20, -1), rapid.String(), 0, 20).Draw(t, "form")
		form := make(url.Values)
		for key, value := range pairs {
			form.Set(key, value)
		}
		target := statusPath + rapid.StringMatching(`[0-9a-f]{0,48}`).Draw(t, "reference")
		port := rapid.SampledFrom([]string{"", ":443", ":8443"}).Draw(t, "port")
		token := rapid.SampledFrom([]string{testToken, "", "other"}).Draw(t, "token")
		signature := sign(token, testPublic+port+target, form)
		want := theirs.ValidateBody(testPublic+target, []byte(form.Encode()), signature)
		if got := ours.valid(signature, target, form.Encode()); got != want {
			t.Fatalf("got %v, twilio-go %v", got, want)
		}
		if want != (token == testToken && port != ":8443") {
			t.Fatalf("twilio-go says %v for token %q, port %q", want, token, port)
		}
	})
}

// Ensure that a form is read as net/url reads it, or not at all: two readings
// of one form are how signatures are deceived.
func FuzzParseForm(f *testing.F) {
	f.Add("")
	f.Add("MessageSid=" + testSID + "&MessageStatus=delivered&To=%2B33639980001")
	f.Add("a=1&a=2&a=1&b=&=c&&d")
	f.Add("a;b=1")
	f.Add("a=%zz")
	f.Add("a=+%20%2B")
	f.Fuzz(func(t *testing.T, form string) {
		got, err := parseForm(nil, form)
		want, wantErr := url.ParseQuery(form)
		if (err != nil) != (wantErr != nil) && strings.Count(form, "&") < maximumFields {
			t.Fatalf("%q: got error %v, net/url %v", form, err, wantErr)
		}
		if err != nil {
			return
		}
		if !slices.IsSortedFunc(got, func(a, b field) int { return strings.Compare(a.key, b.key) }) {
			t.Errorf("%q: not sorted: %v", form, got)
		}
		for _, one := range got {
			if !slices.Contains(want[one.key], one.value) {
				t.Errorf("%q: %v is not among %v", form, one, want)
			}
			delete(want, one.key)
			for _, other := range got {
				if other.key == one.key {
					want[one.key] = append(want[one.key], other.value)
				}
			}
		}
		for key, values := range want {
			if first := got.get(key); first != slices.Min(values) {
				t.Errorf("%q: get(%q) is %q, want %q", form, key, first, slices.Min(values))
			}
		}
		if got.get("no such key") != "" && !want.Has("no such key") {
			t.Errorf("%q: got a value for no key", form)
		}
	})
}

// Ensure that nothing that was not signed with the token passes.
func FuzzValidator(f *testing.F) {
	v := mustValidator(f, testPublic)
	form := url.Values{"From": {testNumber}, "Body": {"STOP"}}.Encode()
	f.Add("", inboundPath, form)
	f.Add(sign("", testPublic+inboundPath, url.Values{"From": {testNumber}, "Body": {"STOP"}}), inboundPath, form)
	f.Fuzz(func(t *testing.T, header, target, form string) {
		if !v.valid(header, target, form) {
			return
		}
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatalf("accepted a form that is none: %q", form)
		}
		for _, signed := range []string{"", ":443", "#" + retryFragment} {
			port, fragment, hasFragment := strings.Cut(signed, "#")
			if hasFragment {
				fragment = "#" + fragment
			}
			if header == sign(testToken, testPublic+port+target+fragment, values) {
				return
			}
		}
		if header != sign(testToken, testPublic+":443"+target+"#"+retryFragment, values) {
			t.Errorf("accepted %q for %q and %q", header, target, form)
		}
	})
}

// Ensure that a reference comes back as the attempt it was made for, and that
// none is accepted that was not made with the key.
func TestReferences(t *testing.T) {
	t.Parallel()
	ours := newReferences(testReferenceKey)
	others := newReferences(NewSecret([]byte("another key, of 32 bytes as well")))
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.Uint64().Draw(t, "attempt")
		reference := ours.reference(attempt)
		if got, ok := ours.attempt(reference); !ok || got != attempt {
			t.Fatalf("%s: got %d, %v, want %d", reference, got, ok, attempt)
		}
		if _, ok := others.attempt(reference); ok {
			t.Fatalf("%s: accepted under another key", reference)
		}
		bad := []byte(reference)
		at := rapid.IntRange(0, len(bad)-1).Draw(t, "at")
		bad[at] = rapid.SampledFrom([]byte("0123456789abcdefg/.%")).Filter(func(c byte) bool { return c != reference[at] }).Draw(t, "byte")
		if _, ok := ours.attempt(string(bad)); ok {
			t.Fatalf("%s: accepted, made from %s", bad, reference)
		}
	})
	for _, reference := range []string{"", "0", strings.Repeat("0", 48), ours.reference(1) + "00", ours.reference(1)[2:]} {
		if _, ok := ours.attempt(reference); ok {
			t.Errorf("%q: accepted", reference)
		}
	}
}
