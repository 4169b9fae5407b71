package daemon

import (
	"context"
	"errors"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// reservationHandlers answer the orders about reserved segments.
func (d *Daemon) reservationHandlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{
		queue.VerbReservationAdd:    d.reserve,
		queue.VerbReservationList:   d.listReservations,
		queue.VerbReservationRemove: d.unreserve,
	}
}

func (d *Daemon) reserve(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.ReservationRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	asked.Operator, asked.Reason = withoutDigits(asked.Operator), withoutDigits(asked.Reason)
	if asked.DespiteClaims {
		if err := d.overrule(ctx, asked.Override, asked.ID); err != nil {
			return nil, err
		}
	}
	entered, faults, err := d.dialer.Reserve(ctx, asked.Reservation, asked.DespiteClaims)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "nothing was reserved", Faults: faults}
	}
	return entered, nil
}

// overrule has an override stand before anything is done by it.
func (d *Daemon) overrule(ctx context.Context, order *dialer.Order, about string) error {
	if order == nil || order.Campaign != about {
		return &queue.ControlError{
			Code: queue.CodeRefused, Message: "reserving what others hold needs an override of the reservation " + about,
			Hint: "dialctl reservation add --despite-claims gives it, signed by an officer with --key",
		}
	}
	if err := keepable(*order); err != nil {
		return err
	}
	return explained(d.dialer.Overrule(ctx, *order))
}

func (d *Daemon) listReservations(context.Context, queue.Request) (any, error) {
	list, err := d.dialer.Reservations()
	return queue.ReservationList{Reservations: list, Now: d.clock.Now()}, err
}

func (d *Daemon) unreserve(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.ReservationRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	err := d.dialer.Unreserve(ctx, asked.ID, withoutDigits(asked.Operator), withoutDigits(asked.Reason))
	if errors.Is(err, dialer.ErrNoReservation) {
		return nil, &queue.ControlError{Code: queue.CodeNotFound, Message: err.Error(), Hint: "dialctl reservation list shows them all"}
	}
	return nil, err
}
