package main

import (
	"testing"
	"time"
)

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{0: "0", 12: "12", 999: "999", 1000: "1,000", 27_999_999: "27,999,999"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 1400 * time.Millisecond: "1s", 90 * time.Second: "1m 30s", 61 * time.Minute: "1h 1m", 50 * time.Hour: "2d 2h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2027, time.March, 10, 0, 30, 0, 0, paris)
	if got := near(at, at.Add(-time.Hour)); got != "23:30 UTC" {
		t.Errorf("the same day in UTC: %q", got)
	}
	if got := near(at, at.Add(time.Hour)); got != "2027-03-09 23:30 UTC" {
		t.Errorf("another day: %q", got)
	}
	if got := instant(time.Time{}); got != "-" {
		t.Errorf("none: %q", got)
	}
}

func TestInline_LargestFirst(t *testing.T) {
	t.Parallel()
	got := inline(map[string]uint64{"failed": 3, "delivered": 1200, "busy": 3})
	if want := "delivered 1,200, busy 3, failed 3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Ensure what looks like a number is masked, and what a command line otherwise
// holds is not.
func TestWithoutNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"unknown flag: -0639980001":         "unknown flag: -•••",
		"no verb +33 6 39 98 00 01":         "no verb •••",
		"no verb 06.39.98.00.01":            "no verb •••",
		"campaign party-a-2027 is closed":   "campaign party-a-2027 is closed",
		"unknown flag: --speed=600":         "unknown flag: --speed=600",
		"accepts at most 1 arg, received 2": "accepts at most 1 arg, received 2",
	} {
		if got := withoutNumbers(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestRemember_OnlyWhatMayBeANumber(t *testing.T) {
	t.Parallel()
	var c console
	c.remember([]string{"campaign", "show", "+33 6 39 98 00 01", "0639980001", "2027-03-09", "party-a-0639980001", "127.0.0.1"})
	if len(c.typed) != 2 {
		t.Errorf("%d arguments are taken for numbers, want 2", len(c.typed))
	}
	if got := c.masked(`campaign "0639980001": there is none`); got != `campaign "•••": there is none` {
		t.Errorf("masked: %q", got)
	}
}
