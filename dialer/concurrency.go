package dialer

// concurrency bounds how many requests to the carrier are under way at once. The
// carrier says how many it takes from the account only by denying one too many
// (429), and others may use the same account: so the bound is felt for. It grows
// by one with every round of answers, and is halved by a denial. It belongs to
// the dispatcher's goroutine.
type concurrency struct {
	most  int
	bound float64
	// heard counts down the requests that were under way when it was halved: what
	// they are denied says nothing new.
	heard int
}

func newConcurrency(most int) *concurrency { return &concurrency{most: most, bound: float64(most)} }

// allows tells whether one more may begin beside those under way.
func (c *concurrency) allows(underWay int) bool { return underWay < int(c.bound) }

// answered takes in that the carrier has dealt with a request.
func (c *concurrency) answered() {
	c.heard = max(0, c.heard-1)
	c.bound = min(float64(c.most), c.bound+1/c.bound)
}

// denied takes in that the carrier has denied a request, with so many left under
// way, and so many of the whole account's as the carrier counts them, 0 where it
// does not say. It tells whether the bound was lowered.
func (c *concurrency) denied(underWay, counted int) bool {
	if c.heard > 0 {
		c.heard--
		return false
	}
	c.heard = underWay
	most := min(c.bound, float64(underWay+1))
	if counted > 0 {
		most = min(most, float64(counted))
	}
	c.bound = max(1, most/2)
	return true
}
