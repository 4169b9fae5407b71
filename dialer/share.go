package dialer

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"
)

// First come, first served is for contacts. Capacity is shared equally, by
// arithmetic:
//
//	line      parties take turns          for the requests that may be under way
//	sender    parties take turns          for the sender's segments
//	party     its campaigns take turns    for the party's share of the sender
//
// Turns are counted in segments, so that long texts take no more than short ones,
// and by party before campaign, so that three campaigns of one party get no more
// than the one of another. Nobody's share is kept free: what a party has no work
// for goes to those who have. See turns.go for how equal equal is.

// shares knows whose turn it is. It belongs to the dispatcher's goroutine.
type shares struct {
	campaigns map[uint32]*standing
	senders   map[string]*senderTurns
	parties   map[string]*partyLine
	// line is the order of the parties that stand first at a sender who is free.
	line turns[*partyLine]
	// busy are the senders who are not.
	busy busySenders
	// joined numbers the parties, in the order in which they came.
	joined uint64
}

// partyLine is a party's place in the line, with the free senders at which it
// stands first.
type partyLine struct {
	turn
	party   string
	senders []*senderTurns
	// uses counts the senders that the party's campaigns use.
	uses int
}

// senderTurns is the order of the parties that have work for a sender.
type senderTurns struct {
	sender  string
	all     map[string]*partyTurns
	parties turns[*partyTurns]
	// head is in whose name the sender stands in the line, nil while it does not.
	head *partyLine
	// free is when the sender has capacity again, place where among the busy ones
	// it stands, counted from 1; 0 for nowhere.
	free  time.Time
	place int
}

// partyTurns is the order of a party's campaigns that have work for a sender.
type partyTurns struct {
	turn
	line      *partyLine
	sender    *senderTurns
	campaigns turns[*campaignTurn]
	// all counts its campaigns, with work or without.
	all int
}

// slice is how many segments a campaign gets in a row of what its party gets at a
// sender, and a party of the line, as far as its senders have them: the rows of one
// campaign lie side by side on the disk, and a hundred campaigns in turn would each
// want a page of their own written. Parties at one sender take turns message by
// message.
const slice = 32

// campaignTurn is a campaign's place among its party's, at one sender.
type campaignTurn struct {
	turn
	feed *feed
	// sender is the sender's place among the campaign's own.
	sender int
	party  *partyTurns
}

// holder is whose share the turn is.
func (c *campaignTurn) holder() shareHolder {
	return shareHolder{c.feed.campaign.number, c.party.sender.sender}
}

// standing is a campaign with its turns: one at each of its senders, which knows
// nothing of the others. So a pool's campaign has of each member what any campaign
// of its party has that names this member alone.
type standing struct {
	feed  *feed
	turns []*campaignTurn
}

func newShares() *shares {
	return &shares{
		campaigns: map[uint32]*standing{}, senders: map[string]*senderTurns{}, parties: map[string]*partyLine{},
		line: turns[*partyLine]{slice: slice},
	}
}

// add makes room for a campaign at its senders. It has no turn before it has work.
func (s *shares) add(f *feed) *standing {
	one := &standing{feed: f}
	for i, sender := range f.campaign.senders {
		p := s.partyAt(f.campaign.turnOf(), sender.ID)
		p.all++
		one.turns = append(one.turns, &campaignTurn{turn: turn{number: uint64(f.campaign.number)}, feed: f, sender: i, party: p})
	}
	s.campaigns[f.campaign.number] = one
	return one
}

// partyAt is the party's order at the sender, made where there was none.
func (s *shares) partyAt(party, sender string) *partyTurns {
	line := s.parties[party]
	if line == nil {
		s.joined++
		line = &partyLine{turn: turn{number: s.joined}, party: party}
		s.parties[party] = line
	}
	at := s.senders[sender]
	if at == nil {
		at = &senderTurns{sender: sender, all: map[string]*partyTurns{}}
		s.senders[sender] = at
	}
	p := at.all[party]
	if p == nil {
		p = &partyTurns{turn: turn{number: line.number}, line: line, sender: at, campaigns: turns[*campaignTurn]{slice: slice}}
		at.all[party] = p
		line.uses++
	}
	return p
}

// remove forgets a campaign.
func (s *shares) remove(one *standing) {
	delete(s.campaigns, one.feed.campaign.number)
	for _, c := range one.turns {
		s.leave(c)
	}
}

// leave takes a campaign away from a sender, and with its last one a party, and
// with its last one the sender.
func (s *shares) leave(c *campaignTurn) {
	s.rest(c)
	p := c.party
	if p.all--; p.all > 0 {
		return
	}
	delete(p.sender.all, p.line.party)
	if p.line.uses--; p.line.uses == 0 {
		delete(s.parties, p.line.party)
	}
	if len(p.sender.all) == 0 {
		s.setFree(p.sender)
		s.standBack(p.sender)
		delete(s.senders, p.sender.sender)
	}
}

// work notes that a campaign has work.
func (s *shares) work(c *campaignTurn) {
	p := c.party
	p.campaigns.join(c)
	if !p.waits() {
		p.sender.parties.join(p)
	}
	s.stand(p.sender)
}

// rest notes that a campaign has no work for the time being.
func (s *shares) rest(c *campaignTurn) {
	p := c.party
	p.campaigns.leave(c)
	if p.waits() && p.campaigns.Len() == 0 {
		p.sender.parties.leave(p)
	}
	s.stand(p.sender)
}

// next is the campaign whose turn it is, nil for none: of those at a free sender.
func (s *shares) next(now time.Time) *campaignTurn {
	for len(s.busy) > 0 && !s.busy[0].free.After(now) {
		sender := s.busy[0]
		s.setFree(sender)
		s.stand(sender)
	}
	if s.line.Len() == 0 {
		return nil
	}
	return s.line.first().senders[0].parties.first().campaigns.first()
}

// serve books a message on the campaign whose turn it is, and on its party.
func (s *shares) serve(c *campaignTurn, segments int) {
	p := c.party
	p.campaigns.serve(c, segments)
	p.sender.parties.serve(p, segments)
	s.line.serve(p.line, segments)
	s.standBack(p.sender) // behind the party's other senders
	s.stand(p.sender)
}

// setBusy notes that a sender has no capacity until then.
func (s *shares) setBusy(sender *senderTurns, until time.Time) {
	s.standBack(sender)
	sender.free = until
	if sender.place == 0 {
		heap.Push(&s.busy, sender)
		return
	}
	heap.Fix(&s.busy, sender.place-1)
}

func (s *shares) setFree(sender *senderTurns) {
	if sender.place > 0 {
		heap.Remove(&s.busy, sender.place-1)
	}
}

// setAllFree forgets when senders are free again: the clock has been stepped.
func (s *shares) setAllFree() {
	for len(s.busy) > 0 {
		sender := s.busy[0]
		s.setFree(sender)
		s.stand(sender)
	}
}

// nextFree is when the next busy sender is free, zero where none is busy.
func (s *shares) nextFree() time.Time {
	if len(s.busy) == 0 {
		return time.Time{}
	}
	return s.busy[0].free
}

// stand puts a free sender into the line, in the name of the party whose turn it
// is there.
func (s *shares) stand(sender *senderTurns) {
	var head *partyLine
	if sender.place == 0 && sender.parties.Len() > 0 {
		head = sender.parties.first().line
	}
	if head == sender.head {
		return
	}
	s.standBack(sender)
	if sender.head = head; head != nil {
		head.senders = append(head.senders, sender)
		s.line.join(head)
	}
}

// standBack takes a sender out of the line.
func (s *shares) standBack(sender *senderTurns) {
	head := sender.head
	if head == nil {
		return
	}
	sender.head = nil
	head.senders = slices.DeleteFunc(head.senders, func(other *senderTurns) bool { return other == sender })
	if len(head.senders) == 0 {
		s.line.leave(head)
	}
}

// inOrder lists all campaigns, in the order of their acceptance.
func (s *shares) inOrder() []*standing {
	return slices.SortedFunc(maps.Values(s.campaigns), func(a, b *standing) int {
		return cmp.Compare(a.feed.campaign.number, b.feed.campaign.number)
	})
}

// busySenders is a heap of senders, the one that is free first on top.
type busySenders []*senderTurns

// Len, Less, Swap, Push and Pop make it a heap.
func (b busySenders) Len() int { return len(b) }

func (b busySenders) Less(i, j int) bool {
	if !b[i].free.Equal(b[j].free) {
		return b[i].free.Before(b[j].free)
	}
	return b[i].sender < b[j].sender
}

func (b busySenders) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].place, b[j].place = i+1, j+1
}

func (b *busySenders) Push(one any) {
	*b = append(*b, one.(*senderTurns))
	one.(*senderTurns).place = len(*b)
}

func (b *busySenders) Pop() any {
	last := (*b)[len(*b)-1]
	(*b)[len(*b)-1] = nil
	*b = (*b)[:len(*b)-1]
	last.place = 0
	return last
}
