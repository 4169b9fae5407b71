package sandbox

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reference is the last part of a callback's address, which only its owner knows
// the meaning of.
const reference = "00000000000004d2f0e1d2c3b4a5968778695a4b3c2d1e0f"

// careful answers as whoever holds the token must: only what is signed, and only
// at the address that was given out.
func careful(base *string) func(call) int {
	return func(came call) int {
		known := came.path == "/status/"+reference || came.path == "/inbound"
		if !known || came.header.Get("X-Twilio-Signature") != expectedSignature(*base+came.path, came.form) {
			return http.StatusForbidden
		}
		return http.StatusNoContent
	}
}

// Ensure that every forgery comes beside the truth, lies, is logged with its
// answer, and convinces only those who do not look.
func TestForgeries(t *testing.T) {
	t.Parallel()
	for _, kind := range forgeries {
		for _, believes := range []bool{false, true} {
			t.Run(string(kind), func(t *testing.T) {
				t.Parallel()
				var base string
				answer := careful(&base)
				if believes {
					answer = fine
				}
				address, calls := listener(t, answer)
				base = address
				options := quiet(t)
				options.InboundURL = base + "/inbound"
				options.Faults.Rules = []Rule{{Fault: kind}}
				bed := mustStart(t, options)
				sid := bed.mustCreate(text(testTo, "StatusCallback", base+"/status/"+reference))
				if _, err := bed.server.Reply(testTo, testFrom, "Stop !"); err != nil {
					t.Fatal(err)
				}
				// Three statuses and, but for the last kind, a text have one each.
				want := 4
				if kind == ForgedReference {
					want = 3
				}
				for range want {
					record := bed.awaitKind(KindForged)
					status := http.StatusForbidden
					if believes {
						status = http.StatusNoContent
					}
					if record.Fault != kind || record.HTTP != status || record.Tries != 1 || record.URL == "" ||
						record.From == testFrom && record.Sid != sid {
						t.Errorf("record %+v", record)
					}
				}
				checkForgeries(t, bed, kind, want, believes)
				for range want + 4 {
					next(t, calls).checkForgery(t, base, kind)
				}
			})
		}
	}
}

func checkForgeries(t *testing.T, bed *bench, kind Fault, want int, believed bool) {
	t.Helper()
	// The truth may be under way still.
	for settled := false; !settled; {
		verdict, err := bed.server.Verdict(JudgeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		settled = verdict.CallbacksAnswered == 3 && verdict.InboundAnswered == 1
		if !settled {
			bed.await("the truth", func(record Record) bool {
				return record.Kind == KindCallback || record.Kind == KindInboundAnswered
			})
			continue
		}
		if diff := cmp.Diff(map[Fault]int{kind: want}, verdict.Forged); diff != "" {
			t.Error(diff)
		}
		if believed != (verdict.Err() != nil) || believed && len(verdict.ForgeryBelieved) != want {
			t.Errorf("believed %d of %d: %v", len(verdict.ForgeryBelieved), want, verdict.Err())
		}
	}
}

// checkForgery verifies that a callback is either true, or wrong in the one way
// that its kind means.
func (came call) checkForgery(t *testing.T, base string, kind Fault) {
	t.Helper()
	signed := came.header.Get("X-Twilio-Signature")
	valid := signed == expectedSignature(base+came.path, came.form)
	known := came.path == "/status/"+reference || came.path == "/inbound"
	switch {
	case valid && known:
		return
	case kind == ForgedReference:
		if !valid || !strings.HasPrefix(came.path, "/status/") || len(came.path) != len("/status/"+reference) {
			t.Errorf("%+v", came)
		}
	case valid || !known:
		t.Errorf("%+v", came)
	case (kind == ForgedUnsigned) != (signed == ""), (kind == ForgedForeign) != (came.form.Get("AccountSid") != testAccount):
		t.Errorf("%+v", came)
	}
}

// Ensure that probability brings forgeries of every kind.
func TestForgeries_Drawn(t *testing.T) {
	t.Parallel()
	var base string
	address, _ := listener(t, careful(&base))
	base = address
	options := quiet(t)
	options.Faults.CallbackForged = 1
	bed := mustStart(t, options)
	seen := map[Fault]bool{}
	for index := 0; len(seen) < len(forgeries) && index < 100; index++ {
		bed.mustCreate(text(number(index), "StatusCallback", base+"/status/"+reference))
		for range 3 {
			seen[bed.awaitKind(KindForged).Fault] = true
		}
	}
	if len(seen) != len(forgeries) {
		t.Errorf("seen %v", seen)
	}
}

func TestOtherAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://dialer.example/twilio/status/" + reference, "http://127.0.0.1:1/cb?a=b", "http://127.0.0.1:1", "http://127.0.0.1:1/",
		"http://127.0.0.1:1/a%20b", "http://127.0.0.1:1/0", "http://127.0.0.1:1?x=/1",
	} {
		stream := drawFor(1, address)
		other := otherAddress(address, &stream)
		callback, err := parseTarget(other)
		path, query, _ := strings.Cut(address, "?")
		if err != nil || other == address || callback.url != other || !strings.HasPrefix(other, path[:strings.LastIndexByte(path, '/')]) ||
			!strings.HasSuffix(other, query) {
			t.Errorf("%s became %s, %v", address, other, err)
		}
	}
}
