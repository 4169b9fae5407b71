package dialer

import (
	"fmt"

	"github.com/hustings/hustings/consent/contact"
)

// CheckBooks reads the whole ledger and returns what its rows contradict each
// other in, a sentence each; nothing where they agree. It changes nothing.
func CheckBooks(tx Tx) []string {
	c := &bookCheck{counted: map[uint32]*balance{}, steps: map[stepKey]uint64{}, spent: map[partyDay]Money{}, names: map[uint64]uint64{}}
	c.books = books{checkedTx{tx, func(err error) { c.found("%v", err) }}}
	for _, part := range []struct {
		name  string
		check func()
	}{
		{"campaigns", c.campaigns},
		{"recipients", c.recipients},
		{"attempts", c.attempts},
		{"balances", c.balances},
		{"parties' days", c.days},
		{"evidence", c.evidence},
		{"erased contacts", c.erased},
		{"open attempts", c.open},
		{"due recipients", c.due},
		{"histories", c.histories},
		{"orders", c.orders},
		{"wills", c.wills},
		{"reports", c.reports},
		{"quotes", c.quotes},
		{"restored campaigns", c.restored},
		{"lists", c.lists},
		{"audit log", c.audit},
	} {
		c.part(part.name, part.check)
	}
	return c.faults
}

// bookCheck collects what was found. It stops collecting at a bound, since one
// lost row can make thousands of others wrong.
type bookCheck struct {
	books
	faults  []string
	records map[uint32]*campaignRecord
	// counted are the balances as the rows say they should be.
	counted map[uint32]*balance
	steps   map[stepKey]uint64
	// spent is what the parties' days should have cost.
	spent map[partyDay]Money
	// names are the attempts by a hash of the carrier's names for them.
	names map[uint64]uint64
}

// stepKey is what at most one message may exist for (I2).
type stepKey struct {
	recipient recipientKey
	step      uint8
}

// part makes one part of the check. Books that are checked may be damaged in any
// way: a row that brings a part down is a finding, and no end of the others.
func (c *bookCheck) part(name string, check func()) {
	defer func() {
		if cause := recover(); cause != nil {
			c.found("the %s cannot be read to their end: %s", name, DescribePanic(cause))
		}
	}()
	check()
}

const faultsMost = 100

// checkedTx is a transaction in which a row that cannot be read is a finding.
type checkedTx struct {
	Tx
	found func(error)
}

// Fail tells what cannot be read.
func (t checkedTx) Fail(err error) { t.found(err) }

func (c *bookCheck) found(format string, values ...any) {
	if len(c.faults) < faultsMost {
		c.faults = append(c.faults, fmt.Sprintf(format, values...))
	}
}

func (c *bookCheck) campaigns() {
	c.records = map[uint32]*campaignRecord{}
	for record := range c.books.records() {
		c.records[record.Number] = record
		c.counted[record.Number] = new(balance)
		if !isTest(record.Number) && c.named(record.Job.ID) != record.Number {
			c.found("campaign %d: its name leads to another campaign", record.Number)
		}
	}
}

// recipients counts them, and looks at what each one's state asks for.
func (c *bookCheck) recipients() {
	for row, value := range c.Rows(BucketRecipient, nil) {
		if len(row) != len(recipientKey{}) {
			c.found("a recipient has a key of %d bytes", len(row))
			continue
		}
		key := recipientKey(row)
		record, counted := c.records[key.campaign()], c.counted[key.campaign()]
		r, err := readRecipient(value)
		if record == nil || err != nil {
			c.found("a recipient of campaign %d cannot be read, or has no campaign", key.campaign())
			continue
		}
		if !record.Forgotten.IsZero() {
			continue // its rows are going, some at a time
		}
		counted.count(recipient{}, r)
		c.claimed(record, key.id(record.Mask), r)
		c.recipientAttempt(key, r)
		if !r.until.IsZero() && c.Get(BucketDue, dueKey(r.until, key)) == nil {
			c.found("campaign %d: a recipient that is %s would never be asked about again", key.campaign(), r.state)
		}
	}
}

// claimed looks at whose the recipient is. Those who were never dialled may be
// another's once the campaign closes, and those whom a message that only the
// carrier knew has reached are whose that was, whatever was planned.
func (c *bookCheck) claimed(record *campaignRecord, id contact.ID, r recipient) {
	if isTest(record.Number) {
		return
	}
	round, lapsed := record.Job.Round, r.step == 0 && c.balance(record.Number).State.ends()
	party := c.claimedBy(round, id)
	if reached := party != nil && c.claimant(round, id) == 0; string(party) != record.Job.Party && !lapsed && !reached {
		c.found("campaign %d: a recipient is not claimed by its party (I3)", record.Number)
	}
}

// attemptOf is the state that a recipient's last attempt must be in.
var attemptOf = map[RecipientState]attemptState{
	RecipientIntended: attemptIntended, RecipientInDoubt: attemptInDoubt, RecipientPlaced: attemptPlaced, RecipientFinal: attemptFinal,
}

func (c *bookCheck) recipientAttempt(key recipientKey, r recipient) {
	want, needed := attemptOf[r.state]
	if !needed {
		return
	}
	a := c.attempt(r.attempt)
	switch {
	case a == nil:
		c.found("campaign %d: a recipient that is %s has no attempt", key.campaign(), r.state)
	case a.state != want || a.recipient != key:
		c.found("campaign %d: a recipient is %s, but its attempt %d is %s", key.campaign(), r.state, r.attempt, a.state)
	case a.step != r.step:
		c.found("campaign %d: a recipient has had step %d, but its attempt %d was step %d (I2)", key.campaign(), r.step, r.attempt, a.step)
	}
}

// balances compares the counters with what the rows add up to.
func (c *bookCheck) balances() {
	for number, counted := range c.counted {
		kept := c.balance(number)
		if kept.State == CampaignAccepted || !c.records[number].Forgotten.IsZero() {
			continue // its plan is not finished, or its rows are going
		}
		if fault := kept.fault(); fault != "" {
			c.found("campaign %d: %s", number, fault)
		}
		if kept.Recipients != counted.Recipients || kept.Final != counted.Final || kept.Counted != counted.Counted {
			c.found("campaign %d: its counters are not what its recipients add up to", number)
		}
		if kept.Reserved != counted.Reserved || kept.Attempts != counted.Attempts || kept.Segments != counted.Segments || kept.Withdrawn != counted.Withdrawn {
			c.found("campaign %d: %s reserved, %d attempts, %d segments, %d withdrawn; but its attempts add up to %s, %d, %d and %d (I7)", number,
				kept.Reserved, kept.Attempts, kept.Segments, kept.Withdrawn, counted.Reserved, counted.Attempts, counted.Segments, counted.Withdrawn)
		}
		if budget := c.records[number].Job.Budget; kept.Reserved > budget {
			c.found("campaign %d: %s is reserved of a budget of %s (I7)", number, kept.Reserved, budget)
		}
		for stage, want := range map[byte]uint64{
			excludedAtPlanning: kept.ExcludedAtPlanning, excludedLater: kept.Recipients[RecipientExcluded],
		} {
			var sum uint64
			for _, n := range c.exclusions(number, stage) {
				sum += n
			}
			if sum != want {
				c.found("campaign %d: the reasons of exclusion (stage %c) add up to %d, want %d", number, stage, sum, want)
			}
		}
	}
}

func (c *bookCheck) open() {
	for key := range c.Rows(BucketOpen, nil) {
		if c.Get(BucketAttempt, key) == nil {
			c.found("an open attempt has no row")
		}
	}
}

func (c *bookCheck) due() {
	for key := range c.Rows(BucketDue, nil) {
		at, recipient, ok := readDueKey(key)
		if !ok {
			c.found("a due row has a key of %d bytes", len(key))
			continue
		}
		if r, found := c.recipient(recipient); !found || !r.until.Equal(at) {
			c.found("campaign %d: a due row leads to a recipient that waits for another instant", recipient.campaign())
		}
	}
}
