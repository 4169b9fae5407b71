package dialer_test

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hustings/hustings/dialer"
)

// mood is one thing that a carrier does, and how often in a thousand.
type mood struct {
	share int
	reply func(*rand.Rand) reply
}

func certainly(r reply) func(*rand.Rand) reply { return func(*rand.Rand) reply { return r } }

// silently is a message that comes to be and of which nobody is called back:
// only the carrier's list shows what became of it.
func silently(kind dialer.AnswerKind, remembers dialer.CarrierStatus) reply {
	return reply{answer: dialer.Answer{Kind: kind}, created: true, remembers: remembers}
}

// throttled is a 429, with the patience that the carrier asks for.
func throttled(patience time.Duration) reply {
	r := answered(dialer.Withdrawn, 20429, dialer.EffectThrottle)
	r.answer.HTTPStatus, r.answer.RetryAfter = 429, patience
	return r
}

// endsWith is a message whose final status brings an error code.
func endsWith(code int, effect dialer.Effect) reply {
	r := ends(dialer.StatusUndelivered)
	r.code, r.effect = code, effect
	return r
}

// timedOut is a request that the daemon gave up on while the carrier was still
// at it.
func timedOut(created bool, late time.Duration) reply {
	return reply{answer: dialer.Answer{Kind: dialer.Unclear}, created: created, late: late, takes: 10 * time.Second}
}

// moods are all that the protocol knows of. Real carriers deliver far more.
var moods = []mood{
	{420, certainly(delivered())},
	{90, certainly(ends(dialer.StatusUndelivered))},
	{40, certainly(ends(dialer.StatusFailed))},
	{10, certainly(ends(dialer.StatusCanceled))},
	{10, certainly(endsWith(21610, dialer.EffectObjection))},
	{20, certainly(endsWith(30003, dialer.NoEffect))},
	{2, certainly(endsWith(30034, dialer.EffectHold))},
	{40, certainly(early(delivered(), dialer.StatusDelivered))},
	{40, certainly(early(unclear(true), dialer.StatusSent, dialer.StatusUndelivered))},
	{40, certainly(silently(dialer.Unclear, dialer.StatusDelivered))},
	{30, certainly(silently(dialer.Accepted, dialer.StatusUndelivered))},
	{20, certainly(accepted())},
	{50, certainly(unclear(false))},
	{20, func(random *rand.Rand) reply {
		return timedOut(true, time.Duration(random.IntN(20_000))*time.Millisecond)
	}},
	{10, certainly(timedOut(false, 0))},
	{20, certainly(answered(dialer.Refused, 21211, dialer.NoEffect))},
	{10, certainly(answered(dialer.Refused, 21614, dialer.EffectUnreachable))},
	{20, certainly(answered(dialer.Refused, 21610, dialer.EffectObjection))},
	{2, certainly(answered(dialer.Refused, 30034, dialer.EffectHold))},
	{6, certainly(answered(dialer.Refused, 21611, dialer.EffectThrottle))},
	{30, func(random *rand.Rand) reply { return throttled(time.Duration(random.IntN(600)) * time.Second) }},
	{20, certainly(throttled(0))},
	{20, certainly(dead(0))},
	{30, late},
}

// late is called back hours after, or days.
func late(random *rand.Rand) reply {
	r := delivered()
	if random.IntN(3) == 0 {
		r = unclear(true)
		r.statuses = []dialer.CarrierStatus{dialer.StatusSent, dialer.StatusDelivered}
	}
	r.every = time.Duration(1+random.IntN(60)) * time.Second
	return r
}

// moody is a carrier that does whatever a carrier can do. What becomes of a
// message depends on whom it is for and what it says, and not on the order of
// requests, so that the same seed is the same carrier whatever the scheduler
// does.
func moody(seed uint64) func(int, dialer.Request) reply {
	var mu sync.Mutex
	tries := map[uint64]uint64{}
	return func(_ int, request dialer.Request) reply {
		name := fnv.New64a()
		_, _ = name.Write([]byte(request.To.E164() + request.Body))
		key := name.Sum64()
		mu.Lock()
		tries[key]++
		random := rand.New(rand.NewPCG(seed^key, tries[key]))
		mu.Unlock()
		r := anyMood(random)
		if r.takes == 0 || r.takes == delivered().takes {
			r.takes = time.Duration(random.IntN(300)) * time.Millisecond
		}
		r.statuses = asCarriersDo(random, r)
		return r
	}
}

func anyMood(random *rand.Rand) reply {
	total := 0
	for _, m := range moods {
		total += m.share
	}
	at := random.IntN(total)
	for _, m := range moods {
		if at -= m.share; at < 0 {
			return m.reply(random)
		}
	}
	panic("the shares do not add up")
}

// asCarriersDo tells some statuses twice, in another order, or not at all. A
// message keeps its one end.
func asCarriersDo(random *rand.Rand, r reply) []dialer.CarrierStatus {
	statuses := slices.Clone(r.statuses)
	if len(statuses) == 0 {
		return nil
	}
	switch random.IntN(8) {
	case 0:
		statuses = append(statuses, statuses...)
	case 1:
		random.Shuffle(len(statuses), func(i, j int) { statuses[i], statuses[j] = statuses[j], statuses[i] })
	case 2:
		statuses = append(statuses, statuses[random.IntN(len(statuses))])
	case 3:
		statuses = slices.Delete(statuses, 0, 1+random.IntN(len(statuses)))
	}
	return statuses
}
