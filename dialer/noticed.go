package dialer

import (
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Noticed is what the public is told of a campaign, beside what its report says.
type Noticed struct {
	Campaign  string
	Party     Party
	Election  Election
	Round     Round
	Channel   string
	From, To  time.Time // zero for a campaign that never began
	Texts     []string
	Ordered   uint64
	Price     Money
	Amount    Money
	Currency  string
	Criteria  []NoticedCriterion
	OptOutWay string
}

// NoticedCriterion is an attribute with the values that were wanted, in words.
type NoticedCriterion struct {
	Attribute string
	Values    []string
}

// Noticed returns what the public is told of a campaign that has closed. The error
// wraps ErrNoCampaign, or ErrCampaignState where it has not closed.
func (d *Dialer) Noticed(name string) (*Noticed, error) {
	var record *campaignRecord
	var began bool
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		known, found := b.campaign(b.named(name))
		if !found {
			return ErrNoCampaign
		}
		balance := b.balance(known.Number)
		if balance.State != CampaignClosed {
			return ErrCampaignState
		}
		record, began = known, balance.Attempts > 0
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("campaign %q: %w", name, err)
	}
	job := &record.Job
	round, election, _ := d.registry.Round(job.Round)
	party, _ := d.registry.Party(job.Party)
	n := &Noticed{
		Campaign: job.ID, Party: party, Election: election, Round: round, Channel: job.Channel.String(),
		Ordered: uint64(job.Size), Price: d.registry.priceOf(record), Currency: d.registry.Tariff.Currency, Criteria: noticedCriteria(job.Segment),
		OptOutWay: job.Message.Elements["opt_out_means"],
	}
	n.Amount = n.Price * Money(n.Ordered)
	for _, text := range job.texts() {
		n.Texts = append(n.Texts, text.body)
	}
	if began {
		n.From, n.To = startOf(job, record.Accepted), record.Closed
	}
	return n, nil
}

// noticedCriteria puts a segment into words, in the order of names.
func noticedCriteria(segment Segment) []NoticedCriterion {
	criteria := []NoticedCriterion{}
	for _, name := range sortedKeys(segment) {
		values := slices.Clone(segment[name])
		for i, value := range values {
			if territory, known := contact.FindTerritory(value); known && name == "territory" {
				values[i] = fmt.Sprintf("%s (%s)", territory.Name, value)
			}
		}
		slices.Sort(values)
		criteria = append(criteria, NoticedCriterion{name, values})
	}
	return criteria
}
