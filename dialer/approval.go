package dialer

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"
)

// PendingOrder is an order that waits for a second operator.
type PendingOrder struct {
	Order
	// Until is when it lapses, in real time.
	Until time.Time `json:"until"`
}

// pendingLife is how long an order waits for its second operator.
const pendingLife = time.Hour

// Give carries out an order to release a campaign's trial or to let a paused or
// held campaign go on. It returns the order that waits now where a second operator
// must sign it, too. An error that is a *OrderError says what the order lacks.
func (d *Dialer) Give(ctx context.Context, o Order) (*PendingOrder, error) {
	move := &orderMove{order: o, registry: d.registry, real: time.Now()}
	switch o.Verb {
	case OrderRelease:
		move.from, move.to, move.settled = []CampaignState{CampaignTrial}, CampaignRunning, (*balance).trialOver
		move.guarded = func(CampaignState) bool { return true }
		move.what, move.released = "released", true
	case OrderResume:
		move.from, move.to = []CampaignState{CampaignPaused, CampaignHeld}, CampaignReady
		move.guarded = func(s CampaignState) bool { return s == CampaignHeld }
		move.what = "resumed"
	default:
		return nil, refused("", "%q is no order that a campaign takes", o.Verb)
	}
	err := d.control(ctx, o.Campaign, &move.stateMove, move)
	if move.refusal != nil {
		d.log.Warn().Str(FieldEvent, EventOrderRefused).Str(FieldCampaign, o.Campaign).Str(FieldKind, string(o.Verb)).
			Str(FieldOperator, o.Operator).Str(FieldReason, move.refusal.Reason).Send()
		return nil, move.refusal
	}
	if move.pending != nil {
		d.log.Info().Str(FieldEvent, EventOrderPending).Str(FieldCampaign, o.Campaign).Str(FieldKind, string(o.Verb)).
			Str(FieldOperator, o.Operator).Time(FieldUntil, move.pending.Until).Send()
		d.announce(o.Campaign)
		return move.pending, nil
	}
	return nil, err
}

// orderMove changes a campaign's state if the order for it stands: its signature,
// never used before, and a second one where the registry wants two.
type orderMove struct {
	stateMove
	order    Order
	registry *Registry
	// guarded tells whether the order must stand in this state of the campaign.
	guarded func(CampaignState) bool
	what    string
	real    time.Time

	refusal *OrderError
	pending *PendingOrder
}

// Apply makes the move, or leaves why it was not made.
func (m *orderMove) Apply(tx Tx) {
	b := books{tx}
	balance := b.balance(m.number)
	m.was, m.detail = balance.State, said(m.what, m.order.Operator, m.order.Reason)
	if !m.fits(&balance) {
		return
	}
	if m.guarded(balance.State) {
		if m.refusal = m.stands(b); m.refusal != nil || m.pending != nil {
			return
		}
	}
	m.stateMove.Apply(tx)
}

// stands says why the order may not be carried out, and keeps it where it only
// waits for a second operator.
func (m *orderMove) stands(b books) *OrderError {
	if refusal := m.registry.vouches(&m.order, m.real); refusal != nil {
		return refusal
	}
	if m.registry.Approvals.Signed {
		if refusal := b.first(&m.order, m.real); refusal != nil {
			return refusal
		}
	}
	waiting := b.pending(m.number, m.real)
	if len(m.order.Approves) > 0 {
		return m.seconded(b, waiting)
	}
	if !m.registry.Approvals.TwoPersons[m.order.Verb] {
		return nil
	}
	if m.order.Operator == "" {
		return refused("say who you are with --operator or HUSTINGS_OPERATOR", "the order %s needs two operators by name", m.order.Verb)
	}
	if waiting != nil && waiting.Verb == m.order.Verb && waiting.Operator != m.order.Operator {
		return refused("dialctl campaign approve "+m.order.Campaign+" seconds it",
			"operator %s has given this order already, and it waits for a second operator", waiting.Operator)
	}
	m.pending = &PendingOrder{m.order, m.real.Add(pendingLife)}
	b.putPending(m.number, m.pending)
	b.auditOrder(m.at, m.order.Campaign, said(string(m.order.Verb)+" asked for", m.order.Operator, m.order.Reason))
	return nil
}

// seconded looks at a second operator's signature under a waiting order.
func (m *orderMove) seconded(b books, waiting *PendingOrder) *OrderError {
	switch {
	case waiting == nil:
		return refused("dialctl campaign show tells what the campaign waits for; an order waits for an hour",
			"no order to %s waits for a second operator", m.order.Campaign)
	case waiting.Verb != m.order.Verb || !bytes.Equal(waiting.Nonce, m.order.Approves):
		return refused("read the new one, then approve it", "another order to %s waits by now", m.order.Campaign)
	case waiting.Operator == m.order.Operator:
		return refused("a different operator must approve it", "operator %s has given the order, and cannot be the second one, too", m.order.Operator)
	}
	if m.registry.Approvals.Signed { // the registry may have changed while it waited
		first, known := m.registry.Operator(waiting.Operator)
		if !known {
			return refused("give the order anew", "%q, who gave the order, is no registered operator any more", waiting.Operator)
		}
		if !first.hasSigned(&waiting.Order) {
			return refused("give the order anew", "the registry has another key of operator %s's by now", waiting.Operator)
		}
		if refusal := first.entitled(&waiting.Order); refusal != nil {
			return refusal
		}
	}
	reason := waiting.Reason
	if m.order.Reason != "" {
		reason += "; " + m.order.Reason
	}
	m.detail = said(m.what, waiting.Operator+" and "+m.order.Operator, reason)
	b.Delete(BucketOrder, pendingKey(m.number))
	return nil
}

// The kinds of rows in BucketOrder.
const (
	orderUsed      byte = 'n'
	orderPending   byte = 'p'
	orderForgotten byte = 'f'
)

// first notes that the order was given, and refuses one that was before. What is
// too old to be given again is forgotten, so that no more is kept than operators
// sign in the life of an order. How far that went is kept: should the clock be set
// back, nothing becomes young again.
func (b books) first(o *Order, real time.Time) *OrderError {
	used := append(binary.BigEndian.AppendUint64([]byte{orderUsed}, uint64(o.At.UnixNano())), o.Nonce...)
	if b.Get(BucketOrder, used) != nil {
		return refused("give it anew: each order is good for once", "this very order was given before")
	}
	if row := b.Get(BucketOrder, []byte{orderForgotten}); row != nil && bytes.Compare(used[1:], row) <= 0 {
		return refused("give it anew, and compare the clocks of both machines", "the order is older than those that were forgotten")
	}
	oldest := binary.BigEndian.AppendUint64([]byte{orderUsed}, uint64(real.Add(-orderLife).UnixNano()))
	var lapsed [][]byte
	for key := range b.prefixed(BucketOrder, []byte{orderUsed}) {
		if bytes.Compare(key, oldest) >= 0 {
			break
		}
		lapsed = append(lapsed, bytes.Clone(key))
	}
	for _, key := range lapsed {
		b.Delete(BucketOrder, key)
		b.Put(BucketOrder, []byte{orderForgotten}, key[1:])
	}
	b.Put(BucketOrder, used, nothing)
	return nil
}

func pendingKey(campaign uint32) []byte {
	return append([]byte{orderPending}, campaignKey(campaign)...)
}

// pending returns the campaign's order that waits for a second operator, nil for
// none or one that has lapsed.
func (b books) pending(campaign uint32, real time.Time) *PendingOrder {
	row := b.Get(BucketOrder, pendingKey(campaign))
	if row == nil {
		return nil
	}
	waiting := new(PendingOrder)
	if err := json.Unmarshal(row, waiting); err != nil {
		b.Fail(fmt.Errorf("campaign %d: read the order that waits: %w", campaign, err))
		return nil
	}
	if !real.Before(waiting.Until) {
		return nil
	}
	return waiting
}

func (b books) putPending(campaign uint32, waiting *PendingOrder) {
	row, err := json.Marshal(waiting)
	if err != nil {
		b.Fail(fmt.Errorf("campaign %d: write the order that waits: %w", campaign, err))
		return
	}
	b.Put(BucketOrder, pendingKey(campaign), row)
}

// auditOrder enters what an operator has ordered.
func (b books) auditOrder(at time.Time, campaign, what string) {
	b.audit(auditControl, fmt.Appendf(nil, "%s %s %s", at.UTC().Format(time.RFC3339Nano), campaign, what))
}
