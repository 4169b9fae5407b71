package dialer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Publisher tells watchers what happens. It never blocks and never fails: what
// it says is also in the ledger.
type Publisher interface {
	PublishEvent(ctx context.Context, event Event)
}

// Options are what a Dialer works with. All are required unless it says
// otherwise.
type Options struct {
	Ledger  Ledger
	Journal Journal
	// Witness may be nil; then a ledger that was put back is recognised by what
	// it says itself and by what the carrier remembers.
	Witness   Witness
	Directory Directory
	Carrier   Carrier
	// Calls may be nil where nobody is rung.
	Calls     CallControl
	Records   CarrierRecords
	Publisher Publisher
	Registry  *Registry
	Pack      *consent.Pack
	Identity  contact.IDKey
	Clock     Clock
	// CarrierTime is what the clock is held against. It is nil where the clock
	// is the carrier's own.
	CarrierTime CarrierTime
	// Machine reads the machine's clocks, the one that can be set and for how
	// long it has run; nil for the real ones.
	Machine func() (wall time.Time, running time.Duration)
	// OnObjection is told about every objection that has become effective. It
	// must be quick, and may be nil.
	OnObjection func(ObjectionStats)
	Log         zerolog.Logger
	// OwnNumbers are the broker's own phones, which get a campaign's texts before
	// anybody else does and are in no audience; may be empty.
	OwnNumbers []OwnNumber
	// KeepCopies is how long the carrier may keep its copies of what is settled;
	// 0 means for ever. No reconcile can look further back.
	KeepCopies time.Duration
	// InFlight is how many requests to the carrier may be under way at once.
	InFlight int
	// Limits say when a campaign is held; where they are zero none is.
	Limits Limits
}

// Dialer takes jobs, plans them and carries each recipient along the path.
type Dialer struct {
	ledger    Ledger
	journal   Journal
	witness   Witness
	directory Directory
	own       ownNumbers
	carrier   Carrier
	calls     CallControl
	records   CarrierRecords
	publisher Publisher
	registry  *Registry
	pack      atomic.Pointer[consent.Pack]
	identity  contact.IDKey
	clock     Clock
	log       zerolog.Logger
	inFlight  int
	keep      time.Duration

	onObjection func(ObjectionStats)

	gate       *gate
	dispatcher *dispatcher
	backlog    *backlog
	tallies    tallies
	health     *health
	rates      rates
	halts      halts
	limits     Limits
	// readings belong to the steward.
	readings map[uint32]readings
	watch    *clockWatch
	// gaps counts the times during which inbound texts may have been lost: the
	// one before the start, and each in which the line was dead or the machine
	// slept. Heard is up to which of them the carrier has been asked for them.
	gaps, heard atomic.Uint64
	caughtUpAt  atomic.Int64 // real time, ns since 1970
	parked      atomic.Pointer[map[uint32][]ParkedZone]
	forecasts   atomic.Pointer[map[uint32]*Forecast]
	// trusted tells that the ledger holds all that was sent: see Trusted.
	trusted atomic.Bool
	// start is when Run began, in the campaigns' time.
	start atomic.Int64
	// marking is held while the ledger is marked; marked is up to where its audit
	// log was then.
	marking sync.Mutex
	marked  uint64
	// reconciling is held by the one reconcile that may be under way.
	reconciling sync.Mutex

	// persons tells whether the directory knows whose numbers they are.
	persons peopled
	// census is the directory as far as it counts, and reaches are the sets that
	// counting has made.
	census      Census
	reaches     reaches
	consenters  lastConsenters
	reserved    reserved
	corrections corrections
	// listing is held while an outside list is replaced, and while rows of
	// former ones are removed.
	listing sync.Mutex

	mu sync.Mutex
	// compiled are the campaigns at work, by number; dialling are those of them
	// that hand out slots, as the ledger said last.
	compiled map[uint32]*campaign
	dialling map[uint32]bool
	// stopped are those that an operator has stopped: what is on its path to the
	// gate turns back.
	stopped map[uint32]bool
	changed chan struct{}
}

// New returns a Dialer that dials nothing until Run.
func New(o Options) (*Dialer, error) {
	if o.InFlight <= 0 {
		return nil, errors.New("dialer: at least one request must be allowed in flight")
	}
	d := &Dialer{
		ledger: o.Ledger, journal: o.Journal, witness: o.Witness, directory: o.Directory, carrier: o.Carrier, calls: o.Calls, records: o.Records,
		publisher: o.Publisher, registry: o.Registry, identity: o.Identity, clock: o.Clock,
		log: o.Log, onObjection: o.OnObjection, inFlight: o.InFlight, keep: o.KeepCopies, gate: newGate(), watch: newClockWatch(o.Machine, o.CarrierTime),
		compiled: map[uint32]*campaign{}, dialling: map[uint32]bool{}, stopped: map[uint32]bool{},
		limits: o.Limits, readings: map[uint32]readings{}, changed: make(chan struct{}, 1),
	}
	if o.Registry != nil {
		d.reserved.attributes, d.corrections.attributes = o.Registry.Attributes, o.Registry.Attributes
	}
	if err := d.corrections.load(o.Ledger); err != nil {
		return nil, err
	}
	d.pack.Store(o.Pack)
	d.own = newOwnNumbers(o.Identity, o.OwnNumbers)
	d.directory = &widenedDirectory{&correctedDirectory{o.Directory, &d.corrections}, d.own}
	d.persons, _ = o.Directory.(peopled)
	d.census, _ = o.Directory.(Census)
	d.gaps.Store(1)
	d.halts.set(HaltClock, d.watch.doubted.Load())
	d.dispatcher = newDispatcher(d)
	d.backlog, d.health = d.dispatcher.pacer.backlog, d.dispatcher.pacer.health
	return d, nil
}

// Run works until ctx ends, then lets the requests in flight finish, for as
// long as the carrier may take. Any error means that the ledger's state is not
// known: the process must exit and start again.
func (d *Dialer) Run(ctx context.Context) error {
	err := d.recognise(ctx)
	if err == nil {
		err = d.doubtOpenIntents(ctx)
	}
	if ctx.Err() != nil {
		return nil // stopped before anything was begun
	}
	if err != nil {
		return err
	}
	if err := d.refill(); err != nil {
		return err
	}
	d.watch.live(d.watch.anchor())
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	group, work := errgroup.WithContext(work)
	// A request that has begun is brought to its end even while stopping.
	path := context.WithoutCancel(ctx)
	start := func(part func() error) { group.Go(d.guarded(part)) }
	start(func() error { return d.dispatcher.run(work) })
	for range d.inFlight {
		start(func() error { return d.dispatcher.work(path) })
	}
	start(func() error { return d.steward(work) })
	start(func() error { return d.every(work, time.Second, d.lookUp) })
	start(func() error {
		return d.every(work, time.Second, func(context.Context) error { d.gate.sweep(d.clock.Now()); return nil })
	})
	start(func() error { return d.keepCaughtUp(work) })
	start(func() error { return d.sweepLists(work) })
	start(func() error { return d.every(work, markEvery, d.markAgain) })
	start(func() error { return d.tidy(work) })
	start(func() error { return d.keepClock(work) })
	start(func() error { return d.every(work, housekeeping, d.recall) })
	start(func() error { return d.keepPrices(work) })
	start(func() error { return d.every(work, forecastEvery, d.foresee) })
	start(func() error {
		return d.every(work, time.Second, func(context.Context) error { return d.writeShares(path) })
	})
	err = group.Wait()
	if err == nil || ctx.Err() != nil {
		err = d.writeShares(path) // of what the workers have brought to its end
	}
	if err != nil && ctx.Err() == nil {
		d.log.Error().Str(FieldEvent, EventFailed).Err(err).Send()
		return fmt.Errorf("dial: %w", err)
	}
	return nil
}

// every calls do at an interval of real time until the context ends.
func (d *Dialer) every(ctx context.Context, interval time.Duration, do func(context.Context) error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := do(ctx); err != nil {
				return err
			}
		}
	}
}

// keepCaughtUp asks the carrier for inbound texts before the first slot, before
// dialling goes on after a gap, and every hour. Until it has succeeded nothing is
// dialled: a STOP may wait there. While the clock is in doubt it asks again and
// again, since each answer has a date on it.
func (d *Dialer) keepCaughtUp(ctx context.Context) error {
	var hourly, again time.Time // again is an instant of real time
	return d.every(ctx, housekeeping, func(ctx context.Context) error {
		now, real := d.clock.Now(), time.Now()
		doubted := !d.clockIsSure()
		if real.Before(again) || (d.CaughtUp() && now.Before(hourly) && !doubted) {
			return nil
		}
		gap := d.gaps.Load()
		err := d.catchUp(ctx)
		if err == nil {
			err = d.account(ctx)
		}
		if err != nil {
			d.log.Warn().Str(FieldEvent, EventLookFailed).Err(err).Send()
			again = real.Add(5 * time.Second)
			return nil // the carrier will be asked again; until then nothing is dialled
		}
		d.heard.Store(gap) // one that began meanwhile is another one
		if doubted {
			d.checkClock()
			again = real.Add(d.askClockAfter())
			return nil
		}
		hourly = now.Add(catchUpEvery)
		return nil
	})
}

// CaughtUp tells whether the carrier has been asked for inbound texts since the
// start, or since the line was dead. Until then nothing is dialled.
func (d *Dialer) CaughtUp() bool { return d.heard.Load() == d.gaps.Load() }

// ready tells whether anything may be dialled at all.
func (d *Dialer) ready() bool {
	d.lookAtClock()
	return !d.halts.any.Load() && d.CaughtUp()
}

// real turns a span of campaign time into real time.
func (d *Dialer) real(span time.Duration) time.Duration {
	each := d.clock.Span(time.Second)
	if each <= 0 {
		return housekeeping
	}
	return time.Duration(float64(span) / (float64(each) / float64(time.Second)))
}

// wake makes the steward and the dispatcher look again at once.
func (d *Dialer) wake() {
	for _, c := range []chan struct{}{d.changed, d.dispatcher.changed} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// running returns the campaigns that hand out slots.
func (d *Dialer) running() []*campaign {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*campaign
	for number := range d.dialling {
		list = append(list, d.compiled[number])
	}
	return list
}

func (d *Dialer) campaignOf(number uint32) *campaign {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.compiled[number]
}
