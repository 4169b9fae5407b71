package dialer

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// historyCounts is how long an attempt can count against a cap: longer than the
// longest window over which any pack counts.
const historyCounts = 90 * 24 * time.Hour

// history is what was done with one contact, over all campaigns: what the
// frequency caps count, the one attempt that may be in flight, and where to find
// the others when the contact asks. An attempt stays until its time is over (see
// retention.go).
type history struct {
	// inFlight is the attempt without an outcome, 0 for none. In the row it is
	// the last one that was begun: whether that is over, the index of open
	// attempts knows, so that an outcome writes nothing here.
	inFlight uint64
	past     []pastAttempt
}

// pastAttempt is one try as the caps see it. An attempt that was provably never
// created is taken out again; one in doubt stays, whatever comes of it.
type pastAttempt struct {
	sequence uint64
	at       time.Time
	channel  contact.Channel
	party    string
}

// begin enters an attempt.
func (h *history) begin(entry pastAttempt) {
	h.inFlight = entry.sequence
	h.past = append(h.past, entry)
}

// undo takes an attempt out that provably was never created.
func (h *history) undo(sequence uint64) {
	if h.inFlight == sequence {
		h.inFlight = 0
	}
	h.past = slices.DeleteFunc(h.past, func(past pastAttempt) bool { return past.sequence == sequence })
}

func (h *history) append(row []byte) []byte {
	row = binary.BigEndian.AppendUint64(row, h.inFlight)
	for _, past := range h.past {
		row = binary.BigEndian.AppendUint64(row, past.sequence)
		row = binary.BigEndian.AppendUint64(row, uint64(nanoseconds(past.at)))
		row = append(row, byte(past.channel), byte(len(past.party)))
		row = append(row, past.party...)
	}
	return row
}

func readHistory(row []byte) (history, error) {
	var h history
	if len(row) == 0 {
		return h, nil
	}
	const head = 8 + 8 + 1 + 1
	if len(row) < 8 {
		return h, fmt.Errorf("history row of %d bytes cannot be read", len(row))
	}
	h.inFlight, row = binary.BigEndian.Uint64(row), row[8:]
	for len(row) > 0 {
		if len(row) < head || len(row) < head+int(row[head-1]) {
			return h, fmt.Errorf("history row ends within an entry")
		}
		end := head + int(row[head-1])
		h.past = append(h.past, pastAttempt{
			sequence: binary.BigEndian.Uint64(row), at: instant(int64(binary.BigEndian.Uint64(row[8:]))),
			channel: contact.Channel(row[16]), party: string(row[head:end]),
		})
		row = row[end:]
	}
	return h, nil
}

func (b books) history(id contact.ID) history {
	h, err := readHistory(b.Get(BucketHistory, id[:]))
	if err != nil {
		b.Fail(fmt.Errorf("contact %s: %w", id, err))
	}
	if h.inFlight != 0 && b.Get(BucketOpen, attemptKey(h.inFlight)) == nil {
		h.inFlight = 0
	}
	return h
}

func (b books) putHistory(id contact.ID, h *history) {
	b.Put(BucketHistory, append([]byte(nil), id[:]...), h.append(make([]byte, 0, 8+32*len(h.past))))
}
