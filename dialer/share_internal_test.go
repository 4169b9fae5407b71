package dialer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// market is a dispatcher's view of shares and pacer without its dialer: campaigns
// that always, or from time to time, have work.
type market struct {
	clock  *stillClock
	pacer  *pacer
	shares *shares
	// asked counts how often one looked for whose turn it is.
	asked int
}

// granted is one message that may begin.
type granted struct {
	at       time.Time
	party    string
	campaign uint32
	sender   string
	segments int
}

func newMarket() *market {
	clock := &stillClock{now: someInstant, speed: 1}
	return &market{clock: clock, pacer: newPacer(clock), shares: newShares()}
}

// enter brings a campaign with work for each of the senders into the market.
func (m *market) enter(number uint32, party string, segments int, senders ...Sender) *standing {
	one := m.shares.add(&feed{campaign: &campaign{
		number: number, job: &Job{Party: party}, senders: senders, wordings: []wording{{size: TextSize{Segments: segments}}},
	}})
	m.work(one)
	return one
}

func (m *market) work(one *standing) {
	for _, turn := range one.turns {
		m.shares.work(turn)
	}
}

func (m *market) rest(one *standing) {
	for _, turn := range one.turns {
		m.shares.rest(turn)
	}
}

// until grants all that there is to be had until then, and lets each know.
func (m *market) until(end time.Time, note func(granted)) {
	for m.clock.now.Before(end) {
		m.asked++
		turn := m.shares.next(m.clock.now)
		if turn == nil {
			free := m.shares.nextFree()
			if free.IsZero() || free.After(end) {
				free = end
			}
			m.clock.now = free
			continue
		}
		c := turn.feed.campaign
		segments := c.dearest().size.Segments
		sender := c.senders[turn.sender]
		if busy, ok := m.pacer.grant(sender, segments, m.clock.now); !ok {
			m.shares.setBusy(turn.party.sender, m.clock.now.Add(busy))
			continue
		}
		m.shares.serve(turn, segments)
		note(granted{m.clock.now, c.job.Party, c.number, sender.ID, segments})
	}
}

// Ensure that ten parties with thirty campaigns of different lengths, one party
// with one of them and another with five, get equal shares of one sender in every
// hour; that no second, wherever it begins, carries more than the rate; and that
// none carries less by more than one message.
func TestShares_TenParties(t *testing.T) {
	m := newMarket()
	sender := Sender{ID: "S", SegmentsPerSecond: 50}
	longest := 0
	for number := range uint32(30) {
		party := int(number) % 10
		if party == 9 && number > 20 || party == 8 && number > 10 {
			party = 0 // so that the first has five, and the last but one only one
		}
		segments := 1 + int(number)%6
		longest = max(longest, segments)
		m.enter(number+1, fmt.Sprintf("party-%d", party), segments, sender)
	}
	const hours = 3
	hourly := [hours]map[string]int{{}, {}, {}}
	var all []granted
	m.until(someInstant.Add(hours*time.Hour), func(g granted) {
		hourly[g.at.Sub(someInstant)/time.Hour][g.party] += g.segments
		all = append(all, g)
	})
	if most, least := busiest(all); most > 50 || least < 50-longest {
		t.Errorf("a second carries %d to %d segments, want %d to 50", least, most, 50-longest)
	}
	for hour, parties := range hourly {
		var shares []float64
		total := 0
		for _, segments := range parties {
			shares, total = append(shares, float64(segments)), total+segments
		}
		if len(shares) != 10 || Jain(shares) < 0.99 || slices.Max(shares)-slices.Min(shares) > 2*float64(longest) {
			t.Errorf("hour %d: Jain's index %.5f over %d parties: %v", hour+1, Jain(shares), len(shares), parties)
		}
		if least := 3600 * (50 - longest); total < least {
			t.Errorf("hour %d: %d segments in all, want %d at least", hour+1, total, least)
		}
	}
	t.Logf("hourly shares of the first party: %d, %d, %d", hourly[0]["party-0"], hourly[1]["party-0"], hourly[2]["party-0"])
}

// busiest returns the most and the least that any second between the first and
// the last message carries, wherever it begins.
func busiest(all []granted) (most, least int) {
	var sum, to int
	least = math.MaxInt
	for from := range all {
		for ; to < len(all) && all[to].at.Sub(all[from].at) < time.Second; to++ {
			sum += all[to].segments
		}
		most = max(most, sum) // the second that begins with the message
		if to == len(all) {
			return most, least
		}
		sum -= all[from].segments
		if after := all[to].at.Sub(all[from].at); after > time.Second { // and the one right after it
			least = min(least, sum)
		}
	}
	return most, least
}

// Ensure that each member of a pool keeps to its own rate in every second, whoever
// else uses it, and that two parties have equal shares of it although one comes with
// a pool and the other with the member alone; and that nothing is left of a pool's
// campaign that has gone.
func TestShares_Pool(t *testing.T) {
	m := newMarket()
	a, b, c := Sender{ID: "A", SegmentsPerSecond: 10}, Sender{ID: "B", SegmentsPerSecond: 20}, Sender{ID: "C", SegmentsPerSecond: 5}
	pooled := m.enter(1, "party-a", 2, a, b, c)
	m.enter(2, "party-b", 3, b)
	m.enter(3, "party-a", 1, a)
	all, shares := map[string][]granted{}, map[string]map[string]int{"A": {}, "B": {}, "C": {}}
	m.until(someInstant.Add(10*time.Minute), func(g granted) {
		all[g.sender] = append(all[g.sender], g)
		shares[g.sender][fmt.Sprint(g.party, " ", g.campaign)] += g.segments
	})
	for _, s := range []Sender{a, b, c} {
		if most, least := busiest(all[s.ID]); most > int(s.SegmentsPerSecond) || least < int(s.SegmentsPerSecond)-3 {
			t.Errorf("a second of %s carries %d to %d segments, want up to %v", s.ID, least, most, s.SegmentsPerSecond)
		}
	}
	if apart := shares["B"]["party-a 1"] - shares["B"]["party-b 2"]; apart < -5 || apart > 5 {
		t.Errorf("shares of B: %v", shares["B"])
	}
	if apart := shares["A"]["party-a 1"] - shares["A"]["party-a 3"]; apart < -slice-3 || apart > slice+3 {
		t.Errorf("shares of A: %v", shares["A"])
	}
	m.shares.remove(pooled)
	if len(m.shares.senders) != 2 || len(m.shares.senders["B"].all) != 1 || len(m.shares.campaigns) != 2 {
		t.Errorf("left are %v", m.shares.senders)
	}
}

// Ensure that no two parties with work throughout, at one sender, are ever
// further apart than one message of each, whatever comes, goes and rests around
// them; and that no free sender is idle while there is work for it.
func TestShares_Property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMarket()
		senders := []Sender{{ID: "A", SegmentsPerSecond: 20}, {ID: "B", SegmentsPerSecond: 7}}
		var number uint32
		var others []*standing
		enter := func(party string, senders ...Sender) *standing {
			number++
			return m.enter(number, party, rapid.IntRange(1, 6).Draw(t, "segments"), senders...)
		}
		for range rapid.IntRange(1, 3).Draw(t, "campaigns of one") {
			enter("one", senders[0])
		}
		for range rapid.IntRange(1, 3).Draw(t, "campaigns of another") {
			enter("another", senders[0])
		}
		var apart, furthest int
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				others = append(others, enter(rapid.SampledFrom([]string{"one", "another", "third"}).Draw(t, "party"), rapid.SampledFrom([][]Sender{senders[:1], senders[1:], senders}).Draw(t, "senders")...))
			case 1:
				if len(others) > 0 {
					m.rest(others[rapid.IntRange(0, len(others)-1).Draw(t, "rests")])
				}
			case 2:
				if len(others) > 0 {
					m.work(others[rapid.IntRange(0, len(others)-1).Draw(t, "works")])
				}
			case 3:
				if len(others) > 0 {
					i := rapid.IntRange(0, len(others)-1).Draw(t, "leaves")
					m.shares.remove(others[i])
					others = slices.Delete(others, i, i+1)
				}
			}
			m.until(m.clock.now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms"))*time.Millisecond), func(g granted) {
				switch {
				case g.sender == "A" && g.party == "one":
					apart += g.segments
				case g.sender == "A" && g.party == "another":
					apart -= g.segments
				}
				furthest = max(furthest, apart, -apart)
			})
			for _, sender := range m.shares.senders {
				if sender.place == 0 && sender.parties.Len() > 0 && sender.head == nil {
					t.Fatalf("sender %s is free and has work, and does not stand in the line", sender.sender)
				}
			}
		}
		if furthest > 12 {
			t.Fatalf("two parties with work throughout were %d segments apart, want 12 at most", furthest)
		}
	})
}

// Ensure that where the line is what is short, three campaigns of one party on
// three senders get no more than the one of another.
func TestShares_Line(t *testing.T) {
	m := newMarket()
	for i, party := range []string{"one", "one", "one", "another"} {
		m.enter(uint32(i+1), party, 1, Sender{ID: fmt.Sprint(i), SegmentsPerSecond: 1e9})
	}
	served := map[string]int{}
	for range 20 * slice { // the senders are never short
		turn := m.shares.next(m.clock.now)
		m.shares.serve(turn, 1)
		served[turn.party.line.party]++
	}
	if served["one"] != 10*slice || served["another"] != 10*slice {
		t.Errorf("served %v, want %d each", served, 10*slice)
	}
}

// Ensure that a party that comes late gets its share from then on, and no more
// for having waited.
func TestShares_NothingIsSavedUp(t *testing.T) {
	m := newMarket()
	sender := Sender{ID: "S", SegmentsPerSecond: 10}
	m.enter(1, "early", 1, sender)
	late := m.enter(2, "late", 1, sender)
	m.rest(late)
	m.until(someInstant.Add(time.Hour), func(granted) {})
	m.work(late)
	served := map[string]int{}
	m.until(someInstant.Add(time.Hour+time.Minute), func(g granted) { served[g.party]++ })
	if d := served["early"] - served["late"]; d < -1 || d > 1 {
		t.Errorf("served %v in the minute after the late one came", served)
	}
}

// Ensure that the same market gives the same order, twice.
func TestShares_Deterministic(t *testing.T) {
	play := func() (order []granted) {
		m := newMarket()
		random := rand.New(rand.NewPCG(1, 2))
		for number := range uint32(40) {
			sender := Sender{ID: fmt.Sprint(random.IntN(3)), SegmentsPerSecond: 30}
			m.enter(number+1, fmt.Sprint("party-", random.IntN(7)), 1+random.IntN(6), sender)
		}
		m.until(someInstant.Add(time.Minute), func(g granted) { order = append(order, g) })
		return order
	}
	if first, second := play(), play(); !slices.Equal(first, second) {
		t.Error("two plays of the same market differ")
	}
}

// BenchmarkShares_Grant measures one grant with so many campaigns, three of each
// party, on five senders.
func BenchmarkShares_Grant(b *testing.B) {
	for _, campaigns := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("campaigns=%d", campaigns), func(b *testing.B) {
			m := newMarket()
			for number := range uint32(campaigns) {
				m.enter(number+1, fmt.Sprint("party-", number/3), 1+int(number)%3, Sender{ID: fmt.Sprint(number % 5), SegmentsPerSecond: 1000})
			}
			b.ReportAllocs()
			left := b.N
			for b.Loop() {
				m.until(m.clock.now.Add(time.Millisecond), func(granted) { left-- })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N-left), "ns/grant")
		})
	}
}
