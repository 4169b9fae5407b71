package dialer

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// feed is what is left to do in one campaign: for each group of zones where to
// read on, and the recipients whose own instant has come. All are listed by which
// of the campaign's senders they see.
type feed struct {
	campaign *campaign
	zones    []zoneFeed
	due      []recipientList
	// known are the due recipients that are listed or out.
	known map[recipientKey]struct{}
	// turn is whose turn it is among the zones, for each sender.
	turn []int
	// resting are the senders that are passed over.
	resting map[string]bool
	// out is how many recipients are on their path.
	out int
	// halted tells that the campaign was found not to run: nobody is taken
	// until the next look at the campaigns.
	halted bool
	// made is when the feed was made, in real time.
	made time.Time
}

// recipientList are recipients that see the same sender, in the order of their turn.
type recipientList []recipientKey

func (l recipientList) some() bool { return len(l) > 0 }

func newFeed(c *campaign) *feed {
	senders := len(c.senders)
	f := &feed{
		campaign: c, known: map[recipientKey]struct{}{}, zones: make([]zoneFeed, len(c.zones)),
		due: make([]recipientList, senders), turn: make([]int, senders), made: time.Now(),
	}
	for zone := range f.zones {
		f.readAgain(zone)
	}
	return f
}

// readThoroughly makes a feed that has run dry look at every recipient, and so find
// those, too, who were left behind among many that were dealt with.
func (f *feed) readThoroughly() {
	f.made = time.Now()
	for zone := range f.zones {
		f.readAgain(zone)
		f.zones[zone].skips = false
	}
}

// recast goes on under other rules: no group waits for an hour of the old ones.
func (f *feed) recast(c *campaign) {
	f.campaign = c
	for zone := range f.zones {
		f.zones[zone].until, f.zones[zone].reason = time.Time{}, ""
		f.readAgain(zone)
	}
}

// ready tells whether a recipient can be taken who sees the sender, reading on
// where needed.
func (f *feed) ready(ledger Ledger, now time.Time, sender int) (bool, error) {
	if f.halted || len(f.due[sender]) > 0 {
		return !f.halted, nil
	}
	for range f.zones {
		zone := f.turn[sender]
		z := &f.zones[zone]
		if !z.until.After(now) {
			if len(z.ready[sender]) == 0 && z.from != nil && z.listed() < feedMost {
				if err := ledger.View(func(tx Tx) error { f.read(books{tx}, zone); return nil }); err != nil {
					return false, fmt.Errorf("read recipients of campaign %s: %w", f.campaign.job.ID, err)
				}
			}
			if len(z.ready[sender]) > 0 {
				return true, nil
			}
		}
		f.turn[sender] = (zone + 1) % len(f.zones)
	}
	return false, nil
}

// senderOf returns which of the campaign's senders the recipient sees.
func (f *feed) senderOf(key recipientKey) int {
	return f.campaign.senderFor(key.id(f.campaign.mask), f.resting)
}

// passOver lists the recipients anew where other senders rest than before.
func (f *feed) passOver(resting map[string]bool) {
	if maps.Equal(f.resting, resting) {
		return
	}
	if f.resting = resting; len(f.campaign.senders) == 1 {
		return
	}
	f.due = f.deal(f.due)
	for i := range f.zones {
		f.zones[i].ready = f.deal(f.zones[i].ready)
	}
}

func (f *feed) deal(lists []recipientList) []recipientList {
	dealt := make([]recipientList, len(lists))
	for _, list := range lists {
		for _, key := range list {
			sender := f.senderOf(key)
			dealt[sender] = append(dealt[sender], key)
		}
	}
	return dealt
}

// next is the slot of the recipient that ready found for the sender.
func (f *feed) next(sender int) Slot {
	list := f.due[sender]
	if len(list) == 0 {
		list = f.zones[f.turn[sender]].ready[sender]
	}
	return f.campaign.slot(list[0], sender)
}

// slot is one for the recipient, with its text, from one of the campaign's senders.
func (c *campaign) slot(key recipientKey, sender int) Slot {
	return Slot{c, key, c.wordingFor(key.id(c.mask)), &c.senders[sender]}
}

// take hands out the recipient that next has shown.
func (f *feed) take(sender int) {
	f.out++
	if len(f.due[sender]) > 0 {
		f.due[sender] = f.due[sender][1:]
		return
	}
	zone := f.turn[sender]
	f.zones[zone].ready[sender] = f.zones[zone].ready[sender][1:]
	f.turn[sender] = (zone + 1) % len(f.zones)
}

// dueAtOnce bounds how many whose instant has come are listed for a sender.
const dueAtOnce = 4096

// offer lists a recipient whose instant has come, once, and not while all of
// its group must wait.
func (f *feed) offer(key recipientKey, now time.Time) {
	if zone := int(key[4]); zone < len(f.zones) && f.zones[zone].until.After(now) {
		return
	}
	if _, listed := f.known[key]; listed {
		return
	}
	if sender := f.senderOf(key); len(f.due[sender]) < dueAtOnce {
		f.known[key] = struct{}{}
		f.due[sender] = append(f.due[sender], key)
	}
}

// back takes a recipient back. Where it was not dealt with, its group is read
// again: it is still planned, as are those that were out at the same time.
func (f *feed) back(r returned) {
	f.out--
	delete(f.known, r.slot.recipient)
	zone := int(r.slot.recipient[4])
	if zone >= len(f.zones) {
		return
	}
	if r.arrival.undecided {
		f.halted = true
		f.readAgain(zone)
	}
	if r.arrival.parkReason != "" {
		f.readAgain(zone)
		f.park(zone, r.arrival)
	}
}

// park makes a group wait. Those of it whose own instant has come are found
// again by the due index.
func (f *feed) park(zone int, decided arrival) {
	f.zones[zone].until, f.zones[zone].reason = decided.parkUntil, decided.parkReason
	for sender, list := range f.due {
		f.due[sender] = slices.DeleteFunc(list, func(key recipientKey) bool {
			if int(key[4]) != zone {
				return false
			}
			delete(f.known, key)
			return true
		})
	}
}

// idle tells whether nothing is on its way, listed, or parked.
func (f *feed) idle(now time.Time) bool {
	if f.out > 0 || slices.ContainsFunc(f.due, recipientList.some) {
		return false
	}
	for i := range f.zones {
		if z := &f.zones[i]; z.from != nil || slices.ContainsFunc(z.ready, recipientList.some) || z.until.After(now) {
			return false
		}
	}
	return true
}

func (f *feed) parked(now time.Time) []ParkedZone {
	var parked []ParkedZone
	for zone, z := range f.zones {
		if z.until.After(now) {
			parked = append(parked, ParkedZone{Zones: f.campaign.zones[zone], Until: z.until, Reason: z.reason})
		}
	}
	return parked
}
