package dialer

import "encoding/binary"

// partyDay is a day, in UTC, on which a party's messages cost money.
type partyDay struct {
	party string
	day   uint32
}

// days compares what each party's days cost with what the attempts and the foreign
// messages of the day add up to, but for days of which something was forgotten (I7).
func (c *bookCheck) days() {
	for _, row := range c.Rows(BucketForeign, nil) {
		if message, err := readForeign(row); err == nil && message.party != "" {
			c.spent[partyDay{message.party, dayOf(message.created)}] += message.cost
		}
	}
	forgotten := c.number(daysForgotten)
	for key := range c.Rows(BucketSpent, nil) {
		if len(key) <= 4 {
			c.found("a party's day has a key of %d bytes", len(key))
			continue
		}
		of := partyDay{string(key[4:]), binary.BigEndian.Uint32(key)}
		c.day(of, c.spentOn(of.party, of.day), forgotten)
		delete(c.spent, of)
	}
	for of := range c.spent {
		c.day(of, 0, forgotten) // it has no row
	}
}

func (c *bookCheck) day(of partyDay, kept Money, forgotten uint64) {
	if want := c.spent[of]; kept != want && uint64(of.day) > forgotten {
		c.found("party %s: day %d cost %s, but its messages add up to %s (I7)", of.party, of.day, kept, want)
	}
}
