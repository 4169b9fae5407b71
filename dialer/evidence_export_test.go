package dialer

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/hustings/hustings/consent/contact"
)

// AttemptEvidence is what one attempt says that it relied on.
type AttemptEvidence struct {
	Sequence uint64
	Contact  contact.ID
	Campaign string
	State    string
	Grant    uint32
	Text     [sha256.Size]byte
	Pack     string
}

// Evidence returns what every attempt in the ledger relied on.
func Evidence(tx Tx) []AttemptEvidence {
	b := books{tx}
	var all []AttemptEvidence
	for key := range b.Rows(BucketAttempt, nil) {
		sequence := binary.BigEndian.Uint64(key)
		a := b.attempt(sequence)
		record, _ := b.campaign(a.recipient.campaign())
		all = append(all, AttemptEvidence{
			Sequence: sequence, Contact: a.contact, Campaign: record.Job.ID, State: a.state.String(), Grant: a.grant, Text: a.text,
			Pack: b.packVersion(a.pack),
		})
	}
	return all
}

// GrantAt returns one version of a contact's grants.
func GrantAt(tx Tx, id contact.ID, version uint32) (Grant, bool) {
	row := tx.Get(BucketGrant, grantKey(id, version))
	g, err := readGrant(row, asString)
	return g, row != nil && err == nil
}
