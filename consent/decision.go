package consent

import (
	"fmt"
	"time"
)

// Verdict is the answer to "may this contact be reached now?".
type Verdict uint8

// The verdicts. The zero Verdict is none of them, so that a Decision that
// nobody made never reads as permission.
const (
	// Allow: nothing speaks against it at this instant.
	Allow Verdict = iota + 1
	// Defer: not now, yet nothing in the record must change.
	Defer
	// Deny: not this contact for this campaign until the record changes.
	Deny
	// Halt: the campaign itself is wrong, whoever the contact is.
	Halt
)

var verdictNames = [...]string{0: "undecided", Allow: "allow", Defer: "defer", Deny: "deny", Halt: "halt"}

// String returns the verdict's name as reports and case files write it.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// Decision is a Verdict with the one reason for it: the first check that
// failed.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	// Rule is the id of the rule that decided, such as "FR-S1"; empty for OK.
	// Rules that no pack can switch off are named E4, E8, E9 (engine
	// conventions) and I3, I8 (invariants).
	Rule string
	// Until is set for Defer: the first instant at which the answer of the
	// check that deferred changes. It is zero where no instant is known,
	// because something must happen first (a fresh list, a free line).
	Until time.Time
}

// Allowed tells whether the decision is permission. Everything else is not.
func (d Decision) Allowed() bool { return d.Verdict == Allow }

// String prints the decision on one line.
func (d Decision) String() string {
	text := d.Verdict.String() + " " + d.Reason.String()
	if d.Rule != "" {
		text += " by " + d.Rule
	}
	if !d.Until.IsZero() {
		text += " until " + d.Until.Format(time.RFC3339)
	}
	return text
}
