package consent

import "time"

// Permit is an Allow that names what it rests on, for the record that every
// attempt leaves. Only Pack.Permit makes one; the zero Permit permits nothing.
type Permit struct {
	pack    *Pack
	grant   uint32
	granted bool
	at      time.Time
}

// Permit decides as Decide does, and gives a permit with the decision Allow.
func (p *Pack) Permit(c *Campaign, person *Person, at time.Time) (Permit, Decision) {
	q := p.ask(c, person, at)
	defer q.done()
	d := q.decide()
	if !d.Allowed() {
		return Permit{}, d
	}
	permit := Permit{pack: p, at: at}
	if g := q.grant(); g != nil {
		permit.grant, permit.granted = g.Version, true
	}
	return permit, d
}

// IsZero tells whether nobody gave the permit.
func (p Permit) IsZero() bool { return p.pack == nil }

// Pack returns the version of the pack that allowed; empty for the zero Permit.
func (p Permit) Pack() string {
	if p.pack == nil {
		return ""
	}
	return p.pack.version
}

// Grant returns the version of the grant relied on. There is none where the
// channel needs none and none was given.
func (p Permit) Grant() (version uint32, granted bool) { return p.grant, p.granted }

// At returns the instant that the permit was given for.
func (p Permit) At() time.Time { return p.at }
