package dialer

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// A test sends a campaign's exact text to the broker's own phones, before anybody
// else gets what cannot be taken back. It goes the path that every message goes.
// To the steward, the pacer and the ledger it is a small campaign of its own, one
// for each text, whose recipients are the phones; but it has no name that a job
// could have, no claim, no place in the order of acceptance and no report, and no
// party pays for it. Its number alone tells it apart.

// firstTest is the number from which on campaigns are tests, behind those of
// all parties'.
const firstTest uint32 = 1 << 31

// sequenceTest counts the tests.
const sequenceTest = "sequence.test"

// isTest tells whether the number is that of a test.
func isTest(campaign uint32) bool { return campaign >= firstTest }

func (c *campaign) isTest() bool { return isTest(c.number) }

// testNote is what the record of a test says beside its job.
type testNote struct {
	// Campaign is whose text it is, Variant which of them where there are several.
	Campaign string `json:"campaign"`
	Variant  string `json:"variant,omitempty"`
	// Operator and Reason are the order's; nobody orders a seed.
	Operator string `json:"operator,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// Seed tells that the text goes to a seed: see seed.go.
	Seed bool `json:"seed,omitempty"`
}

// testLife is how long a test waits for the hours in which texts may be sent,
// and testAsksAgain how soon a phone that has had one text is tried with the
// next.
const (
	testLife      = 24 * time.Hour
	testAsksAgain = 10 * time.Second
)

// Test sends every text of a campaign to the broker's own phones, once. It
// returns when that is ordered: CampaignView.Tests says what became of it. The
// error is a *OrderError where the order lacks something, and wraps
// ErrCampaignState where the campaign has ended or is not planned yet.
func (d *Dialer) Test(ctx context.Context, name, operator, reason string) error {
	switch {
	case strings.TrimSpace(operator) == "":
		return refused("say who you are with --operator or HUSTINGS_OPERATOR", "the test is nobody's")
	case strings.TrimSpace(reason) == "":
		return refused("say with --reason why, for the records", "the test has no reason")
	case len(d.own.of(false)) == 0:
		return refused("name a file of them in dialerd.yaml, under test_numbers", "no test numbers are registered")
	case !d.clockIsSure():
		return refused("see dialctl status", "the clock is in doubt: %s", d.ClockDoubt())
	}
	phones, err := d.ownPhones(d.own.of(false))
	if err != nil {
		return err
	}
	move := &testMove{campaign: name, note: testNote{Campaign: name, Operator: operator, Reason: reason}, ownPhones: phones}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("test campaign %s: %w", name, err)
	}
	switch {
	case !move.found:
		return fmt.Errorf("campaign %q: %w", name, ErrNoCampaign)
	case move.busy:
		return refused("dialctl campaign show tells how far it is", "a test of campaign %q is under way", name)
	case !move.done:
		return fmt.Errorf("campaign %q is %s: %w", name, move.was, ErrCampaignState)
	}
	d.log.Info().Str(FieldEvent, EventTest).Str(FieldCampaign, name).Str(FieldOperator, operator).Int(FieldCount, len(move.drawn)).Send()
	d.wake()
	return nil
}

// ownPhones are phones of the broker's own, as recipients, with what a campaign is
// made of that goes to them.
type ownPhones struct {
	drawn  []drawn
	zones  *survey
	tariff *Tariff
	at     time.Time
	key    []byte
	mask   [2]byte
}

func (d *Dialer) ownPhones(ids []contact.ID) (*ownPhones, error) {
	p := &ownPhones{tariff: &d.registry.Tariff, at: d.clock.Now(), key: make([]byte, 32), zones: &survey{}}
	_, _ = rand.Read(p.key) // never fails (crypto/rand)
	_, _ = rand.Read(p.mask[:])
	for _, id := range ids {
		var row Contact
		if _, err := d.directory.Contact(id, &row); err != nil {
			return nil, fmt.Errorf("look a number of the broker's own up: %w", err)
		}
		p.drawn = append(p.drawn, drawn{id: id, zone: p.zones.zoneGroup(row.Zones())})
	}
	return p, nil
}

// kind is what the name of such a campaign tells.
func (n *testNote) kind() string {
	if n.Seed {
		return "seed"
	}
	return "test"
}

// testMove writes the tests of a campaign.
type testMove struct {
	*ownPhones
	campaign string
	note     testNote

	// found, busy and done tell what there was and what came of it.
	found, busy, done bool
	was               CampaignState
}

// Apply writes one test for each text, if none is under way.
func (m *testMove) Apply(tx Tx) {
	b := books{tx}
	of, found := b.campaign(b.named(m.campaign))
	if m.found = found; !found {
		return
	}
	balance := b.balance(of.Number)
	if m.was = balance.State; !slices.Contains(openStates, m.was) || !m.at.Before(of.Job.Schedule.End) {
		return
	}
	for test := range b.testsOf(m.campaign, false) {
		if m.busy = b.balance(test.Number).State != CampaignClosed; m.busy {
			return
		}
	}
	for _, text := range of.Job.Message.texts() {
		m.write(b, &of.Job, text, m.note)
	}
	b.auditOrder(m.at, m.campaign, said("tested", m.note.Operator, m.note.Reason))
	m.done = true
}

// write enters one campaign to the phones, ready to begin.
func (p *ownPhones) write(b books, of *Job, text jobText, note testNote) {
	note.Variant = text.name
	record := &campaignRecord{
		Number: firstTest + uint32(b.next(sequenceTest)), Job: *of, Accepted: p.at, Key: p.key, Mask: p.mask,
		Zones: p.zones.zones, Groups: make([]uint64, len(p.zones.zones)), Test: &note,
	}
	job, phones := &record.Job, uint64(len(p.drawn))
	job.ID = fmt.Sprintf("%s.%s-%d", of.ID, note.kind(), record.Number-firstTest) // no job can have such a name
	job.Message.Body, job.Message.Variants = text.body, nil
	job.Schedule, job.Retry = JobSchedule{End: p.at.Add(testLife)}, JobRetry{}
	if of.Schedule.End.Before(job.Schedule.End) {
		job.Schedule.End = of.Schedule.End
	}
	job.Budget = Money(phones) * dearest(job.wordings(p.tariff)).price
	for _, phone := range p.drawn {
		key := newRecipientKey(record.Number, phone.zone, p.mask, phone.id)
		b.Put(BucketRecipient, key[:], recipient{state: RecipientPlanned}.append(nil))
		record.Groups[phone.zone]++
	}
	b.putCampaign(record)
	balance := balance{State: CampaignReady, Size: phones, Considered: phones, Audience: phones}
	balance.Recipients[RecipientPlanned] = phones
	b.putBalance(record.Number, &balance)
}

// CancelTests ends the tests of a campaign that are under way: no request begins any
// more once it returns. The error is a *OrderError where there is none.
func (d *Dialer) CancelTests(ctx context.Context, name, operator, reason string) error {
	move := &cancelTestsMove{campaign: name, at: d.clock.Now(), words: said("its test was cancelled", operator, reason)}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("cancel the tests of campaign %s: %w", name, err)
	}
	switch {
	case !move.found:
		return fmt.Errorf("campaign %q: %w", name, ErrNoCampaign)
	case len(move.ended) == 0:
		return refused("dialctl campaign show lists its tests", "no test of campaign %q is under way", name)
	}
	d.mu.Lock()
	for _, number := range move.ended {
		d.stopped[number] = true
	}
	d.mu.Unlock()
	d.wake()
	return nil
}

// cancelTestsMove ends the tests of a campaign.
type cancelTestsMove struct {
	campaign string
	at       time.Time
	words    string

	found bool
	ended []uint32
}

// Apply ends those that have not ended.
func (m *cancelTestsMove) Apply(tx Tx) {
	b := books{tx}
	if m.found = b.named(m.campaign) != 0; !m.found {
		return
	}
	m.ended = nil
	for test := range b.testsOf(m.campaign, false) {
		balance := b.balance(test.Number)
		if balance.State.ends() {
			continue
		}
		b.endEarly(test.Number, &balance)
		m.ended = append(m.ended, test.Number)
	}
	if len(m.ended) > 0 {
		b.auditOrder(m.at, m.campaign, m.words)
	}
}

// endEarly cancels what goes to the broker's own phones.
func (b books) endEarly(number uint32, balance *balance) {
	balance.State, balance.Ending = CampaignClosing, EndingCancelled
	b.putBalance(number, balance)
}

// faults checks the record's job. That of a test has a name that no job may have.
func (r *campaignRecord) faults(registry *Registry) []Fault {
	job := r.Job
	if r.Test != nil {
		job.ID = r.Test.Campaign
	}
	return job.Validate(registry)
}

// testsOf yields a campaign's tests, or what went to its seeds, the oldest first.
func (b books) testsOf(campaign string, seeds bool) iter.Seq[*campaignRecord] {
	return func(yield func(*campaignRecord) bool) {
		for record := range b.recordsFrom(firstTest) {
			if record.Test != nil && record.Test.Campaign == campaign && record.Test.Seed == seeds && !yield(record) {
				return
			}
		}
	}
}

// TestView is what an operator sees of a text that was sent to the broker's own
// phones.
type TestView struct {
	ID      string `json:"id"`
	Variant string `json:"variant,omitempty"`
	// Operator and Reason are empty for a seed, which nobody orders.
	Operator string    `json:"operator,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
	State    string    `json:"state"`
	Ending   string    `json:"ending,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	// Phones are by name, in order.
	Phones []TestPhone `json:"phones"`
}

// TestPhone is what became of the text on one phone.
type TestPhone struct {
	// Name is the phone's, empty for one that is not registered any more.
	Name  string `json:"name,omitempty"`
	State string `json:"state"`
	// Outcome is the final one, Reason why there is none or not yet, and Until how
	// long it waits.
	Outcome string    `json:"outcome,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Until   time.Time `json:"until,omitzero"`
}

// tests returns what became of a campaign's tests, and of what went to its seeds.
func (d *Dialer) tests(name string) (tests, seeds []TestView, err error) {
	err = d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for record := range b.testsOf(name, false) {
			tests = append(tests, d.test(b, record))
		}
		for record := range b.testsOf(name, true) {
			seeds = append(seeds, d.test(b, record))
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the tests of campaign %s: %w", name, err)
	}
	return tests, seeds, nil
}

func (d *Dialer) test(b books, record *campaignRecord) TestView {
	balance, note := b.balance(record.Number), record.Test
	view := TestView{
		ID: record.Job.ID, Variant: note.Variant, Operator: note.Operator, Reason: note.Reason, At: record.Accepted,
		State: balance.State.String(), Ending: balance.Ending.String(), Detail: record.Detail,
	}
	for key, row := range b.prefixed(BucketRecipient, campaignKey(record.Number)) {
		r, err := readRecipient(row)
		if err != nil {
			b.Fail(fmt.Errorf("campaign %d: %w", record.Number, err))
			break
		}
		phone := TestPhone{Name: d.own.name(recipientKey(key).id(record.Mask)), State: r.state.String(), Reason: r.reason, Until: r.until}
		if r.state == RecipientFinal {
			phone.Outcome = r.outcome.String()
		}
		view.Phones = append(view.Phones, phone)
	}
	slices.SortFunc(view.Phones, func(a, b TestPhone) int { return strings.Compare(a.Name, b.Name) })
	return view
}

// askAgain is how long a recipient waits where nobody knows when the answer will
// change.
func (c *campaign) askAgain() time.Duration {
	if c.isTest() {
		return testAsksAgain
	}
	return askAgain
}

// turnOf is whose turn it is when the campaign is dialled: its party's, and for a
// test the broker's own, so that none loses by another's.
func (c *campaign) turnOf() string {
	if c.isTest() {
		return ""
	}
	return c.job.Party
}
