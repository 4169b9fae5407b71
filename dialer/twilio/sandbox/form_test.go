package sandbox

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// createForms are create requests and the code that each is refused with, or 0.
func createForms() []formCase {
	lead := func(ahead time.Duration) string { return monday.Add(ahead).Format(time.RFC3339) }
	service := func(more ...string) url.Values {
		form := text(testTo, append([]string{"MessagingServiceSid", testService}, more...)...)
		form.Del("From")
		return form
	}
	return []formCase{
		{"good", text(testTo), 0},
		{"grouped number", text("+33 6 39 98-00.01"), 0},
		{"no To", text(""), 21604},
		{"national number", text("0639980001"), 21211},
		{"letters in To", text("+33ABCDEFGHI"), 21211},
		{"short To", text("+3363998"), 21211},
		{"long To", text("+3363998000112345"), 21211},
		{"no From", text(testTo, "From", ""), 21603},
		{"service", service(), 0},
		{"wrong service", text(testTo, "MessagingServiceSid", "MG1"), 21705},
		{"number as From", text(testTo, "From", "+33199000001"), 0},
		{"short code", text(testTo, "From", "36111"), 0},
		{"name too long", text(testTo, "From", "ABCDEFGHIJKL"), 21212},
		{"name with a sign", text(testTo, "From", "A*B"), 21212},
		{"no Body", text(testTo, "Body", ""), 21602},
		{"longest Body", text(testTo, "Body", strings.Repeat("é", 1600)), 0},
		{"Body too long", text(testTo, "Body", strings.Repeat("é", 1601)), 21617},
		{"validity", text(testTo, "ValidityPeriod", "36000"), 0},
		{"no validity", text(testTo, "ValidityPeriod", "0"), 90014},
		{"word for validity", text(testTo, "ValidityPeriod", "abc"), 90014},
		{"validity too long", text(testTo, "ValidityPeriod", "36001"), 90007},
		{"callback", text(testTo, "StatusCallback", "https://dialer.example/cb/1#rc=2&rp=all"), 0},
		{"relative callback", text(testTo, "StatusCallback", "/cb"), 21609},
		{"callback with underscore", text(testTo, "StatusCallback", "https://my_dialer.example/cb"), 21609},
		{"callback over ftp", text(testTo, "StatusCallback", "ftp://dialer.example/cb"), 21609},
		{"scheduled", service("ScheduleType", "fixed", "SendAt", lead(time.Hour)), 0},
		{"scheduled without service", text(testTo, "ScheduleType", "fixed", "SendAt", lead(time.Hour)), 35118},
		{"scheduled too early", service("ScheduleType", "fixed", "SendAt", lead(time.Minute)), 35114},
		{"scheduled without type", service("SendAt", lead(time.Hour)), 35114},
		{"unknown parameter", text(testTo, "Colour", "blue"), 0},
		{"magic invalid", text("+15005550001"), 21211},
		{"magic not routable", text("+15005550002"), 21612},
		{"magic no permission", text("+15005550003"), 21408},
		{"magic blocked", text("+15005550004"), 21610},
		{"magic no SMS", text("+15005550009"), 21614},
		{"magic From invalid", text(testTo, "From", "+15005550001"), 21212},
		{"magic From not owned", text(testTo, "From", "+15005550007"), 21606},
		{"magic From full", text(testTo, "From", "+15005550008"), 21611},
		{"magic From good", text(testTo, "From", "+15005550006"), 0},
	}
}

// formCase is one of them.
type formCase struct {
	name string
	form url.Values
	want int
}

func TestCreateForm_Check(t *testing.T) {
	t.Parallel()
	for _, test := range createForms() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			form, err := parseCreateForm(test.form.Encode())
			if err != nil {
				t.Fatal(err)
			}
			accepted, refused := form.check(monday)
			code := 0
			if refused != nil {
				code = refused.code
			}
			if code != test.want {
				t.Fatalf("code %d, want %d", code, test.want)
			}
			if code == 0 && (accepted.from == "" || accepted.segments < 1) {
				t.Errorf("accepted %+v", accepted)
			}
		})
	}
}

// Ensure that the parser reads a form as net/url does, wherever that can read it.
func FuzzParseForm(f *testing.F) {
	f.Add("To=%2B33639980001&From=HUSTINGS&Body=l%27%C3%A9t%C3%A9+2")
	f.Add("a=1&&b&=2&a=3")
	f.Add("Body=%zz&To=x")
	f.Fuzz(func(t *testing.T, form string) {
		got := url.Values{}
		err := parsePairs(form, func(key, value string) { got.Add(key, value) })
		want, wantErr := url.ParseQuery(form)
		if strings.Contains(form, ";") {
			return // net/url refuses semicolons, Twilio does not
		}
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("error %v, net/url says %v", err, wantErr)
		}
		if err == nil {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		}
		parsed, _ := parseCreateForm(form)
		if accepted, refused := parsed.check(monday); refused == nil && (accepted.to == "" || accepted.segments < 1) {
			t.Fatalf("accepted %+v", accepted)
		}
	})
}

func TestCountSegments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       int
	}{
		{"empty", "", 1},
		{"one full", strings.Repeat("a", 160), 1},
		{"two", strings.Repeat("a", 161), 2},
		{"two full", strings.Repeat("a", 306), 2},
		{"three", strings.Repeat("a", 307), 3},
		{"euro counts twice", strings.Repeat("€", 80), 1},
		{"euro over one", strings.Repeat("€", 81), 2},
		{"escape is not split", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3},
		{"accents of the alphabet", strings.Repeat("é", 160), 1},
		{"wide full", strings.Repeat("ê", 70), 1},
		{"wide two", strings.Repeat("ê", 71), 2},
		{"wide two full", strings.Repeat("ê", 134), 2},
		{"wide three", strings.Repeat("ê", 135), 3},
		{"pair counts twice", strings.Repeat("👍", 35), 1},
		{"pair is not split", strings.Repeat("👍", 67), 3},
		{"longest", strings.Repeat("👍", maximumBody), maximumSegments},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := countSegments(test.body); got != test.want {
				t.Errorf("%d segments, want %d", got, test.want)
			}
		})
	}
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	plain := target{
		url: "https://d.example/cb?x=1", retries: 1, retryConnect: true,
		connectTime: 5 * time.Second, readTime: 15 * time.Second, totalTime: 15 * time.Second,
	}
	with := func(change func(*target)) target {
		changed := plain
		change(&changed)
		return changed
	}
	tests := []struct {
		name, fragment string
		want           target
	}{
		{"none", "", plain},
		{"unknown", "#edge=dublin&sni=y&rc=x", plain},
		{"all", "#rc=5&rp=all&ct=2000&rt=5000&tt=15000", with(func(want *target) {
			want.retries, want.connectTime, want.readTime = 5, 2*time.Second, 5*time.Second
			want.retryRead, want.retry4xx, want.retry5xx = true, true, true
		})},
		{"list", "#rp=4xx,5xx,rt", with(func(want *target) {
			want.retryConnect, want.retryRead, want.retry4xx, want.retry5xx = false, true, true, true
		})},
		{"bounds", "#rc=9&ct=1&rt=99999&tt=0", with(func(want *target) {
			want.retries, want.connectTime, want.totalTime = 5, 100*time.Millisecond, 100*time.Millisecond
		})},
		{"no retry", "#rc=0", with(func(want *target) { want.retries = 0 })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseTarget("https://d.example/cb?x=1" + test.fragment)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
