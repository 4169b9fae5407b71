package dialer

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// What operators see and ask: the views, the dry run, and the events that tell
// watchers of both.

// Show returns one campaign, with what became of its variants.
func (d *Dialer) Show(name string) (*CampaignView, error) {
	view, record, err := d.look(name)
	if err != nil {
		return nil, err
	}
	if view.Tests, view.Seeds, err = d.tests(name); err != nil {
		return nil, err
	}
	view.Variants, err = d.variants(record)
	return view, err
}

// look returns one campaign without what takes going through its recipients.
func (d *Dialer) look(name string) (*CampaignView, *campaignRecord, error) {
	var view *CampaignView
	var record *campaignRecord
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		var found bool
		if record, found = b.campaign(b.named(name)); found {
			view = d.view(b, record)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read campaign %s: %w", name, err)
	}
	if view == nil {
		return nil, nil, fmt.Errorf("campaign %q: %w", name, ErrNoCampaign)
	}
	return view, record, nil
}

// List returns all campaigns, in order of acceptance.
func (d *Dialer) List() ([]CampaignView, error) {
	views := []CampaignView{}
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for record := range b.campaigns() {
			views = append(views, *d.view(b, record))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the campaigns: %w", err)
	}
	return views, nil
}

func (d *Dialer) view(b books, record *campaignRecord) *CampaignView {
	job := &record.Job
	balance := b.balance(record.Number)
	view := &CampaignView{
		ID: job.ID, Party: job.Party, Round: job.Round, Channel: job.Channel.String(), Sender: job.Sender,
		State: balance.State.String(), Ending: balance.Ending.String(), Detail: record.Detail,
		Accepted: record.Accepted, Order: uint64(record.Number), Start: job.Schedule.Start, End: job.Schedule.End,
		Closed: record.Closed, Balance: b.sheet(record, &balance), Now: d.clock.Now(),
	}
	if parked := d.parked.Load(); parked != nil && balance.dials() {
		view.Parked = (*parked)[record.Number]
	}
	if forecasts := d.forecasts.Load(); forecasts != nil && balance.undialled() > 0 {
		view.Forecast = (*forecasts)[record.Number]
	}
	if balance.dials() {
		view.Rate = d.rates.of(record.Number)
		if view.Rate > 0 {
			left := float64(balance.within()) / view.Rate
			view.Remaining = Duration(time.Duration(left * float64(time.Second)).Round(time.Second))
		}
	}
	view.TextSHA256, view.SignOff = job.textSHA256(), record.SignOff
	view.WaitsForSignOff = !balance.State.ends() && d.unsigned(record)
	view.Hold, view.Holds = record.Hold, record.Holds
	if view.Trial = balance.trialView(record); !balance.State.ends() {
		view.Pending = b.pending(record.Number, time.Now())
	}
	if !record.Closed.IsZero() {
		view.ReportDue = ReportDue(record.Closed)
	}
	return view
}

// sheet is the balance in the words of operators.
func (b books) sheet(record *campaignRecord, balance *balance) BalanceSheet {
	final := map[string]uint64{}
	for outcome, n := range balance.Final {
		if n > 0 {
			final[Outcome(outcome).String()] = n
		}
	}
	fault := balance.fault()
	var shortfall uint64
	if balance.State > CampaignAccepted {
		shortfall = balance.Size - balance.Audience
	}
	segments, minutes := balance.Segments, uint64(0)
	if record.Job.isCall() {
		segments, minutes = 0, segments
	}
	return BalanceSheet{
		Minutes: minutes, Abandoned: balance.Abandoned,
		Considered: balance.Considered, ExcludedAtPlanning: b.exclusions(record.Number, excludedAtPlanning),
		NotDrawn: balance.NotDrawn, Size: balance.Size, Shortfall: shortfall, Audience: balance.Audience,
		Planned: balance.Recipients[RecipientPlanned], Waiting: balance.Recipients[RecipientWaiting],
		Intended: balance.Recipients[RecipientIntended], InDoubt: balance.Recipients[RecipientInDoubt],
		Placed:        balance.Recipients[RecipientPlaced],
		ExcludedLater: b.exclusions(record.Number, excludedLater), Final: final,
		Attempts: balance.Attempts, Withdrawn: balance.Withdrawn, AfterClosing: balance.AfterClosing,
		OptOuts: balance.OptOuts, Filtered: balance.Filtered,
		Segments: segments, Reserved: balance.Reserved, Budget: record.Job.Budget,
		Balances: fault == "", Fault: fault,
	}
}

// LastOrder returns the greatest place in the order of acceptance that the
// ledger knows, so that a queue which was made anew goes on after it.
func LastOrder(ledger Ledger) (uint64, error) {
	var last uint64
	err := ledger.View(func(tx Tx) error {
		last = books{tx}.lastOrder()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("look for the last accepted job: %w", err)
	}
	return last, nil
}

// Estimate answers a dry run: it checks the job and goes through the directory
// as planning would, and starts nothing.
func (d *Dialer) Estimate(ctx context.Context, job *Job) (*Estimate, error) {
	e := &Estimate{Campaign: job.ID}
	taken, err := d.takenName(job)
	if err != nil {
		return nil, err
	}
	reported, err := d.reportedName(job)
	if err != nil {
		return nil, err
	}
	taken = append(taken, reported...)
	if e.Faults = append(job.Validate(d.registry), taken...); len(e.Faults) == 0 {
		e.Faults = d.haltFaults(job)
	}
	if len(e.Faults) > 0 {
		return e, nil
	}
	// The draw has a key of its own: a dry run promises no contact to anybody.
	c, _ := d.compile(&campaignRecord{Job: *job, Accepted: d.clock.Now(), Key: []byte("dry run")})
	at := d.clock.Now()
	if start := c.start(); start.After(at) {
		at = start
	}
	s, err := d.survey(ctx, c, at)
	if err != nil {
		return nil, err
	}
	e.Considered, e.ExcludedAtPlanning, e.Audience = s.considered, s.exclusions(), uint64(len(s.drawn.kept))
	e.NotDrawn, e.Shortfall = s.eligible-e.Audience, uint64(job.Size)-e.Audience
	text := c.dearest()
	e.SegmentsEach, e.Encoding, e.FirstAt = text.size.Segments, text.size.Encoding, s.firstAt
	if job.isCall() {
		e.SegmentsEach, e.MinutesEach = 0, text.units
	}
	wanted := min(s.eligible, uint64(max(0, job.Size-int(s.already))))
	e.Price = text.price * Money(wanted)
	e.Duration = Duration(time.Duration(float64(e.Audience) * float64(text.size.Segments) / c.rateFor(text.size.Segments) * float64(time.Second)))
	err = d.ledger.View(func(tx Tx) error {
		e.Forecast, err = d.forecast(books{tx}, c, s.groups(), at)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("forecast campaign %s: %w", job.ID, err)
	}
	e.Warnings = c.warnings(e)
	return e, nil
}

// takenName tells that another job already has the name.
func (d *Dialer) takenName(job *Job) ([]Fault, error) {
	var faults []Fault
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		if number := b.named(job.ID); number != 0 {
			faults = append(faults, Fault{Field: "id", Reason: fmt.Sprintf("campaign %q exists already", job.ID), Hint: "choose another id"})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look campaign %s up: %w", job.ID, err)
	}
	return faults, nil
}

// warnings says what an operator should know before starting.
func (c *campaign) warnings(e *Estimate) []string {
	warnings := c.job.TextWarnings()
	if found := int(e.Price / c.dearest().price); found < c.job.Size {
		warnings = append(warnings, fmt.Sprintf("%d of %d ordered contacts cannot be found", c.job.Size-found, c.job.Size))
	}
	if e.Forecast.late() {
		warnings = append(warnings, e.Forecast.warning(e.Audience, c.job))
	}
	if e.Price > c.job.Budget {
		warnings = append(warnings, fmt.Sprintf("the budget %s pays for %d contacts at most: up to %s would be needed", c.job.Budget, e.Audience, e.Price))
	}
	return warnings
}

// Announce publishes a campaign's view, for watchers whose queue has forgotten
// it.
func (d *Dialer) Announce(name string) { d.announce(name) }

// announce publishes a campaign's view, so that watchers see it at once.
func (d *Dialer) announce(name string) {
	view, _, err := d.look(name)
	if err != nil {
		return // the ledger tells whoever asks
	}
	d.publisher.PublishEvent(context.Background(), Event{Campaign: name, Name: "campaign." + view.State, At: view.Now, View: view})
}

// eventProgress names the events of which only the newest matters.
const eventProgress = "progress"

// progress publishes a campaign's view if anything was done since the last time.
func (d *Dialer) progress(t tended) {
	number := t.record.Number
	if !d.rates.note(number, progressMark(&t.balance), t.balance.Attempts) {
		return // looked at several times a second: no view is made for nothing
	}
	view, _, err := d.look(t.record.Job.ID)
	if err != nil {
		return // the ledger tells whoever asks
	}
	view.Rate = d.rates.of(number)
	d.publisher.PublishEvent(context.Background(), Event{Campaign: view.ID, Name: eventProgress, At: view.Now, View: view})
}

// progressMark changes whenever a recipient moves.
func progressMark(b *balance) uint64 {
	mark := b.Attempts
	for _, n := range b.Recipients {
		mark = mark*1_099_511_628_211 + n // the FNV prime: no two moves cancel each other out
	}
	return mark
}

func readCampaignKey(key []byte) uint32 { return binary.BigEndian.Uint32(key) }
