package dialer_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// plan says what a house is made of; zero values stand for usual ones.
type plan struct {
	people   int
	speed    float64
	start    time.Time
	inFlight int
	// still makes the clock stand unless a test moves it.
	still bool
	// rate is each sender's, in segments a second.
	rate float64
	// pool is how many senders each party has, in a pool; 0 stands for one without.
	pool int
	// places are the territories that the people are spread over in turn.
	places []string
	// steps is how many messages one recipient may get.
	steps int
	// parties are those that everybody has consented to.
	parties []string
	// voice tells that people have agreed to calls, too, in the hours in which texts
	// may come, and that each party has a number to call from.
	voice bool
	// phones is how many phones of its own the broker has.
	phones int
	// witness keeps the ledger's marks; nil for nobody. Keep is how long the
	// carrier may keep its copies; 0 for ever.
	witness dialer.Witness
	keep    time.Duration
	// options may change what the dialer works with.
	options func(*house, *dialer.Options)
}

// tuesday is a Tuesday morning in Paris, forty days before the first round.
var tuesday = time.Date(2027, 3, 9, 9, 0, 0, 0, time.UTC)

// house is a broker in a bubble: real dialer, real ledger, fake time, fake
// carrier.
type house struct {
	t         *testing.T
	plan      plan
	clock     *fastClock
	identity  contact.IDKey
	registry  *dialer.Registry
	pack      *consent.Pack
	directory *fakeDirectory
	phones    []dialer.OwnNumber
	carrier   *fakeCarrier
	journal   *fakeJournal
	path      string
	log       *syncedLog

	ledger  *frailLedger
	current atomic.Pointer[dialer.Dialer]
	cancel  context.CancelFunc
	ended   chan error
	order   uint64
	// jobs are those that were accepted.
	jobs []*dialer.Job
	// former are attempts that the books may have let go of since.
	former map[uint64]dialer.AttemptRow
}

// in runs the test in a bubble of fake time, with a house that is ready and does
// not dial yet. When the test ends, books and log are judged.
func in(t *testing.T, p plan, test func(h *house)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, p)
		t.Cleanup(h.close)
		test(h)
	})
}

func newHouse(t *testing.T, p plan) *house {
	t.Helper()
	p.people, p.speed, p.inFlight = cmp.Or(p.people, 20), cmp.Or(p.speed, 1), cmp.Or(p.inFlight, 8)
	p.rate, p.steps = cmp.Or(p.rate, 200), cmp.Or(p.steps, 1)
	if p.start.IsZero() {
		p.start = tuesday
	}
	if p.places == nil {
		p.places = []string{"FR-75"}
	}
	if p.parties == nil {
		p.parties = []string{"party-a", "party-b"}
	}
	h := &house{
		t: t, plan: p, clock: &fastClock{start: p.start, anchor: time.Now(), speed: p.speed, still: p.still}, journal: new(fakeJournal),
		path: filepath.Join(scratch(t), "ledger.db"), log: new(syncedLog),
	}
	h.readConfigs()
	h.settlePeople()
	h.registerPhones()
	h.carrier = newFakeCarrier(h.clock)
	for _, sender := range h.registry.Senders {
		h.carrier.senders[sender.ID] = sender.Parties[0]
	}
	h.carrier.durable = func(attempt uint64) (intended bool) {
		h.view(func(tx dialer.Tx) { intended = dialer.Intended(tx, attempt) })
		return intended
	}
	h.carrier.status = func(ctx context.Context, update dialer.StatusUpdate) error {
		return h.dialer().Status(ctx, update)
	}
	h.open()
	h.consentAll(p.parties...)
	return h
}

// scratch is a folder for ledgers, in memory where the machine has one there:
// processes are killed here, and no plug is pulled, so that no disk need turn.
func scratch(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "hustings-") //nolint:usetesting // TempDir is on disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// embeddedPacks and embeddedRegistry are read once: they do not change.
var (
	embeddedPacks    = sync.OnceValues(func() (consent.Packs, error) { return configs.LoadPacks("") })
	embeddedRegistry = sync.OnceValues(func() (*dialer.Registry, error) {
		config := configs.Defaults("")
		schema, err := config.LoadDirectory()
		if err != nil {
			return nil, err
		}
		registry, err := config.LoadRegistry()
		if err == nil {
			registry.Attributes = schema.Declared()
		}
		return registry, err
	})
)

func (h *house) readConfigs() {
	h.t.Helper()
	embedded, err := embeddedRegistry()
	if err != nil {
		h.t.Fatal(err)
	}
	packs, err := embeddedPacks()
	if err != nil {
		h.t.Fatal(err)
	}
	registry := new(*embedded) // of its own: tests change the senders
	registry.Senders = slices.Clone(embedded.Senders)
	for i := range registry.Senders {
		registry.Senders[i].SegmentsPerSecond = h.plan.rate
	}
	if h.plan.pool > 0 {
		h.poolSenders(registry)
	}
	if h.plan.voice {
		h.registerCallers(registry)
	}
	h.registry, h.pack = registry, packs["FR"]
	if h.identity, err = contact.NewIDKey(bytes.Repeat([]byte{7}, contact.IDKeySize)); err != nil {
		h.t.Fatal(err)
	}
}

// registerCallers gives each party a number to call from, of those that French law
// has for automatic systems.
func (h *house) registerCallers(registry *dialer.Registry) {
	for party, caller := range callers {
		registry.Senders = append(registry.Senders, dialer.Sender{
			ID: caller, Parties: []string{party}, Channels: []contact.Channel{contact.Robocall, contact.AIVoice},
			CallsPerSecond: h.plan.rate, CallsInProgress: 40, Registered: true,
		})
	}
	registry.Tariff.Minute = 80_000
}

var callers = map[string]string{"party-a": "+33162000001", "party-b": "+33162000002", "party-c": "+33162000003"}

// poolSenders gives each sender others beside it, and makes a pool of them.
func (h *house) poolSenders(registry *dialer.Registry) {
	for _, sender := range registry.Senders {
		pool := dialer.SenderPool{ID: poolOf(sender.ID), Members: []string{sender.ID}}
		for n := 2; n <= h.plan.pool; n++ {
			member := sender
			member.ID = fmt.Sprint(sender.ID, n)
			registry.Senders = append(registry.Senders, member)
			pool.Members = append(pool.Members, member.ID)
		}
		registry.SenderPools = append(registry.SenderPools, pool)
	}
}

func poolOf(sender string) string { return "pool-" + strings.ToLower(sender) }

// settlePeople fills the directory, with numbers kept for fiction only.
func (h *house) settlePeople() {
	h.t.Helper()
	h.directory = &fakeDirectory{byID: map[contact.ID]*person{}}
	for i := range h.plan.people {
		number := fictional(h.t, i)
		place, found := contact.FindTerritory(h.plan.places[i%len(h.plan.places)])
		if !found {
			h.t.Fatalf("no territory %q", h.plan.places[i%len(h.plan.places)])
		}
		p := &person{number: number, Contact: dialer.Contact{
			ID: h.identity.ID(number), Line: contact.Mobile, Territory: place, BirthYear: 1950,
			Values: make([]uint16, len(h.registry.Attributes)),
		}}
		h.directory.people = append(h.directory.people, p)
		h.directory.byID[p.ID] = p
	}
	slices.SortFunc(h.directory.people, func(a, b *person) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

// registerPhones gives the broker phones of its own, in Paris.
func (h *house) registerPhones() {
	h.t.Helper()
	place, _ := contact.FindTerritory("FR-75")
	for i := range h.plan.phones {
		h.phones = append(h.phones, dialer.OwnNumber{
			Name: fmt.Sprintf("phone-%d", i+1), Number: fictional(h.t, 9000+i), Line: contact.Mobile, Territory: place,
		})
	}
}

func fictional(tb testing.TB, i int) contact.Number {
	tb.Helper()
	number, err := contact.ParseE164(fmt.Sprintf("+3363998%04d", i))
	if err != nil {
		tb.Fatal(err)
	}
	return number
}

// open opens the ledger and makes the dialer.
func (h *house) open() {
	h.t.Helper()
	ledger, err := store.OpenLedger(h.path, store.LedgerOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.ledger = &frailLedger{Ledger: ledger}
	h.carrier.begin()
	options := dialer.Options{
		Ledger: h.ledger, Journal: processJournal{h.journal, &h.ledger.killed}, Directory: countedDirectory{h.directory}, Carrier: h.carrier, Calls: h.carrier, Records: h.carrier,
		Publisher: nobody{}, Registry: h.registry, Pack: h.pack, Identity: h.identity, Clock: h.clock,
		Log: zerolog.New(h.log), InFlight: h.plan.inFlight, Witness: h.plan.witness, KeepCopies: h.plan.keep, OwnNumbers: h.phones,
	}
	if h.plan.options != nil {
		h.plan.options(h, &options)
	}
	d, err := dialer.New(options)
	if err != nil {
		h.t.Fatal(err)
	}
	known, err := d.JournalKnown()
	if err != nil {
		h.t.Fatal(err)
	}
	// Nothing else happens before, as in the daemon: see its restoreObjections.
	if unknown := h.journal.after(known); len(unknown) > 0 {
		if err := d.Restore(context.Background(), known+uint64(len(unknown)), unknown...); err != nil {
			h.t.Fatal(err)
		}
	}
	h.current.Store(d)
}

func (h *house) dialer() *dialer.Dialer { return h.current.Load() }

// run begins to dial.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	d := h.dialer()
	go func() { ended <- d.Run(ctx) }()
	h.cancel, h.ended = cancel, ended
}

// halt ends dialling as a good daemon does: what has begun comes to its end.
func (h *house) halt() {
	h.t.Helper()
	if h.cancel == nil {
		return
	}
	h.cancel()
	if err := <-h.ended; err != nil {
		h.t.Errorf("run: %v", err)
	}
	h.cancel = nil
}

// restart closes dialer and ledger, and opens both again. It does not dial yet.
func (h *house) restart() {
	h.t.Helper()
	h.halt()
	h.closeLedger()
	h.open()
}

// kill ends the daemon as a power cut does, with not one more row written, and
// opens all anew. It does not dial yet.
func (h *house) kill() {
	h.t.Helper()
	h.ledger.kill()
	h.cancel()
	h.carrier.release()
	<-h.ended
	h.cancel = nil
	h.closeLedger()
	h.open()
}

func (h *house) closeLedger() {
	h.t.Helper()
	if err := h.ledger.Close(); err != nil {
		h.t.Error(err)
	}
}

// close ends the test: what the carrier saw and what the books say is judged.
func (h *house) close() {
	h.t.Helper()
	close(h.carrier.closed)
	h.halt()
	h.carrier.callbacks.Wait()
	h.checkBooks()
	h.carrier.judge(h.t, h.judgement())
	h.closeLedger()
	storetest.MustBeSound(h.t, h.path)
	if h.t.Failed() {
		h.t.Logf("log:\n%s", h.log)
	}
}

// judgement is what the judge is told beside the carrier's log.
func (h *house) judgement() judgement {
	h.t.Helper()
	j := judgement{people: slices.Clone(h.directory.people), own: map[contact.Number]bool{}, jobs: h.jobs, tariff: h.registry.Tariff, steps: h.plan.steps}
	for _, phone := range h.phones {
		j.own[phone.Number] = true
		if id := h.identity.ID(phone.Number); h.directory.byID[id] == nil {
			j.people = append(j.people, &person{Contact: dialer.Contact{ID: id, Territory: phone.Territory}, number: phone.Number})
		}
	}
	h.view(func(tx dialer.Tx) {
		j.attempts, j.whole = dialer.Attempts(tx), dialer.OpenCampaigns(tx) == 0
	})
	for sequence, a := range h.former {
		if _, there := j.attempts[sequence]; !there {
			j.attempts[sequence] = a
		}
	}
	return j
}

func (h *house) checkBooks() {
	h.t.Helper()
	h.view(func(tx dialer.Tx) {
		for _, fault := range dialer.CheckBooks(tx) {
			h.t.Error(fault)
		}
	})
}

func (h *house) view(read func(dialer.Tx)) {
	h.t.Helper()
	// The test looks on, whatever has become of the daemon.
	if err := h.ledger.Ledger.View(func(tx dialer.Tx) error { read(tx); return nil }); err != nil {
		h.t.Fatal(err)
	}
}
