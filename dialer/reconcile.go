package dialer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// Reconcile brings a ledger that was put back from a copy level with what really
// happened. Only the carrier still knows that: it remembers every message that
// our senders have sent, and every text that came in. So this is the one station
// that lies beside the path and goes along it backwards, from the message to the
// attempt that must have been there:
//
//	inbound texts -> objections take effect, before anything else
//	messages      -> known      an attempt stands for it: its status is entered
//	              -> marked     a recipient was still to be tried: the attempt is
//	                            entered as made, step by step
//	              -> foreign    no recipient fits: the contact keeps a row for the
//	                            text (foreign.go), in history and claims, too
//	release       -> a new life begins, and dialling goes on
//
// What neither the copy nor the carrier knows is lost: orders that operators gave
// since, lists that were imported, and jobs. So is a message that the carrier does
// not list, or lists much later than it was made. A campaign whose job is lost has to be submitted again;
// those who got its text already are then excluded at planning, and count as
// part of what was ordered.
//
// A message is told by its name, so that a reconcile can be cut short anywhere
// and begun again: what was marked before is known.

// ReconcileOrder is what an operator asks for.
type ReconcileOrder struct {
	// Since is the instant from which on the carrier is asked; zero leaves that to
	// what is known of the copy.
	Since    time.Time
	Operator string
	// DryRun tells what would be marked, and changes nothing.
	DryRun bool
	// Progress, if set, is told how far the work is.
	Progress func(ReconcileProgress)
}

// ReconcileProgress says how far a reconcile is.
type ReconcileProgress struct {
	// Phase is "waiting", "hearing", "listing" or "marking".
	Phase string `json:"phase"`
	// Done counts seconds, texts or messages; Total is 0 where nobody can know it.
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
}

// Reconciled is what came of a reconcile.
type Reconciled struct {
	Since time.Time `json:"since"`
	// Why says how the ledger was recognised as a restored one, empty where it is
	// none.
	Why    string `json:"why,omitempty"`
	DryRun bool   `json:"dry_run"`
	// Released tells that dialling may go on.
	Released bool `json:"released"`
	// Messages are those of our senders since then: known, marked or foreign.
	Messages uint64 `json:"messages"`
	Known    uint64 `json:"known"`
	Marked   uint64 `json:"marked"`
	Foreign  uint64 `json:"foreign"`
	// Texts came in since then, and so many of them were opt-outs. Refusals are
	// opt-outs that the carrier tells by refusing a message.
	Texts    uint64 `json:"texts"`
	OptOuts  uint64 `json:"opt_outs"`
	Refusals uint64 `json:"refusals"`
	// Campaigns are those of the ledger that messages were found for, Unknown the
	// texts of which it has no campaign.
	Campaigns []ReconciledCampaign `json:"campaigns,omitempty"`
	Unknown   []UnknownText        `json:"unknown,omitempty"`
}

// ReconciledCampaign is a campaign as the carrier's messages have changed it.
type ReconciledCampaign struct {
	Campaign string `json:"campaign"`
	Marked   uint64 `json:"marked"`
	Foreign  uint64 `json:"foreign"`
	// Change says what a message has made of the campaign, if anything.
	Change string `json:"change,omitempty"`
}

// UnknownText is a text of one of our senders that no campaign has.
type UnknownText struct {
	Sender   string `json:"sender"`
	Begins   string `json:"begins"`
	Messages uint64 `json:"messages"`
	// First and Last are when the first and the last message were created.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Why a reconcile is refused.
var (
	ErrReconciling = errors.New("another reconcile is under way")
	ErrNoOperator  = errors.New("no operator is named")
	ErrSince       = errors.New("nothing can be reconciled since then")
)

// Reconcile does as ordered. An error leaves the ledger halted if it was, with
// what was marked so far; whoever asks again goes on from there. One that wraps
// neither of the refusals nor the context's error means that the carrier could
// not be asked or that the ledger has failed.
func (d *Dialer) Reconcile(ctx context.Context, order ReconcileOrder) (*Reconciled, error) {
	if _, known := d.registry.Operator(order.Operator); !known {
		return nil, fmt.Errorf("%w: %q is not in the registry", ErrNoOperator, order.Operator)
	}
	if !d.reconciling.TryLock() {
		return nil, ErrReconciling
	}
	defer d.reconciling.Unlock()
	r := &reconciliation{dialer: d, order: order, began: d.clock.Now(), byKey: map[textKey]int32{}}
	for _, step := range []func(context.Context) error{r.begin, r.await, r.hear, r.list, r.heed, r.mark, r.settle, r.release} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("reconcile: %w", err)
		}
	}
	return r.conclude(), nil
}

// reconciliation is one reconcile at work.
type reconciliation struct {
	dialer   *Dialer
	order    ReconcileOrder
	restored *Restoration
	began    time.Time
	// since is from when on messages are listed, heardSince inbound texts.
	since, heardSince time.Time

	// campaigns are those of the ledger: none that comes later dials meanwhile.
	campaigns []*campaignRecord
	texts     []carrierText
	byKey     map[textKey]int32
	messages  []sentMessage
	// held are the campaigns that a message's error code asks to hold, and why.
	held map[uint32]int
	// changes says by campaign what was made of it.
	changes map[string]string
	result  Reconciled
}

func (r *reconciliation) tell(phase string, done, total uint64) {
	if r.order.Progress != nil {
		r.order.Progress(ReconcileProgress{phase, done, total})
	}
}

// pollsEnd is how long the outcome of an attempt may be looked for.
const pollsEnd = 6 * time.Hour

// begin decides since when the carrier is asked. Attempts of the copy that were
// open are listed along: a later message to the same contact is then the proof
// that they ended.
func (r *reconciliation) begin(context.Context) error {
	var known, heard, open time.Time
	err := r.dialer.ledger.View(func(tx Tx) error {
		b := books{tx}
		r.restored, known = b.restoration(), b.lastKnown()
		heard = instant(int64(b.number(watermarkInbound)))
		if a := b.oldestOpen(); a != nil {
			open = a.intended.Add(-clockSlack)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read how far the ledger goes: %w", err)
	}
	if r.restored != nil {
		known, r.result.Why = r.restored.Since, r.restored.Why
	}
	if r.since, err = r.firstInstant(known); err != nil {
		return err
	}
	r.result.Since, r.result.DryRun = r.since, r.order.DryRun
	r.heardSince = r.since
	if !heard.IsZero() && heard.Before(r.since) {
		r.heardSince = heard
	}
	if earliest := r.since.Add(-pollsEnd); !open.IsZero() && open.Before(r.since) {
		r.since = earliest
		if open.After(earliest) {
			r.since = open
		}
	}
	return nil
}

// oldestOpen returns the first attempt without an outcome, nil for none.
func (b books) oldestOpen() *attemptRecord {
	for key := range b.Rows(BucketOpen, nil) {
		if a := b.attempt(binary.BigEndian.Uint64(key)); a != nil {
			return a
		}
	}
	return nil
}

// firstInstant is since when the carrier is asked: as ordered, or as the ledger
// needs. Later than that would leave messages out; earlier than the carrier's
// copies reach would take silence for an answer.
func (r *reconciliation) firstInstant(needed time.Time) (time.Time, error) {
	since, keep := r.order.Since, r.dialer.keep
	if since.IsZero() {
		since = needed
	}
	switch oldest := r.began.Add(-keep); {
	case since.After(r.began):
		return since, fmt.Errorf("%w: %s has not come yet", ErrSince, since.UTC().Format(time.RFC3339))
	case r.restored != nil && !needed.IsZero() && since.After(needed):
		return since, fmt.Errorf("%w: what was sent between %s and %s would stay unknown", ErrSince,
			needed.UTC().Format(time.RFC3339), since.UTC().Format(time.RFC3339))
	case since.IsZero() && keep > 0:
		return oldest, nil // the ledger knows of nothing: all that there is
	case since.IsZero():
		return time.Unix(0, 0), nil
	case keep > 0 && since.Before(oldest):
		return since, fmt.Errorf("%w: the carrier's copies from before %s were deleted, so that nobody can say what was sent after %s",
			ErrSince, oldest.UTC().Format(time.RFC3339), since.UTC().Format(time.RFC3339))
	}
	return since, nil
}

// listSettles is how long after the start, in the campaigns' time, the carrier's
// list is believed: a request that was on its way when its daemon died may still
// become a message, and be listed a while later.
const listSettles = 5 * time.Minute

// await lets the carrier's list settle.
func (r *reconciliation) await(ctx context.Context) error {
	d := r.dialer
	if r.restored == nil || r.order.DryRun {
		return nil
	}
	for {
		left := d.began().Add(listSettles).Sub(d.clock.Now())
		if left <= 0 {
			r.began = d.clock.Now()
			return nil
		}
		r.tell("waiting", uint64((listSettles-left)/time.Second), uint64(listSettles/time.Second))
		timer := time.NewTimer(min(d.real(left), housekeeping))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// hear takes in the texts that contacts have sent since.
func (r *reconciliation) hear(ctx context.Context) error {
	r.tell("hearing", 0, 0)
	texts, err := r.dialer.records.Inbound(ctx, r.heardSince.Add(-listLag))
	if err != nil {
		return fmt.Errorf("list inbound texts at the carrier: %w", err)
	}
	r.result.Texts = uint64(len(texts))
	for i, text := range texts {
		if text.CarrierStopped || r.dialer.optsOut(text.Body) {
			r.result.OptOuts++
		}
		if !r.order.DryRun {
			if _, err := r.dialer.Inbound(ctx, text); err != nil {
				return err
			}
		}
		r.tell("hearing", uint64(i+1), r.result.Texts)
	}
	return nil
}

// sentMessage is what is kept of one message while all are sorted: a day of a
// large broker's is some millions.
type sentMessage struct {
	id      contact.ID
	sid     string
	text    int32
	status  CarrierStatus
	effect  Effect
	code    int
	created time.Time
}

// list fetches the messages since, and puts each contact's together, the oldest
// first.
func (r *reconciliation) list(ctx context.Context) error {
	since := r.since.Truncate(time.Second)
	for page, err := range r.dialer.records.Outbound(ctx, since) {
		if err != nil {
			return fmt.Errorf("list our messages at the carrier: %w", err)
		}
		for _, record := range page {
			if _, ours := r.dialer.registry.Sender(record.From); ours && !record.CreatedAt.Before(since) {
				r.messages = append(r.messages, sentMessage{
					id: r.dialer.identify(record.To), sid: strings.Clone(record.SID), text: r.textOf(&record),
					status: record.Status, effect: record.Effect, code: record.Code, created: record.CreatedAt,
				})
			}
		}
		r.tell("listing", uint64(len(r.messages)), 0)
	}
	slices.SortFunc(r.messages, func(a, b sentMessage) int {
		return cmp.Or(bytes.Compare(a.id[:], b.id[:]), a.created.Compare(b.created), strings.Compare(a.sid, b.sid))
	})
	r.messages = slices.CompactFunc(r.messages, func(a, b sentMessage) bool { return a.sid == b.sid })
	r.result.Messages = uint64(len(r.messages))
	return r.dialer.ledger.View(r.findCampaigns)
}

// heed enters the objections that the carrier tells by refusing a message.
func (r *reconciliation) heed(ctx context.Context) error {
	for i := range r.messages {
		m := &r.messages[i]
		if m.effect != EffectObjection {
			continue
		}
		r.result.Refusals++
		if r.order.DryRun {
			continue
		}
		if _, err := r.dialer.Object(ctx, ObjectionFrom(m.id, "carrier", m.created)); err != nil {
			return err
		}
	}
	return nil
}

// reconcileChunk is how many messages are marked in one transaction: objections
// wait no longer than that.
const reconcileChunk = 100

// mark goes through the messages, some contacts at a time.
func (r *reconciliation) mark(ctx context.Context) error {
	for rest := r.messages; len(rest) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(reconcileChunk, len(rest))
		for n < len(rest) && rest[n].id == rest[n-1].id {
			n++ // one contact's messages are marked together
		}
		move := newReconcileMove(r, rest[:n])
		var err error
		if r.order.DryRun {
			err = r.dialer.ledger.View(rehearsed(move))
		} else {
			err = r.dialer.ledger.Commit(ctx, move)
		}
		if err != nil {
			return fmt.Errorf("mark messages: %w", err)
		}
		r.add(move)
		rest = rest[n:]
		r.tell("marking", r.result.Messages-uint64(len(rest)), r.result.Messages)
	}
	return nil
}

// settle does to campaigns what must have been done to them: one whose messages
// the carrier has filtered is held, one whose report is out dials nobody more.
func (r *reconciliation) settle(ctx context.Context) error {
	r.changes = map[string]string{}
	var list []tended
	reported := map[uint32]bool{}
	err := r.dialer.ledger.View(func(tx Tx) error {
		b := books{tx}
		for record := range b.records() {
			list = append(list, tended{record, b.balance(record.Number)})
			reported[record.Number] = b.Get(BucketReport, []byte(record.Job.ID)) != nil
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the campaigns: %w", err)
	}
	for _, t := range list {
		code, held := r.held[t.record.Number]
		move := &stateMove{number: t.record.Number, audited: true, at: r.dialer.clock.Now()}
		switch {
		case isTest(t.record.Number) && !t.balance.State.ends():
			move.from, move.to, move.ending = []CampaignState{t.balance.State}, CampaignClosing, EndingCancelled
			move.detail = "ended: its messages may have been sent before the ledger was put back"
		case reported[t.record.Number] && !t.balance.State.ends():
			move.from, move.to, move.ending = []CampaignState{t.balance.State}, CampaignClosing, EndingCancelled
			move.detail = "ended: its report was released before the ledger was put back"
		case held && slices.Contains(livelyStates, t.balance.State):
			move.from, move.to, move.hold = livelyStates, CampaignHeld, HoldRefused
			move.detail = fmt.Sprintf("the carrier refuses the campaign or its sender: code %d", code)
		default:
			continue
		}
		if err := r.change(ctx, t, move); err != nil {
			return fmt.Errorf("change campaign %s: %w", t.record.Job.ID, err)
		}
	}
	return nil
}

func (r *reconciliation) change(ctx context.Context, t tended, move *stateMove) error {
	r.changes[t.record.Job.ID] = move.to.String()
	if r.order.DryRun {
		return nil
	}
	if t.balance.State == CampaignAccepted {
		if err := r.dialer.wipe(ctx, &campaign{number: t.record.Number, mask: t.record.Mask, job: &t.record.Job}); err != nil {
			return err
		}
	}
	return r.dialer.ledger.Commit(ctx, move)
}

// release begins a new life of the ledger and lets dialling go on.
func (r *reconciliation) release(ctx context.Context) error {
	if r.order.DryRun {
		return nil
	}
	d := r.dialer
	d.marking.Lock()
	defer d.marking.Unlock()
	move := &releaseMove{order: &r.order, result: &r.result, born: r.began, at: d.clock.Now()}
	_, _ = rand.Read(move.drawn[:]) // never fails (crypto/rand)
	if d.witness != nil {
		last, err := d.witness.Last()
		if err != nil && !errors.Is(err, ErrMarkDamaged) {
			return fmt.Errorf("read the ledger's mark: %w", err)
		}
		move.previous = last.Life
	}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("begin a new life of the ledger: %w", err)
	}
	d.log.Warn().Str(FieldEvent, EventReconciled).Str(FieldOperator, r.order.Operator).Time(FieldSince, r.since).
		Uint64(FieldCount, r.result.Messages).Uint64("marked", r.result.Marked).Uint64("foreign", r.result.Foreign).Send()
	if move.begun != (Mark{}) {
		d.keepMark(move.begun)
		r.result.Released = true
		d.trusted.Store(true)
		d.Halt(HaltRestored, false)
	}
	d.wake()
	return nil
}

// releaseMove ends what made the ledger a restored one. On any other ledger it
// only notes that a reconcile was made.
type releaseMove struct {
	order    *ReconcileOrder
	result   *Reconciled
	drawn    [16]byte
	previous [16]byte
	born, at time.Time

	begun Mark
}

// Apply begins the new life.
func (m *releaseMove) Apply(tx Tx) {
	b := books{tx}
	b.audit(auditControl, fmt.Appendf(nil, "%s reconciled since %s by %s: %d messages, %d marked, %d foreign, %d opt-outs",
		m.at.UTC().Format(time.RFC3339Nano), m.result.Since.UTC().Format(time.RFC3339), m.order.Operator,
		m.result.Messages, m.result.Marked, m.result.Foreign, m.result.OptOuts+m.result.Refusals))
	if b.restoration() == nil {
		return
	}
	b.Delete(BucketMeta, []byte(metaRestored))
	b.Delete(BucketMeta, []byte(MetaBackup))
	m.begun = Mark{m.drawn, 1}
	b.putLife(life{Mark: m.begun, previous: m.previous, born: m.born})
}

// conclude adds up what was found, by campaign and by text.
func (r *reconciliation) conclude() *Reconciled {
	by := map[string]*ReconciledCampaign{}
	of := func(name string) *ReconciledCampaign {
		if by[name] == nil {
			by[name] = &ReconciledCampaign{Campaign: name, Change: r.changes[name]}
		}
		return by[name]
	}
	for i := range r.texts {
		t := &r.texts[i]
		for _, c := range t.campaigns {
			if n := t.marked[c.Number]; n > 0 {
				of(c.Job.ID).Marked += n
			}
		}
		switch {
		case t.foreign == 0:
		case len(t.campaigns) > 0:
			of(t.campaigns[0].Job.ID).Foreign += t.foreign
		default:
			r.result.Unknown = append(r.result.Unknown, UnknownText{t.sender, t.begins, t.foreign, t.first, t.last})
		}
	}
	for name := range r.changes {
		of(name)
	}
	for _, c := range by {
		r.result.Campaigns = append(r.result.Campaigns, *c)
	}
	slices.SortFunc(r.result.Campaigns, func(a, b ReconciledCampaign) int { return strings.Compare(a.Campaign, b.Campaign) })
	slices.SortFunc(r.result.Unknown, func(a, b UnknownText) int { return a.First.Compare(b.First) })
	return &r.result
}
