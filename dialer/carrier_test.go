package dialer_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// reply is what the fake carrier does with one request.
type reply struct {
	answer dialer.Answer
	// created tells that a message came to be, whatever the answer says.
	created bool
	// remembers is the status that the carrier's list shows.
	remembers dialer.CarrierStatus
	// takes is how long the answer takes; with hold it waits for that instead.
	takes time.Duration
	hold  <-chan struct{}
	// late is how long after the answer the message comes to be.
	late time.Duration
	// statuses are called back one after the other, each so long after the
	// last; with early the first one comes before the answer. Code and effect
	// come with each that is final.
	statuses []dialer.CarrierStatus
	every    time.Duration
	early    bool
	code     int
	effect   dialer.Effect
}

// delivered is what a carrier does on a good day.
func delivered() reply {
	return reply{
		answer: dialer.Answer{Kind: dialer.Accepted, HTTPStatus: 201}, created: true, takes: 20 * time.Millisecond,
		statuses: []dialer.CarrierStatus{dialer.StatusSent, dialer.StatusDelivered}, every: 500 * time.Millisecond,
	}
}

// accepted creates the message and never calls back.
func accepted() reply {
	return reply{answer: dialer.Answer{Kind: dialer.Accepted, HTTPStatus: 201}, created: true, takes: 20 * time.Millisecond}
}

// spoken is the reply as it is to a call: the same, in a call's words.
func (r reply) spoken() reply {
	r.statuses, r.remembers = slices.Clone(r.statuses), inCall(r.remembers)
	for i, status := range r.statuses {
		r.statuses[i] = inCall(status)
	}
	return r
}

func inCall(status dialer.CarrierStatus) dialer.CarrierStatus {
	switch status {
	case dialer.StatusSent:
		return dialer.StatusAnswered
	case dialer.StatusDelivered:
		return dialer.StatusCompleted
	case dialer.StatusUndelivered:
		return dialer.StatusNoAnswer
	default:
		return status
	}
}

func unclear(created bool) reply {
	return reply{answer: dialer.Answer{Kind: dialer.Unclear, HTTPStatus: 502}, created: created, takes: 20 * time.Millisecond}
}

// begun is one request as the carrier saw it: the judge's evidence.
type begun struct {
	dialer.Request
	at      time.Time
	number  int // 1 for the first request
	process int // which of the daemon's processes made it
	created bool
	// tick and overTick are its beginning and its end by the carrier's counter,
	// where it has one.
	tick, overTick uint64
	// disowned tells that the answer was that nothing is created.
	disowned bool
	record   *dialer.Record
}

// fakeCarrier answers as its script says and keeps its own log.
type fakeCarrier struct {
	// segmentPrice is what the carrier charges; 0 where it does not tell.
	segmentPrice dialer.Money
	clock        dialer.Clock
	status       func(context.Context, dialer.StatusUpdate) error

	// durable tells whether an attempt's intent is on disk; nil where nobody
	// asks.
	durable func(attempt uint64) bool
	// tick counts events for those who want to know their order; it may be nil.
	tick func() uint64
	// senders are the parties by the name that contacts see.
	senders map[string]string

	mu       sync.Mutex
	script   func(number int, request dialer.Request) reply
	log      []*begun
	process  int
	asked    bool      // for inbound texts, by this process
	halted   time.Time // since when, zero for not
	inFlight map[contact.Number]int
	records  map[contact.Number][]*dialer.Record
	wills    map[contact.Number]*will
	// faults are what no log may ever show, as it was seen when it happened.
	faults   []string
	canceled []string
	// hungUp and left are the calls that were ended, and those with a text left.
	hungUp, left []string
	inbound      []dialer.InboundText
	listed       []dialer.InboundText // what Inbound returned last
	finds        int
	failing      error // what Find and Inbound return
	hidden       bool
	// lag is how long it takes until messages and texts are in the lists.
	lag time.Duration

	callbacks sync.WaitGroup
	released  chan struct{} // ends what hangs
	closed    chan struct{}
}

func newFakeCarrier(clock dialer.Clock) *fakeCarrier {
	return &fakeCarrier{
		clock: clock, script: func(int, dialer.Request) reply { return delivered() }, inFlight: map[contact.Number]int{},
		records: map[contact.Number][]*dialer.Record{}, wills: map[contact.Number]*will{}, closed: make(chan struct{}),
		released: make(chan struct{}), senders: map[string]string{},
	}
}

// begin notes that another process of the daemon's begins.
func (c *fakeCarrier) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process, c.asked = c.process+1, false
}

// answers sets what becomes of requests.
func (c *fakeCarrier) answers(script func(number int, request dialer.Request) reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = script
}

// always makes every request end the same.
func (c *fakeCarrier) always(r reply) {
	c.answers(func(int, dialer.Request) reply { return r })
}

// Place is one request from beginning to end.
func (c *fakeCarrier) Place(_ context.Context, request dialer.Request) dialer.Answer {
	c.mu.Lock()
	entry := &begun{Request: request, at: c.clock.Now(), number: len(c.log) + 1, process: c.process}
	if c.tick != nil {
		entry.tick = c.tick()
	}
	c.log = append(c.log, entry)
	c.judgeBegin(entry)
	c.inFlight[request.To]++
	script := c.script
	c.mu.Unlock()

	r := script(entry.number, request)
	entry.record = &dialer.Record{
		SID: fmt.Sprintf("SM%06d", entry.number), From: request.From, Body: request.Body, CreatedAt: entry.at,
		Status: max(dialer.StatusQueued, r.remembers),
	}
	if request.IsCall() { // nobody remembers what was said
		entry.record.SID, entry.record.Body, entry.record.Call = fmt.Sprintf("CA%06d", entry.number), "", true
		r = r.spoken()
		entry.record.Status = max(dialer.StatusQueued, r.remembers)
	}
	if r.created && r.late == 0 {
		c.create(entry)
	}
	if r.answer.Kind == dialer.Accepted {
		r.answer.SID = entry.record.SID
	}
	if r.early && len(r.statuses) > 0 {
		c.callBack(entry, r, r.statuses[0])
		r.statuses = r.statuses[1:]
	}
	c.wait(r)
	c.mu.Lock()
	c.inFlight[request.To]--
	if c.tick != nil {
		entry.overTick = c.tick()
	}
	entry.disowned = r.answer.Kind == dialer.Refused || r.answer.Kind == dialer.Withdrawn
	c.mu.Unlock()
	c.callbacks.Go(func() { c.callBackLater(entry, r) })
	return r.answer
}

// create makes the message come to be.
func (c *fakeCarrier) create(entry *begun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry.created, entry.record.CreatedAt = true, c.clock.Now()
	c.records[entry.To] = append(c.records[entry.To], entry.record)
}

func (c *fakeCarrier) wait(r reply) {
	c.mu.Lock()
	released := c.released
	c.mu.Unlock()
	hold := r.hold
	var timer <-chan time.Time
	if hold == nil {
		timer = time.After(r.takes)
	}
	select {
	case <-hold:
	case <-timer:
	case <-released:
	case <-c.closed:
	}
}

func (c *fakeCarrier) callBackLater(entry *begun, r reply) {
	if r.late > 0 {
		select {
		case <-time.After(r.late):
			c.create(entry)
		case <-c.closed:
			return
		}
	}
	for _, status := range r.statuses {
		select {
		case <-time.After(r.every):
			c.callBack(entry, r, status)
		case <-c.closed:
			return
		}
	}
}

func (c *fakeCarrier) callBack(entry *begun, r reply, status dialer.CarrierStatus) {
	update := dialer.StatusUpdate{Attempt: entry.Attempt, SID: entry.record.SID, Status: status}
	if status.Final() {
		update.Code, update.Effect = r.code, r.effect
	}
	c.mu.Lock()
	if merged := entry.record.Status.Merge(status); merged != entry.record.Status || merged == status {
		entry.record.Status, entry.record.Code, entry.record.Effect = merged, update.Code, update.Effect
	}
	c.mu.Unlock()
	// A callback that nobody takes is lost, as it is with a dead daemon.
	_ = c.status(context.Background(), update)
}

// Cancel notes that a message should not be sent.
func (c *fakeCarrier) Cancel(_ context.Context, sid string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled = append(c.canceled, sid)
	return nil
}

// HangUp and Leave note what is done with a call that a machine has answered.
func (c *fakeCarrier) HangUp(_ context.Context, sid string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hungUp = append(c.hungUp, sid)
	return nil
}

func (c *fakeCarrier) Leave(_ context.Context, sid string, script *dialer.Script) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, sid+": "+script.Voicemail)
	return nil
}

// Find lists what the carrier created for a number.
func (c *fakeCarrier) Find(_ context.Context, _ contact.Channel, to contact.Number, since time.Time) ([]dialer.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finds++
	if c.failing != nil {
		return nil, c.failing
	}
	var found []dialer.Record
	for _, record := range c.records[to] {
		if !c.hidden && !record.CreatedAt.Before(since) && c.visible(record.CreatedAt) {
			found = append(found, *record)
		}
	}
	return found, nil
}

// Inbound lists the texts that contacts have sent.
func (c *fakeCarrier) Inbound(_ context.Context, since time.Time) ([]dialer.InboundText, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failing != nil {
		return nil, c.failing
	}
	c.listed, c.asked = nil, true
	for _, text := range c.inbound {
		if !text.ReceivedAt.Before(since) && c.visible(text.ReceivedAt) {
			c.listed = append(c.listed, text)
		}
	}
	return slices.Clone(c.listed), nil
}

// visible tells whether what came at that instant is in the lists. Caller holds
// mu.
func (c *fakeCarrier) visible(at time.Time) bool { return !at.After(c.clock.Now().Add(-c.lag)) }

// fail makes the carrier's lists fail, or work again.
func (c *fakeCarrier) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing = err
}

// release ends the requests that hang.
func (c *fakeCarrier) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.released)
	c.released = make(chan struct{})
}

// receive keeps a text that a contact sent, with no callback for it.
func (c *fakeCarrier) receive(text dialer.InboundText) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inbound = append(c.inbound, text)
}

// requests returns a copy of the log.
func (c *fakeCarrier) requests() []begun {
	c.mu.Lock()
	defer c.mu.Unlock()
	log := make([]begun, len(c.log))
	for i, entry := range c.log {
		log[i] = *entry
	}
	return log
}

// began returns how many requests have begun.
func (c *fakeCarrier) began() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.log)
}

// looked returns how many times Find was asked, and cancels which messages
// should not be sent.
func (c *fakeCarrier) looked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.finds
}

func (c *fakeCarrier) cancels() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.canceled)
}

// hide makes the carrier's list empty, as it is before a message shows up there.
func (c *fakeCarrier) hide(hidden bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hidden = hidden
}

// delay makes the lists lag behind.
func (c *fakeCarrier) delay(lag time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lag = lag
}

// becomes gives the message its status, unless it has a final one.
func (c *fakeCarrier) becomes(sid string, status dialer.CarrierStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, records := range c.records {
		for _, record := range records {
			if record.SID == sid && !record.Status.Final() {
				record.Status = status
			}
		}
	}
}

// remember changes the status of every message in the carrier's list.
func (c *fakeCarrier) remember(status dialer.CarrierStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, records := range c.records {
		for _, record := range records {
			record.Status = status
		}
	}
}
