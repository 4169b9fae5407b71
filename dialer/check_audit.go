package dialer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"iter"
)

// audit checks that the log has no gap, that each leaf is the hash of its body,
// and that every attempt's intent stands in it (I12). A body whose time was over
// is gone; its leaf stays, so that the log proves as much as before of all that
// is left.
func (c *bookCheck) audit() {
	intents := c.followIntents()
	defer intents.stop()
	var last uint64
	for key, leaf := range c.Rows(BucketAudit, nil) {
		sequence := binary.BigEndian.Uint64(key)
		if sequence != last+1 {
			c.found("the audit log lacks the entries between %d and %d", last, sequence)
		}
		last = sequence
		body := c.Get(BucketAuditBody, key)
		if body == nil {
			continue // its time was over
		}
		if sum := sha256.Sum256(body); len(body) == 0 || !bytes.Equal(sum[:], leaf) {
			c.found("audit entry %d was changed", sequence)
			continue
		}
		if kind := auditKind(body[0]); kind == auditIntent || kind == auditFound {
			intents.meet(sequence, body[1:])
		}
	}
	if last != c.number(sequenceAudit) {
		c.found("the audit log ends at %d, want %d", last, c.number(sequenceAudit))
	}
	intents.end()
}

// intentCheck goes through the attempts and through the audit log's intents side
// by side. One transaction writes both, so that both are in one order; the salt
// in each intent makes it one attempt's and no other's.
type intentCheck struct {
	check *bookCheck
	next  func() (uint64, []byte, bool)
	stop  func()
	// sequence and intent are the attempt's that the log must have next.
	sequence uint64
	intent   []byte
	more     bool
}

func (c *bookCheck) followIntents() *intentCheck {
	i := &intentCheck{check: c}
	i.next, i.stop = iter.Pull2(func(yield func(uint64, []byte) bool) {
		var intent []byte
		for key, row := range c.Rows(BucketAttempt, nil) {
			if len(row) < intentPart+outcomePart {
				continue // told elsewhere
			}
			intent = append(append(intent[:0], row[:intentPart]...), senderIn(row)...)
			if !yield(binary.BigEndian.Uint64(key), intent) {
				return
			}
		}
	})
	i.advance()
	return i
}

func (i *intentCheck) advance() { i.sequence, i.intent, i.more = i.next() }

// meet takes the log's next intent. Its attempt comes next, or is gone: then it
// must have gone with its whole campaign, since nothing else may be forgotten.
func (i *intentCheck) meet(entry uint64, intent []byte) {
	switch {
	case i.more && bytes.Equal(i.intent, intent):
		i.advance()
	case len(intent) >= intentPart && i.check.forgotten(recipientKey(intent[:len(recipientKey{})]).campaign()):
	default:
		i.check.found("audit entry %d is an intent without its attempt", entry)
	}
}

// forgotten tells whether the time of a campaign's log was over.
func (c *bookCheck) forgotten(campaign uint32) bool {
	record := c.records[campaign]
	return record == nil || !record.Forgotten.IsZero()
}

// end is told that the log has no more intents.
func (i *intentCheck) end() {
	for ; i.more; i.advance() {
		i.check.found("attempt %d has no intent in the audit log (I12)", i.sequence)
	}
}
