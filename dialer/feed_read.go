package dialer

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// zoneFeed reads the recipients of one group of zones, in the order of keys.
type zoneFeed struct {
	from []byte // read on from here; nil when all were read
	// skips tells that those who were dealt with are to be passed over first.
	skips  bool
	ready  []recipientList
	until  time.Time
	reason string
}

// readAgain makes the group's recipients come again; those that were dealt with
// are passed over.
func (f *feed) readAgain(zone int) {
	z := &f.zones[zone]
	z.from, z.ready, z.skips = zonePrefix(f.campaign.number, uint8(zone)), make([]recipientList, len(f.due)), true
}

// feedChunk is how many recipients are read at once.
const feedChunk = 512

// feedMost is how many of a group may be listed before it is read on. A pool's
// senders that are through with theirs wait then for the slowest, without which the
// campaign does not end any sooner.
const feedMost = 64 * feedChunk

// listed is how many of the group are listed.
func (z *zoneFeed) listed() (n int) {
	for _, list := range z.ready {
		n += len(list)
	}
	return n
}

// read fetches the next planned recipients of a group. Those that wait have
// an instant of their own and come by the due index.
func (f *feed) read(b books, zone int) {
	z, prefix := &f.zones[zone], zonePrefix(f.campaign.number, uint8(zone))
	if z.skips {
		if z.from, z.skips = b.afterDone(prefix), false; z.from == nil {
			return
		}
	}
	read := 0
	for key, row := range b.Rows(BucketRecipient, z.from) {
		if len(key) != len(recipientKey{}) || string(key[:len(prefix)]) != string(prefix) {
			break
		}
		if read == feedChunk {
			z.from = append([]byte(nil), key...)
			return
		}
		if isPlanned(row) {
			read++
			sender := f.senderOf(recipientKey(key))
			z.ready[sender] = append(z.ready[sender], recipientKey(key))
		}
	}
	z.from = nil
}

// isPlanned tells whether a recipient's row is that of one who is planned, and at
// no instant of its own.
func isPlanned(row []byte) bool {
	return len(row) >= recipientRow && RecipientState(row[0]) == RecipientPlanned && binary.BigEndian.Uint64(row[12:]) == 0
}

// doneInRow is after how many recipients in a row that were dealt with those
// before them are taken to be so, too: more than can be on their path at once.
const doneInRow = 4096

// afterDone returns from where to read a group on, without reading what was dealt
// with; nil where that is all. Recipients are taken in the order of their keys, so
// that those who are left lie at the end, and where they begin is found by halving.
// Whoever was left behind all the same is found when the feed has run dry: see
// restartIdle.
func (b books) afterDone(prefix []byte) []byte {
	if b.ahead(prefix, prefix) == somebodyPlanned {
		return prefix
	}
	at := func(place uint64) []byte { return binary.BigEndian.AppendUint64(slices.Clone(prefix), place) }
	const close = 1 << 32 // no two of 28 million random IDs are expected to be so close
	done, left, found := uint64(0), uint64(math.MaxUint64), false
	for left-done > close {
		middle := done + (left-done)/2
		switch b.ahead(prefix, at(middle)) {
		case allDone:
			done = middle
		case somebodyPlanned:
			left, found = middle, true
		case groupEnds:
			left = middle
		}
	}
	if !found {
		return nil
	}
	return at(done)
}

// prospect is what the next recipients of a group are.
type prospect uint8

const (
	allDone prospect = iota
	somebodyPlanned
	groupEnds
)

func (b books) ahead(prefix, from []byte) prospect {
	looked := 0
	for key, row := range b.Rows(BucketRecipient, from) {
		switch {
		case len(key) != len(recipientKey{}) || string(key[:len(prefix)]) != string(prefix):
			return groupEnds
		case isPlanned(row):
			return somebodyPlanned
		case looked == doneInRow:
			return allDone
		}
		looked++
	}
	return groupEnds
}
