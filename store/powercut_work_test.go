package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

// The work that the power is cut in: a dialer that plans and carries out a
// campaign, with objections in between, as a process of its own. It writes down,
// in one file, what it was promised, as soon as it was.

const (
	// storeRole has the test binary play a part in a process of its own.
	storeRole   = "HUSTINGS_STORE_ROLE"
	storeFolder = "HUSTINGS_STORE_FOLDER"
	roleWork    = "work"
	// acksName is the file of what was promised, keysName the folder of keys.
	acksName = "acks"
	keysName = "keys"
	// workPeople are in the directory, and all objections are theirs.
	workPeople = 40
	workParty  = "party-a"
)

// play does the work of a role, and returns an exit code.
func play(role, folder string) int {
	do := map[string]func(folder string) error{roleWork: work, roleRotate: rotate}[role]
	if do == nil {
		return 2
	}
	if err := do(folder); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// acks writes down what was promised.
type acks struct {
	mu   sync.Mutex
	file *os.File
}

func (a *acks) promise(what string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.file.WriteString(what + "\n")
	return err
}

// countedLedger notes each move in the move's own transaction, and promises it
// once it is made.
type countedLedger struct {
	*store.Ledger
	acks  *acks
	count atomic.Uint64
}

type countedMove struct {
	dialer.Move
	number uint64
}

// Apply makes the move and notes it.
func (m countedMove) Apply(tx dialer.Tx) {
	m.Move.Apply(tx)
	tx.Put(dialer.BucketMeta, countedKey(m.number), []byte{1})
}

type countedUrgent struct{ countedMove }

// Urgent puts the move before others.
func (countedUrgent) Urgent() {}

func countedKey(number uint64) []byte { return fmt.Appendf(nil, "rig.%06d", number) }

// Commit makes the move, and promises it.
func (l *countedLedger) Commit(ctx context.Context, move dialer.Move) error {
	counted := countedMove{move, l.count.Add(1)}
	var err error
	if _, urgent := move.(dialer.Urgent); urgent {
		err = l.Ledger.Commit(ctx, countedUrgent{counted})
	} else {
		err = l.Ledger.Commit(ctx, counted)
	}
	if err != nil {
		return err
	}
	return l.acks.promise(fmt.Sprintf("m%d", counted.number))
}

// workJournal is the store's journal as the dialer wants it.
type workJournal struct{ *store.Journal }

// Append returns once the objections are on disk.
func (j workJournal) Append(objections ...dialer.Objection) error {
	entries := make([]store.JournalEntry, len(objections))
	for i, o := range objections {
		entries[i] = store.JournalEntry{ID: o.Contact, Channel: o.Channel, Party: o.Party, At: o.At, Way: o.Way, Reason: o.Reason}
	}
	return j.Journal.Append(entries...)
}

// workClock runs a thousand times as fast as real time from a Tuesday morning on.
type workClock struct{ anchor time.Time }

// Now returns the campaigns' time.
func (c workClock) Now() time.Time {
	return time.Date(2027, time.March, 9, 9, 0, 0, 0, time.UTC).Add(c.Span(time.Since(c.anchor)))
}

// Span returns how much of it passes in a real duration.
func (workClock) Span(real time.Duration) time.Duration { return 1000 * real }

// workCarrier takes every message, and tells soon what became of it.
type workCarrier struct {
	dialer atomic.Pointer[dialer.Dialer]
	count  atomic.Uint64
	calls  sync.WaitGroup
}

// Place creates the message, most of the time.
func (c *workCarrier) Place(_ context.Context, request dialer.Request) dialer.Answer {
	number := c.count.Add(1)
	sid := fmt.Sprintf("SM%032x", number)
	c.calls.Go(func() {
		for _, status := range []dialer.CarrierStatus{dialer.StatusSent, dialer.StatusDelivered} {
			_ = c.dialer.Load().Status(context.Background(), dialer.StatusUpdate{Attempt: request.Attempt, SID: sid, Status: status})
		}
	})
	if number%7 == 0 {
		return dialer.Answer{Kind: dialer.Unclear}
	}
	return dialer.Answer{Kind: dialer.Accepted, SID: sid, HTTPStatus: 201}
}

// Cancel does nothing.
func (*workCarrier) Cancel(context.Context, string) error { return nil }

// Forget does nothing.
func (*workCarrier) Forget(context.Context, string) error { return nil }

// emptyRecords are those of a carrier that remembers nothing.
type emptyRecords struct{}

// Find finds nothing.
func (emptyRecords) Find(context.Context, contact.Channel, contact.Number, time.Time) ([]dialer.Record, error) {
	return nil, nil
}

// Outbound lists nothing.
func (emptyRecords) Outbound(context.Context, time.Time) iter.Seq2[[]dialer.Record, error] {
	return func(func([]dialer.Record, error) bool) {}
}

// Inbound lists nothing.
func (emptyRecords) Inbound(context.Context, time.Time) ([]dialer.InboundText, error) {
	return nil, nil
}

// nobodyWatches drops events.
type nobodyWatches struct{}

// PublishEvent drops the event.
func (nobodyWatches) PublishEvent(context.Context, dialer.Event) {}

// workRules are the registry and the pack of the work.
func workRules(folder string) (*dialer.Registry, *consent.Pack, error) {
	config := configs.Defaults(folder)
	registry, err := config.LoadRegistry()
	if err != nil {
		return nil, nil, err
	}
	schema, err := config.LoadDirectory()
	if err != nil {
		return nil, nil, err
	}
	registry.Attributes = schema.Declared()
	packs, err := config.LoadPacks()
	if err != nil {
		return nil, nil, err
	}
	return registry, packs["FR"], nil
}

// work works until its campaign is closed.
func work(folder string) error {
	paths := store.PathsIn(folder)
	keys, err := store.LoadOrCreateKeys(paths.Keys, true)
	if err != nil {
		return err
	}
	registry, pack, err := workRules(folder)
	if err != nil {
		return err
	}
	ledger, err := store.OpenLedger(paths.Ledger, store.LedgerOptions{Keys: keys})
	if err != nil {
		return err
	}
	journal, err := store.OpenJournal(paths.Journal)
	if err != nil {
		return err
	}
	directory, err := store.OpenDirectory(paths.Directory, keys, registry.Attributes)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(folder, acksName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	carrier := new(workCarrier)
	promised := &acks{file: file}
	counted := &countedLedger{Ledger: ledger, acks: promised}
	d, err := dialer.New(dialer.Options{
		Ledger: counted, Journal: workJournal{journal}, Witness: store.NewWitness(paths.Mark), Directory: directory,
		Carrier: carrier, Records: emptyRecords{}, Publisher: nobodyWatches{}, Registry: registry, Pack: pack, Identity: keys.Identity,
		Clock: workClock{time.Now()}, Log: zerolog.Nop(), InFlight: 4,
	})
	if err != nil {
		return err
	}
	carrier.dialer.Store(d)
	err = campaign(d, counted, promised, keys)
	carrier.calls.Wait()
	return errors.Join(err, directory.Close(), journal.Close(), ledger.Close())
}

// campaign lets everybody consent, and a campaign run while some object.
func campaign(d *dialer.Dialer, ledger dialer.Ledger, promised *acks, keys *store.Keys) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	people, err := workContacts(keys)
	if err != nil {
		return err
	}
	if err := ledger.Commit(ctx, workGrants(people)); err != nil {
		return err
	}
	job, err := configs.ReadCampaign("../configs/campaigns/party-a-seniors.yaml")
	if err != nil {
		return err
	}
	job.Segment = nil
	data, err := json.Marshal(job)
	if err != nil {
		return err
	}
	rejection, err := d.Accept(ctx, dialer.Submission{ID: "1", Party: job.Party, Campaign: job.ID, Data: data, Order: 1})
	if err == nil && rejection != nil {
		err = fmt.Errorf("rejected: %v", rejection.Faults)
	}
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for i, id := range people {
		if i%3 != 0 {
			continue
		}
		if _, err := d.Object(ctx, dialer.ObjectionFrom(id, "operator", time.Now())); err != nil {
			return err
		}
		if err := promised.promise("o" + id.String()); err != nil {
			return err
		}
	}
	for end := time.After(time.Minute); ; {
		if view, err := d.Show(job.ID); err != nil || view.State == "closed" {
			cancel()
			return errors.Join(err, <-ended)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-end:
			return errors.New("the campaign does not close")
		}
	}
}

// workContacts are the people of the work.
func workContacts(keys *store.Keys) ([]contact.ID, error) {
	var people []contact.ID
	for i := range workPeople {
		number, err := contact.ParseE164(fmt.Sprintf("+3363998%04d", i))
		if err != nil {
			return nil, err
		}
		people = append(people, keys.Identity.ID(number))
	}
	return people, nil
}

func workGrants(people []contact.ID) *dialer.RecordGrants {
	grants := new(dialer.RecordGrants)
	const wording = "Oui, j'accepte."
	given := time.Date(2026, time.March, 9, 9, 0, 0, 0, time.UTC)
	for _, id := range people {
		grants.Grants = append(grants.Grants, dialer.Grant{
			Contact: id, Wording: wording, WordingVersion: "1", Evidence: "form", Source: "test", ImportedAt: given,
			Grant: consent.Grant{
				Channel: contact.SMS, Party: workParty, Purpose: consent.Political, GivenAt: given, CollectedFrom: consent.DataSubject,
				Explicit: true, WordingHash: sha256.Sum256([]byte(wording)),
			},
		})
	}
	return grants
}
