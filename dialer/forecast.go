package dialer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// Forecast says when a campaign will have tried everybody once, by the windows
// that are still to come, the sender's rate and the party's share of it as things
// stand.
type Forecast struct {
	// At is when it was made.
	At time.Time `json:"at"`
	// Finish is when the last one will have been tried; zero where the campaign's
	// end comes first.
	Finish time.Time `json:"finish,omitzero"`
	// Unreached is how many would not have had their turn by the end.
	Unreached uint64 `json:"unreached,omitempty"`
	// SegmentsPerSecond is the share that the forecast reckons with: of segments, or of
	// calls.
	SegmentsPerSecond float64 `json:"segments_per_second"`
}

// late tells whether the campaign cannot finish in time.
func (f *Forecast) late() bool { return f != nil && f.Unreached > 0 }

// warning says so.
func (f *Forecast) warning(audience uint64, job *Job) string {
	unit := "segments"
	if job.isCall() {
		unit = "calls"
	}
	return fmt.Sprintf("%d of %d contacts cannot be reached by the end, %s: the windows, a share of %.3g %s a second and the time do not suffice",
		f.Unreached, audience, job.Schedule.End.UTC().Format("2006-01-02 15:04 MST"), f.SegmentsPerSecond, unit)
}

// zoneLeft is how many of a group of zones are left, with one of them to ask the
// rules about.
type zoneLeft struct {
	one  contact.ID
	left float64
}

// forecastStep is how finely windows are looked at.
const forecastStep = 15 * time.Minute

// forecast works out when those who are left will have had their turn.
func (d *Dialer) forecast(b books, c *campaign, groups []zoneLeft, from time.Time) (*Forecast, error) {
	f := &Forecast{At: d.clock.Now(), SegmentsPerSecond: d.shareOf(c)}
	hours := make([]*hoursOf, len(groups))
	left := 0.0
	for i, group := range groups {
		h, err := d.hoursOf(b, c, group.one, f.At)
		if err != nil {
			return nil, err
		}
		hours[i] = h
		left += group.left
	}
	messages := f.SegmentsPerSecond / float64(c.dearest().size.Segments)
	for at := from; left > 0.5 && at.Before(c.job.Schedule.End); at = at.Add(forecastStep) {
		room := messages * min(forecastStep, c.job.Schedule.End.Sub(at)).Seconds()
		granted := room
		for i := range groups {
			if groups[i].left > 0 && hours[i].open(c, at) {
				taken := min(room, groups[i].left)
				groups[i].left, room, left = groups[i].left-taken, room-taken, left-taken
			}
		}
		if left <= 0.5 {
			f.Finish = at.Add(time.Duration((granted - room) / messages * float64(time.Second))).Round(time.Second)
		}
	}
	if f.Finish.IsZero() {
		f.Unreached = uint64(left + 0.5)
		if left <= 0.5 { // nobody was left
			f.Finish = from
		}
	}
	return f, nil
}

// hoursOf is one contact whose windows stand for those of a group.
type hoursOf struct {
	person *consent.Person
	shut   time.Time // known to be shut until then
}

func (d *Dialer) hoursOf(b books, c *campaign, id contact.ID, at time.Time) (*hoursOf, error) {
	f := &facts{names: map[string]string{}}
	if _, err := d.directory.Contact(id, &f.contact); err != nil {
		return nil, fmt.Errorf("look a contact up: %w", err)
	}
	f.contact.ID = id
	return &hoursOf{person: f.gather(b, c, at)}, nil
}

// open tells whether the hours allow it then, whatever else may not.
func (h *hoursOf) open(c *campaign, at time.Time) bool {
	if at.Before(h.shut) {
		return false
	}
	if later, deferred := c.job.Schedule.defers(h.person.Zones, at); deferred {
		h.shut = later.Until
		return false
	}
	for _, check := range c.pack.Explain(&c.terms, h.person, at) {
		if check.Decision.Allowed() || !hoursReasons[check.Decision.Reason] {
			continue
		}
		h.shut = check.Decision.Until
		return false
	}
	return true
}

// hoursReasons are the reasons that go by nothing but the time.
var hoursReasons = map[consent.Reason]bool{
	consent.CallingWindow: true, consent.CallingHoliday: true, consent.ElectionSilence: true, consent.OutsideCampaignPeriod: true,
}

// shareOf is the part of its senders' rates that a campaign can reckon with, beside
// those that run. A pool is as slow as the sender of whom the campaign gets least.
func (d *Dialer) shareOf(c *campaign) float64 {
	running, least := d.running(), 1
	for _, sender := range c.senders {
		parties, own := map[string]bool{c.job.Party: true}, 1
		for _, other := range running {
			if other.number == c.number || other.isTest() || !slices.ContainsFunc(other.senders, func(s Sender) bool { return s.ID == sender.ID }) {
				continue
			}
			parties[other.job.Party] = true
			if other.job.Party == c.job.Party {
				own++
			}
		}
		least = max(least, len(parties)*own)
	}
	return c.rateFor(c.dearest().size.Segments) / float64(least)
}

// groups returns the drawn by their group of zones.
func (s *survey) groups() []zoneLeft {
	groups := make([]zoneLeft, len(s.zones))
	for _, one := range s.drawn.kept {
		groups[one.zone].one = one.id
		groups[one.zone].left++
	}
	return slices.DeleteFunc(groups, func(g zoneLeft) bool { return g.left == 0 })
}

// groupsLeft spreads those who are left over the groups as they were planned.
func (b books) groupsLeft(record *campaignRecord, left uint64) []zoneLeft {
	var planned uint64
	for _, n := range record.Groups {
		planned += n
	}
	var groups []zoneLeft
	for zone, n := range record.Groups {
		for key := range b.Rows(BucketRecipient, zonePrefix(record.Number, uint8(zone))) {
			if k := recipientKey(key); k.campaign() == record.Number && int(k[4]) == zone {
				groups = append(groups, zoneLeft{k.id(record.Mask), float64(left) * float64(n) / float64(planned)})
			}
			break
		}
	}
	return groups
}

// forecastEvery is how often, in real time, the forecasts are made anew.
const forecastEvery = 5 * time.Second

// foresee makes the forecasts of all that runs or will, and tells once where one
// cannot finish in time any more.
func (d *Dialer) foresee(context.Context) error {
	forecasts := map[uint32]*Forecast{}
	var late []string
	former := d.forecasts.Load()
	err := d.ledger.View(func(tx Tx) error {
		b := books{tx}
		for _, c := range d.atWork() {
			record, found := b.campaign(c.number)
			balance := b.balance(c.number)
			if !found || balance.State == CampaignAccepted || balance.State.ends() {
				continue
			}
			from := d.clock.Now()
			if start := c.start(); start.After(from) {
				from = start
			}
			f, err := d.forecast(b, c, b.groupsLeft(record, balance.undialled()), from)
			if err != nil {
				return err
			}
			if forecasts[c.number] = f; f.late() && (former == nil || !(*former)[c.number].late()) {
				late = append(late, c.job.ID)
				d.log.Warn().Str(FieldEvent, EventLate).Str(FieldCampaign, c.job.ID).Str(FieldDetail, f.warning(balance.Audience, c.job)).Send()
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forecast the campaigns: %w", err)
	}
	d.forecasts.Store(&forecasts)
	for _, name := range late {
		d.announce(name)
	}
	return nil
}

// atWork returns the campaigns that hand out slots, or will when their start or
// an operator lets them.
func (d *Dialer) atWork() []*campaign {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.compiled))
}
