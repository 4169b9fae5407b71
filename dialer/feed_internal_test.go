package dialer

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// rowsLedger is a ledger of recipients in memory, for reading.
type rowsLedger struct {
	Tx
	rows map[recipientKey]recipient
	keys []recipientKey // sorted when first asked for
}

func (l *rowsLedger) Commit(context.Context, Move) error { panic("a feed does not write") }

func (l *rowsLedger) View(read func(Tx) error) error { return read(l) }

func (l *rowsLedger) Rows(_ Bucket, from []byte) iter.Seq2[[]byte, []byte] {
	if len(l.keys) != len(l.rows) {
		l.keys = slices.SortedFunc(maps.Keys(l.rows), func(a, b recipientKey) int { return bytes.Compare(a[:], b[:]) })
	}
	first, _ := slices.BinarySearchFunc(l.keys, from, func(key recipientKey, from []byte) int { return bytes.Compare(key[:], from) })
	return func(yield func([]byte, []byte) bool) {
		for _, key := range l.keys[first:] {
			if !yield(key[:], l.rows[key].append(nil)) {
				return
			}
		}
	}
}

// newRowsLedger has so many planned recipients in each of two zone groups, and
// others that are not to be taken.
func newRowsLedger(each int) (*rowsLedger, *campaign) {
	l := &rowsLedger{rows: map[recipientKey]recipient{}}
	c := &campaign{number: 3, zones: []string{"Europe/Paris", "Indian/Reunion"}, wordings: make([]wording, 1), senders: make([]Sender, 1)}
	for i := range each {
		for zone := range uint8(2) {
			id := contact.ID{byte(i >> 8), byte(i), zone}
			l.rows[newRecipientKey(3, zone, c.mask, id)] = recipient{state: RecipientPlanned}
		}
	}
	for i, r := range []recipient{
		{state: RecipientFinal}, {state: RecipientWaiting, until: someInstant}, {state: RecipientPlanned, until: someInstant},
	} {
		l.rows[newRecipientKey(3, 0, c.mask, contact.ID{15: byte(i + 1)})] = r
	}
	l.rows[newRecipientKey(2, 0, c.mask, contact.ID{})] = recipient{state: RecipientPlanned}
	l.rows[newRecipientKey(4, 0, c.mask, contact.ID{})] = recipient{state: RecipientPlanned}
	return l, c
}

// drain takes whoever is ready, and gives each back at once.
func drain(t *testing.T, f *feed, l *rowsLedger, now time.Time, decided arrival) map[recipientKey]int {
	t.Helper()
	taken := map[recipientKey]int{}
	dry := 0
	for i := range 50_000 {
		sender := i % len(f.due)
		ready, err := f.ready(l, now, sender)
		if err != nil {
			t.Fatal(err)
		}
		if !ready {
			if dry++; dry == len(f.due) {
				return taken
			}
			continue
		}
		dry = 0
		slot := f.next(sender)
		f.take(sender)
		taken[slot.recipient]++
		f.back(returned{slot, decided})
	}
	t.Fatal("the feed never ends")
	return nil
}

// Ensure that each planned recipient is handed out once, from all zone groups in
// turn, and nobody else is.
func TestFeed_HandsOutEachOnce(t *testing.T) {
	l, c := newRowsLedger(feedChunk + 100)
	f := newFeed(c)
	taken := drain(t, f, l, someInstant, arrival{})
	if len(taken) != 2*(feedChunk+100) {
		t.Errorf("%d were handed out, want %d", len(taken), 2*(feedChunk+100))
	}
	for key, n := range taken {
		if n != 1 || key.campaign() != 3 || l.rows[key].state != RecipientPlanned || !l.rows[key].until.IsZero() {
			t.Errorf("%x was handed out %d times: %+v", key, n, l.rows[key])
		}
	}
	if !f.idle(someInstant) {
		t.Error("the feed is not idle")
	}
}

// Ensure that a feed passes over those who were dealt with before without reading
// them, takes up those who were on their path when it stopped, and that a thorough
// one finds whoever was left behind.
func TestFeed_AfterDone(t *testing.T) {
	const size, done = 9500, 2*doneInRow - 100
	key := func(i int) recipientKey { return newRecipientKey(3, 0, [2]byte{}, contact.ID{byte(i >> 8), byte(i)}) }
	for _, test := range []struct {
		name            string
		dealt           int
		planned         []int // of those who were dealt with, so to speak
		found, thorough int
	}{
		{"begun", 10, []int{3}, size - 9, size - 9},
		{"stopped", done, []int{done - 1000, done - 3}, size - done + 2, size - done + 2},
		{"left behind", done, []int{doneInRow + 7, done - 1}, size - done + 2, size - done + 2},
		{"over", size, nil, 0, 0},
		{"over but for one", size, []int{size - 5}, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, c := newRowsLedger(0)
			clear(l.rows)
			for i := range size {
				l.rows[key(i)] = recipient{state: RecipientPlanned}
				if i < test.dealt && !slices.Contains(test.planned, i) {
					l.rows[key(i)] = recipient{state: RecipientPlaced}
				}
			}
			if n := len(drain(t, newFeed(c), l, someInstant, arrival{})); n != test.found {
				t.Errorf("found %d, want %d", n, test.found)
			}
			thorough := newFeed(c)
			thorough.readThoroughly()
			if n := len(drain(t, thorough, l, someInstant, arrival{})); n != test.thorough {
				t.Errorf("a thorough feed found %d, want %d", n, test.thorough)
			}
		})
	}
}

// Ensure that a group whose window is closed waits, with those of it whose own
// instant has come, while the other goes on, and that it is read again after.
func TestFeed_Park(t *testing.T) {
	l, c := newRowsLedger(5)
	f := newFeed(c)
	opens := someInstant.Add(time.Hour)
	parisian, reunionese := newRecipientKey(3, 0, c.mask, contact.ID{15: 2}), newRecipientKey(3, 1, c.mask, contact.ID{15: 2})
	f.offer(parisian, someInstant)
	f.offer(parisian, someInstant)
	f.offer(reunionese, someInstant)
	if len(f.due[0]) != 2 {
		t.Fatalf("%d are due, want 2", len(f.due[0]))
	}
	closed := returned{Slot{campaign: c, recipient: newRecipientKey(3, 0, c.mask, contact.ID{})}, arrival{parkUntil: opens, parkReason: "CALLING_WINDOW"}}
	f.out++
	f.back(closed)
	f.offer(parisian, someInstant)
	taken := drain(t, f, l, someInstant, arrival{})
	for key := range taken {
		if key[4] != 1 {
			t.Errorf("%x of a parked group was handed out", key)
		}
	}
	if len(taken) != 6 || f.idle(someInstant) || len(f.parked(someInstant)) != 1 {
		t.Errorf("%d were handed out, parked %v", len(taken), f.parked(someInstant))
	}
	f.offer(parisian, opens)
	if n := len(drain(t, f, l, opens, arrival{})); n != 6 || len(f.parked(opens)) != 0 {
		t.Errorf("%d were handed out when the window had opened, want 6", n)
	}
}

// Ensure that a feed whose campaign does not run hands out nobody, and loses
// nobody by it.
func TestFeed_Undecided(t *testing.T) {
	l, c := newRowsLedger(5)
	f := newFeed(c)
	for zone := range 2 {
		if ready, _ := f.ready(l, someInstant, 0); !ready {
			t.Fatal("nobody is ready")
		}
		slot := f.next(0)
		f.take(0)
		f.back(returned{slot, arrival{undecided: true}})
		if ready, _ := f.ready(l, someInstant, 0); ready {
			t.Fatalf("somebody is ready although the campaign does not run (%d)", zone)
		}
		f.halted = false // the next look has found it running
	}
	if n := len(drain(t, f, l, someInstant, arrival{})); n != 10 {
		t.Errorf("%d were handed out afterwards, want all 10", n)
	}
}

// Ensure that each of a pool's senders hands out its own contacts, all of them once,
// about as many as its rate says, and that a sender which rests leaves its contacts
// to the others, and gets back those who are left.
func TestFeed_Pool(t *testing.T) {
	const each = 5000
	l, c := newRowsLedger(each)
	c.job = &Job{Party: "party-a"}
	c.senders = []Sender{{ID: "A", SegmentsPerSecond: 10}, {ID: "B", SegmentsPerSecond: 10}, {ID: "C", SegmentsPerSecond: 20}}
	f := newFeed(c)
	sees, seen := map[recipientKey]string{}, map[string]int{}
	takeFor := func(sender, most int) {
		t.Helper()
		for range most {
			if ready, err := f.ready(l, someInstant, sender); err != nil || !ready {
				break
			}
			slot := f.next(sender)
			f.take(sender)
			if before := sees[slot.recipient]; before != "" {
				t.Fatalf("%x was handed out twice, for %s and %s", slot.recipient, before, slot.sender.ID)
			}
			sees[slot.recipient] = slot.sender.ID
			seen[slot.sender.ID]++
			f.back(returned{slot, arrival{}})
		}
	}
	takeFor(2, 2*each) // far ahead of the others
	for key, sender := range sees {
		if own := c.senders[c.senderFor(key.id(c.mask), nil)].ID; own != sender || sender != "C" {
			t.Fatalf("%x sees %s, want %s", key, sender, own)
		}
	}
	if n := seen["C"]; n < each*9/10 || n > each*11/10 {
		t.Errorf("%d of %d see the sender with half of the rate", n, 2*each)
	}
	takeFor(0, 1000)
	f.passOver(map[string]bool{"A": true})
	if ready, _ := f.ready(l, someInstant, 0); ready {
		t.Error("a sender that rests has contacts")
	}
	ahead := seen["C"]
	if takeFor(2, 100); seen["C"] != ahead+100 {
		t.Error("nobody was passed on")
	}
	f.passOver(nil)
	takeFor(0, 10)
	takeFor(1, 2*each)
	takeFor(0, 2*each)
	if len(sees) != 2*each || seen["A"] < 1010 || !f.idle(someInstant) {
		t.Errorf("%d of %d were handed out: %v", len(sees), 2*each, seen)
	}
}

// Ensure that a member that joins or leaves a pool moves its own contacts only, and
// that where all rest nobody is passed over.
func TestCampaign_SenderFor(t *testing.T) {
	members := []Sender{{ID: "A", SegmentsPerSecond: 1}, {ID: "B", SegmentsPerSecond: 1}, {ID: "C", SegmentsPerSecond: 1}, {ID: "D", SegmentsPerSecond: 1}}
	all := &campaign{job: &Job{Party: "party-a"}, senders: members}
	fewer := &campaign{job: &Job{Party: "party-a"}, senders: members[:3]}
	other := &campaign{job: &Job{Party: "party-b"}, senders: members}
	const contacts = 10_000
	var left, differ int
	for i := range contacts {
		id := contact.ID{byte(i >> 8), byte(i)}
		was, is := all.senders[all.senderFor(id, nil)].ID, fewer.senders[fewer.senderFor(id, nil)].ID
		switch {
		case was == "D":
			left++
		case was != is:
			t.Fatalf("contact %s sees %s, and %s when D has left", id, was, is)
		}
		if own := all.senderFor(id, map[string]bool{"D": true}); all.senders[own].ID != is {
			t.Fatalf("contact %s sees %s while D rests, want %s", id, all.senders[own].ID, is)
		}
		if all.senderFor(id, map[string]bool{"A": true, "B": true, "C": true, "D": true}) != all.senderFor(id, nil) {
			t.Fatalf("contact %s is passed over although all rest", id)
		}
		if all.senderFor(id, nil) != other.senderFor(id, nil) {
			differ++
		}
	}
	if left < contacts/4-300 || left > contacts/4+300 || differ < contacts/2 {
		t.Errorf("%d of %d saw D, and %d see another sender for another party", left, contacts, differ)
	}
}

// Ensure that contacts who may be in the same zones are one group, and that
// there are never more groups than keys can tell apart.
func TestSurvey_ZoneGroup(t *testing.T) {
	s := new(survey)
	paris, lisbon := time.FixedZone("Europe/Paris", 3600), time.FixedZone("Europe/Lisbon", 0)
	groups := []uint8{
		s.zoneGroup([]*time.Location{paris}), s.zoneGroup([]*time.Location{lisbon, paris}),
		s.zoneGroup([]*time.Location{paris}), s.zoneGroup([]*time.Location{lisbon, paris}),
	}
	if !slices.Equal(groups, []uint8{0, 1, 0, 1}) || !slices.Equal(s.zones, []string{"Europe/Paris", "Europe/Lisbon Europe/Paris"}) {
		t.Errorf("groups %v of %q", groups, s.zones)
	}
	for i := range 400 {
		zone := s.zoneGroup([]*time.Location{time.FixedZone(string(rune('A'+i)), i)})
		if int(zone) >= len(s.zones) || len(s.zones) > maxZoneGroups {
			t.Fatalf("group %d of %d", zone, len(s.zones))
		}
	}
}
