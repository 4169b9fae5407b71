package dialer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// outboundPage is how many messages a page of the fake carrier's list has.
const outboundPage = 7

// Outbound lists what the carrier created, the newest first.
func (c *fakeCarrier) Outbound(_ context.Context, since time.Time) iter.Seq2[[]dialer.Record, error] {
	c.mu.Lock()
	defer c.mu.Unlock()
	failing := c.failing
	var list []dialer.Record
	for number, records := range c.records {
		for _, record := range records {
			if !c.hidden && !record.CreatedAt.Before(since) && c.visible(record.CreatedAt) {
				shown := *record
				shown.To = number
				if c.segmentPrice > 0 {
					shown.Price, shown.Currency = c.segmentPrice*dialer.Money(dialer.MeasureText(record.Body).Segments), "EUR"
				}
				list = append(list, shown)
			}
		}
	}
	slices.SortFunc(list, func(a, b dialer.Record) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return func(yield func([]dialer.Record, error) bool) {
		for page := range slices.Chunk(list, outboundPage) {
			if failing == nil && !yield(page, nil) {
				return
			}
		}
		if failing != nil {
			yield(nil, failing)
		}
	}
}

// Forget deletes the carrier's copy of a message that is over.
func (c *fakeCarrier) Forget(_ context.Context, sid string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failing != nil {
		return c.failing
	}
	for number, records := range c.records {
		for i, record := range records {
			if record.SID != sid {
				continue
			}
			if !record.Status.Final() {
				return fmt.Errorf("message %s is not over: %w", sid, dialer.ErrNotForgotten)
			}
			c.records[number] = slices.Delete(records, i, i+1)
			return nil
		}
	}
	c.inbound = slices.DeleteFunc(c.inbound, func(text dialer.InboundText) bool { return text.SID == sid })
	return nil
}

// fakeWitness keeps the ledger's mark in memory.
type fakeWitness struct {
	mu   sync.Mutex
	mark dialer.Mark
}

// Last returns the mark.
func (w *fakeWitness) Last() (dialer.Mark, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mark, nil
}

// Keep keeps the mark.
func (w *fakeWitness) Keep(mark dialer.Mark) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mark = mark
	return nil
}

// copied is a store as it was at some instant.
type copied struct {
	kind    string
	path    string
	mark    dialer.Mark
	journal []dialer.Objection
	// begun is how many requests had begun.
	begun int
}

// The kinds of copies: one that is marked as a backup, one of the ledger's file
// alone, and one of the whole machine.
var copyKinds = []string{"backup", "file", "machine"}

// copy copies the store while it works.
func (h *house) copy(kind string, witness *fakeWitness) copied {
	h.t.Helper()
	c := copied{kind: kind, path: filepath.Join(h.t.TempDir(), "ledger.db"), begun: h.carrier.began()}
	c.mark, _ = witness.Last()
	c.journal = h.journal.after(0)
	if kind == "backup" {
		folder := filepath.Join(h.t.TempDir(), "backup")
		_, err := store.Backup(h.t.Context(), store.BackupOptions{Folder: folder, Ledger: h.ledger.Ledger, At: h.clock.Now()})
		if err != nil {
			h.t.Fatal(err)
		}
		c.path = filepath.Join(folder, "ledger.db")
		return c
	}
	file, err := os.Create(c.path)
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = h.ledger.WriteTo(file)
	if err := errors.Join(err, file.Close()); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// putBack ends the daemon, good or bad, and opens the copy in its ledger's place.
func (h *house) putBack(c copied, witness *fakeWitness, kill bool) {
	h.t.Helper()
	if kill {
		h.ledger.kill()
		h.cancel()
		h.carrier.release()
		<-h.ended
		h.cancel = nil
	} else {
		h.halt()
	}
	h.closeLedger()
	content, err := os.ReadFile(c.path)
	if err == nil {
		err = os.WriteFile(h.path, content, 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if c.kind == "machine" {
		_ = witness.Keep(c.mark)
		h.journal.mu.Lock()
		h.journal.entries = slices.Clone(c.journal)
		h.journal.mu.Unlock()
	}
	h.open()
}

func (h *house) isHalted() bool { return slices.Contains(h.dialer().Halted(), dialer.HaltRestored) }

// reconcile reconciles, and fails the test where that fails.
func (h *house) reconcile(order dialer.ReconcileOrder) *dialer.Reconciled {
	h.t.Helper()
	order.Operator = "op-anne"
	done, err := h.dialer().Reconcile(h.t.Context(), order)
	if err != nil {
		h.t.Fatal(err)
	}
	h.checkBooks()
	return done
}

// loss is a broker who loses a part of a day: what happens is drawn from a seed.
type loss struct {
	*house
	random        *rand.Rand
	witness       *fakeWitness
	first, second *dialer.Job
	// ordered tells that the second campaign was ordered.
	ordered bool
}

// lived plays some of the day: messages, STOPs, a second campaign, and a daemon
// that dies.
func (l *loss) lived(steps int, kind string) {
	l.t.Helper()
	for range steps {
		l.pass(time.Duration(l.random.IntN(1500)) * time.Millisecond)
		someone := l.directory.people[l.random.IntN(len(l.directory.people))]
		switch l.random.IntN(8) {
		case 0:
			if kind == "machine" {
				continue // whoever loses the journal, too, has only the carrier's memory
			}
			if l.object(someone.ID) == dialer.Effective {
				l.carrier.forbid(someone.number)
			}
		case 1:
			text := dialer.InboundText{
				SID: fmt.Sprintf("SMstop%s", someone.ID), From: someone.number, To: "36111", Body: "STOP", ReceivedAt: l.clock.Now(),
			}
			l.carrier.receive(text)
			if _, err := l.dialer().Inbound(context.Background(), text); err != nil {
				l.t.Error(err)
			}
			l.carrier.forbid(someone.number)
		case 2:
			if !l.ordered {
				l.accept(l.second)
				l.ordered = true
			}
		case 3:
			l.kill()
			l.run()
		case 4:
			l.restart()
			l.run()
		}
	}
}

// lost counts the messages that the copy cannot know of.
func (l *loss) lost(c copied) (created int) {
	for _, entry := range l.carrier.requests()[c.begun:] {
		if entry.created {
			created++
		}
	}
	return created
}

// mustRest fails the test unless nobody is dialled.
func (l *loss) mustRest() {
	l.t.Helper()
	begun := l.carrier.began()
	l.pass(10 * time.Second)
	if n := l.carrier.began(); n != begun || l.dialer().Trusted() {
		l.t.Errorf("%d requests began on a restored ledger", n-begun)
	}
}

// cutShort lets the daemon die somewhere in a reconcile, and comes back. It tells
// whether the reconcile had come to its end.
func (l *loss) cutShort() bool {
	l.t.Helper()
	l.ledger.breakAt(int64(1+l.random.IntN(8)), l.random.IntN(2) == 0)
	done, err := l.dialer().Reconcile(l.t.Context(), dialer.ReconcileOrder{Operator: "op-anne"})
	if !l.ledger.dead.Load() {
		l.ledger.left.Store(0)
		if err != nil || !done.Released {
			l.t.Errorf("a reconcile that nothing has cut short: %+v, %v", done, err)
		}
		return true
	}
	l.kill()
	l.checkBooks()
	l.run()
	return false
}

// judgeLoss judges by the carrier's log alone, but for one thing: that no message
// is unknown to the books, except where an attempt counts as unknown.
func (l *loss) judgeLoss() {
	l.t.Helper()
	close(l.carrier.closed)
	l.halt()
	l.carrier.callbacks.Wait()
	l.checkBooks()
	j := l.judgement()
	known, unknown := map[string]bool{}, map[contact.ID]bool{}
	for _, a := range j.attempts {
		known[a.SID] = true
		unknown[a.Contact] = unknown[a.Contact] || a.SID == "" && a.Outcome == dialer.OutcomeUnknown
	}
	l.view(func(tx dialer.Tx) {
		for _, sid := range dialer.ForeignMessages(tx) {
			known[sid] = true
		}
	})
	l.closeLedger()
	storetest.MustBeSound(l.t, l.path)
	l.carrier.mu.Lock()
	defer l.carrier.mu.Unlock()
	for _, fault := range l.carrier.faults {
		l.t.Error(fault)
	}
	byNumber, byText := map[contact.Number]*person{}, ordersOf(j.jobs)
	for _, p := range j.people {
		byNumber[p.number] = p
	}
	l.carrier.judgeParties(l.t, byText)
	l.carrier.judgeHours(l.t, byNumber)
	l.carrier.judgeCreations(l.t, byText, j)
	for _, entry := range l.carrier.log {
		// Nobody knows any more of a request that has brought no message.
		entry.disowned = entry.disowned || !entry.created
	}
	l.carrier.judgeCaps(l.t, byNumber)
	reached := map[*dialer.Job]map[contact.Number]bool{}
	for _, entry := range l.carrier.log {
		if !entry.created {
			continue
		}
		if !known[entry.record.SID] && !unknown[byNumber[entry.To].ID] {
			l.t.Errorf("request %d created %s, of which the books know nothing", entry.number, entry.record.SID)
		}
		job := byText.only(entry.Body)
		if reached[job] == nil {
			reached[job] = map[contact.Number]bool{}
		}
		reached[job][entry.To] = true
	}
	if l.t.Failed() {
		l.t.Logf("log:\n%s", l.log)
	}
	for job, contacts := range reached {
		if job != nil && len(contacts) > job.Size {
			l.t.Errorf("campaign %s reached %d contacts, %d were ordered", job.ID, len(contacts), job.Size)
		}
	}
}

// Ensure that whatever copy of the ledger is put back, whenever it was made and
// whatever happened since, nobody is dialled before a reconcile, which may be cut
// short anywhere, and nobody gets a step twice, after STOP or for two parties
// afterwards. HUSTINGS_RECONCILE_SEEDS says how many days are lost.
func TestDialer_Reconcile(t *testing.T) {
	seeds := uint64(8)
	if text := os.Getenv("HUSTINGS_RECONCILE_SEEDS"); text != "" {
		var err error
		if seeds, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("HUSTINGS_RECONCILE_SEEDS: %v", err)
		}
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { loseADay(t, seed) })
		})
	}
}

func loseADay(t *testing.T, seed uint64) {
	l := newLoss(t, seed)
	t.Cleanup(l.judgeLoss)
	kind := copyKinds[l.random.IntN(len(copyKinds))]
	l.accept(l.first)
	l.run()
	l.lived(l.random.IntN(12), "machine") // all that it says holds for the journal's copy, too
	yesterday := l.copy(kind, l.witness)
	l.lived(5+l.random.IntN(40), kind)
	t.Logf("figures: %s put back, %d messages lost", kind, l.lost(yesterday))

	l.putBack(yesterday, l.witness, l.random.IntN(2) == 0)
	l.run()
	l.await("the ledger's state is known", func() bool { return l.isHalted() || l.dialer().Trusted() })
	switch {
	case l.isHalted():
		l.mustRest()
		l.recover()
	case l.lost(yesterday) > 0 || kind == "backup":
		t.Error("the ledger is not recognised")
	}
	if l.ordered {
		if _, err := l.submit(l.order, l.second); err != nil {
			t.Fatal(err)
		}
	}
	l.awaitState(l.first.ID, "closed")
	if l.ordered {
		l.awaitState(l.second.ID, "closed")
	}
}

func newLoss(t *testing.T, seed uint64) *loss {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 77))
	l := &loss{random: random, witness: new(fakeWitness)}
	l.house = newHouse(t, plan{
		pool:   []int{0, 3}[rand.New(rand.NewPCG(seed, 78)).IntN(2)],
		people: 60 + random.IntN(90), speed: 600, inFlight: 1 + random.IntN(8), rate: []float64{0.01, 0.03, 0.1}[random.IntN(3)],
		steps: 2, places: []string{"FR-75", "FR-974", "FR-971"}, witness: l.witness,
	})
	script := moody(seed)
	l.carrier.answers(func(number int, request dialer.Request) reply {
		r := script(number, request)
		r.late = 0 // what is created an hour after the crash nobody can know of
		return r
	})
	l.first, l.second = l.job("first", "party-a"), l.job("second", "party-b")
	l.first.Size, l.second.Size = 500, 500
	for _, job := range []*dialer.Job{l.first, l.second} {
		job.Retry = dialer.JobRetry{Maximum: 1, After: dialer.Duration(30 * time.Hour), On: []string{"undelivered"}}
		job.Schedule.End = l.clock.Now().Add(5 * 24 * time.Hour)
		if random.IntN(2) == 0 {
			withVariants(job)
		}
	}
	return l
}

// recover reconciles, perhaps after tries that were cut short.
func (l *loss) recover() {
	l.t.Helper()
	over := false
	for tries := l.random.IntN(3); tries > 0 && !over; tries-- {
		if over = l.cutShort(); !over {
			l.await("the ledger's state is known", func() bool { return l.isHalted() || l.dialer().Trusted() })
			over = l.dialer().Trusted() // cut short behind its end
		}
	}
	if over {
		return
	}
	rehearsed := l.reconcile(dialer.ReconcileOrder{DryRun: true})
	done := l.reconcile(dialer.ReconcileOrder{})
	if !done.Released || l.isHalted() || done.Messages != done.Known+done.Marked+done.Foreign {
		l.t.Errorf("reconciled: %+v", done)
	}
	if rehearsed.Marked != done.Marked || rehearsed.Foreign != done.Foreign || rehearsed.Released {
		l.t.Errorf("reconciled %+v, but the dry run said %+v", done, rehearsed)
	}
	if again := l.reconcile(dialer.ReconcileOrder{Since: done.Since}); again.Marked+again.Foreign != 0 {
		l.t.Errorf("a second reconcile marks %d and finds %d foreign", again.Marked, again.Foreign)
	}
	text, _ := json.Marshal(done)
	l.t.Logf("%s", text)
}
