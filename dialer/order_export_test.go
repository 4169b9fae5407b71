package dialer

import "context"

// HoldNow holds a campaign, whatever it does.
func (d *Dialer) HoldNow(ctx context.Context, name string) error {
	return d.order(ctx, name, &stateMove{from: livelyStates, to: CampaignHeld, detail: "held by the test"})
}

// SpentOrders counts the orders that are remembered as given.
func SpentOrders(tx Tx) (n int) {
	for range (books{tx}).prefixed(BucketOrder, []byte{orderUsed}) {
		n++
	}
	return n
}

// Audited returns the audit log's entries on control.
func Audited(tx Tx) (entries []string) {
	for _, body := range tx.Rows(BucketAuditBody, nil) {
		if kind, said := auditBody(body); kind == auditControl {
			entries = append(entries, string(said))
		}
	}
	return entries
}

// Stops tells whether workers turn back what is on its path for the campaign.
func (d *Dialer) Stops(name string) bool {
	var number uint32
	_ = d.ledger.View(func(tx Tx) error { number = books{tx}.named(name); return nil })
	return d.halted(&campaign{number: number})
}
