package dialer_test

import (
	"slices"
	"time"

	"github.com/hustings/hustings/consent/contact"
)

// The law of France for texts, worked out anew: nothing of the rules' own code
// is used. See configs/packs/fr.yaml for the sources.

// inHours are the hours for texts, 08:00 to 21:30.
func inHours(local time.Time) bool {
	minute := local.Hour()*60 + local.Minute()
	return minute >= 8*60 && minute < 21*60+30
}

// A contact hears from anybody once a day, and from one party four times in
// thirty days.
const (
	capMonth = 4
	capDays  = 30
)

// civilDay counts days by the clock that the instant is told by.
func civilDay(local time.Time) int {
	year, month, day := local.Date()
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

var (
	paris, _ = contact.FindTerritory("FR-75")
	// polls are the days of the mainland.
	polls = []time.Time{time.Date(2027, 4, 18, 0, 0, 0, 0, time.UTC), time.Date(2027, 5, 2, 0, 0, 0, 0, time.UTC)}
	// saturday are the places that vote a day earlier.
	saturday = []string{"FR-971", "FR-972", "FR-973", "FR-975", "FR-977", "FR-978", "FR-987"}
)

// silent tells whether nobody may be canvassed where the contact is registered:
// from midnight on the eve until the end of the polling day there, and until
// 20:00 in Paris.
func silent(p *person, at time.Time) bool {
	for _, poll := range polls {
		vote := poll
		if slices.Contains(saturday, p.Territory.Code) {
			vote = poll.AddDate(0, 0, -1)
		}
		year, month, day := poll.Date()
		end := time.Date(year, month, day, 20, 0, 0, 0, paris.Zones[0])
		var start time.Time
		for _, zone := range p.Territory.Zones {
			year, month, day := vote.Date()
			if eve := time.Date(year, month, day-1, 0, 0, 0, 0, zone); start.IsZero() || eve.Before(start) {
				start = eve
			}
			if over := time.Date(year, month, day+1, 0, 0, 0, 0, zone); over.After(end) {
				end = over
			}
		}
		if !at.Before(start) && at.Before(end) {
			return true
		}
	}
	return false
}
