package dialer

import "fmt"

// A journal that is lost for good is begun anew with what the ledger knows: the
// objections that came after it are lost with it, but no further ones.

// EachObjection calls each for every objection that the ledger knows.
func EachObjection(tx Tx, each func(Objection)) error {
	for key, row := range tx.Rows(BucketObjection, nil) {
		o, err := readObjection(key, row, asString)
		if err != nil {
			return fmt.Errorf("read the objections: %w", err)
		}
		each(o)
	}
	return nil
}

// JournalBegunAnew notes that the journal holds what the ledger knows, and no
// more.
type JournalBegunAnew struct{ Entries uint64 }

// Apply notes it.
func (m JournalBegunAnew) Apply(tx Tx) {
	b := books{tx}
	b.setNumber(watermarkJournal, m.Entries)
	b.audit(auditControl, fmt.Appendf(nil, "the objection journal was begun anew with %d objections", m.Entries))
}
