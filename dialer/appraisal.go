package dialer

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// appraisal works through the log of shares, minute by minute.
type appraisal struct {
	fairness  *Fairness
	campaigns map[uint32]*CampaignFairness
	senders   map[string]*senderAppraisal
	minute    int64
	// campaign is the minute's last one, worked for how long it has had work in it.
	campaign uint32
	worked   Duration
}

// senderAppraisal sums up one sender: whole, the hour, and the minute at hand.
type senderAppraisal struct {
	parties   map[string]*PartyFairness
	contested int
	hours     []HourFairness
	hour      map[string]*PartyFairness
	minute    map[string]*Share
}

func newAppraisal(b books, f *Fairness) *appraisal {
	a := &appraisal{fairness: f, campaigns: map[uint32]*CampaignFairness{}, senders: map[string]*senderAppraisal{}}
	for record := range b.campaigns() {
		job := &record.Job
		if (f.Round != "" && job.Round != f.Round) || !record.Accepted.Before(f.To) || (!record.Closed.IsZero() && record.Closed.Before(f.From)) {
			continue
		}
		balance := b.balance(record.Number)
		a.campaigns[record.Number] = &CampaignFairness{
			Order: record.Order, Accepted: record.Accepted, Campaign: job.ID, Party: job.Party, Round: job.Round, Sender: job.Sender,
			State: balance.State.String(), Ordered: balance.Size, Audience: balance.Audience,
			Refused: b.exclusions(record.Number, excludedAtPlanning), Undialled: balance.undialled(),
		}
	}
	return a
}

// enter takes in one campaign's minute at one sender; minutes come in ascending
// order, and a minute's campaigns, too.
func (a *appraisal) enter(key shareKey, e shareEntry) {
	c := a.campaigns[key.campaign]
	if c == nil {
		return
	}
	if key.minute != a.minute {
		a.endMinute()
		if key.minute/60 != a.minute/60 {
			a.endHour()
		}
		a.minute, a.campaign = key.minute, 0
	}
	// A campaign has work as long as it has any for one of its senders.
	if key.campaign != a.campaign {
		a.campaign, a.worked = key.campaign, 0
	}
	worked := max(c.Worked, c.Worked-a.worked+Duration(e.worked))
	a.worked = max(a.worked, Duration(e.worked))
	c.add(e)
	c.Worked = worked
	sender := cmp.Or(key.sender, c.Sender)
	s := a.senders[sender]
	if s == nil {
		s = &senderAppraisal{parties: map[string]*PartyFairness{}, hour: map[string]*PartyFairness{}, minute: map[string]*Share{}}
		a.senders[sender] = s
	}
	party := s.minute[c.Party]
	if party == nil {
		party = new(Share)
		s.minute[c.Party] = party
	}
	// A party has work as long as one of its campaigns has: at least for so long.
	worked = max(party.Worked, Duration(e.worked))
	party.add(e)
	party.Worked = worked
}

func (s *Share) add(e shareEntry) {
	s.Worked += Duration(e.worked)
	s.Offered += e.offered
	s.Used += e.used
	s.Requests += e.requests
}

// throughout is for how much of a minute a party must have had work to count as
// one that had it all the time.
const throughout = Duration(59 * time.Second)

// endMinute compares what the parties were offered in the minute.
func (a *appraisal) endMinute() {
	for _, s := range a.senders {
		var offered, contenders uint64
		for _, share := range s.minute {
			if share.Worked >= throughout {
				contenders++
				offered += share.Offered
			}
		}
		if contenders > 1 {
			s.contested++
		}
		for name, share := range s.minute {
			for _, sums := range []map[string]*PartyFairness{s.parties, s.hour} {
				party := sums[name]
				if party == nil {
					party = &PartyFairness{Party: name}
					sums[name] = party
				}
				party.Worked += share.Worked
				party.Offered += share.Offered
				party.Used += share.Used
				party.Requests += share.Requests
				if contenders > 1 && share.Worked >= throughout {
					party.Contested += share.Offered
					party.Due += float64(offered) / float64(contenders)
				}
			}
		}
		clear(s.minute)
	}
}

// endHour works out the index of the hour.
func (a *appraisal) endHour() {
	for _, s := range a.senders {
		if len(s.hour) > 0 {
			s.hours = append(s.hours, HourFairness{time.Unix(a.minute/60*3600, 0).UTC(), jain(s.hour)})
			clear(s.hour)
		}
	}
}

// jain is the index over what parties were offered of what was due to them.
func jain(parties map[string]*PartyFairness) float64 {
	var shares []float64
	for _, name := range slices.Sorted(maps.Keys(parties)) {
		if party := parties[name]; party.Due > 0 {
			shares = append(shares, float64(party.Contested)/party.Due)
		}
	}
	return Jain(shares)
}

func (a *appraisal) conclude() {
	a.endMinute()
	a.endHour()
	for _, number := range slices.Sorted(maps.Keys(a.campaigns)) {
		a.fairness.Campaigns = append(a.fairness.Campaigns, *a.campaigns[number])
	}
	for _, sender := range slices.Sorted(maps.Keys(a.senders)) {
		s := a.senders[sender]
		one := SenderFairness{Sender: sender, Contested: s.contested, Jain: jain(s.parties), Hours: s.hours}
		for _, name := range slices.Sorted(maps.Keys(s.parties)) {
			one.Parties = append(one.Parties, *s.parties[name])
		}
		a.fairness.Senders = append(a.fairness.Senders, one)
	}
}
