package sandbox

import (
	"flag"
	"time"
)

// Twilio's words for how far a call is, beside those that texts have too.
const (
	statusInitiated  = "initiated"
	statusRinging    = "ringing"
	statusInProgress = "in-progress"
	statusCompleted  = "completed"
	statusBusy       = "busy"
	statusNoAnswer   = "no-answer"
)

// CallShares are what becomes of calls, as shares of them; those of a machine's, of
// digits and of hanging up are shares of what is answered. A share takes its default
// where it is zero, and means none where it is negative.
type CallShares struct {
	Failed, Busy, Declined, NoAnswer float64
	// Machine are answered by one.
	Machine float64
	// Objects are people who press 9, Confused those who press another digit first,
	// and HangUp those who do not listen to the end.
	Objects, Confused, HangUp float64
}

// usualShares are what calls to people look like.
var usualShares = CallShares{Failed: 0.01, Busy: 0.05, Declined: 0.04, NoAnswer: 0.30, Machine: 0.25, Objects: 0.03, Confused: 0.01, HangUp: 0.25}

// shareFlag is a share with its default, its flag and what that says.
type shareFlag struct {
	into       *float64
	usual      float64
	name, what string
}

// all are the shares one by one.
func (shares *CallShares) all() []shareFlag {
	usual := &usualShares
	return []shareFlag{
		{&shares.Failed, usual.Failed, "call-failed-fraction", "share of calls that fail"},
		{&shares.Busy, usual.Busy, "call-busy-fraction", "share of calls to somebody who is on the phone"},
		{&shares.Declined, usual.Declined, "call-declined-fraction", "share of calls that are declined"},
		{&shares.NoAnswer, usual.NoAnswer, "call-no-answer-fraction", "share of calls that nobody answers"},
		{&shares.Machine, usual.Machine, "call-machine-fraction", "share of answered calls that a machine answers"},
		{&shares.Objects, usual.Objects, "call-objects-fraction", "share of people who press 9"},
		{&shares.Confused, usual.Confused, "call-confused-fraction", "share of people who press another digit first"},
		{&shares.HangUp, usual.HangUp, "call-hang-up-fraction", "share of people who do not listen to the end"},
	}
}

// withDefaults fills what is unset.
func (shares CallShares) withDefaults() CallShares {
	for _, share := range shares.all() {
		if *share.into == 0 {
			*share.into = share.usual
		}
		*share.into = max(*share.into, 0)
	}
	return shares
}

// flags binds the shares to their names.
func (shares *CallShares) flags(flags *flag.FlagSet) {
	for _, share := range shares.all() {
		flags.Float64Var(share.into, share.name, share.usual, share.what)
	}
}

// digitObjects is the digit with which people object, as they are told.
const digitObjects = "9"

// conduct is what whoever has answered does, counted from the answer.
type conduct struct {
	machine  bool
	greeting time.Duration // of a machine, up to its beep
	presses  []press
	hangsUp  time.Duration // 0 for never
}

// press is a digit that a person presses.
type press struct {
	after time.Duration
	digit string
}

// plan draws what happens to a message or a call.
func (options *Options) plan(playing *message) life {
	if playing.call == nil {
		return options.planLife(playing.to, playing.initial, playing.validity)
	}
	return options.planCall(playing)
}

// planCall draws what happens to a call until it is answered or over. Each call to a
// number is drawn anew: somebody who is out is in the next day.
func (options *Options) planCall(playing *message) life {
	stream := drawFor(options.Seed, playing.key+"call")
	initiated := stream.between(50*time.Millisecond, 300*time.Millisecond)
	ringing := initiated + stream.between(500*time.Millisecond, 3*time.Second)
	point, answers := stream.share(), stream.between(2*time.Second, 18*time.Second)
	limit := time.Duration(playing.call.Ring) * time.Second
	plan := life{steps: []step{{after: initiated, status: statusInitiated}}}
	end := func(after time.Duration, status string) life {
		plan.steps = append(plan.steps, step{after: after, status: status})
		return plan
	}
	shares := &options.Calls
	if point -= shares.Failed; point < 0 {
		return end(ringing, statusFailed)
	}
	if point -= shares.Busy; point < 0 {
		return end(ringing, statusBusy)
	}
	plan.steps = append(plan.steps, step{after: ringing, status: statusRinging})
	if point -= shares.Declined; point < 0 {
		return end(ringing+min(answers, limit), statusBusy)
	}
	if point -= shares.NoAnswer; point < 0 || answers >= limit {
		return end(ringing+limit+stream.between(0, 5*time.Second), statusNoAnswer)
	}
	return end(ringing+answers, statusInProgress)
}

// conductOf draws what whoever has answered a call does.
func (options *Options) conductOf(playing *message) conduct {
	stream := drawFor(options.Seed, playing.key+"conduct")
	if stream.share() < options.Calls.Machine {
		return conduct{machine: true, greeting: stream.between(4*time.Second, 12*time.Second)}
	}
	var does conduct
	point, when := stream.share(), stream.between(3*time.Second, 20*time.Second)
	switch {
	case point < options.Calls.Objects:
		does.presses = []press{{when, digitObjects}}
	case point < options.Calls.Objects+options.Calls.Confused:
		does.presses = []press{{when, "5"}, {when + 3*time.Second, digitObjects}}
	case point < options.Calls.Objects+options.Calls.Confused+options.Calls.HangUp:
		does.hangsUp = when
	}
	return does
}
