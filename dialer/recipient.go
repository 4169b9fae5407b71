package dialer

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// RecipientState is where a contact stands in one campaign.
//
//	planned   -> intended            decision allow, with the intent
//	planned   -> waiting             decision defer, at an instant of its own
//	planned, waiting -> excluded     decision deny, or the campaign ends
//	waiting   -> intended            the instant has come: planned for a moment, then as above
//	intended  -> planned             withdrawn: provably not sent
//	intended  -> excluded            the gate found an objection, or the carrier refused for good
//	intended  -> placed | in_doubt   the carrier named it | nobody can say
//	in_doubt  -> placed | final      found at the carrier | asked three times: unknown
//	placed    -> final               the outcome
//	final     -> waiting             a next step is allowed, never after unknown
type RecipientState uint8

// The states. One function for each move changes them, and nothing else does.
const (
	RecipientNone RecipientState = iota
	RecipientPlanned
	RecipientWaiting
	RecipientIntended
	RecipientInDoubt
	RecipientPlaced
	RecipientExcluded
	RecipientFinal
	recipientStateCount
)

var recipientStateNames = [...]string{
	RecipientNone: "none", RecipientPlanned: "planned", RecipientWaiting: "waiting", RecipientIntended: "intended",
	RecipientInDoubt: "in_doubt", RecipientPlaced: "placed", RecipientExcluded: "excluded", RecipientFinal: "final",
}

// String returns the state's name.
func (s RecipientState) String() string {
	if s < recipientStateCount {
		return recipientStateNames[s]
	}
	return fmt.Sprintf("recipient state %d", uint8(s))
}

// recipientKey finds a recipient: campaign number, zone group, masked ID. The
// zone group stands in the key so that a campaign can work through the
// recipients of one group of time zones while those of another wait for their
// window; the mask, different for each campaign, makes the order of dialling
// differ from campaign to campaign and still ascend on disk.
type recipientKey [4 + 1 + contact.IDSize]byte

func newRecipientKey(campaign uint32, zone uint8, mask [2]byte, id contact.ID) recipientKey {
	var k recipientKey
	binary.BigEndian.PutUint32(k[:], campaign)
	k[4] = zone
	copy(k[5:], id[:])
	k[5] ^= mask[0]
	k[6] ^= mask[1]
	return k
}

func (k recipientKey) campaign() uint32 { return binary.BigEndian.Uint32(k[:4]) }

func (k recipientKey) id(mask [2]byte) contact.ID {
	id := contact.ID(k[5:])
	id[0] ^= mask[0]
	id[1] ^= mask[1]
	return id
}

// zonePrefix is what the keys of a campaign's zone group begin with.
func zonePrefix(campaign uint32, zone uint8) []byte {
	return append(binary.BigEndian.AppendUint32(nil, campaign), zone)
}

// recipient is a contact in one campaign.
type recipient struct {
	state   RecipientState
	outcome Outcome
	// step is how many tries have been intended and not withdrawn.
	step uint8
	// counted tells whether the party's report counts this recipient.
	counted bool
	// attempt is the last attempt's sequence number, 0 for none.
	attempt uint64
	// until is when a waiting recipient may be asked about again.
	until time.Time
	// reason says why an excluded recipient is, or a waiting one waits.
	reason string
}

// The moves. Each names the states it may start from; from any other it is an
// error, which makes the transaction fail: a wrong move is a fault of ours and
// nothing may be built on it.

func (r recipient) intend(attempt uint64) (recipient, error) {
	if r.state != RecipientPlanned && r.state != RecipientWaiting {
		return r, r.wrong("intended")
	}
	return recipient{state: RecipientIntended, step: r.step + 1, counted: r.counted, attempt: attempt}, nil
}

func (r recipient) wait(until time.Time, reason string) (recipient, error) {
	if r.state != RecipientPlanned && r.state != RecipientWaiting {
		return r, r.wrong("waiting")
	}
	return recipient{state: RecipientWaiting, step: r.step, counted: r.counted, attempt: r.attempt, until: until, reason: reason}, nil
}

func (r recipient) exclude(reason string) (recipient, error) {
	switch r.state {
	case RecipientPlanned, RecipientWaiting, RecipientIntended:
		return recipient{state: RecipientExcluded, step: r.step, counted: r.counted, attempt: r.attempt, reason: reason}, nil
	case RecipientNone, RecipientInDoubt, RecipientPlaced, RecipientExcluded, RecipientFinal, recipientStateCount:
	}
	return r, r.wrong("excluded")
}

func (r recipient) withdraw(until time.Time) (recipient, error) {
	if r.state != RecipientIntended {
		return r, r.wrong("planned")
	}
	return recipient{state: RecipientPlanned, step: r.step - 1, counted: r.counted, attempt: r.attempt, until: until}, nil
}

func (r recipient) doubt() (recipient, error) {
	if r.state != RecipientIntended {
		return r, r.wrong("in_doubt")
	}
	r.state = RecipientInDoubt
	return r, nil
}

func (r recipient) place() (recipient, error) {
	if r.state != RecipientIntended && r.state != RecipientInDoubt {
		return r, r.wrong("placed")
	}
	r.state = RecipientPlaced
	return r, nil
}

func (r recipient) finish(outcome Outcome) (recipient, error) {
	if r.state != RecipientPlaced && (r.state != RecipientInDoubt || outcome != OutcomeUnknown) {
		return r, r.wrong("final")
	}
	r.state, r.outcome = RecipientFinal, outcome
	return r, nil
}

func (r recipient) again(until time.Time) (recipient, error) {
	if r.state != RecipientFinal || r.outcome == OutcomeUnknown {
		return r, r.wrong("waiting")
	}
	return recipient{state: RecipientWaiting, step: r.step, counted: r.counted, attempt: r.attempt, until: until, reason: "NEXT_STEP"}, nil
}

func (r recipient) wrong(to string) error {
	return fmt.Errorf("recipient in state %s cannot become %s", r.state, to)
}

// recipientRow is the fixed part of a recipient's row; the reason follows.
const recipientRow = 1 + 1 + 1 + 1 + 8 + 8

func (r recipient) append(row []byte) []byte {
	row = append(row, byte(r.state), byte(r.outcome), r.step, flag(r.counted))
	row = binary.BigEndian.AppendUint64(row, r.attempt)
	row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(r.until)))
	return append(row, r.reason...)
}

func readRecipient(row []byte) (recipient, error) {
	if len(row) < recipientRow || RecipientState(row[0]) >= recipientStateCount || Outcome(row[1]) >= outcomeCount {
		return recipient{}, fmt.Errorf("recipient row of %d bytes cannot be read", len(row))
	}
	return recipient{
		state: RecipientState(row[0]), outcome: Outcome(row[1]), step: row[2], counted: row[3] != 0,
		attempt: binary.BigEndian.Uint64(row[4:]), until: instant(int64(binary.BigEndian.Uint64(row[12:]))),
		reason: string(row[recipientRow:]),
	}, nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// nanoseconds and instant keep instants in rows; 0 is no instant.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
