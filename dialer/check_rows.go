package dialer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"

	"github.com/hustings/hustings/consent/contact"
)

// orders looks at jobs: each accepted one is one campaign with one name, which
// ends once; and none was both accepted and rejected (I6).
func (c *bookCheck) orders() {
	for name, row := range c.Rows(BucketName, nil) {
		if len(row) != 4 || uint64(binary.BigEndian.Uint32(row)) > c.number(sequenceCampaign) {
			c.found("the name %q leads to no campaign that there ever was (I6)", name)
		}
	}
	accepted := map[uint64]uint32{}
	for number, record := range c.records {
		kept := c.balance(number)
		if other := accepted[record.Order]; other != 0 && record.Order != 0 {
			c.found("campaigns %d and %d have the same place in the order of acceptance (I6)", other, number)
		}
		if !isTest(number) {
			accepted[record.Order] = number
		}
		if closed := kept.State == CampaignClosed; closed == record.Closed.IsZero() || kept.State.ends() == (kept.Ending == NoEnding) {
			c.found("campaign %d is %s with ending %q, closed at %s (I6)", number, kept.State, kept.Ending, record.Closed)
		}
		if !isTest(number) && number > uint32(c.number(sequenceCampaign)) {
			c.found("campaign %d is past the last number that was given out, %d", number, c.number(sequenceCampaign))
		}
	}
	for key := range c.Rows(BucketBalance, nil) {
		if len(key) != 4 || c.records[readCampaignKey(key)] == nil {
			c.found("a balance has no campaign (I6)")
		}
	}
	for key, row := range c.Rows(BucketRejection, nil) {
		var rejection Rejection
		if err := json.Unmarshal(row, &rejection); err != nil || len(rejection.Faults) == 0 {
			c.found("rejection %x says nothing (I6)", key)
		}
		if number := accepted[binary.BigEndian.Uint64(key)]; number != 0 {
			c.found("the job of campaign %d was rejected, too (I6)", number)
		}
	}
}

// wills looks at what stands for a contact beside its grants: objections, claims,
// and which campaigns count the contact.
func (c *bookCheck) wills() {
	for key, row := range c.Rows(BucketObjection, nil) {
		if _, err := readObjection(key, row, asString); err != nil {
			c.found("objection %x cannot be read (I13)", key)
		}
	}
	for key, row := range c.Rows(BucketClaim, nil) {
		if len(row) <= 4 || len(key) <= contact.IDSize {
			c.found("a claim cannot be read (I3)")
		} else if number := binary.BigEndian.Uint32(row); number != 0 && c.records[number] == nil {
			c.found("a contact is claimed by campaign %d, which does not exist (I3)", number)
		}
	}
	for key := range c.Rows(BucketCounted, nil) {
		if len(key) < 4 || c.records[binary.BigEndian.Uint32(key[len(key)-4:])] == nil {
			c.found("a contact counts in the report of a campaign that does not exist (I11)")
		}
	}
}

// reports looks at what was released: whole, and to the party that has ordered
// it (I11). A campaign that a restored ledger has forgotten, or takes for one that
// runs, may have a report all the same.
func (c *bookCheck) reports() {
	for name, row := range c.Rows(BucketReport, nil) {
		var report StoredReport
		err := report.read(row)
		if err != nil || report.Campaign != string(name) {
			c.found("the report of campaign %q is not what was drawn (I11)", name)
			continue
		}
		for file, content := range report.Files {
			if len(content) == 0 {
				c.found("the report of campaign %q has an empty %s (I11)", name, file)
			}
		}
		record := c.records[c.named(report.Campaign)]
		if record != nil && record.Job.Party != report.Party {
			c.found("the report of campaign %q was released to %s, but %s has ordered it (I11)", name, report.Party, record.Job.Party)
		}
	}
}

// quotes looks at what parties were told of segments: each to the one who asked,
// on the day for which it was drawn.
func (c *bookCheck) quotes() {
	for key, row := range c.Rows(BucketQuote, nil) {
		var quote Quote
		err := json.Unmarshal(row, &quote)
		if err != nil || len(quote.Answer) == 0 || !bytes.HasPrefix(key, quotePrefix(quote.Day, quote.Party)) {
			c.found("a quote of %s for %q is not what was drawn (I11)", quote.Day, quote.Party)
		}
	}
}

// restored looks at what a reconcile has left.
func (c *bookCheck) restored() {
	c.life()
	c.restoration()
	for key, row := range c.Rows(BucketForeign, nil) {
		if _, err := readForeign(row); err != nil || len(key) <= contact.IDSize {
			c.found("the foreign message %x cannot be read (I2)", key)
		}
	}
	for key, row := range c.Rows(BucketCopy, nil) {
		if len(key) <= 8 || len(row) != 1 {
			c.found("a copy at the carrier has a row of %d and %d bytes", len(key), len(row))
		}
	}
}
