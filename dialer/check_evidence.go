package dialer

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/hustings/hustings/consent/contact"
)

// evidence checks that what attempts and grants refer to is there: the grant
// that was relied on, the text that was sent, the version of the rules, the
// words that were agreed to (I10). An attempt that was provably never created
// relied on nothing in the end.
func (c *bookCheck) evidence() {
	texts := map[[sha256.Size]byte]bool{}
	for key, row := range c.Rows(BucketAttempt, nil) {
		a, err := readAttempt(row)
		if err != nil || a.state == attemptWithdrawn || a.state == attemptStopped {
			continue // what cannot be read was told already
		}
		sequence := binary.BigEndian.Uint64(key)
		if a.grant != 0 && c.Get(BucketGrant, grantKey(a.contact, a.grant)) == nil {
			c.found("attempt %d relies on grant %d of its contact, which is not there (I10)", sequence, a.grant)
		}
		if !c.hasWording(texts, a.text) {
			c.found("attempt %d sent a text that is not there (I10)", sequence)
		}
		if c.packVersion(a.pack) == "" {
			c.found("attempt %d relied on a pack whose version is not there (I10)", sequence)
		}
	}
	for key, row := range c.Rows(BucketGrant, nil) {
		g, err := readGrant(row, asString)
		switch {
		case err != nil || len(key) != contact.IDSize+4:
			c.found("a grant cannot be read")
		case !c.hasWording(texts, g.WordingHash):
			c.found("grant %d of contact %s has words that are not there (I10)", grantVersion(key), contact.ID(key[:contact.IDSize]))
		}
	}
}

// erased checks that nothing is kept of erased contacts but what must be (I15).
func (c *bookCheck) erased() {
	for key := range c.Rows(BucketErased, nil) {
		if len(key) != contact.IDSize {
			c.found("an erased contact has a key of %d bytes", len(key))
			continue
		}
		id := contact.ID(key)
		objects := false
		for range c.prefixed(BucketObjection, key) {
			objects = true
		}
		if !objects {
			c.found("contact %s is erased and not suppressed (I15)", id)
		}
		if c.Get(BucketReview, key) != nil || c.Get(BucketCorrection, key) != nil {
			c.found("contact %s is erased, yet more is kept than a hash (I15)", id)
		}
	}
}

// hasWording tells whether the words with that hash are kept, and are those.
// Few wordings serve many; each is looked at once.
func (c *bookCheck) hasWording(known map[[sha256.Size]byte]bool, hash [sha256.Size]byte) bool {
	there, looked := known[hash]
	if !looked {
		text := c.Get(BucketWording, hash[:])
		there = text != nil && sha256.Sum256(text) == hash
		known[hash] = there
	}
	return there
}

// lists checks that every outside list has as many rows as its head says.
func (c *bookCheck) lists() {
	for name := c.listAfter(""); name != ""; name = c.listAfter(name) {
		head := c.listHead(name)
		if !head.found || head.generation == 0 {
			continue // never finished, or its rows are objections
		}
		file, readable := c.listFile(name)
		var rows uint64
		for range c.prefixed(BucketList, listRowKey(name, head.generation, contact.ID{})[:len(name)+1+4]) {
			rows++
		}
		if !readable || rows != file.Rows {
			c.found("list %s has %d rows, want %d", name, rows, file.Rows)
		}
	}
}
