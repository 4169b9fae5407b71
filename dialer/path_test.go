package dialer_test

import (
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// Ensure that a campaign goes its whole way to books that balance.
func TestDialer_Run_Completes(t *testing.T) {
	in(t, plan{}, func(h *house) {
		job := h.accept(h.job("first", "party-a"))
		h.run()
		view := h.awaitState(job.ID, "closed")
		if b := view.Balance; view.Ending != "completed" || b.Audience != 20 || b.Final["delivered"] != 20 || b.Attempts != 20 {
			t.Errorf("closed as %s with %+v", view.Ending, b)
		}
		if n := h.carrier.began(); n != 20 {
			t.Errorf("%d requests began, want 20", n)
		}
	})
}

// carrierSays is one contact's way from an answer of the carrier's to the end.
type carrierSays struct {
	name    string
	replies []reply // to the first request, the second ...; the last one stays

	state    dialer.RecipientState
	outcome  dialer.Outcome
	reason   string
	attempt  string // the attempt's state
	past     int    // attempts that count against the caps
	attempts uint64
	requests int
}

func answered(kind dialer.AnswerKind, code int, effect dialer.Effect) reply {
	return reply{answer: dialer.Answer{Kind: kind, HTTPStatus: 400, Code: code, Effect: effect}, takes: 20 * time.Millisecond}
}

func ends(status dialer.CarrierStatus) reply {
	r := delivered()
	r.statuses[1] = status
	return r
}

func early(r reply, statuses ...dialer.CarrierStatus) reply {
	r.statuses, r.early, r.every = statuses, true, time.Second
	return r
}

var carrierAnswers = []carrierSays{
	{name: "delivered", replies: []reply{delivered()}, state: dialer.RecipientFinal, outcome: dialer.OutcomeDelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "undelivered", replies: []reply{ends(dialer.StatusUndelivered)}, state: dialer.RecipientFinal, outcome: dialer.OutcomeUndelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "failed", replies: []reply{ends(dialer.StatusFailed)}, state: dialer.RecipientFinal, outcome: dialer.OutcomeFailed, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "canceled", replies: []reply{ends(dialer.StatusCanceled)}, state: dialer.RecipientFinal, outcome: dialer.OutcomeFailed, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "status before the answer", replies: []reply{early(delivered(), dialer.StatusSent, dialer.StatusDelivered)}, state: dialer.RecipientFinal, outcome: dialer.OutcomeDelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "outcome before the answer", replies: []reply{early(delivered(), dialer.StatusDelivered)}, state: dialer.RecipientFinal, outcome: dialer.OutcomeDelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "status before an unclear answer", replies: []reply{early(unclear(true), dialer.StatusSent, dialer.StatusDelivered)}, state: dialer.RecipientFinal, outcome: dialer.OutcomeDelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "refused", replies: []reply{answered(dialer.Refused, 21211, dialer.NoEffect)}, state: dialer.RecipientExcluded, reason: "CARRIER_REFUSED", attempt: "stopped", requests: 1},
	{name: "unreachable", replies: []reply{answered(dialer.Refused, 21614, dialer.EffectUnreachable)}, state: dialer.RecipientExcluded, reason: "CARRIER_REFUSED", attempt: "stopped", requests: 1},
	{name: "stopped at the carrier", replies: []reply{answered(dialer.Refused, 21610, dialer.EffectObjection)}, state: dialer.RecipientExcluded, reason: "OPTED_OUT", attempt: "stopped", requests: 1},
	{name: "withdrawn, then delivered", replies: []reply{answered(dialer.Withdrawn, 20429, dialer.EffectThrottle), delivered()}, state: dialer.RecipientFinal, outcome: dialer.OutcomeDelivered, attempt: "final", past: 1, attempts: 1, requests: 2},
	{name: "unclear, called back", replies: []reply{{answer: dialer.Answer{Kind: dialer.Unclear}, created: true, takes: time.Second, statuses: []dialer.CarrierStatus{dialer.StatusDelivered}, every: 3 * time.Second}}, state: dialer.RecipientFinal, outcome: dialer.OutcomeDelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "unclear, found", replies: []reply{{answer: dialer.Answer{Kind: dialer.Unclear}, created: true, takes: time.Second, remembers: dialer.StatusDelivered}}, state: dialer.RecipientFinal, outcome: dialer.OutcomeDelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "unclear, never found", replies: []reply{unclear(false)}, state: dialer.RecipientFinal, outcome: dialer.OutcomeUnknown, attempt: "final", past: 1, attempts: 1, requests: 1},
	{name: "accepted, callback lost, polled", replies: []reply{{answer: dialer.Answer{Kind: dialer.Accepted}, created: true, takes: time.Second, remembers: dialer.StatusUndelivered}}, state: dialer.RecipientFinal, outcome: dialer.OutcomeUndelivered, attempt: "final", past: 1, attempts: 1, requests: 1},
}

// Ensure that each answer of the carrier's leads to the right state, counters,
// history and money, and that books close over it.
func TestDialer_Run_Answers(t *testing.T) {
	for _, test := range carrierAnswers {
		t.Run(test.name, func(t *testing.T) {
			in(t, plan{people: 1, speed: 30}, func(h *house) {
				h.carrier.answers(func(number int, _ dialer.Request) reply {
					return test.replies[min(number, len(test.replies))-1]
				})
				job := h.accept(h.job("only", "party-a"))
				h.run()
				h.awaitState(job.ID, "closed")
				test.check(h, job.ID)
			})
		})
	}
}

func (want carrierSays) check(h *house, campaign string) {
	h.t.Helper()
	p := h.directory.people[0]
	row := h.recipients(campaign)[p.ID]
	if row.State != want.state || row.Outcome != want.outcome || row.Reason != want.reason || row.AttemptState != want.attempt {
		h.t.Errorf("recipient %+v, want %+v", row, want)
	}
	var past int
	var inFlight uint64
	h.view(func(tx dialer.Tx) { past, inFlight = dialer.PastAttempts(tx, p.ID) })
	if past != want.past || inFlight != 0 {
		h.t.Errorf("%d attempts in the history and %d in flight, want %d and none", past, inFlight, want.past)
	}
	b := h.show(campaign).Balance
	price := h.registry.Tariff.Segment * dialer.Money(dialer.MeasureText(h.job(campaign, "party-a").Message.Body).Segments)
	if b.Attempts != want.attempts || b.Reserved != price*dialer.Money(want.attempts) {
		h.t.Errorf("%d attempts for %s, want %d at %s", b.Attempts, b.Reserved, want.attempts, price)
	}
	if n := h.carrier.began(); n != want.requests {
		h.t.Errorf("%d requests began, want %d", n, want.requests)
	}
	if n := h.journal.count(); (want.reason == "OPTED_OUT") != (n == 1) {
		h.t.Errorf("%d objections in the journal", n)
	}
}

// Ensure that what concerns the campaign or its sender holds the campaign, until
// a named operator lets it go on, and costs no contact: the fault was not theirs.
func TestDialer_Run_HeldByTheCarrier(t *testing.T) {
	in(t, plan{inFlight: 1}, func(h *house) {
		h.carrier.answers(func(number int, _ dialer.Request) reply {
			if number == 3 {
				return answered(dialer.Refused, 30034, dialer.EffectHold)
			}
			return delivered()
		})
		job := h.accept(h.job("held", "party-a"))
		h.run()
		if view := h.awaitState(job.ID, "held"); view.Detail == "" {
			t.Error("nobody is told why the campaign is held")
		}
		h.pass(time.Minute)
		if n := h.carrier.began(); n != 3 {
			t.Errorf("%d requests began while the campaign is held, want 3", n)
		}
		if _, err := h.dialer().Give(t.Context(), dialer.NewOrder(dialer.OrderResume, job.ID, "op-anne", "settled with the carrier")); err != nil {
			t.Fatal(err)
		}
		if b := h.awaitState(job.ID, "closed").Balance; b.Final["delivered"] != 20 || b.Withdrawn != 1 {
			t.Errorf("closed with %+v", b)
		}
	})
}
