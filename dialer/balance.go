package dialer

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// CampaignState is where a campaign stands.
//
//	accepted -> planned -> ready -> trial -> running <-> paused | held -> closing -> closed
//
// A trial has the first so many recipients dialled and waits for its release. A
// paused campaign was stopped by an operator, a held one by the dialer. A
// closing one makes no new attempt and waits for what is open.
type CampaignState uint8

// The states, as the ledger numbers them: the trial came last, and stands between
// ready and running.
const (
	CampaignNone CampaignState = iota
	CampaignAccepted
	CampaignPlanned
	CampaignReady
	CampaignRunning
	CampaignPaused
	CampaignHeld
	CampaignClosing
	CampaignClosed
	CampaignTrial
	campaignStateCount
)

var campaignStateNames = [...]string{
	CampaignNone: "none", CampaignAccepted: "accepted", CampaignPlanned: "planned", CampaignReady: "ready",
	CampaignRunning: "running", CampaignPaused: "paused", CampaignHeld: "held", CampaignClosing: "closing",
	CampaignClosed: "closed", CampaignTrial: "trial",
}

// The states from which orders and the steward start: dialling ones hand out
// slots, lively ones will, open ones have not ended.
var (
	diallingStates = []CampaignState{CampaignTrial, CampaignRunning}
	livelyStates   = append([]CampaignState{CampaignPlanned, CampaignReady}, diallingStates...)
	openStates     = append([]CampaignState{CampaignPaused, CampaignHeld}, livelyStates...)
)

// unplanned tells whether the campaign has no audience yet, or has ended before it
// had one: rows of a plan that was cut short may still be there.
func (b *balance) unplanned() bool {
	return b.State == CampaignAccepted || b.State == CampaignClosing && b.Considered == 0 && b.Audience == 0
}

// ends tells whether the campaign has come to its end, or is about to.
func (s CampaignState) ends() bool { return s == CampaignClosing || s == CampaignClosed }

// String returns the state's name.
func (s CampaignState) String() string {
	if s < campaignStateCount {
		return campaignStateNames[s]
	}
	return fmt.Sprintf("campaign state %d", uint8(s))
}

// Ending is why a campaign closes.
type Ending uint8

// The endings.
const (
	NoEnding Ending = iota
	EndingCompleted
	EndingTimeOver
	EndingCancelled
	EndingBudget
	endingCount
)

var endingNames = [...]string{
	NoEnding: "", EndingCompleted: "completed", EndingTimeOver: "time_over", EndingCancelled: "cancelled", EndingBudget: "budget",
}

// String returns the ending's name, empty for none.
func (e Ending) String() string {
	if e < endingCount {
		return endingNames[e]
	}
	return fmt.Sprintf("ending %d", uint8(e))
}

// balance is a campaign's state and its counters. It changes in the same
// transaction as the rows it counts, so that two equations hold at every
// instant:
//
//	considered = excluded at planning + not drawn + audience
//	audience   = planned + waiting + intended + in doubt + placed + excluded later + final
//
// Exclusions are counted by reason in rows of their own; here stand their sums.
type balance struct {
	State  CampaignState
	Ending Ending

	Considered, ExcludedAtPlanning, NotDrawn, Size, Audience uint64

	// Recipients counts the recipients by state.
	Recipients [recipientStateCount]uint64
	// Final counts the final ones by outcome.
	Final [outcomeCount]uint64
	// Counted, by outcome, are those of the final ones that the party's
	// report counts.
	Counted [outcomeCount]uint64

	Attempts, Withdrawn, AfterClosing, Segments uint64
	// Reserved is the most that what was sent can have cost: the carrier's price
	// where it is known.
	Reserved Money

	Trial trial
	// OptOuts are objections of those whom the campaign had reached last, Filtered
	// the messages that carriers dropped as unwanted.
	OptOuts, Filtered uint64
	// Abandoned are calls that a person answered and that came to nothing by our fault
	// or the carrier's: nobody spoke to the end that was meant.
	Abandoned uint64
}

func (b *balance) append(row []byte) []byte {
	row = append(row, byte(b.State), byte(b.Ending))
	row = binary.AppendVarint(row, int64(b.Reserved))
	for _, n := range [...]uint64{
		b.Considered, b.ExcludedAtPlanning, b.NotDrawn, b.Size, b.Audience, b.Attempts, b.Withdrawn, b.AfterClosing, b.Segments,
	} {
		row = binary.AppendUvarint(row, n)
	}
	for _, list := range [...][]uint64{b.Recipients[:], b.Final[:], b.Counted[:]} {
		for _, n := range list {
			row = binary.AppendUvarint(row, n)
		}
	}
	for _, n := range [...]uint64{b.Trial.Size, b.Trial.Tried, b.OptOuts, b.Filtered} {
		row = binary.AppendUvarint(row, n)
	}
	row = append(row, oneIf(b.Trial.Released))
	if b.Abandoned > 0 {
		row = binary.AppendUvarint(row, b.Abandoned)
	}
	return row
}

func oneIf(yes bool) byte {
	if yes {
		return 1
	}
	return 0
}

var errBalanceRow = errors.New("balance row cannot be read")

func readBalance(row []byte) (balance, error) {
	var b balance
	if len(row) < 3 || CampaignState(row[0]) >= campaignStateCount || Ending(row[1]) >= endingCount {
		return b, errBalanceRow
	}
	b.State, b.Ending = CampaignState(row[0]), Ending(row[1])
	reserved, n := binary.Varint(row[2:])
	if n <= 0 {
		return b, errBalanceRow
	}
	b.Reserved, row = Money(reserved), row[2+n:]
	var short bool
	next := func(counter *uint64) {
		value, n := binary.Uvarint(row)
		if short = short || n <= 0; !short {
			*counter, row = value, row[n:]
		}
	}
	for _, counter := range [...]*uint64{
		&b.Considered, &b.ExcludedAtPlanning, &b.NotDrawn, &b.Size, &b.Audience, &b.Attempts, &b.Withdrawn, &b.AfterClosing, &b.Segments,
	} {
		next(counter)
	}
	for _, list := range [...][]uint64{b.Recipients[:], b.Final[:], b.Counted[:]} {
		for i := range list {
			next(&list[i])
		}
	}
	if len(row) > 0 { // rows of before there were trials end here
		for _, counter := range [...]*uint64{&b.Trial.Size, &b.Trial.Tried, &b.OptOuts, &b.Filtered} {
			next(counter)
		}
		if short = short || len(row) == 0; !short {
			b.Trial.Released, row = row[0] == 1, row[1:]
		}
		if len(row) > 0 { // there are calls
			next(&b.Abandoned)
			short = short || len(row) > 0 || b.Abandoned == 0
		}
	}
	if short {
		return b, errBalanceRow
	}
	return b, nil
}

// fault says which equation fails; empty if both hold.
func (b *balance) fault() string {
	if b.State <= CampaignAccepted {
		return "" // nothing has been counted yet
	}
	if sum := b.ExcludedAtPlanning + b.NotDrawn + b.Audience; b.Considered != sum {
		return fmt.Sprintf("considered %d, but excluded at planning %d + not drawn %d + audience %d = %d",
			b.Considered, b.ExcludedAtPlanning, b.NotDrawn, b.Audience, sum)
	}
	var sum uint64
	for _, n := range b.Recipients {
		sum += n
	}
	if b.Audience != sum {
		return fmt.Sprintf("audience %d, but the recipients in all states are %d", b.Audience, sum)
	}
	var final uint64
	for _, n := range b.Final {
		final += n
	}
	if b.Recipients[RecipientFinal] != final {
		return fmt.Sprintf("final %d, but the outcomes are %d", b.Recipients[RecipientFinal], final)
	}
	if b.Trial.Tried > b.Trial.Size {
		return fmt.Sprintf("%d were intended in a trial of %d", b.Trial.Tried, b.Trial.Size)
	}
	if b.Audience > b.Size {
		return fmt.Sprintf("audience %d is larger than the size %d that was ordered", b.Audience, b.Size)
	}
	return ""
}

// open counts the recipients with an attempt that has no outcome yet.
func (b *balance) open() uint64 {
	return b.Recipients[RecipientIntended] + b.Recipients[RecipientInDoubt] + b.Recipients[RecipientPlaced]
}

// undialled counts the recipients that still may be intended.
func (b *balance) undialled() uint64 {
	return b.Recipients[RecipientPlanned] + b.Recipients[RecipientWaiting]
}

// count moves one recipient's weight from its old row to its new one.
func (b *balance) count(old, new recipient) {
	if old.state != RecipientNone {
		b.Recipients[old.state]--
	}
	b.Recipients[new.state]++
	if old.state == RecipientFinal {
		b.Final[old.outcome]--
		if old.counted {
			b.Counted[old.outcome]--
		}
	}
	if new.state == RecipientFinal {
		b.Final[new.outcome]++
		if new.counted {
			b.Counted[new.outcome]++
		}
	}
}
