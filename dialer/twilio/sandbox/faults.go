package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault is a way in which one request or callback goes wrong.
type Fault string

// The faults of create requests. "Accepted" means that the message exists and
// lives.
const (
	FaultNone     Fault = ""         // nothing goes wrong
	FaultHang     Fault = "hang"     // accepted, then no answer for Faults.HangTime, then the connection closes
	FaultReset    Fault = "reset"    // accepted, then the connection is reset
	FaultError    Fault = "error"    // accepted, then 500 with Twilio's error 20500
	FaultTruncate Fault = "truncate" // accepted, then half of the answer
	FaultPage     Fault = "page"     // accepted, then a proxy's HTML page with 502
	FaultNoSid    Fault = "no_sid"   // accepted, then 201 with an empty object
	FaultSlow     Fault = "slow"     // answered as it should be, Faults.SlowTime later
	FaultThrottle Fault = "throttle" // 429 with Twilio's error 20429; nothing is made
	FaultRefuse   Fault = "refuse"   // 500 with Twilio's error 20500; nothing is made
	FaultDrop     Fault = "drop"     // the connection is reset; nothing is made
	FaultForbid   Fault = "forbid"   // a proxy's HTML page with 403; nothing is made
)

// The faults of list and fetch requests.
const (
	FaultListThrottle Fault = "list_throttle" // 429 with Twilio's error 20429
	FaultListError    Fault = "list_error"    // 500 with Twilio's error 20500
	FaultListPage     Fault = "list_page"     // a proxy's HTML page with 502
	FaultListHang     Fault = "list_hang"     // no answer for Faults.HangTime, then the connection closes
)

// The faults of status callbacks and inbound texts.
const (
	FaultCallbackLost     Fault = "callback_lost"     // a status callback is never sent
	FaultCallbackTwice    Fault = "callback_twice"    // a status callback is sent twice
	FaultCallbackLate     Fault = "callback_late"     // a status callback comes up to a minute of sandbox time late, so out of order
	FaultCallbackEarly    Fault = "callback_early"    // a message's first callback has been answered before the create request is
	FaultCallbackShuffled Fault = "callback_shuffled" // a message's callbacks wait for the last of them and come in another order
	FaultCallbackForged   Fault = "callback_forged"   // beside a callback comes one that Twilio would not have sent, of a kind drawn from the forgeries
	FaultInboundLost      Fault = "inbound_lost"      // an inbound text is never posted, and stands in the list alone
)

// requestFaults can be drawn for create requests, in the order of drawing.
var requestFaults = []Fault{
	FaultHang, FaultReset, FaultError, FaultTruncate, FaultPage, FaultNoSid,
	FaultSlow, FaultThrottle, FaultRefuse, FaultDrop, FaultForbid,
}

// readFaults can be drawn for list and fetch requests, in the order of drawing.
var readFaults = []Fault{FaultListThrottle, FaultListError, FaultListPage, FaultListHang}

// messageFaults can happen to callbacks and inbound texts, each by itself.
var messageFaults = []Fault{
	FaultCallbackLost, FaultCallbackTwice, FaultCallbackLate, FaultCallbackEarly,
	FaultCallbackShuffled, FaultCallbackForged, FaultInboundLost,
}

// FaultNames returns every word that names a fault in a rule.
func FaultNames() []Fault { return slices.Concat(requestFaults, readFaults, messageFaults, forgeries) }

// Default durations of faults, in real time.
const (
	defaultHangTime = 30 * time.Second
	defaultSlowTime = 3 * time.Second
)

// maximumFaultTime bounds every duration of a fault.
const maximumFaultTime = 24 * time.Hour

// Faults say what goes wrong, and how often. The zero value is a carrier without
// faults. All that is drawn depends on the seed and on which request or message
// it is, not on when it comes, so one seed plays one story.
type Faults struct {
	// Script decides for single create requests, numbered from 1 over the life
	// of the log. It must be safe for concurrent use. Where it returns FaultNone
	// the rules decide.
	Script func(request int, to string) Fault

	// Rules decide for what they match, the first one that matches before the
	// others. Where none does the probabilities decide.
	Rules []Rule

	// Probability of each fault of create requests, together at most 1, and of
	// list and fetch requests, together at most 1.
	Probability map[Fault]float64

	HangTime time.Duration // real time; zero means 30 s
	SlowTime time.Duration // real time; zero means 3 s

	// Probabilities of the faults of the same names: of early and shuffled for
	// each message, of the others for each callback or text.
	CallbackLost     float64
	CallbackTwice    float64
	CallbackLate     float64
	CallbackEarly    float64
	CallbackShuffled float64
	CallbackForged   float64
	InboundLost      float64

	// ListLag is the sandbox time up to which a message or an inbound text can
	// be missing from lists and from fetching after it was made. Each has a lag
	// of its own, evenly drawn from below this.
	ListLag time.Duration
}

// share returns where the probability of a fault of callbacks and texts stands.
func (faults *Faults) share(fault Fault) *float64 {
	switch fault {
	case FaultCallbackLost:
		return &faults.CallbackLost
	case FaultCallbackTwice:
		return &faults.CallbackTwice
	case FaultCallbackLate:
		return &faults.CallbackLate
	case FaultCallbackEarly:
		return &faults.CallbackEarly
	case FaultCallbackShuffled:
		return &faults.CallbackShuffled
	case FaultCallbackForged:
		return &faults.CallbackForged
	case FaultInboundLost:
		return &faults.InboundLost
	default:
		return nil
	}
}

// Chance returns the probability of a fault where no rule and no script decides.
func (faults Faults) Chance(fault Fault) float64 {
	if share := faults.share(fault); share != nil {
		return *share
	}
	return faults.Probability[fault]
}

// set gives a fault a probability, and says whether it can have one.
func (faults *Faults) set(fault Fault, probability float64) bool {
	if share := faults.share(fault); share != nil {
		*share = probability
		return true
	}
	if !slices.Contains(requestFaults, fault) && !slices.Contains(readFaults, fault) {
		return false
	}
	faults.Probability = maps.Clone(faults.Probability)
	if faults.Probability == nil {
		faults.Probability = map[Fault]float64{}
	}
	faults.Probability[fault] = probability
	return true
}

// invalid is what is wrong with faults, and with which field of their file.
type invalid struct {
	field  string
	reason string
	hint   string
}

func (wrong *invalid) Error() string { return wrong.field + ": " + wrong.reason }

func (faults Faults) validate() error {
	for _, fault := range slices.Sorted(maps.Keys(faults.Probability)) {
		probability, field := faults.Probability[fault], "probability."+string(fault)
		if !slices.Contains(requestFaults, fault) && !slices.Contains(readFaults, fault) {
			return &invalid{field, fmt.Sprintf("unknown fault %q", fault), "one of " + names(requestFaults, readFaults)}
		}
		if !(probability >= 0 && probability <= 1) {
			return &invalid{field, fmt.Sprintf("probability %v is outside 0..1", probability), ""}
		}
	}
	for _, kinds := range [][]Fault{requestFaults, readFaults} {
		sum := 0.0
		for _, fault := range kinds {
			sum += faults.Probability[fault]
		}
		if sum > 1 {
			return &invalid{"probability", "probabilities of faults together exceed 1", "at most one of them happens to a request"}
		}
	}
	for _, fault := range messageFaults {
		if share := *faults.share(fault); !(share >= 0 && share <= 1) {
			return &invalid{string(fault), fmt.Sprintf("probability %v is outside 0..1", share), ""}
		}
	}
	for _, limited := range []struct {
		field    string
		duration time.Duration
	}{{"hang_time", faults.HangTime}, {"slow_time", faults.SlowTime}, {"list_lag", faults.ListLag}} {
		if limited.duration < 0 || limited.duration > maximumFaultTime {
			return &invalid{limited.field, fmt.Sprintf("%v is outside 0..%v", limited.duration, maximumFaultTime), ""}
		}
	}
	for at, rule := range faults.Rules {
		if err := rule.validate(fmt.Sprintf("rules[%d]", at)); err != nil {
			return err
		}
	}
	return nil
}

// refusalOf is what the faults that make no message answer with; the others of
// them end the connection.
var refusalOf = map[Fault]*refusal{
	FaultThrottle: refusalThrottled,
	FaultRefuse:   refusalServerError,
	FaultForbid:   {status: http.StatusForbidden}, // a proxy's, so without a code of Twilio's
}

// accepts says whether the message is made although the request goes wrong.
func (fault Fault) accepts() bool {
	switch fault {
	case FaultThrottle, FaultRefuse, FaultDrop, FaultForbid:
		return false
	default:
		return true
	}
}

// placeOf names a request by its recipient and by how many there were to it before.
// Neither its number nor its instant would do for drawing: which of two requests
// at the same time comes first is no part of the story.
func placeOf(count arrival, to string) string { return to + "#" + strconv.Itoa(count.nth) }

// draw decides what happens to one create request.
func (faults *Faults) draw(seed uint64, count arrival, to string) Fault {
	if faults.Script != nil {
		if fault := faults.Script(count.number, to); fault != FaultNone {
			return fault
		}
	}
	return faults.pick(seed, placeOf(count, to), requestFaults, count, to)
}

// drawRead decides what happens to one list or fetch request. to is the number
// that it asks for, if any.
func (faults *Faults) drawRead(seed uint64, number int, to string) Fault {
	return faults.pick(seed, "list#"+strconv.Itoa(number), readFaults, arrival{number: number}, to)
}

// pick returns the fault of the first rule for one of the kinds that matches and
// comes true, or else at most one of them by their probabilities. place is what a
// request is called in the story.
func (faults *Faults) pick(seed uint64, place string, kinds []Fault, count arrival, to string) Fault {
	for at := range faults.Rules {
		rule := &faults.Rules[at]
		if !slices.Contains(kinds, rule.Fault) || !rule.matches(count, to) {
			continue
		}
		stream := drawFor(seed, place+"rule"+strconv.Itoa(at))
		if stream.share() < rule.probability() {
			return rule.Fault
		}
	}
	if len(faults.Probability) == 0 {
		return FaultNone
	}
	stream := drawFor(seed, place+"request")
	point := stream.share()
	for _, fault := range kinds {
		point -= faults.Probability[fault]
		if point < 0 {
			return fault
		}
	}
	return FaultNone
}
