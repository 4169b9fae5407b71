package daemon

import post "github.com/hustings/hustings/cmd/internal/outpost"

// The judge in all that follows is the carrier's own log: ours tells only what
// we believe.
var (
	readCarrier = post.ReadCarrier
	requests    = post.Requests
	judge       = post.Judge
	dialled     = post.Dialled
	mustBeSound = post.MustBeSound
)
