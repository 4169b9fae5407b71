package consent

import (
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// GrantWearsOut returns from when on a grant for the channel counts no more by
// its age alone, and whether there is such an instant: where no rule of the pack
// says so, consent does not age.
func (p *Pack) GrantWearsOut(channel contact.Channel, given time.Time) (at time.Time, wears bool) {
	if int(channel) >= len(p.tables) {
		return at, false
	}
	for _, r := range p.tables[channel].consentMaxAge {
		if ends := given.UTC().AddDate(r.p.Years, 0, 0); !wears || ends.Before(at) {
			at, wears = ends, true
		}
	}
	return at, wears
}
