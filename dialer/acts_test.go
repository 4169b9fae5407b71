package dialer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// acts are all that can happen in a world, each with its share of what does.
var acts = []struct {
	share int
	do    func(*world)
}{
	{12, (*world).order},
	{2, (*world).orderAgain},
	{3, func(w *world) { w.object("operator", 0, w.someone()) }},
	{1, (*world).objectInBulk},
	{3, func(w *world) { w.write(w.someone(), w.stopText(), false, false) }},
	{2, func(w *world) { w.write(w.someone(), w.stopText(), true, false) }},
	{1, func(w *world) { w.write(w.someone(), "no me moleste", false, true) }}, // the carrier took it for a STOP
	{1, func(w *world) { w.write(w.someone(), "je vais stop ou encore", false, false) }},
	{2, func(w *world) { w.write(w.someone(), "START", w.random.IntN(2) == 0, false) }},
	{20, (*world).grant},
	{5, func(w *world) { w.tell(pause) }},
	{12, func(w *world) { w.tell(goOn) }},
	{1, func(w *world) { w.tell(cancel) }},
	{2, func(w *world) { w.halt(true) }},
	{14, func(w *world) { w.halt(false) }},
	{4, func(w *world) { w.down(0) }},
	{1, func(w *world) { w.down(w.within(20 * time.Second)) }},
	{5, func(w *world) { w.crash(0) }},
	{2, func(w *world) { w.crash(w.within(40 * time.Second)) }},
	{4, func(w *world) { w.ledger.breakAt(w.random.Int64N(30), w.random.IntN(2) == 0) }},
	{9, func(w *world) { w.carrier.answers(moody(w.random.Uint64())) }},
	{1, func(w *world) { w.carrier.always(dead(0)) }},
	{1, func(w *world) { w.carrier.always(unclear(w.random.IntN(2) == 0)) }},
	{3, func(w *world) { w.carrier.fail(errors.New("no list")) }},
	{14, func(w *world) { w.carrier.fail(nil) }},
	{3, func(w *world) { w.carrier.delay(w.within(20 * time.Minute)) }},
	{4, func(w *world) { w.carrier.delay(0) }},
	{2, (*world).ask},
	{2, func(w *world) { w.press(w.someone()) }},
}

func (w *world) act() {
	total := 0
	for _, a := range acts {
		total += a.share
	}
	at := w.random.IntN(total)
	for _, a := range acts {
		if at -= a.share; at < 0 {
			a.do(w)
			return
		}
	}
}

func (w *world) someone() *person { return w.directory.people[w.random.IntN(len(w.directory.people))] }

func (w *world) stopText() string { return stopTexts[w.random.IntN(len(stopTexts))] }

// within is a part of the span.
func (w *world) within(span time.Duration) time.Duration {
	return time.Duration(w.random.Int64N(int64(span)))
}

// tell gives one of the latest campaigns an order, whatever state it is in.
func (w *world) tell(order order) {
	if n := len(w.jobs); n > 0 {
		_ = order(w.house, w.jobs[n-1-w.random.IntN(min(n, 4))].ID)
	}
}

// goOn lets a campaign go on, whatever it waits for.
func goOn(h *house, campaign string) error {
	return errors.Join(resume(h, campaign), release(h, campaign))
}

// halt puts the stop file there, or takes it away.
func (w *world) halt(halted bool) {
	w.halted = halted
	if !halted {
		w.carrier.stopped(false)
	}
	w.dialer().Halt(dialer.HaltStopFile, halted)
	if halted {
		w.carrier.stopped(true)
	}
}

// ask asks what operators ask, which must change nothing.
func (w *world) ask() {
	_, _ = w.dialer().List()
	_, _ = w.dialer().ReportsDue()
	if len(w.jobs) > 0 {
		job := *w.jobs[0]
		job.ID = "dry-run"
		_, _ = w.dialer().Estimate(context.Background(), &job)
	}
}

// insist tries again as people and carriers do, for half a minute.
func (w *world) insist(try func(*dialer.Dialer) error, done func()) {
	w.crowd.Go(func() {
		for range 5 {
			if try(w.dialer()) == nil {
				done()
				return
			}
			w.pass(7 * time.Second)
		}
	})
}

// object lets people object, so long ago, and has the judge know once that was
// acknowledged, whatever was promised: no request begins any more.
func (w *world) object(way string, ago time.Duration, people ...*person) {
	at := w.clock.Now().Add(-ago)
	objections := make([]dialer.Objection, len(people))
	for i, p := range people {
		objections[i] = dialer.ObjectionFrom(p.ID, way, at)
		if w.random.IntN(4) == 0 { // binds the broker all the same
			objections[i].Party, objections[i].Channel = "party-b", contact.SMS
		}
	}
	w.insist(func(d *dialer.Dialer) error {
		_, err := d.Object(context.Background(), objections...)
		return err
	}, func() {
		for _, p := range people {
			w.objected(p, at)
		}
	})
}

func (w *world) objected(p *person, at time.Time) {
	w.carrier.objected(p.number, at)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.objections++
}

// press has a contact ring back and press the digit that objects.
func (w *world) press(p *person) {
	if !w.plan.voice {
		return
	}
	at := w.clock.Now()
	key := dialer.Keypress{From: p.number, SID: fmt.Sprintf("CAB%06d", w.random.IntN(1_000_000)), Digits: dialer.ObjectDigit}
	w.insist(func(d *dialer.Dialer) error {
		_, err := d.Pressed(context.Background(), key)
		return err
	}, func() { w.objected(p, at) })
}

func (w *world) objectInBulk() {
	var people []*person
	for range 2 + w.random.IntN(5) {
		if p := w.someone(); !slices.Contains(people, p) {
			people = append(people, p)
		}
	}
	w.object("list", w.within(96*time.Hour), people...)
}

// write has a contact write a text. The carrier keeps it in any case; lost, it
// calls nobody back.
func (w *world) write(p *person, body string, lost, stopped bool) {
	w.texts++
	text := dialer.InboundText{
		SID: fmt.Sprintf("SMT%06d", w.texts), From: p.number, To: "36111", Body: body, ReceivedAt: w.clock.Now(), CarrierStopped: stopped,
	}
	w.carrier.receive(text)
	if lost {
		return
	}
	again := w.random.IntN(4) == 0
	w.insist(func(d *dialer.Dialer) error {
		_, err := d.Inbound(context.Background(), text)
		if err == nil && again {
			again = false
			_, err = d.Inbound(context.Background(), text)
		}
		return err
	}, func() {
		if stopped || slices.Contains(stopTexts, body) {
			w.objected(p, text.ReceivedAt)
		}
	})
}

// grant has a contact consent anew, or an older consent be imported.
func (w *world) grant() {
	p, party, at := w.someone(), w.plan.parties[w.random.IntN(len(w.plan.parties))], w.clock.Now()
	if w.random.IntN(4) == 0 {
		at = at.Add(-w.within(72 * time.Hour))
	}
	w.carrier.granted(p.number, party, at)
	_ = w.ledger.Commit(context.Background(), &dialer.RecordGrants{Grants: w.grantsOf(p.ID, party, at)})
}

// order has a party order a campaign.
func (w *world) order() {
	if w.toOrder == 0 {
		return
	}
	w.toOrder--
	order := w.job
	if w.plan.voice && w.random.IntN(2) == 0 {
		order = w.call
	}
	job := order(fmt.Sprintf("order-%d", len(w.jobs)), w.plan.parties[w.random.IntN(len(w.plan.parties))])
	job.Round = []string{"FR-PRES-2027-R1", "FR-PRES-2027-R2"}[w.random.IntN(2)]
	begins := w.clock.Now()
	if w.random.IntN(3) == 0 {
		begins = begins.Add(w.within(48 * time.Hour))
		job.Schedule.Start = begins
	}
	job.Schedule.End = begins.Add(12*time.Hour + w.within(8*24*time.Hour))
	if bands := w.registry.Attributes[1]; w.random.IntN(2) == 0 {
		from := w.random.IntN(len(bands.Values))
		job.Segment = dialer.Segment{bands.Name: bands.Values[from : from+1+w.random.IntN(len(bands.Values)-from)]}
	}
	if w.random.IntN(4) == 0 {
		job.Message.Body += " " + string(slices.Repeat([]byte("x"), w.random.IntN(300)))
	}
	if w.random.IntN(4) == 0 {
		withVariants(job)
	}
	if w.random.IntN(3) == 0 {
		texts := bodies(job)
		price := w.registry.Tariff.Segment * dialer.Money(dialer.MeasureText(texts[len(texts)-1]).Segments)
		if job.Call != nil {
			price = 2 * w.registry.Tariff.Minute // ninety seconds
		}
		job.Budget = price * dialer.Money(2+w.random.IntN(30))
	}
	if len(w.jobs)%3 == 1 {
		trial := 1 + len(w.jobs)
		job.Trial = &trial
	}
	if w.random.IntN(2) == 0 {
		job.Retry = dialer.JobRetry{
			Maximum: 1 + w.random.IntN(2), After: dialer.Duration(time.Minute + w.within(30*time.Hour)),
			On: [][]string{{"undelivered"}, {"failed"}, {"undelivered", "failed"}}[w.random.IntN(3)],
		}
		if job.Call != nil {
			job.Retry.After += dialer.Duration(time.Hour)
			job.Retry.On = [][]string{{"no_answer"}, {"failed"}, {"no_answer", "busy", "failed"}}[w.random.IntN(3)]
		}
	}
	if rejection := w.submitted(job); rejection != nil {
		w.t.Errorf("campaign %s was rejected: %v", job.ID, rejection.Faults)
		return
	}
	w.jobs = append(w.jobs, job)
}

// orderAgain hands a job in twice, which changes nothing, or another one under
// its name, which is rejected.
func (w *world) orderAgain() {
	if len(w.jobs) == 0 {
		return
	}
	job := *w.jobs[w.random.IntN(len(w.jobs))]
	other := w.random.IntN(2) == 0
	if other {
		job.Budget++
	}
	if rejection := w.submitted(&job); (rejection != nil) != other {
		w.t.Errorf("campaign %s again: %+v", job.ID, rejection)
	}
}

// submitted hands a job in until somebody answers, as the queue does.
func (w *world) submitted(job *dialer.Job) *dialer.Rejection {
	w.house.order++
	for {
		rejection, err := w.submit(w.house.order, job)
		if err == nil {
			return rejection
		}
		w.crash(0)
	}
}
