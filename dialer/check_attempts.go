package dialer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// attempts looks at every try: what it counts for, what it rested on, and
// whether another one is the same.
func (c *bookCheck) attempts() {
	seed := maphash.MakeSeed()
	for key, row := range c.Rows(BucketAttempt, nil) {
		sequence := binary.BigEndian.Uint64(key)
		a, err := readAttempt(row)
		if err != nil {
			c.found("attempt %d cannot be read", sequence)
			continue
		}
		if sequence > c.number(sequenceAttempt) {
			c.found("attempt %d is past the last number that was given out, %d", sequence, c.number(sequenceAttempt))
		}
		if a.state.open() != (c.Get(BucketOpen, key) != nil) {
			c.found("attempt %d is %s, but the index of open attempts says otherwise", sequence, a.state)
		}
		if h := c.history(a.contact); a.state.open() != (h.inFlight == sequence) {
			c.found("attempt %d is %s, but its contact's history says otherwise (I8)", sequence, a.state)
		}
		c.basis(sequence, a)
		c.count(sequence, a)
		if a.sid == "" {
			continue
		}
		hash := maphash.String(seed, a.sid)
		if other := c.names[hash]; other != 0 && c.attempt(other).sid == a.sid {
			c.found("attempts %d and %d have the same name at the carrier (I5)", other, sequence)
		}
		c.names[hash] = sequence
	}
}

// basis looks at whom the attempt was for, and with which text: what else it relied
// on is evidence (I10).
func (c *bookCheck) basis(sequence uint64, a *attemptRecord) {
	record := c.records[a.recipient.campaign()]
	if record == nil || c.forgotten(record.Number) {
		return
	}
	if a.recipient.id(record.Mask) != a.contact {
		c.found("attempt %d is of another contact than its recipient", sequence)
	}
	if a.text != sha256.Sum256([]byte(record.textFor(a.contact))) {
		c.found("attempt %d had another text than its campaign %d (I10)", sequence, record.Number)
	}
}

// count adds the attempt to its campaign's counters, as they should be.
func (c *bookCheck) count(sequence uint64, a *attemptRecord) {
	counted := c.counted[a.recipient.campaign()]
	if counted == nil || c.forgotten(a.recipient.campaign()) {
		return
	}
	switch a.state {
	case attemptWithdrawn:
		counted.Withdrawn++
		return
	case attemptStopped:
		return
	case attemptIntended, attemptInDoubt, attemptPlaced, attemptFinal, attemptStateCount:
	}
	counted.Attempts++
	counted.Segments += uint64(a.segments)
	counted.Reserved += a.cost()
	if !isTest(a.recipient.campaign()) {
		c.spent[partyDay{c.records[a.recipient.campaign()].Job.Party, dayOf(a.intended)}] += a.cost()
	}
	step := stepKey{a.recipient, a.step}
	if other := c.steps[step]; other != 0 {
		c.found("attempts %d and %d are the same step of the same recipient (I2)", other, sequence)
	}
	if before := (stepKey{a.recipient, a.step - 1}); a.step == 0 || a.step > 1 && c.steps[before] == 0 {
		c.found("attempt %d is step %d of a recipient that has had no step before it (I2)", sequence, a.step)
	}
	c.steps[step] = sequence
}

// histories looks at what the caps count: every attempt that may have reached its
// contact, unknown ones included, and nothing else (I9).
func (c *bookCheck) histories() {
	for key, row := range c.Rows(BucketHistory, nil) {
		h, err := readHistory(row)
		if err != nil || len(key) != len(attemptRecord{}.contact) {
			c.found("the history of contact %x cannot be read", key)
			continue
		}
		if a := c.attempt(h.inFlight); h.inFlight != 0 && (a == nil || !bytes.Equal(a.contact[:], key)) {
			c.found("the history of contact %x ends with attempt %d, which is not its own (I8)", key, h.inFlight)
		}
		for _, past := range h.past {
			c.past(key, past)
		}
	}
	for key, row := range c.Rows(BucketAttempt, nil) {
		a, err := readAttempt(row)
		if err != nil || a.state == attemptWithdrawn || a.state == attemptStopped {
			continue
		}
		if h := c.history(a.contact); !h.counts(binary.BigEndian.Uint64(key)) {
			c.found("attempt %d does not count in its contact's history (I9)", binary.BigEndian.Uint64(key))
		}
	}
}

// counts tells whether the attempt is in the history.
func (h *history) counts(sequence uint64) bool {
	return slices.ContainsFunc(h.past, func(past pastAttempt) bool { return past.sequence == sequence })
}

func (c *bookCheck) past(contact []byte, past pastAttempt) {
	if past.sequence == 0 {
		for key, row := range c.prefixed(BucketForeign, contact) {
			if message, err := readForeign(row); err == nil && len(key) > len(contact) && message.created.Equal(past.at) {
				return
			}
		}
		c.found("the history of contact %x has a foreign message of %s, which is not there (I9)", contact, past.at)
		return
	}
	a := c.attempt(past.sequence)
	if a == nil || !bytes.Equal(a.contact[:], contact) || !a.intended.Equal(past.at) || a.state == attemptWithdrawn || a.state == attemptStopped {
		c.found("the history of contact %x has attempt %d, which is not its own or was never made (I9)", contact, past.sequence)
	}
}
