package dialer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A quote answers a party's question of how many contacts it could reach. Asked
// again and again, noise would average out: so a quote is drawn once for a segment
// and a day, kept, and given again. Segments are the same that say the same in
// other words, and those that select the same contacts, whatever they say.

// Quote is what a party may be told.
type Quote struct {
	// Day is the day in UTC for which it was drawn.
	Day string `json:"day"`
	SegmentQuestion
	// Answer is the quote as it was drawn, noise and all.
	Answer json.RawMessage `json:"answer"`
}

// QuoteDraw is how quotes are drawn: the path knows no noise.
type QuoteDraw struct {
	// PerDay is how many may be drawn for a party in a day.
	PerDay int
	// Draw makes an answer of the true number.
	Draw func(reachable uint64) (json.RawMessage, error)
}

// metaUnquoted names the row of BucketMeta with the day on which nothing is
// quoted any more.
const metaUnquoted = "unquoted"

// quoteDay is the day of an instant.
func quoteDay(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// Quote returns the quote of the day for what is asked, drawn if there is none.
// What is wrong with the question comes back as faults, and a question that may
// not be answered now as an [*OrderError].
func (d *Dialer) Quote(ctx context.Context, q SegmentQuestion, draw QuoteDraw) (Quote, []Fault, error) {
	matcher, faults := q.Segment.compile(d.registry.Attributes)
	if q.Party == "" {
		faults = append(faults, Fault{Field: "party", Reason: "nobody is named", Hint: "a quote is for a party, a channel and a round"})
	}
	if faults = append(faults, q.validate(d.registry)...); len(faults) > 0 {
		return Quote{}, faults, nil
	}
	if refusal := d.quotable(); refusal != nil {
		return Quote{}, nil, refusal
	}
	move := &quoteMove{quote: Quote{Day: quoteDay(d.clock.Now()), SegmentQuestion: q}, perDay: draw.PerDay}
	move.quote.Segment = q.Segment.plain()
	move.words = quoteKey(&move.quote, matcher.words())
	err := d.ledger.View(func(tx Tx) error { move.find(books{tx}); return nil })
	if err == nil && !move.found && move.refusal == nil {
		err = d.drawQuote(ctx, matcher, move, draw)
	}
	switch {
	case err != nil:
		return Quote{}, nil, fmt.Errorf("quote a segment for %s: %w", q.Party, err)
	case move.refusal != nil:
		return Quote{}, nil, move.refusal
	}
	return move.quote, nil, nil
}

// quotable says why nothing can be quoted now; nil where it can. A quote is drawn
// once: with a clock that is in doubt, or a ledger that may have forgotten what
// it drew, it might be drawn twice.
func (d *Dialer) quotable() *OrderError {
	switch {
	case !d.Trusted():
		return refused("dialctl status tells what it waits for", "nothing is quoted before the ledger is known to be whole")
	case !d.clockIsSure():
		return refused("dialctl status tells more", "nothing is quoted while the clock is in doubt")
	}
	return nil
}

// drawQuote counts, draws and keeps.
func (d *Dialer) drawQuote(ctx context.Context, matcher matcher, move *quoteMove, draw QuoteDraw) error {
	if d.census == nil {
		return errNoCensus
	}
	reachable, rows, err := d.selectQuoted(ctx, matcher, &move.quote.SegmentQuestion)
	if err != nil {
		return err
	}
	move.contacts = quoteKey(&move.quote, rows.fingerprint())
	err = d.ledger.View(func(tx Tx) error { move.find(books{tx}); return nil })
	if err == nil && !move.found && move.refusal == nil {
		move.drawn, err = draw.Draw(reachable)
	}
	if err != nil || move.refusal != nil {
		return err
	}
	return d.ledger.Commit(ctx, move)
}

// selectQuoted returns how many a party may reach in a segment, and who is in the
// segment: nobody before the first import.
func (d *Dialer) selectQuoted(ctx context.Context, matcher matcher, q *SegmentQuestion) (reachable uint64, rows RowSet, err error) {
	for {
		edition := d.census.Edition()
		if edition == nil {
			return 0, nil, nil
		}
		count, err := d.countIn(ctx, edition, matcher, q)
		if err == nil {
			rows, err = edition.Select(matcher, nil)
		}
		if err == nil {
			return *count.Reachable, rows, nil
		}
		if d.census.Edition() == edition || ctx.Err() != nil {
			return 0, nil, err
		}
	}
}

// plain returns the segment as all who mean the same would write it.
func (s Segment) plain() Segment {
	if len(s) == 0 {
		return nil
	}
	plain := Segment{}
	for name, values := range s {
		values = slices.Clone(values)
		slices.Sort(values)
		plain[name] = slices.Compact(values)
	}
	return plain
}

// words returns what the segment says, whatever the order in which it says so.
func (m matcher) words() []byte {
	sorted := slices.SortedFunc(slices.Values(m), func(a, b Criterion) int { return a.Attribute - b.Attribute })
	var words []byte
	for _, criterion := range sorted {
		words = binary.BigEndian.AppendUint32(words, uint32(criterion.Attribute))
		words = binary.BigEndian.AppendUint32(words, uint32(len(criterion.Wanted)))
		for _, wanted := range criterion.Wanted {
			if wanted {
				words = append(words, 1)
			} else {
				words = append(words, 0)
			}
		}
	}
	return append([]byte{'w'}, words...)
}

// fingerprint stands for the rows of the set.
func (s RowSet) fingerprint() []byte {
	hash := sha256.New()
	for _, word := range s {
		_ = binary.Write(hash, binary.BigEndian, word) // a hash takes all
	}
	return hash.Sum([]byte{'c'})
}

// quotePrefix begins the keys of all that a party was quoted on a day.
func quotePrefix(day, party string) []byte { return append([]byte(day+"\x00"+party), 0) }

// quoteKey is under which a quote is kept: by what was said ('w'), and by whom it
// selects ('c').
func quoteKey(q *Quote, by []byte) []byte {
	question := fmt.Appendf([]byte{by[0]}, "%s\x00%s\x00", q.Channel, q.Round)
	sum := sha256.Sum256(append(question, by[1:]...))
	return append(append(quotePrefix(q.Day, q.Party), by[0]), sum[:16]...)
}

// quoteMove keeps a quote, unless there is one already: then that one stands.
type quoteMove struct {
	quote           Quote
	drawn           json.RawMessage
	words, contacts []byte
	perDay          int

	found   bool
	refusal *OrderError
}

// find takes what was drawn before, by either key, or says why nothing may be
// drawn. What is drawn has a row by its contacts. The same contacts in other words
// do not count, since nothing is drawn for them: whether they are the same is
// known once they are selected, and the limit does not hold before.
func (m *quoteMove) find(b books) {
	m.found, m.refusal = false, nil
	for _, key := range [][]byte{m.words, m.contacts} {
		row := b.Get(BucketQuote, key)
		if len(key) == 0 || row == nil {
			continue
		}
		var kept Quote
		if err := json.Unmarshal(row, &kept); err != nil {
			b.Fail(fmt.Errorf("read a quote of %s: %w", m.quote.Party, err))
		}
		m.quote.Answer, m.found = kept.Answer, true
		return
	}
	if day := b.Get(BucketMeta, []byte(metaUnquoted)); string(day) == m.quote.Day {
		m.refusal = refused("ask again tomorrow", "the ledger was restored today, and may have forgotten what was quoted")
		return
	}
	drawn := 0
	for range b.prefixed(BucketQuote, append(quotePrefix(m.quote.Day, m.quote.Party), 'c')) {
		drawn++
	}
	if m.contacts != nil && drawn >= m.perDay {
		m.refusal = refused("what was asked today is answered again; a new segment can be asked for tomorrow",
			"%s was quoted %d segments today: more would tell too much about single contacts", m.quote.Party, drawn)
	}
}

// Apply keeps it.
func (m *quoteMove) Apply(tx Tx) {
	b := books{tx}
	if m.find(b); m.refusal != nil {
		return
	}
	if !m.found {
		m.quote.Answer = m.drawn
	}
	row, err := json.Marshal(m.quote)
	if err != nil {
		b.Fail(fmt.Errorf("write a quote of %s: %w", m.quote.Party, err))
		return
	}
	b.Put(BucketQuote, m.words, row)
	if m.found {
		return
	}
	b.Put(BucketQuote, m.contacts, row)
	b.audit(auditControl, fmt.Appendf(nil, "quoted %s", row))
	b.forgetQuotes(m.quote.Day)
}

// forgetQuotes deletes what was quoted on the days before.
func (b books) forgetQuotes(today string) {
	var old [][]byte
	for key := range b.Rows(BucketQuote, nil) {
		if string(key) >= today { // keys ascend by day
			break
		}
		old = append(old, bytes.Clone(key))
	}
	for _, key := range old {
		b.Delete(BucketQuote, key)
	}
}
