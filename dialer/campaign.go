package dialer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/consent"
)

// campaign is an accepted job at work: the job, and all that its path needs
// again and again, worked out once. It does not change.
type campaign struct {
	number   uint32
	order    uint64
	job      *Job
	accepted time.Time
	key      []byte
	mask     [2]byte
	zones    []string

	pack *consent.Pack
	// lists are the outside lists that the pack's rules look into.
	lists    []string
	reserved *reserved
	// corrections are what lists got wrong about contacts.
	corrections *corrections
	terms       consent.Campaign
	matcher     matcher
	// senders are the one that the job names, or the members of its pool.
	senders  []Sender
	election Election
	// wordings are the campaign's texts: one, or its variants.
	wordings []wording
	// keys are all that the carrier could know the texts by.
	keys []textKey
	// dayCap is the most that the party may cost in a day, 0 for no cap.
	dayCap Money
	// seed tells that it goes to a seed.
	seed bool
	// spent is the price of messages that no attempt of this ledger stands for.
	spent Money
}

// compile works a record out into a campaign at work. The job was checked when
// it was accepted; what is wrong now has changed in the registry since.
func (d *Dialer) compile(record *campaignRecord) (*campaign, []Fault) {
	job := &record.Job
	faults := record.faults(d.registry)
	matcher, wrong := job.Segment.compile(d.registry.Attributes)
	if faults = append(faults, wrong...); len(faults) > 0 {
		return nil, faults
	}
	_, election, _ := d.registry.Round(job.Round)
	c := &campaign{
		number: record.Number, order: record.Order, job: job, accepted: record.Accepted,
		key: record.Key, mask: record.Mask, zones: record.Zones,
		terms: job.terms(d.registry), reserved: &d.reserved, corrections: &d.corrections,
		matcher: matcher, senders: d.registry.SendersOf(job.Sender), election: election,
		wordings: job.wordings(&d.registry.Tariff), keys: job.textKeys(d.registry.formerly(job)),
	}
	c.seed = record.Test != nil && record.Test.Seed
	if !c.isTest() { // no party pays for a test
		c.dayCap = d.registry.Tariff.PartyDay
	}
	c.spent = Money(record.Already) * c.dearest().price
	return c.under(d.Pack()), nil
}

// terms are what rules look at in a job that the registry fits, but for what they
// find in its text. Of a pool they name the first sender.
func (j *Job) terms(registry *Registry) consent.Campaign {
	round, election, _ := registry.Round(j.Round)
	party, _ := registry.Party(j.Party)
	terms := consent.Campaign{
		Party: j.Party, Channel: j.Channel,
		Election:   consent.Election{ID: round.ID, Kind: election.Kind, PollingDay: round.PollingDay},
		Attributes: sortedKeys(j.Segment),
		Sponsor:    consent.Sponsor{EUEligible: party.Sponsor.EUEligible},
		Margin:     handoverMargin,
	}
	if senders := registry.SendersOf(j.Sender); len(senders) > 0 {
		senders[0].speak(&terms)
	}
	return terms
}

// message is what rules look at in the job's texts: the elements that it names,
// which stand in each of them, and those that the rules forbid and find in any.
func (j *Job) message(pack *consent.Pack) consent.Message {
	elements, _ := consent.ParseElements(sortedKeys(j.Message.Elements)) // Validate has read them
	for _, text := range j.texts() {
		elements |= pack.Find(j.Channel, text.body)
	}
	return consent.Message{Elements: elements}
}

// under returns the campaign under these rules.
func (c *campaign) under(pack *consent.Pack) *campaign {
	governed := *c
	governed.pack, governed.terms.Message, governed.lists = pack, c.job.message(pack), outsideLists(pack)
	return &governed
}

// start is when the campaign may begin: its own start, or its acceptance.
func (c *campaign) start() time.Time { return startOf(c.job, c.accepted) }

func startOf(job *Job, accepted time.Time) time.Time {
	if job.Schedule.Start.After(accepted) {
		return job.Schedule.Start
	}
	return accepted
}

// Pause stops a campaign until an operator resumes it. No intent is written and
// none passes the gate once it returns; what the carrier still queues is called
// back: see recall.go.
func (d *Dialer) Pause(ctx context.Context, name, operator, reason string) error {
	return d.order(ctx, name, &stateMove{
		from: livelyStates, to: CampaignPaused, detail: said("paused", operator, reason),
	})
}

// Cancel ends a campaign: no new attempt, what is open is settled, the books
// are closed and the report is drawn. One that is being planned ends without an
// audience.
func (d *Dialer) Cancel(ctx context.Context, name, operator, reason string) error {
	return d.order(ctx, name, &stateMove{
		from: append([]CampaignState{CampaignAccepted}, openStates...), to: CampaignClosing, ending: EndingCancelled, detail: said("cancelled", operator, reason),
	})
}

// ErrCampaignState is returned for an order that does not fit a campaign's
// state, and ErrNoCampaign for one that names no campaign.
var (
	ErrCampaignState = fmt.Errorf("the campaign's state does not allow this")
	ErrNoCampaign    = fmt.Errorf("there is no such campaign")
)

// order makes an operator's move of a campaign's state.
func (d *Dialer) order(ctx context.Context, name string, move *stateMove) error {
	return d.control(ctx, name, move, move)
}

// control commits a move that may change the state of the campaign with that name.
func (d *Dialer) control(ctx context.Context, name string, move *stateMove, whole Move) error {
	err := d.ledger.View(func(tx Tx) error {
		move.number = books{tx}.named(name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look campaign %s up: %w", name, err)
	}
	if move.number == 0 {
		return fmt.Errorf("campaign %q: %w", name, ErrNoCampaign)
	}
	move.at, move.audited = d.clock.Now(), true
	if err := d.ledger.Commit(ctx, whole); err != nil {
		return fmt.Errorf("change campaign %s: %w", name, err)
	}
	if !move.done {
		return fmt.Errorf("campaign %q is %s: %w", name, move.was, ErrCampaignState)
	}
	if err := d.heed(move.number); err != nil {
		return fmt.Errorf("read what campaign %s is now: %w", name, err)
	}
	d.announce(name)
	d.wake()
	return nil
}

// heed lets workers know of an order before it is answered: what was intended a
// moment ago turns back at the gate. The ledger is asked, since another order may
// have come between this one and its answer, and read under the lock, so that the
// last to write has read last.
func (d *Dialer) heed(number uint32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ledger.View(func(tx Tx) error {
		b := books{tx}
		if delete(d.stopped, number); !slices.Contains(livelyStates, b.balance(number).State) {
			d.stopped[number] = true
		}
		for seed, state := range b.seedsWithin(number) {
			d.stopped[seed] = state.ends()
		}
		return nil
	})
}

// halted tells whether an operator has stopped the campaign.
func (d *Dialer) halted(c *campaign) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopped[c.number]
}

// stateMove takes a campaign from one of some states to another.
type stateMove struct {
	number  uint32
	from    []CampaignState
	to      CampaignState
	ending  Ending
	detail  string
	at      time.Time
	audited bool
	// settled asks that the move be made only if the books are so far.
	settled func(*balance) bool
	// released tells that the trial is over for good.
	released bool
	// hold is why the dialer holds the campaign.
	hold HoldReason

	done bool
	was  CampaignState
}

// Apply makes the move if the campaign is in one of the states it may start from.
func (m *stateMove) Apply(tx Tx) {
	b := books{tx}
	balance := b.balance(m.number)
	m.was = balance.State
	if m.done = m.fits(&balance); !m.done {
		return
	}
	balance.State = m.to
	balance.Trial.Released = balance.Trial.Released || m.released
	if m.ending != NoEnding {
		balance.Ending = m.ending
	}
	b.putBalance(m.number, &balance)
	record, found := b.campaign(m.number)
	if !found {
		b.Fail(fmt.Errorf("campaign %d has a balance but no record", m.number))
		return
	}
	if m.detail != "" {
		record.Detail = m.detail
	}
	m.note(record)
	if m.was == CampaignReady {
		record.Watched = balance.reading(m.at)
	}
	if m.to == CampaignClosed {
		record.Closed = m.at
	}
	b.putCampaign(record)
	if m.to == CampaignPaused || m.to == CampaignHeld || m.to == CampaignClosing && m.ending != EndingCompleted {
		b.withdrawSeeds(m.number)
	}
	if m.audited || m.to == CampaignHeld {
		b.override(m.at, m.number, m.to, m.detail)
	}
	if m.audited {
		b.auditOrder(m.at, record.Job.ID, m.words())
	}
}

// fits tells whether the move starts from where the campaign stands.
func (m *stateMove) fits(b *balance) bool {
	return slices.Contains(m.from, b.State) && (m.settled == nil || m.settled(b))
}

// words are the move as the audit log tells it.
func (m *stateMove) words() string {
	if m.hold != "" {
		return fmt.Sprintf("held for %s: %s", m.hold, m.detail)
	}
	return m.detail
}

// said puts an order into words for the record.
func said(what, operator, reason string) string {
	var text strings.Builder
	text.WriteString(what)
	if operator == "" {
		operator = "somebody who gave no name"
	}
	text.WriteString(" by " + operator)
	if reason != "" {
		text.WriteString(": " + reason)
	}
	return text.String()
}
