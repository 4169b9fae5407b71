package dialer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
)

// The judge knows what the carrier saw, what contacts have said, and the law as
// it stands in law_test.go. It uses nothing of the code that it judges.

// will is what a contact has said, as far as it was answered.
type will struct {
	// objected is the last objection that was acknowledged.
	objected time.Time
	// granted is the last grant for each party. One that is on its way counts:
	// it may be entered already.
	granted map[string]time.Time
}

func (w *will) forbids(party string) bool {
	return w != nil && !w.objected.IsZero() && !w.granted[party].After(w.objected)
}

func (c *fakeCarrier) will(number contact.Number) *will {
	if c.wills[number] == nil {
		c.wills[number] = &will{granted: map[string]time.Time{}}
	}
	return c.wills[number]
}

// forbid makes every later request to the number a fault: its objection of just
// now was acknowledged.
func (c *fakeCarrier) forbid(number contact.Number) { c.objected(number, c.clock.Now()) }

// objected notes that an objection which was made at an instant holds from now
// on.
func (c *fakeCarrier) objected(number contact.Number, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.will(number); at.After(w.objected) {
		w.objected = at
	}
}

// stopTexts are texts that every one takes for an objection.
var stopTexts = []string{"STOP", "stop svp", "Arrêt", "Désabo", "ne me contactez plus"}

// heard notes that what was listed last has been taken in.
func (c *fakeCarrier) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.obey(c.listed)
}

// held notes that dialling begins after a gap: by then all must have been taken
// in that the carrier holds for us.
func (c *fakeCarrier) held() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.obey(slices.DeleteFunc(slices.Clone(c.inbound), func(text dialer.InboundText) bool { return !c.visible(text.ReceivedAt) }))
}

// obey takes texts for the objections that they are. Caller holds mu.
func (c *fakeCarrier) obey(texts []dialer.InboundText) {
	for _, text := range texts {
		if w := c.will(text.From); slices.Contains(stopTexts, text.Body) && text.ReceivedAt.After(w.objected) {
			w.objected = text.ReceivedAt
		}
	}
}

// stopped notes that the stop file is there, or is gone.
func (c *fakeCarrier) stopped(halted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !halted:
		c.halted = time.Time{}
	case c.halted.IsZero():
		c.halted = c.clock.Now()
	}
}

// granted notes that a contact grants a party anew.
func (c *fakeCarrier) granted(number contact.Number, party string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.will(number); at.After(w.granted[party]) {
		w.granted[party] = at
	}
}

// judgeBegin finds what only the instant of a request's beginning can tell.
// Caller holds mu.
func (c *fakeCarrier) judgeBegin(entry *begun) {
	if party, w := c.senders[entry.From], c.wills[entry.To]; w.forbids(party) {
		c.faults = append(c.faults, fmt.Sprintf("request %d (attempt %d for %s) began at %s although the contact's objection of %s was effective, which came after the grant of %s (I1)",
			entry.number, entry.Attempt, party, entry.at.UTC(), w.objected.UTC(), w.granted[party].UTC()))
	}
	if !c.asked {
		c.faults = append(c.faults, fmt.Sprintf("request %d began before its process had asked for inbound texts (I1)", entry.number))
	}
	// What had passed the look at the stop file has as long as its permit.
	if life := min(c.clock.Span(2*time.Second), 5*time.Minute); !c.halted.IsZero() && entry.at.After(c.halted.Add(life)) {
		c.faults = append(c.faults, fmt.Sprintf("request %d began while all dialling was stopped (I16)", entry.number))
	}
	if c.inFlight[entry.To] > 0 {
		c.faults = append(c.faults, fmt.Sprintf("request %d began while another to the same contact was in flight (I8)", entry.number))
	}
	if c.durable != nil && !c.durable(entry.Attempt) {
		c.faults = append(c.faults, fmt.Sprintf("request %d began before its intent was on disk (I12)", entry.number))
	}
}

// judgement is what the judge is told beside the carrier's log: who there is, what
// was ordered, and what the books say in the end.
type judgement struct {
	people   []*person
	own      map[contact.Number]bool // the broker's phones
	jobs     []*dialer.Job
	attempts map[uint64]dialer.AttemptRow
	tariff   dialer.Tariff
	steps    int
	// whole tells that every campaign has closed.
	whole bool
}

// judge finds what no log may ever show, whatever was done.
func (c *fakeCarrier) judge(t *testing.T, of judgement) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fault := range c.faults {
		t.Error(fault)
	}
	byNumber := map[contact.Number]*person{}
	for _, p := range of.people {
		byNumber[p.number] = p
	}
	byText := ordersOf(of.jobs)
	c.judgeHours(t, byNumber)
	c.judgeBooks(t, byNumber, of)
	// The broker's own phones get every party's texts, as often as it likes.
	c.log = slices.DeleteFunc(c.log, func(entry *begun) bool { return of.own[entry.To] })
	c.judgeParties(t, byText)
	c.judgeCreations(t, byText, of)
	c.judgeCaps(t, byNumber)
}

// orders are the jobs by their texts, of which nearly all have one of their own.
type orders map[string][]*dialer.Job

func ordersOf(jobs []*dialer.Job) orders {
	byText := orders{}
	for _, job := range jobs {
		for _, body := range bodies(job) {
			byText[body] = append(byText[body], job)
		}
	}
	return byText
}

// bodies are a job's texts.
func bodies(job *dialer.Job) []string {
	if len(job.Message.Variants) == 0 {
		return []string{job.Message.Body}
	}
	var texts []string
	for _, variant := range job.Message.Variants {
		texts = append(texts, variant.Body)
	}
	return texts
}

// only returns the one job with that text, nil where there are several.
func (o orders) only(text string) *dialer.Job {
	if len(o[text]) == 1 {
		return o[text][0]
	}
	return nil
}

// judgeParties finds contacts who served two parties in one round (I3).
func (c *fakeCarrier) judgeParties(t *testing.T, jobs orders) {
	t.Helper()
	type served struct {
		to    contact.Number
		round string
	}
	parties := map[served]string{}
	for _, entry := range c.log {
		ordered := jobs[entry.Body]
		if len(ordered) == 0 {
			t.Errorf("request %d has a text that nobody ordered", entry.number)
			continue
		}
		by, party := served{entry.To, ordered[0].Round}, ordered[0].Party
		if other := parties[by]; other != "" && other != party {
			t.Errorf("request %d: one contact was dialled for %s and for %s in one round (I3)", entry.number, other, party)
		}
		if !entry.disowned { // else the claim may have lapsed since
			parties[by] = party
		}
	}
}

// landline is why nobody may text a contact; they may be called.
const landline = "a landline reads no texts"

// judgeHours finds requests outside the hours or in the silence of a place that
// the contact may be in, and requests for those whom nobody may dial at all
// (I4).
func (c *fakeCarrier) judgeHours(t *testing.T, people map[contact.Number]*person) {
	t.Helper()
	for _, entry := range c.log {
		p := people[entry.To]
		if p.never != "" && (p.never != landline || !entry.IsCall()) {
			t.Errorf("request %d began for a contact who must not be dialled: %s", entry.number, p.never)
		}
		for _, zone := range p.zones() {
			if local := entry.at.In(zone); !inHours(local) {
				t.Errorf("request %d began at %s by the contact's clock (I4)", entry.number, local.Format("Mon 15:04:05"))
			}
		}
		if silent(p, entry.at) {
			t.Errorf("request %d began at %s, in the silence of %s (I4)", entry.number, entry.at.UTC().Format(time.RFC3339), p.Territory.Code)
		}
	}
}

// judgeCreations finds more messages than steps, a next step that the one before
// it does not allow (I2), and money that nobody gave (I7).
func (c *fakeCarrier) judgeCreations(t *testing.T, jobs orders, of judgement) {
	t.Helper()
	type order struct {
		to contact.Number
		of string // the campaign, or the text if it is several campaigns'
	}
	last, created, spent := map[order]*begun{}, map[order]int{}, map[string]dialer.Money{}
	for _, entry := range c.log {
		key, job := order{entry.To, entry.Body}, jobs.only(entry.Body)
		if job != nil {
			key.of = job.ID
		}
		if before := last[key]; before != nil && job != nil {
			allowed := slices.Contains(job.Retry.On, before.record.Status.Outcome().String())
			between := entry.at.Sub(before.at)
			if entry.IsCall() && allowed && dayPartOf(entry.at) == dayPartOf(before.at) && between < 6*time.Hour {
				t.Errorf("request %d rings in the same part of the day as request %d", entry.number, before.number)
			}
			if !allowed || between < time.Duration(job.Retry.After) {
				t.Errorf("request %d began %s after request %d, whose message is %s (I2)", entry.number, between, before.number, before.record.Status)
			}
		}
		if !entry.created {
			continue
		}
		last[key] = entry
		if created[key]++; created[key] > of.steps {
			t.Errorf("request %d created message %d for one recipient, %d at most (I2)", entry.number, created[key], of.steps)
		}
		spent[key.of] += costOf(entry, &of.tariff)
	}
	for _, ordered := range jobs {
		for _, job := range ordered {
			if money := spent[job.ID]; money > job.Budget {
				t.Errorf("campaign %s: %s was spent of %s (I7)", job.ID, money, job.Budget)
			}
		}
	}
}

// costOf is what a request can cost at worst.
func costOf(entry *begun, tariff *dialer.Tariff) dialer.Money {
	if entry.IsCall() {
		return tariff.Minute * dialer.Money((entry.Call.Talk+time.Minute-1)/time.Minute)
	}
	return tariff.Segment * dialer.Money(dialer.MeasureText(entry.Body).Segments)
}

// dayPartOf is morning, afternoon or evening in Paris.
func dayPartOf(at time.Time) int {
	hour := at.In(paris.Zones[0]).Hour()
	return map[bool]int{true: 1}[hour >= 12] + map[bool]int{true: 1}[hour >= 17]
}

// judgeCaps finds contacts who may have had more than one message on a day of
// theirs, or more than four from one party in thirty days (I9).
func (c *fakeCarrier) judgeCaps(t *testing.T, people map[contact.Number]*person) {
	t.Helper()
	type day struct {
		to   contact.Number
		date int
	}
	type month struct {
		to    contact.Number
		party string
	}
	days, months := map[day]*begun{}, map[month][]int{}
	for _, entry := range c.log {
		if entry.disowned {
			continue
		}
		// The first zone stands for all: by day, when texts are sent, it is the
		// same date in all zones of one place.
		date := civilDay(entry.at.In(people[entry.To].zones()[0]))
		if before := days[day{entry.To, date}]; before != nil {
			t.Errorf("request %d to a contact who had request %d on the same day (I9)", entry.number, before.number)
		}
		days[day{entry.To, date}] = entry
		key := month{entry.To, c.senders[entry.From]}
		months[key] = append(months[key], date)
		if n := len(months[key]); n > capMonth && date-months[key][n-1-capMonth] < capDays {
			t.Errorf("request %d is the fifth of a party's within %d days (I9)", entry.number, capDays)
		}
	}
}

// judgeBooks compares the log with the books: every request has an intent, all
// that the books say was sent was created, and what was created without their
// knowing is unknown to them (I5). What they say of an attempt is true.
func (c *fakeCarrier) judgeBooks(t *testing.T, people map[contact.Number]*person, of judgement) {
	t.Helper()
	requests := map[uint64]*begun{}
	for _, entry := range c.log {
		a, found := of.attempts[entry.Attempt]
		switch {
		case requests[entry.Attempt] != nil:
			t.Errorf("request %d is the second one of attempt %d (I2)", entry.number, entry.Attempt)
		case !found || a.Contact != people[entry.To].ID:
			t.Errorf("request %d has no intent in the books (I5)", entry.number)
		case entry.created && (a.State == "withdrawn" || a.State == "stopped"):
			t.Errorf("request %d created a message, but the books say that it provably did not (I5)", entry.number)
		case entry.created && a.SID == "" && of.whole && a.Outcome != dialer.OutcomeUnknown:
			t.Errorf("request %d created a message that is not in the books, where its attempt is %s (I5)", entry.number, a.State)
		}
		requests[entry.Attempt] = entry
	}
	for sequence, a := range of.attempts {
		entry := requests[sequence]
		switch {
		case a.SID != "" && (entry == nil || !entry.created || entry.record.SID != a.SID):
			t.Errorf("attempt %d was sent by the books as %s, but not by the carrier's log (I5)", sequence, a.SID)
		case a.Outcome != dialer.NoOutcome && a.Outcome != dialer.OutcomeUnknown && a.Outcome != entry.record.Status.Outcome():
			t.Errorf("attempt %d is %s by the books and %s at the carrier", sequence, a.Outcome, entry.record.Status)
		}
	}
}
