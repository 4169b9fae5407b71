package dialer

import (
	"context"
	"fmt"
	"time"
)

// Overrule has an officer's override stand: signed, never given before, and on
// record, before whatever it allows is done. What it is about stands in the place
// of the campaign. The error is a *OrderError where it does not stand.
func (d *Dialer) Overrule(ctx context.Context, o Order) error {
	move := &overruleMove{order: o, registry: d.registry, at: d.clock.Now(), real: time.Now()}
	if o.Verb != OrderOverride || len(o.Approves) > 0 {
		return refused("", "%q is no override", o.Verb)
	}
	if err := d.ledger.Commit(ctx, move); err != nil {
		return fmt.Errorf("put an override of %s on record: %w", o.Campaign, err)
	}
	if move.refusal != nil {
		d.log.Warn().Str(FieldEvent, EventOrderRefused).Str(FieldKind, string(o.Verb)).
			Str(FieldOperator, o.Operator).Str(FieldReason, move.refusal.Reason).Send()
		return move.refusal
	}
	return nil
}

// overruleMove puts an override on record if it stands.
type overruleMove struct {
	order    Order
	registry *Registry
	at, real time.Time

	refusal *OrderError
}

// Apply looks at the order, and keeps it.
func (m *overruleMove) Apply(tx Tx) {
	b := books{tx}
	if m.refusal = m.registry.vouches(&m.order, m.real); m.refusal == nil && m.registry.Approvals.Signed {
		m.refusal = b.first(&m.order, m.real)
	}
	if m.refusal == nil {
		b.auditOrder(m.at, m.order.Campaign, said("overridden", m.order.Operator, m.order.Reason))
	}
}
