package dialer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Delivery is how far the push of a released report to its party's own server is. It
// is made at least once: a server sees the same delivery again where its answer was
// lost, under the same ID.
type Delivery struct {
	ID       string `json:"id"`
	Campaign string `json:"campaign"`
	Party    string `json:"party"`
	// Tries counts the requests that were made, and Error says what came of the last
	// one, empty where it was taken.
	Tries int    `json:"tries"`
	Error string `json:"error,omitempty"`
	// First is when it was tried first, and Next when it is tried again; zero where it
	// is not.
	First time.Time `json:"first,omitzero"`
	Next  time.Time `json:"next,omitzero"`
	// Delivered and GivenUp are when it was over, one way or the other.
	Delivered time.Time `json:"delivered,omitzero"`
	GivenUp   time.Time `json:"given_up,omitzero"`
}

// How long a server that does not answer is tried: at first after a minute, then
// after twice as long each time up to six hours, for three days.
const (
	deliveryFirst = time.Minute
	deliveryLast  = 6 * time.Hour
	deliveryLimit = 72 * time.Hour
)

// deliveryID is how many digits of the report's hash name a delivery: so that it has
// the same name even where a daemon was killed before it could note the first try.
const deliveryID = 32

// over tells whether it is not tried again by itself.
func (v *Delivery) over() bool { return !v.Delivered.IsZero() || !v.GivenUp.IsZero() }

// tried is the delivery after a request at an instant; failure is empty where it was
// taken.
func (v Delivery) tried(at time.Time, failure string) Delivery {
	if v.Tries == 0 {
		v.First = at
	}
	v.Tries++
	v.Error, v.Next = failure, time.Time{}
	switch {
	case failure == "":
		v.Delivered = at
	case at.Sub(v.First) >= deliveryLimit:
		v.GivenUp = at
	default:
		v.Next = at.Add(min(deliveryFirst<<min(v.Tries-1, 16), deliveryLast))
	}
	return v
}

// Deliveries returns what is known of all deliveries, by campaign.
func (d *Dialer) Deliveries() (map[string]Delivery, error) {
	deliveries := map[string]Delivery{}
	err := d.ledger.View(func(tx Tx) error {
		for key, row := range tx.Rows(BucketDelivery, nil) {
			var one Delivery
			if err := json.Unmarshal(row, &one); err != nil {
				return fmt.Errorf("read the delivery of %s: %w", key, err)
			}
			deliveries[one.Campaign] = one
		}
		return nil
	})
	return deliveries, err
}

// NewDelivery returns the delivery of a report that nobody has tried yet.
func NewDelivery(report *StoredReport) Delivery {
	return Delivery{ID: report.Hash[:deliveryID], Campaign: report.Campaign, Party: report.Party}
}

// Due tells whether a delivery that was tried before is to be tried again now.
func (d *Dialer) Due(one *Delivery) bool { return !one.over() && !one.Next.After(d.clock.Now()) }

// NoteDelivery keeps what came of a try, failure being empty where it was taken.
func (d *Dialer) NoteDelivery(ctx context.Context, one Delivery, failure string) (Delivery, error) {
	one = one.tried(d.clock.Now(), failure)
	return one, d.keepDelivery(ctx, one, "")
}

// Resend has a report pushed again, whatever came of it before. The error is a
// *OrderError where nothing was ever pushed.
func (d *Dialer) Resend(ctx context.Context, campaign string, look Look) (Delivery, error) {
	known, err := d.Deliveries()
	if err != nil {
		return Delivery{}, err
	}
	one, found := known[campaign]
	if !found {
		return one, refused("dialctl report list tells how reports are delivered", "no report of campaign %q was pushed to its party", campaign)
	}
	one.Tries, one.First, one.Delivered, one.GivenUp = 0, time.Time{}, time.Time{}, time.Time{}
	one.Next = d.clock.Now()
	return one, d.keepDelivery(ctx, one, said("its report is pushed again", look.Operator, look.Reason))
}

func (d *Dialer) keepDelivery(ctx context.Context, one Delivery, words string) error {
	row, err := json.Marshal(one)
	if err == nil {
		err = d.ledger.Commit(ctx, &deliveryMove{campaign: one.Campaign, row: row, at: d.clock.Now(), words: words})
	}
	if err != nil {
		return fmt.Errorf("keep the delivery of %s: %w", one.Campaign, err)
	}
	return nil
}

type deliveryMove struct {
	campaign string
	row      []byte
	at       time.Time
	// words are an operator's order, empty for the daemon's own work.
	words string
}

// Apply keeps it.
func (m *deliveryMove) Apply(tx Tx) {
	tx.Put(BucketDelivery, []byte(m.campaign), m.row)
	if m.words != "" {
		(books{tx}).auditOrder(m.at, m.campaign, m.words)
	}
}
