package dialer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// A foreign message is one of our senders' that no attempt of this ledger stands
// for: its campaign came after the copy that was put back, or somebody sent it
// past the dialer. It counts as what it is, a message to this contact: for the
// caps, for the party's claim and its day, and against the same text ever coming again.

// textKey is what the carrier can tell of a campaign: who sent which text.
type textKey [sha256.Size]byte

func newTextKey(sender, body string) textKey {
	hash := sha256.New()
	hash.Write([]byte(sender))
	hash.Write([]byte{0})
	hash.Write([]byte(body))
	return textKey(hash.Sum(nil))
}

// foreignMessage is what is kept of one: which text, when it was created, and what it
// may have cost the party whose it was, 0 where that cannot be told.
type foreignMessage struct {
	text    textKey
	created time.Time
	cost    Money
	party   string
}

func (f *foreignMessage) append(row []byte) []byte {
	row = binary.BigEndian.AppendUint64(append(row, f.text[:]...), uint64(nanoseconds(f.created)))
	return append(binary.AppendVarint(row, int64(f.cost)), f.party...)
}

var errForeignRow = errors.New("foreign row cannot be read")

func readForeign(row []byte) (foreignMessage, error) {
	const fixed = len(textKey{}) + 8
	if len(row) < fixed {
		return foreignMessage{}, errForeignRow
	}
	cost, n := binary.Varint(row[fixed:])
	if n <= 0 {
		return foreignMessage{}, errForeignRow
	}
	return foreignMessage{
		text: textKey(row), created: instant(int64(binary.BigEndian.Uint64(row[len(textKey{}):]))),
		cost: Money(cost), party: string(row[fixed+n:]),
	}, nil
}

func foreignKey(id contact.ID, sid string) []byte {
	return append(append([]byte(nil), id[:]...), sid...)
}

// alreadyContacted denies a contact whom one of the campaign's texts has reached by
// a message of which the campaign knows nothing (I2). As with the caps, what is very old
// counts no more: the same words may be right for the next election.
func (b books) alreadyContacted(c *campaign, id contact.ID, at time.Time) (consent.Decision, bool) {
	for key, row := b.First(BucketForeign, id[:]); bytes.HasPrefix(key, id[:]); key, row = b.First(BucketForeign, following(key)) {
		message, err := readForeign(row)
		if err != nil {
			b.Fail(err)
			return consent.Decision{}, false
		}
		if c.says(message.text) && at.Sub(message.created) < historyCounts {
			return consent.Decision{Verdict: consent.Deny, Reason: consent.AlreadyContacted, Rule: "I2"}, true
		}
	}
	return consent.Decision{}, false
}
