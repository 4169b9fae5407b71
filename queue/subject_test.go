package queue

import (
	"strings"
	"testing"
	"time"
)

// Ensure only what cannot be read as anything else passes for a token.
func TestValidToken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a", "0", "party-a", "c1", "a--b", strings.Repeat("x", maxToken)} {
		if !ValidToken(text) {
			t.Errorf("%q is refused", text)
		}
	}
	for _, text := range []string{
		"", "-a", "A", "a.b", "*", ">", "a b", "a\n", "é", "a_b", "$js", "a\x00", strings.Repeat("x", maxToken+1),
	} {
		if ValidToken(text) {
			t.Errorf("%q passes", text)
		}
	}
}

// Ensure a subject gives back the tokens that it was made of, and that nothing
// else is taken for a job's subject.
func FuzzSubmitSubject(f *testing.F) {
	for _, seed := range []string{
		"dialer.v1.submit.party-a.c1", "dialer.v1.submit.a.b.c", "dialer.v1.submit.*.>", "dialer.v1.submit..", "dialer.v1.submit.A.b",
		"dialer.v1.event.c1", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		party, campaign, err := parseSubmitSubject(subject)
		if err != nil {
			if len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		for _, token := range []string{party, campaign} {
			if token == "" || strings.Trim(token, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				t.Errorf("token %q passes", token)
			}
		}
		again, err := SubmitSubject(party, campaign)
		if err != nil || again != subject {
			t.Errorf("%q became %q, %v", subject, again, err)
		}
	})
}

// Ensure the waits grow, and stay within what a person would wait for.
func TestBackoff(t *testing.T) {
	t.Parallel()
	last := time.Duration(0)
	for failures := -1; failures < 100; failures++ {
		wait := backoff(failures)
		if wait < last || wait > laterMost || wait < laterFirst {
			t.Fatalf("after %d failures: %s", failures, wait)
		}
		last = wait
	}
	if last != laterMost {
		t.Errorf("the wait ends at %s", last)
	}
}

// Ensure NATS gets the form of version that it insists on.
func TestSemanticVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "1.2.3-rc1+dirty": "1.2.3", "devel": "0.0.0", "": "0.0.0", "v1.2": "0.0.0", "(devel)": "0.0.0",
		"v0.0.0-20261123-abcdef": "0.0.0", "1.02.3": "0.0.0", "1.2.3.4": "0.0.0", "1.2.x": "0.0.0",
	} {
		if got := semanticVersion(version); got != want {
			t.Errorf("%q: got %s, want %s", version, got, want)
		}
	}
}

// Ensure addresses are shown without what only their owner may know.
func TestDisplayURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"nats://127.0.0.1:4222":               "nats://127.0.0.1:4222",
		"nats://secret@host:4222":             "nats://host:4222",
		"nats://user:secret@a, tls://x:y@b:1": "nats://a,tls://b:1",
		"user:secret@host":                    "host",
	} {
		if got := displayURL(address); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
