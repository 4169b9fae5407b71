package dialer

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// What a message can cost at worst is reserved with its intent, in the same
// transaction, against the campaign's budget and against what a party may cost in
// a day. What provably was not sent gives its money back; what is in doubt keeps
// it. When the carrier says what a message did cost, that takes the place of what
// was reserved: a cap may then be reached later, and never earlier.

// dayOf is the day, in UTC, that a message's cost counts for.
func dayOf(at time.Time) uint32 { return uint32(at.Unix() / (24 * 60 * 60)) }

// nextDay is when the party's next day begins.
func nextDay(at time.Time) time.Time { return time.Unix(int64(dayOf(at)+1)*24*60*60, 0) }

func spentKey(party string, day uint32) []byte {
	return append(binary.BigEndian.AppendUint32(nil, day), party...)
}

// spentOn is what the party's messages of the day cost, or may cost.
func (b books) spentOn(party string, day uint32) Money {
	row := b.Get(BucketSpent, spentKey(party, day))
	if row == nil {
		return 0
	}
	spent, n := binary.Varint(row)
	if n <= 0 {
		b.Fail(fmt.Errorf("party %s: what it has spent on a day cannot be read", party))
	}
	return Money(spent)
}

// spend books an amount on the day of a message; a negative one comes back.
func (b books) spend(party string, at time.Time, amount Money) {
	day := dayOf(at)
	b.Put(BucketSpent, spentKey(party, day), binary.AppendVarint(nil, int64(b.spentOn(party, day)+amount)))
}

// forgetDays notes that what was sent until an instant is forgotten, or going: the
// days until then still say what they cost, and no rows add up to it any more.
func (b books) forgetDays(until time.Time) {
	if day := uint64(dayOf(until)); day > b.number(daysForgotten) {
		b.setNumber(daysForgotten, day)
	}
}

// bill books an amount on the day of an attempt. No party pays for a test.
func (b books) bill(a *attemptRecord, party string, amount Money) {
	if !isTest(a.recipient.campaign()) {
		b.spend(party, a.intended, amount)
	}
}

// unspend gives back what an attempt had reserved.
func (b books) unspend(a *attemptRecord) {
	if record, found := b.campaign(a.recipient.campaign()); found {
		b.bill(a, record.Job.Party, -a.reserved)
	}
}

// dayCapReason is why recipients wait whose party has spent what a day may cost.
const dayCapReason = "PARTY_DAY_CAP"

// overDay tells whether the message would cost the party more than a day may, and
// if so when to ask again: tomorrow, or earlier, as money may come back.
func (c *campaign) overDay(b books, price Money, at time.Time) (time.Time, bool) {
	if c.dayCap == 0 || b.spentOn(c.job.Party, dayOf(at))+price <= c.dayCap {
		return time.Time{}, false
	}
	again := at.Add(askAgain)
	if next := nextDay(at); next.Before(again) {
		again = next
	}
	return again, true
}

// pricesEvery is how often the carrier is asked what messages did cost, and
// pricesOverlap how much further back: a price comes some time after its message.
const (
	pricesEvery   = 6 * time.Hour
	pricesOverlap = time.Hour
)

// askPrices enters the carrier's prices of what it has sent since it was asked
// last. A message whose price nobody tells stays at what it can cost at worst.
func (d *Dialer) askPrices(ctx context.Context, since time.Time) error {
	for page, err := range d.records.Outbound(ctx, since) {
		if err != nil {
			return fmt.Errorf("ask for the carrier's prices: %w", err)
		}
		move := &pricesMove{}
		err := d.ledger.View(func(tx Tx) error {
			for i := range page {
				d.price(books{tx}, move, &page[i])
			}
			return nil
		})
		if err == nil && len(move.prices) > 0 {
			err = d.ledger.Commit(ctx, move)
		}
		if err != nil {
			return fmt.Errorf("enter the carrier's prices: %w", err)
		}
		for number := range move.dear {
			if c := d.campaignOf(number); c != nil {
				if err := d.hold(ctx, c, HoldTariff, "a message has cost more than the tariff says is the most"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// price finds the attempt that a message with a price stands for.
func (d *Dialer) price(b books, move *pricesMove, record *Record) {
	if record.Currency != d.registry.Tariff.Currency {
		return // not told yet, or in a currency that says nothing about ours
	}
	for _, past := range b.history(d.identity.ID(record.To)).past {
		if a := b.attempt(past.sequence); a != nil && a.sid == record.SID && !a.priced {
			move.prices = append(move.prices, priceOf{past.sequence, record.Price})
			return
		}
	}
}

// keepPrices asks for prices from time to time until the context ends.
func (d *Dialer) keepPrices(ctx context.Context) error {
	since := d.clock.Now().Add(-2 * 24 * time.Hour)
	next := d.clock.Now().Add(pricesEvery)
	return d.every(ctx, time.Second, func(ctx context.Context) error {
		now := d.clock.Now()
		if now.Before(next) || !d.ready() || !d.Trusted() {
			return nil
		}
		next = now.Add(pricesEvery)
		if err := d.askPrices(ctx, since); err != nil {
			d.log.Warn().Str(FieldEvent, EventPricesFailed).Err(err).Send()
			return nil // what is reserved stays reserved
		}
		since = now.Add(-pricesOverlap)
		return nil
	})
}

type priceOf struct {
	sequence uint64
	price    Money
}

// pricesMove puts prices in the place of what was reserved.
type pricesMove struct {
	prices []priceOf
	// dear are the campaigns with a message that cost more than was reserved.
	dear map[uint32]bool
}

// Apply enters each price once.
func (m *pricesMove) Apply(tx Tx) {
	b := books{tx}
	m.dear = map[uint32]bool{}
	for _, one := range m.prices {
		a := b.attempt(one.sequence)
		if a == nil || a.priced || a.state == attemptWithdrawn || a.state == attemptStopped {
			continue
		}
		number := a.recipient.campaign()
		record, found := b.campaign(number)
		if !found {
			continue
		}
		balance := b.balance(number)
		balance.Reserved += one.price - a.reserved
		b.putBalance(number, &balance)
		b.bill(a, record.Job.Party, one.price-a.reserved)
		if one.price > a.reserved {
			m.dear[number] = true
		}
		a.priced, a.price = true, one.price
		b.putAttempt(one.sequence, a)
	}
}

// atWorst is what a message of the carrier's list can have cost, in segments or begun
// minutes and in money.
func (t *Tariff) atWorst(r *Record) (units uint8, price Money) {
	if r.Call {
		units = uint8(mostTalk / time.Minute)
		return units, Money(units) * t.Minute
	}
	units = uint8(MeasureText(r.Body).Segments)
	return units, Money(units) * t.Segment
}

// cost is what an attempt cost or, where nobody has told, may have cost.
func (a *attemptRecord) cost() Money {
	if a.priced {
		return a.price
	}
	return a.reserved
}
