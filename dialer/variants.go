package dialer

import (
	"bytes"
	"fmt"
)

// VariantSheet is what became of the recipients of one variant: operators only.
type VariantSheet struct {
	Name         string `json:"name"`
	Encoding     string `json:"encoding"`
	SegmentsEach int    `json:"segments_each"`
	// Tried is for how many recipients an attempt was begun: it is Open, those
	// without an outcome so far, and Excluded, those whom an objection or the
	// carrier took out, and the sum of Final, those with an outcome.
	Tried    uint64            `json:"tried"`
	Open     uint64            `json:"open"`
	Excluded uint64            `json:"excluded"`
	Final    map[string]uint64 `json:"final,omitempty"`
}

// variantChunk is how many recipients are counted in one view of the ledger.
const variantChunk = 4096

// variants counts what became of each variant's recipients. There are no
// counters to be kept for it: who gets which is drawn, and can be drawn again. A
// campaign with one text has none, nor has one whose recipients are forgotten.
func (d *Dialer) variants(record *campaignRecord) ([]VariantSheet, error) {
	if len(record.Job.Message.Variants) == 0 || !record.Forgotten.IsZero() {
		return nil, nil
	}
	var sheets []VariantSheet
	wordings := record.Job.wordings(&d.registry.Tariff)
	for i, text := range record.Job.Message.texts() {
		size := wordings[i].size
		sheets = append(sheets, VariantSheet{Name: text.name, Encoding: size.Encoding, SegmentsEach: size.Segments, Final: map[string]uint64{}})
	}
	for from := campaignKey(record.Number); from != nil; {
		err := d.ledger.View(func(tx Tx) (err error) {
			from, err = books{tx}.countVariants(record, sheets, from)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("count the variants of campaign %s: %w", record.Job.ID, err)
		}
	}
	return sheets, nil
}

// countVariants counts a chunk of recipients and returns where to read on, nil
// after the last one.
func (b books) countVariants(record *campaignRecord, sheets []VariantSheet, from []byte) ([]byte, error) {
	left := variantChunk
	for key, row := range b.Rows(BucketRecipient, from) {
		if !bytes.HasPrefix(key, campaignKey(record.Number)) {
			return nil, nil
		}
		if left == 0 {
			return bytes.Clone(key), nil
		}
		left--
		r, err := readRecipient(row)
		if err != nil {
			return nil, err
		}
		if r.step > 0 {
			sheets[variantOf(record.Key, recipientKey(key).id(record.Mask), len(sheets))].count(r)
		}
	}
	return nil, nil
}

func (s *VariantSheet) count(r recipient) {
	s.Tried++
	switch r.state {
	case RecipientFinal:
		s.Final[r.outcome.String()]++
	case RecipientExcluded:
		s.Excluded++
	case RecipientNone, RecipientPlanned, RecipientWaiting, RecipientIntended, RecipientInDoubt, RecipientPlaced, recipientStateCount:
		s.Open++
	}
}
