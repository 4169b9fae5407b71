package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

func (d *Daemon) keyHandlers() map[queue.Verb]queue.Handler {
	return map[queue.Verb]queue.Handler{queue.VerbKeyRotate: d.rotateKey, queue.VerbKeyRetire: d.retireKey}
}

const howToBackUp = "run \"dialctl key backup --to age1... FILE\", take the file away, and then \"dialctl key confirm FILE --identity IDENTITY\""

// mustBeBackedUp refuses to reach real people with keys that a broken disk would take
// away, and with them everybody's objections.
func (d *Daemon) mustBeBackedUp() error {
	if d.inSandbox() {
		return nil
	}
	confirmation, confirmed, err := d.keys.Confirmed(d.paths.KeysConfirmed)
	switch {
	case err != nil:
		return err
	case confirmed:
		return nil
	case confirmation.Keys != "":
		return fmt.Errorf("the backup that was opened %s has other keys than %s has now: %s",
			confirmation.At.Format(time.RFC3339), d.paths.Keys, howToBackUp)
	default:
		return fmt.Errorf("no backup of the keys in %s was ever opened: %s", d.paths.Keys, howToBackUp)
	}
}

// keyNotices tell whether a backup of the keys in use is wanted. A daemon that has
// rotated its seal key goes on without one, and does not start again.
func (d *Daemon) keyNotices() []string {
	confirmation, confirmed, err := d.directories.Keys().Confirmed(d.paths.KeysConfirmed)
	switch {
	case err != nil:
		return []string{err.Error()}
	case confirmed, confirmation.Keys == "" && d.inSandbox(): // which asks for none
		return nil
	case d.inSandbox():
		return []string{"no backup of the keys in use was opened since the seal key was changed: " + howToBackUp}
	default:
		return []string{"no backup of the keys in use was opened, and the daemon does not start again before one is: " + howToBackUp}
	}
}

// settleKeys brings a rotation of the seal key to its end in which the daemon died.
func (d *Daemon) settleKeys() error {
	settled, err := store.SettleKeys(d.paths)
	if err != nil {
		return fmt.Errorf("bring the rotation of the seal key to its end: %w", err)
	}
	outcome := map[store.Settled]string{store.SettledFinished: "finished", store.SettledDropped: "dropped"}[settled]
	if outcome != "" {
		d.log.Warn().Str(dialer.FieldEvent, eventKeySettled).Str("rotation", outcome).Send()
	}
	return nil
}

// keyOrder reads an order about the seal key, and who gives it.
func (d *Daemon) keyOrder(request queue.Request) (asked queue.KeyRequest, look dialer.Look, err error) {
	if err := request.Decode(&asked); err != nil {
		return asked, look, err
	}
	look = dialer.Look{Operator: asked.Operator, Reason: withoutDigits(asked.Reason)}
	if _, known := d.registry.Operator(asked.Operator); !known {
		return asked, look, &queue.ControlError{
			Code: queue.CodeRefused, Message: "only operators of the registry may change the seal key",
			Hint: "say who you are with --operator or HUSTINGS_OPERATOR",
		}
	}
	if strings.TrimSpace(look.Reason) == "" {
		return asked, look, &queue.ControlError{
			Code: queue.CodeInvalid, Message: "nobody may change the seal key without a reason", Hint: "say why with --reason: it is kept in the records",
		}
	}
	return asked, look, nil
}

// rotateKey seals every number with a new key, while all else goes on.
func (d *Daemon) rotateKey(_ context.Context, request queue.Request) (any, error) {
	_, look, err := d.keyOrder(request)
	if err != nil {
		return nil, err
	}
	return d.tasks.start(func(ctx context.Context, tell tell) (any, error) {
		var sealed uint64
		err := d.intake.alone(func() (err error) {
			if err := d.dialer.Note(ctx, "rotation of the seal key ordered", look); err != nil {
				return err
			}
			sealed, err = d.directories.RotateSeal(ctx, d.paths, func(done, total uint64) { tell("sealing anew", done, total) })
			return err
		})
		if err != nil {
			return nil, explainedKeys(err)
		}
		d.log.Info().Str(dialer.FieldEvent, eventKeyRotated).Uint64(dialer.FieldCount, sealed).Str(dialer.FieldOperator, look.Operator).Send()
		// It is done, whoever calls it off now.
		if err := d.dialer.Note(context.WithoutCancel(ctx), fmt.Sprintf("seal key changed, %d numbers sealed anew", sealed), look); err != nil {
			return nil, fmt.Errorf("the seal key is changed, and that could not be put on record: %w", err)
		}
		return queue.KeyRotated{Sealed: sealed, Fingerprint: d.directories.Keys().Fingerprint(), Folder: d.paths.Keys}, nil
	})
}

// retireKey lets go of the former seal key.
func (d *Daemon) retireKey(ctx context.Context, request queue.Request) (any, error) {
	asked, look, err := d.keyOrder(request)
	if err != nil {
		return nil, err
	}
	var answer queue.KeyRetired
	if answer.Former, err = store.FormerSealKept(d.paths); err != nil || !asked.Confirm || !answer.Former {
		return answer, err
	}
	err = d.intake.alone(func() (err error) {
		if err := d.dialer.Note(ctx, "former seal key to be removed for good", look); err != nil {
			return err
		}
		answer.Retired, err = d.directories.RetireFormerSeal(d.paths)
		return err
	})
	if err != nil {
		return nil, explainedKeys(err)
	}
	d.log.Info().Str(dialer.FieldEvent, eventKeyRetired).Str(dialer.FieldOperator, look.Operator).Send()
	return answer, nil
}

// explainedKeys says what to do about what is in the way.
func explainedKeys(err error) error {
	switch {
	case errors.Is(err, errImporting):
		return &queue.ControlError{
			Code: queue.CodeBusy, Message: "contacts are being imported, or the directory is being built anew", Hint: "ask again once that is over",
		}
	case errors.Is(err, store.ErrFormerKey):
		return &queue.ControlError{
			Code: queue.CodeConflict, Message: err.Error(),
			Hint: "once no store backup from before it is needed: dialctl key retire; then rotate",
		}
	case errors.Is(err, store.ErrFormerInUse):
		return &queue.ControlError{
			Code: queue.CodeConflict, Message: err.Error(), Hint: "the daemon seals it anew within a minute: ask again then",
		}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &queue.ControlError{
			Code: queue.CodeRefused, Message: err.Error(),
			Hint: "the daemon must be allowed to write the folder of the keys: ReadWritePaths= in a drop-in of its unit, and its owner",
		}
	default:
		return err
	}
}
