package dialer

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// attemptState is how much is known of one try.
type attemptState uint8

const (
	attemptIntended attemptState = iota + 1
	attemptInDoubt
	attemptPlaced
	attemptFinal
	// attemptWithdrawn and attemptStopped were provably never created.
	attemptWithdrawn
	attemptStopped
	attemptStateCount
)

var attemptStateNames = [...]string{
	attemptIntended: "intended", attemptInDoubt: "in_doubt", attemptPlaced: "placed", attemptFinal: "final",
	attemptWithdrawn: "withdrawn", attemptStopped: "stopped",
}

func (s attemptState) String() string {
	if s > 0 && s < attemptStateCount {
		return attemptStateNames[s]
	}
	return fmt.Sprintf("attempt state %d", uint8(s))
}

// open tells whether the attempt still waits for an answer or an outcome.
func (s attemptState) open() bool {
	return s == attemptIntended || s == attemptInDoubt || s == attemptPlaced
}

// attemptRecord is one try, from the intent on. The first part is written once, with
// the intent, and never changes: it is what the audit leaf is the hash of.
type attemptRecord struct {
	recipient recipientKey
	contact   contact.ID
	step      uint8
	// grant is the version of the grant relied on, 0 where the basis is
	// another one.
	grant uint32
	// pack is the index of the pack's version in BucketPack.
	pack     uint16
	text     [sha256.Size]byte
	salt     [16]byte
	intended time.Time
	notAfter time.Time
	segments uint8
	reserved Money
	// sender is which of a pool's members the contact sees; it is empty where the
	// job names the sender itself. The audit leaf covers it, behind the first part.
	sender string

	state    attemptState
	outcome  Outcome
	status   CarrierStatus
	looks    uint8
	code     int
	answered time.Time
	final    time.Time
	sid      string
	// last tells that the carrier's code rules another try out; it is not kept.
	last bool
	// priced tells that the carrier has said what the message cost: price.
	priced bool
	price  Money
}

// attemptKey is the attempt's key: ascending, so that the file grows at its end.
func attemptKey(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

func readSequence(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

const (
	intentPart  = 4 + 1 + contact.IDSize + contact.IDSize + 1 + 4 + 2 + sha256.Size + 16 + 8 + 8 + 1 + 8
	outcomePart = 1 + 1 + 1 + 1 + 4 + 8 + 8
)

// What may stand behind the carrier's name for the message begins with one of these.
const (
	priceMark  = 0
	senderMark = 1
)

// sentBy notes from which sender the attempt is.
func (a *attemptRecord) sentBy(sender string, job *Job) {
	if a.sender = ""; sender != job.Sender {
		a.sender = sender
	}
}

// from is the sender that the contact saw.
func (a *attemptRecord) from(job *Job) string { return cmp.Or(a.sender, job.Sender) }

// appendIntent writes what the intent fixed: the body of the audit leaf.
func (a *attemptRecord) appendIntent(row []byte) []byte {
	row = append(row, a.recipient[:]...)
	row = append(row, a.contact[:]...)
	row = append(row, a.step)
	row = binary.BigEndian.AppendUint32(row, a.grant)
	row = binary.BigEndian.AppendUint16(row, a.pack)
	row = append(row, a.text[:]...)
	row = append(row, a.salt[:]...)
	row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(a.intended)))
	row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(a.notAfter)))
	row = append(row, a.segments)
	return binary.BigEndian.AppendUint64(row, uint64(a.reserved))
}

func (a *attemptRecord) append(row []byte) []byte {
	row = a.appendIntent(row)
	row = append(row, byte(a.state), byte(a.outcome), byte(a.status), a.looks)
	row = binary.BigEndian.AppendUint32(row, uint32(a.code))
	row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(a.answered)))
	row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(a.final)))
	row = append(row, a.sid...)
	if a.sender != "" { // behind a byte that no name has
		row = append(append(row, senderMark), a.sender...)
	}
	if a.priced { // behind another one
		row = binary.AppendVarint(append(row, priceMark), int64(a.price))
	}
	return row
}

// senderIn is the name of a pool's member in an attempt's row, empty where there is
// none.
func senderIn(row []byte) []byte {
	names, _, _ := bytes.Cut(row[intentPart+outcomePart:], []byte{priceMark})
	_, sender, _ := bytes.Cut(names, []byte{senderMark})
	return sender
}

// readIntent fills in what the intent fixed, from a row that is long enough, and
// returns what stands behind it.
func (a *attemptRecord) readIntent(row []byte) []byte {
	next := func(n int) []byte { part := row[:n]; row = row[n:]; return part }
	a.recipient = recipientKey(next(len(a.recipient)))
	a.contact = contact.ID(next(contact.IDSize))
	a.step = next(1)[0]
	a.grant = binary.BigEndian.Uint32(next(4))
	a.pack = binary.BigEndian.Uint16(next(2))
	a.text = [sha256.Size]byte(next(sha256.Size))
	a.salt = [16]byte(next(16))
	a.intended = instant(int64(binary.BigEndian.Uint64(next(8))))
	a.notAfter = instant(int64(binary.BigEndian.Uint64(next(8))))
	a.segments = next(1)[0]
	a.reserved = Money(binary.BigEndian.Uint64(next(8)))
	return row
}

func readAttempt(row []byte) (*attemptRecord, error) {
	if len(row) < intentPart+outcomePart {
		return nil, fmt.Errorf("attempt row of %d bytes cannot be read", len(row))
	}
	a := new(attemptRecord)
	row = a.readIntent(row)
	a.state, a.outcome, a.status, a.looks = attemptState(row[0]), Outcome(row[1]), CarrierStatus(row[2]), row[3]
	a.code = int(binary.BigEndian.Uint32(row[4:]))
	a.answered = instant(int64(binary.BigEndian.Uint64(row[8:])))
	a.final = instant(int64(binary.BigEndian.Uint64(row[16:])))
	row = row[outcomePart:]
	names, price, priced := bytes.Cut(row, []byte{priceMark})
	sid, sender, pooled := bytes.Cut(names, []byte{senderMark})
	if a.sid, a.sender = string(sid), string(sender); pooled && a.sender == "" {
		return nil, errors.New("attempt row whose sender has no name cannot be read")
	}
	if a.priced = priced; priced {
		amount, n := binary.Varint(price)
		if n <= 0 || n != len(price) || (n > 1 && price[n-1] == 0) { // none, more than one, or written longer than need be
			return nil, fmt.Errorf("attempt row with a price of %d bytes cannot be read", len(price))
		}
		a.price = Money(amount)
	}
	if a.state == 0 || a.state >= attemptStateCount {
		return nil, fmt.Errorf("attempt row with state %d cannot be read", a.state)
	}
	return a, nil
}
