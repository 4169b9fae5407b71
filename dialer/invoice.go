package dialer

import (
	"fmt"
	"time"
)

// Invoice is what a party owes for a span of time. Prices are flat for each ordered
// contact, the same for all parties, so that an invoice tells no more of people than
// the order did: not how many were reached, nor how many there were to reach. It is
// owed when a campaign's report is, on the same daily grid.
type Invoice struct {
	Party string `json:"party"`
	// Name is the party's as the registry has it.
	Name string `json:"name"`
	// From is the first instant of the span, To the first behind it.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Currency is an ISO 4217 code. Amounts are without taxes.
	Currency string        `json:"currency"`
	Lines    []InvoiceLine `json:"lines"`
	Total    Money         `json:"total"`
}

// InvoiceLine is one campaign.
type InvoiceLine struct {
	Campaign string `json:"campaign"`
	Round    string `json:"round"`
	Channel  string `json:"channel"`
	// Due is when its report is, or was, released.
	Due time.Time `json:"due"`
	// Ordered counts the contacts that were ordered, and Price is that of each when
	// the order was accepted.
	Ordered uint64 `json:"ordered"`
	Price   Money  `json:"price"`
	Amount  Money  `json:"amount"`
}

// ErrNoParty is returned where the registry has no such party.
var ErrNoParty = fmt.Errorf("there is no such party")

// Invoice works out what a party owes for the campaigns whose reports are due from
// one instant on and before another. What was cancelled before anybody was dialled
// for it costs nothing.
func (d *Dialer) Invoice(party string, from, to time.Time) (*Invoice, error) {
	known, found := d.registry.Party(party)
	if !found {
		return nil, fmt.Errorf("party %q: %w", party, ErrNoParty)
	}
	invoice := &Invoice{Party: party, Name: known.Name, From: from, To: to, Currency: d.registry.Tariff.Currency, Lines: []InvoiceLine{}}
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for record := range b.campaigns() {
			if record.Job.Party != party {
				continue
			}
			balance := b.balance(record.Number)
			due := ReportDue(record.Closed)
			if balance.State != CampaignClosed || due.Before(from) || !due.Before(to) || balance.neverBegan() {
				continue
			}
			invoice.add(record, due, d.registry.priceOf(record))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("work out the invoice of %s: %w", party, err)
	}
	return invoice, nil
}

// priceOf is what each ordered contact of a campaign costs its party: the price of
// the day of the order.
func (r *Registry) priceOf(record *campaignRecord) Money {
	if record.Price == 0 { // accepted by a program that did not keep it
		return r.Tariff.OrderedContact
	}
	return record.Price
}

func (i *Invoice) add(record *campaignRecord, due time.Time, price Money) {
	job := &record.Job
	line := InvoiceLine{
		Campaign: job.ID, Round: job.Round, Channel: job.Channel.String(), Due: due, Ordered: uint64(job.Size), Price: price,
	}
	line.Amount = line.Price * Money(line.Ordered)
	i.Lines, i.Total = append(i.Lines, line), i.Total+line.Amount
}

// neverBegan tells whether the campaign was cancelled before anybody was dialled for
// it: by an order, which tells nothing of people.
func (b *balance) neverBegan() bool { return b.Ending == EndingCancelled && b.Attempts == 0 }
