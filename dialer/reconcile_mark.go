package dialer

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// carrierText is a text that one of our senders has sent, with the campaigns
// that it may be of, the newest first.
type carrierText struct {
	sender, begins string
	// body is the whole text where it is a campaign's own.
	body string
	// call tells that it stands for all calls of the sender: the carrier knows no
	// more of them.
	call bool
	key  textKey
	hash [sha256.Size]byte
	// units and price are what one can have cost at worst.
	units     uint8
	price     Money
	campaigns []*campaignRecord

	// marked counts messages by campaign, foreign those that fit none; first and
	// last are when the foreign ones were created.
	marked      map[uint32]uint64
	foreign     uint64
	first, last time.Time
}

// beginsWith is how much of an unknown text an operator is shown.
const beginsWith = 60

// textOf returns the index of the message's text.
func (r *reconciliation) textOf(m *Record) int32 {
	key := newTextKey(m.From, m.Body)
	index, known := r.byKey[key]
	if !known {
		index = int32(len(r.texts))
		r.byKey[key] = index
		runes := []rune(m.Body)
		text := carrierText{
			sender: strings.Clone(m.From), begins: string(runes[:min(beginsWith, len(runes))]), call: m.Call, key: key,
			hash: sha256.Sum256([]byte(m.Body)), marked: map[uint32]uint64{},
		}
		text.units, text.price = r.dialer.registry.Tariff.atWorst(m)
		r.texts = append(r.texts, text)
	}
	return index
}

// findCampaigns finds which campaigns there are, and which have sent the texts.
func (r *reconciliation) findCampaigns(tx Tx) error {
	for record := range (books{tx}).campaigns() {
		r.campaigns = append(r.campaigns, record)
		for _, text := range record.Job.Message.texts() {
			for _, sender := range r.dialer.registry.SendersOf(record.Job.Sender) {
				if index, sent := r.byKey[newTextKey(sender.ID, record.Job.told(text.body))]; sent {
					r.texts[index].campaigns = append(r.texts[index].campaigns, record)
					r.texts[index].body = text.body
				}
			}
		}
	}
	for i := range r.texts {
		slices.Reverse(r.texts[i].campaigns)
	}
	return nil
}

// add takes over what a move has counted.
func (r *reconciliation) add(m *reconcileMove) {
	r.result.Known += m.known
	for _, one := range m.marked {
		r.texts[one.text].marked[one.campaign]++
		r.result.Marked++
	}
	for _, message := range m.foreign {
		t := &r.texts[message.text]
		if t.foreign++; t.first.IsZero() || message.created.Before(t.first) {
			t.first = message.created
		}
		if message.created.After(t.last) {
			t.last = message.created
		}
		r.result.Foreign++
	}
	if r.held == nil {
		r.held = map[uint32]int{}
	}
	maps.Copy(r.held, m.held)
}

// reconcileMove enters some contacts' messages.
type reconcileMove struct {
	run  *reconciliation
	part []sentMessage
	at   time.Time

	known   uint64
	marked  []markedMessage
	foreign []*sentMessage
	held    map[uint32]int
}

type markedMessage struct {
	text     int32
	campaign uint32
}

func newReconcileMove(r *reconciliation, part []sentMessage) *reconcileMove {
	return &reconcileMove{run: r, part: part, at: r.dialer.clock.Now(), held: map[uint32]int{}}
}

// Apply enters the messages, each contact's in the order of their creation.
func (m *reconcileMove) Apply(tx Tx) {
	for i := range m.part {
		m.enter(books{tx}, &m.part[i])
	}
}

func (m *reconcileMove) enter(b books, message *sentMessage) {
	t := &m.run.texts[message.text]
	record := &Record{SID: message.sid, From: t.sender, Body: t.body, Call: t.call, CreatedAt: message.created}
	if sequence, a := b.standsFor(message.id, record, nil); a != nil {
		m.known++
		m.update(b, sequence, a, message)
		return
	}
	if b.Get(BucketForeign, foreignKey(message.id, message.sid)) != nil {
		m.known++
		return
	}
	for _, c := range t.campaigns {
		if key, old, found := b.stillToBeTried(c, t.hash, message); found && m.endEarlier(b, message) {
			m.enterAttempt(b, c, key, old, message, t)
			m.marked = append(m.marked, markedMessage{message.text, c.Number})
			return
		}
	}
	m.enterForeign(b, message, t)
	m.foreign = append(m.foreign, message)
}

// update enters what the carrier says of a message that an attempt stands for.
func (m *reconcileMove) update(b books, sequence uint64, a *attemptRecord, message *sentMessage) {
	switch {
	case a.state == attemptIntended: // its request is under way
	case a.state.open():
		m.merge(b, sequence, message)
	case a.sid == "":
		// It counts as unknown, and stays so: that much was told already. Its name
		// keeps it from standing for another message, too.
		a.sid, a.status = message.sid, message.status
		b.putAttempt(sequence, a)
	}
}

// merge enters the message's status in its attempt, as a callback would have
// done. One that is only placed has the polls before it that are still to come.
func (m *reconcileMove) merge(b books, sequence uint64, message *sentMessage) {
	status := &statusMove{at: m.at}
	status.merge(b, StatusUpdate{
		Attempt: sequence, SID: message.sid, Status: message.status, Code: message.code, Effect: message.effect,
	})
	if a := b.attempt(sequence); a != nil && a.state == attemptPlaced {
		a.looks = pollsPassed(a, m.at)
		b.putAttempt(sequence, a)
	}
	if message.effect == EffectHold {
		m.held[status.campaign] = message.code
	}
}

// stillToBeTried finds the contact among the campaign's recipients, if the copy
// had it still to be tried with this text when the message was created.
func (b books) stillToBeTried(c *campaignRecord, hash [sha256.Size]byte, message *sentMessage) (recipientKey, recipient, bool) {
	state := b.balance(c.Number).State
	if state < CampaignPlanned || state == CampaignClosed || hash != sha256.Sum256([]byte(c.Job.told(c.textFor(message.id)))) || message.created.Before(c.Accepted.Add(-clockSlack)) {
		return recipientKey{}, recipient{}, false
	}
	for zone := range c.Zones {
		key := newRecipientKey(c.Number, uint8(zone), c.Mask, message.id)
		if old, found := b.recipient(key); found {
			return key, old, old.state == RecipientPlanned || old.state == RecipientWaiting
		}
	}
	return recipientKey{}, recipient{}, false
}

// endEarlier ends the attempt to the contact that the ledger takes for open: a
// message that came after it is the proof that it was over, and how it ended
// nobody can say any more. It tells whether none is open now.
func (m *reconcileMove) endEarlier(b books, message *sentMessage) bool {
	history := b.history(message.id)
	a := b.attempt(history.inFlight)
	if a == nil {
		return true
	}
	if a.intended.After(message.created) || a.state == attemptIntended {
		return false
	}
	balance := b.balance(a.recipient.campaign())
	old, _ := b.recipient(a.recipient)
	b.finish(a, &balance, old, OutcomeUnknown, m.at)
	b.putAttempt(history.inFlight, a)
	b.putBalance(a.recipient.campaign(), &balance)
	return true
}

// enterAttempt enters the attempt that the message proves, and what the carrier
// says became of it.
func (m *reconcileMove) enterAttempt(
	b books, c *campaignRecord, key recipientKey, old recipient, message *sentMessage, t *carrierText,
) {
	d := m.run.dialer
	a := &attemptRecord{
		recipient: key, contact: message.id, step: old.step + 1, grant: b.grantFor(&c.Job, message),
		pack: b.packIndex(d.Pack().Version()), intended: message.created, notAfter: message.created,
		text: sha256.Sum256([]byte(c.textFor(message.id))), segments: t.units, reserved: t.price, state: attemptIntended,
	}
	if t.call {
		most := dearest(c.Job.wordings(&d.registry.Tariff))
		a.segments, a.reserved = uint8(most.units), most.price
	}
	a.sentBy(t.sender, &c.Job)
	_, _ = rand.Read(a.salt[:]) // never fails (crypto/rand)
	balance := b.balance(c.Number)
	sequence := b.begin(auditFound, a, &c.Job, &balance, old)
	b.putBalance(c.Number, &balance)
	m.merge(b, sequence, message)
}

// grantFor returns the version of the grant that the message must have relied on:
// the youngest that was there, 0 for none.
func (b books) grantFor(job *Job, message *sentMessage) uint32 {
	var version uint32
	var given time.Time
	for _, g := range b.grants(message.id, nil, asString) {
		if g.Party == job.Party && g.Channel == job.Channel && !g.GivenAt.After(message.created) && !g.GivenAt.Before(given) {
			version, given = g.Version, g.GivenAt
		}
	}
	return version
}

// nobodysParty claims a contact whom a sender of several parties has reached:
// for which of them cannot be told, so that none gets the contact.
const nobodysParty = "?"

// enterForeign keeps a message that no recipient stands for.
func (m *reconcileMove) enterForeign(b books, message *sentMessage, t *carrierText) {
	b.Put(BucketCopy, copyKey(message.created, message.sid), nothing)
	party, rounds := m.run.dialer.claimants(t, message.created)
	if m.run.dialer.own.has(message.id) { // a test, for which no party answers
		party, rounds = nobodysParty, nil
	}
	kept := foreignMessage{text: t.key, created: message.created}
	if party != nobodysParty {
		kept.party, kept.cost = party, t.price
		b.spend(party, message.created, kept.cost)
	}
	b.Put(BucketForeign, foreignKey(message.id, message.sid), kept.append(nil))
	for _, round := range rounds {
		b.bind(round, message.id, party, m.run.campaigns)
	}
	channel := contact.SMS
	if t.call {
		channel = contact.Robocall
	}
	history := b.history(message.id)
	history.past = append(history.past, pastAttempt{0, message.created, channel, party})
	b.putHistory(message.id, &history)
}

// claimants returns the party that a foreign message was for, and the rounds that
// it may have been about: its campaign's, or else every one that was to come.
func (d *Dialer) claimants(t *carrierText, created time.Time) (party string, rounds []string) {
	if len(t.campaigns) > 0 {
		job := &t.campaigns[0].Job
		return job.Party, []string{job.Round}
	}
	party = nobodysParty
	if sender, _ := d.registry.Sender(t.sender); len(sender.Parties) == 1 {
		party = sender.Parties[0]
	}
	for _, election := range d.registry.Elections {
		for _, round := range election.Rounds {
			if round.PollingDay.AddDate(0, 0, 1).After(created) {
				rounds = append(rounds, round.ID)
			}
		}
	}
	return party, rounds
}

// rehearsed makes a move over a transaction that forgets what is put into it.
func rehearsed(move Move) func(Tx) error {
	return func(tx Tx) error {
		r := &rehearsal{Tx: tx, rows: map[rehearsedKey][]byte{}}
		move.Apply(r)
		return r.err
	}
}

// rehearsal is a View in which a move can be made: rows that it has put are got
// from memory. Rows yields only those of the ledger.
type rehearsal struct {
	Tx
	rows map[rehearsedKey][]byte
	err  error
}

type rehearsedKey struct {
	bucket Bucket
	key    string
}

// Get returns the row as the move would see it.
func (r *rehearsal) Get(bucket Bucket, key []byte) []byte {
	if row, put := r.rows[rehearsedKey{bucket, string(key)}]; put {
		return row
	}
	return r.Tx.Get(bucket, key)
}

// Put keeps the row in memory.
func (r *rehearsal) Put(bucket Bucket, key, value []byte) {
	r.rows[rehearsedKey{bucket, string(key)}] = value
}

// Delete hides the row.
func (r *rehearsal) Delete(bucket Bucket, key []byte) {
	r.rows[rehearsedKey{bucket, string(key)}] = nil
}

// Fail keeps the first failure.
func (r *rehearsal) Fail(err error) { r.err = cmp.Or(r.err, err) }
