package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/hustings/hustings/configs"
	"github.com/hustings/hustings/consent"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
)

// readPack reads the packs anew and returns the one in force.
func (d *Daemon) readPack() (*consent.Pack, error) {
	packs, err := d.config.LoadPacks()
	if err != nil {
		return nil, err
	}
	pack := packs[d.config.Packs.Name]
	if pack == nil {
		return nil, fmt.Errorf("there is no pack %q", d.config.Packs.Name)
	}
	return pack, nil
}

// useNewPack reads the packs anew and puts the one that the configuration names
// in force. Where anything is wrong with any of them the old one stays, whole.
func (d *Daemon) useNewPack(ctx context.Context, by string) (queue.PolicyReload, error) {
	old := d.dialer.Pack().Version()
	pack, err := d.readPack()
	if err != nil {
		d.log.Error().Str(dialer.FieldEvent, eventPackKept).Str("pack", old).Err(err).Send()
		return queue.PolicyReload{}, err
	}
	answer := queue.PolicyReload{Before: old, Pack: pack.Version()}
	if answer.Pack != old {
		d.dialer.UsePack(pack)
		if err := d.dialer.Note(ctx, "rules "+answer.Pack+" put in force in place of "+old, dialer.Look{Operator: by}); err != nil {
			return answer, err
		}
	}
	d.log.Info().Str(dialer.FieldEvent, eventPackReloaded).Str("pack", answer.Pack).Str("before", old).Send()
	return answer, nil
}

// reloadPack is useNewPack for an operator.
func (d *Daemon) reloadPack(ctx context.Context, request queue.Request) (any, error) {
	var asked queue.PolicyReloadRequest
	if len(request.Data) > 0 {
		if err := request.Decode(&asked); err != nil {
			return nil, err
		}
	}
	answer, err := d.useNewPack(ctx, withoutDigits(asked.Operator))
	var faults configs.Faults
	if !errors.As(err, &faults) {
		return answer, err
	}
	refused := &queue.ControlError{
		Code: queue.CodeInvalid, Message: "the packs are wrong, and the old ones stay in force", Hint: "dialerd check says where, before a reload",
	}
	for _, f := range faults {
		fault := dialer.Fault{Field: f.Field, Reason: f.Reason, Hint: f.Hint}
		if fault.Place = f.File; f.Line > 0 {
			fault.Place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
		}
		refused.Faults = append(refused.Faults, fault)
	}
	return nil, refused
}

// explain tells what the rules make of one contact, check by check.
func (d *Daemon) explain(ctx context.Context, request queue.Request) (any, error) {
	number, asked, look, err := d.openContact(request)
	if err != nil {
		return nil, err
	}
	e, err := d.dialer.Explain(ctx, asked.Campaign, asked.Job, d.keys.Identity.ID(number), asked.At, look)
	if faults, wrong := errors.AsType[dialer.JobErrors](err); wrong {
		return nil, &queue.ControlError{Code: queue.CodeInvalid, Message: "the job is wrong", Faults: faults}
	}
	return e, explained(err)
}
