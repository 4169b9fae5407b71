package dialer_test

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/dialer"
)

// signer is an operator with the key.
type signer struct {
	id  string
	key ed25519.PrivateKey
}

// signers registers operators with keys in place of those without.
func (h *house) signers() (anne, bruno, carole signer) {
	h.t.Helper()
	h.registry.Operators = nil
	enter := func(id string, roles ...dialer.Role) signer {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			h.t.Fatal(err)
		}
		h.registry.Operators = append(h.registry.Operators, dialer.Operator{ID: id, Roles: roles, Key: public})
		return signer{id, private}
	}
	h.registry.Approvals.Signed = true
	anne = enter("op-anne", dialer.RoleOperator, dialer.RoleReleaser)
	bruno = enter("op-bruno", dialer.RoleOperator, dialer.RoleReleaser)
	carole = enter("op-carole", dialer.RoleOperator)
	return anne, bruno, carole
}

func (s signer) order(verb dialer.OrderVerb, campaign string) dialer.Order {
	o := dialer.NewOrder(verb, campaign, s.id, "looked at it")
	o.Sign(s.key)
	return o
}

// seconds signs another operator's order, too.
func (s signer) seconds(pending *dialer.PendingOrder) dialer.Order {
	o := dialer.NewOrder(pending.Verb, pending.Campaign, s.id, "")
	o.Approves = pending.Nonce
	o.Sign(s.key)
	return o
}

// held begins a campaign and has the carrier refuse it, so that it is held.
func (h *house) held() string {
	h.t.Helper()
	h.carrier.answers(func(number int, _ dialer.Request) reply {
		if number == 5 {
			return answered(dialer.Refused, 20003, dialer.EffectHold)
		}
		return delivered()
	})
	job := h.accept(h.job("first", "party-a"))
	h.run()
	h.awaitState(job.ID, "held")
	return job.ID
}

// Ensure that a held campaign goes on only by an order that a registered releaser
// has signed, that every other one changes nothing, and says what it lacks.
func TestDialer_Give_Signed(t *testing.T) {
	for name, test := range map[string]struct {
		order func(anne, carole signer, o dialer.Order) dialer.Order
		later time.Duration
		want  string
	}{
		"nobody's name":    {order: func(_, _ signer, o dialer.Order) dialer.Order { o.Operator = ""; return o }, want: "needs an operator's name"},
		"an unknown name":  {order: func(_, _ signer, o dialer.Order) dialer.Order { o.Operator = "op-zoe"; return o }, want: "no registered operator"},
		"no signature":     {order: func(_, _ signer, o dialer.Order) dialer.Order { o.Signature = nil; return o }, want: "is not signed"},
		"another reason":   {order: func(_, _ signer, o dialer.Order) dialer.Order { o.Reason = "no"; return o }, want: "is not operator op-anne's"},
		"another instant":  {order: func(_, _ signer, o dialer.Order) dialer.Order { o.At = o.At.Add(1); return o }, want: "is not operator op-anne's"},
		"another nonce":    {order: func(_, _ signer, o dialer.Order) dialer.Order { o.Nonce = slices.Repeat([]byte{1}, 16); return o }, want: "is not operator op-anne's"},
		"as a second one":  {order: func(_, _ signer, o dialer.Order) dialer.Order { o.Approves = o.Nonce; return o }, want: "is not operator op-anne's"},
		"another's key":    {order: func(_, carole signer, o dialer.Order) dialer.Order { o.Sign(carole.key); return o }, want: "is not operator op-anne's"},
		"without the role": {order: func(_, carole signer, o dialer.Order) dialer.Order { return carole.order(o.Verb, o.Campaign) }, want: "takes the role releaser"},
		"too late":         {order: func(_, _ signer, o dialer.Order) dialer.Order { return o }, later: 6 * time.Minute, want: "was signed at"},
		"from ahead": {order: func(anne, _ signer, o dialer.Order) dialer.Order {
			o.At = o.At.Add(2 * time.Minute)
			o.Sign(anne.key)
			return o
		}, want: "was signed at"},
		"nothing to second": {order: func(anne, _ signer, o dialer.Order) dialer.Order { o.Approves = o.Nonce; o.Sign(anne.key); return o }, want: "waits for a second operator"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, plan{people: 30}, func(h *house) {
				anne, _, carole := h.signers()
				campaign := h.held()
				bad := test.order(anne, carole, anne.order(dialer.OrderResume, campaign))
				h.pass(test.later)
				_, err := h.dialer().Give(t.Context(), bad)
				refusal, is := errors.AsType[*dialer.OrderError](err)
				if !is || !strings.Contains(refusal.Reason, test.want) || refusal.Hint == "" {
					t.Errorf("given: %v (%+v), want %q with a hint", err, refusal, test.want)
				}
				if state := h.show(campaign).State; state != "held" {
					t.Errorf("the campaign is %s after an order that was refused", state)
				}
				if _, err := h.dialer().Give(t.Context(), anne.order(dialer.OrderResume, campaign)); err != nil {
					t.Errorf("a good order afterwards: %v", err)
				}
				h.awaitState(campaign, "closed")
			})
		})
	}
}

// Ensure that an order is good for once, over a restart too, and that its nonce is
// forgotten once its instant alone refuses it.
func TestDialer_Give_Replayed(t *testing.T) {
	in(t, plan{people: 30}, func(h *house) {
		anne, _, _ := h.signers()
		campaign := h.held()
		order := anne.order(dialer.OrderResume, campaign)
		if _, err := h.dialer().Give(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		h.dialer().Halt(dialer.HaltStopFile, true)
		h.restart()
		h.dialer().Halt(dialer.HaltStopFile, true)
		h.run()
		h.awaitState(campaign, "running")
		if err := h.dialer().HoldNow(t.Context(), campaign); err != nil {
			t.Fatal(err)
		}
		if _, err := h.dialer().Give(t.Context(), order); err == nil || !strings.Contains(err.Error(), "given before") {
			t.Errorf("the order again: %v", err)
		}
		for range 20 {
			h.pass(time.Minute)
			_, _ = h.dialer().Give(t.Context(), anne.order(dialer.OrderResume, campaign))
			_ = h.dialer().HoldNow(t.Context(), campaign)
		}
		h.view(func(tx dialer.Tx) {
			if n := dialer.SpentOrders(tx); n > 6 {
				t.Errorf("%d orders are remembered after 20 minutes with one a minute", n)
			}
		})
	})
}

// Ensure that an override stands only with an officer's signature, and once, and is
// on record.
func TestDialer_Overrule(t *testing.T) {
	in(t, plan{}, func(h *house) {
		anne, bruno, _ := h.signers()
		h.registry.Operators[1].Roles = []dialer.Role{dialer.RoleOfficer}
		override := bruno.order(dialer.OrderOverride, "paris")
		resume := bruno.order(dialer.OrderResume, "paris")
		for _, test := range []struct {
			order dialer.Order
			want  string
		}{
			{anne.order(dialer.OrderOverride, "paris"), "takes the role officer"},
			{resume, "is no override"},
			{dialer.NewOrder(dialer.OrderOverride, "paris", "op-bruno", ""), "is not signed"},
			{override, ""},
			{override, "given before"},
		} {
			err := h.dialer().Overrule(t.Context(), test.order)
			if (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("overruled: %v, want %q", err, test.want)
			}
		}
		h.view(func(tx dialer.Tx) {
			if n := strings.Count(strings.Join(dialer.Audited(tx), "\n"), "paris overridden by op-bruno: looked at it"); n != 1 {
				t.Errorf("the override is on record %d times", n)
			}
		})
	})
}

// Ensure that an order which needs two operators waits for a second, different
// one, that nothing is done before, and that it lapses.
func TestDialer_Give_TwoPersons(t *testing.T) {
	in(t, plan{people: 30}, func(h *house) {
		anne, bruno, carole := h.signers()
		h.registry.Approvals.TwoPersons = map[dialer.OrderVerb]bool{dialer.OrderResume: true}
		campaign := h.held()
		give := func(o dialer.Order, want string) *dialer.PendingOrder {
			t.Helper()
			pending, err := h.dialer().Give(t.Context(), o)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Fatalf("given: %v, want %q", err, want)
			}
			return pending
		}
		lapsed := give(anne.order(dialer.OrderResume, campaign), "")
		h.pass(61 * time.Minute)
		give(bruno.seconds(lapsed), "waits for a second operator")

		pending := give(anne.order(dialer.OrderResume, campaign), "")
		// A key that was stolen is replaced: what it has signed is worth nothing.
		stolen := h.registry.Operators[0].Key
		h.registry.Operators[0].Key = h.registry.Operators[2].Key
		give(bruno.seconds(pending), "another key of operator op-anne's")
		h.registry.Operators[0].Key = stolen
		give(bruno.seconds(lapsed), "another order")
		give(anne.seconds(pending), "cannot be the second one")
		give(carole.seconds(pending), "takes the role releaser or officer")
		give(bruno.order(dialer.OrderResume, campaign), "given this order already")
		if view := h.show(campaign); view.State != "held" || view.Pending == nil || view.Pending.Operator != "op-anne" {
			t.Fatalf("the campaign is %s, %+v waits", view.State, view.Pending)
		}
		began := h.carrier.began()
		give(bruno.seconds(pending), "")
		if view := h.awaitState(campaign, "closed"); h.carrier.began() == began || view.Pending != nil ||
			view.Balance.Final["delivered"] != 30 {
			t.Errorf("closed with %+v", view)
		}
		h.view(func(tx dialer.Tx) {
			if !slices.ContainsFunc(dialer.Audited(tx), func(entry string) bool {
				return strings.Contains(entry, "resumed by op-anne and op-bruno: looked at it")
			}) {
				t.Errorf("the audit log does not name both operators: %q", dialer.Audited(tx))
			}
		})
	})
}
