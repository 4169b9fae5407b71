package dialer

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/consent/contact"
)

// SenderPool is several senders of which each contact sees one, always the same:
// a job may name a pool where it names a sender, and is then sent by all of them
// at once.
type SenderPool struct {
	// ID is the pool's name in jobs. No sender has it.
	ID string
	// Members are the IDs of two senders or more, all for the same parties and
	// channels.
	Members []string
}

// SendersOf returns the sender with that ID, or the members of the pool that has
// it; none where the registry knows neither.
func (r *Registry) SendersOf(id string) []Sender {
	if sender, found := r.Sender(id); found {
		return []Sender{sender}
	}
	pool, _ := find(r.SenderPools, func(p SenderPool) bool { return p.ID == id })
	var senders []Sender
	for _, member := range pool.Members {
		if sender, found := r.Sender(member); found {
			senders = append(senders, sender)
		}
	}
	return senders
}

// formerly returns the IDs of all senders that the job's texts may have come from:
// a pool's job can have had any of its party's, which was a member then.
func (r *Registry) formerly(j *Job) []string {
	if _, single := r.Sender(j.Sender); single {
		return []string{j.Sender}
	}
	var senders []string
	for _, sender := range r.Senders {
		if sender.Serves(j.Party, j.Channel) {
			senders = append(senders, sender.ID)
		}
	}
	return senders
}

// senderFor returns which of the campaign's senders a contact sees. Those that
// rest are passed over, unless all do.
func (c *campaign) senderFor(id contact.ID, resting map[string]bool) int {
	if len(c.senders) == 1 {
		return 0
	}
	best, highest := -1, math.Inf(-1)
	for i := range c.senders {
		if s := &c.senders[i]; !resting[s.ID] {
			if weight := s.weightFor(c.job.Party, id); weight > highest {
				best, highest = i, weight
			}
		}
	}
	if best < 0 {
		return c.senderFor(id, nil)
	}
	return best
}

// weightFor is the sender's weight in the draw for a contact of the party: the
// highest of a pool wins (weighted rendezvous hashing). It depends on nothing else,
// so that every campaign of the party and every start draws the same sender, and
// a member that comes or goes takes or leaves only its own contacts. Senders win as
// often as their rates say, and so are through at the same time. What is drawn from
// is the ID, an HMAC under the identity key: nobody without that key can foretell it.
func (s *Sender) weightFor(party string, id contact.ID) float64 {
	var room [2 * sha256.BlockSize]byte
	text := append(append(append(append(room[:0], id[:]...), party...), 0), s.ID...)
	sum := sha256.Sum256(text)
	drawn := binary.BigEndian.Uint64(sum[:]) >> 11 // as many bits as a float64 has
	return s.rate() / -math.Log((float64(drawn)+0.5)/(1<<53))
}

// speak makes the terms those of a campaign whose contact sees this sender.
func (s *Sender) speak(terms *consent.Campaign) {
	terms.CallerID = s.ID
	terms.Registrations = consent.Registrations{
		SenderMissing: !s.Registered, TCRUseCase: s.TCRUseCase, CampaignVerify: s.CampaignVerify,
	}
}

// addressed returns the campaign's sender that a contact has answered to; where it
// is none of them any more, the first one speaks.
func (c *campaign) addressed(id string) *Sender {
	return &c.senders[max(0, slices.IndexFunc(c.senders, func(s Sender) bool { return s.ID == id }))]
}

// rate is what the campaign's senders may send together, in segments a second;
// rateFor is what is left of it for texts of so many segments.
func (c *campaign) rate() (sum float64) {
	for i := range c.senders {
		sum += c.granted(&c.senders[i])
	}
	return sum
}

// granted is what a sender can do in a second: of calls that all last as long as they
// may no more than may be under way at once.
func (c *campaign) granted(s *Sender) float64 {
	if !s.Rings() || c.job.Call == nil {
		return s.rate()
	}
	return min(s.rate(), float64(s.CallsInProgress)/(c.job.Call.ring()+c.job.Call.talk()).Seconds())
}

func (c *campaign) rateFor(segments int) (sum float64) {
	for i := range c.senders {
		if sender := &c.senders[i]; sender.Rings() {
			sum += c.granted(sender)
		} else {
			sum += sender.rateFor(segments)
		}
	}
	return sum
}
