package daemon

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/hustings/hustings/cmd/internal/build"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/queue"
	"github.com/hustings/hustings/store"
)

// backup starts to copy the store into a folder on this machine.
func (d *Daemon) backup(_ context.Context, request queue.Request) (any, error) {
	var asked queue.BackupRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(asked.Folder) {
		return nil, &queue.ControlError{
			Code: queue.CodeInvalid, Message: "the folder of a backup must be named in full",
			Hint: "it is on the daemon's machine, such as /var/backups/hustings-monday",
		}
	}
	folder := filepath.Clean(asked.Folder)
	return d.tasks.start(func(ctx context.Context, tell tell) (any, error) {
		made, err := store.Backup(ctx, store.BackupOptions{
			Folder: folder, Ledger: d.ledger, Directory: d.paths.Directory,
			At: d.clock.Now(), By: withoutDigits(asked.Operator), Program: build.Version(),
			Progress: func(done, total int64) { tell("copying", uint64(done), uint64(total)) },
		})
		if err != nil {
			return nil, explainedBackup(err)
		}
		answer := queue.BackupMade{Folder: folder, At: made.At}
		for _, file := range made.Files {
			answer.Bytes += file.Size
		}
		if err := d.dialer.Note(ctx, "backup made in "+withoutDigits(folder), dialer.Look{Operator: withoutDigits(asked.Operator)}); err != nil {
			return nil, err
		}
		d.log.Info().Str(dialer.FieldEvent, eventBackup).Str("folder", folder).Int64("bytes", answer.Bytes).
			Str(dialer.FieldOperator, withoutDigits(asked.Operator)).Send()
		return answer, nil
	})
}

func explainedBackup(err error) error {
	switch {
	case errors.Is(err, store.ErrBackupExists):
		return &queue.ControlError{
			Code: queue.CodeConflict, Message: err.Error(),
			Hint: "name another folder; one that ends in .tmp was left by a daemon that was killed, and can be removed",
		}
	case errors.Is(err, fs.ErrNotExist):
		return &queue.ControlError{Code: queue.CodeInvalid, Message: err.Error(), Hint: "the folder around it must be there, on the daemon's machine"}
	default:
		return err
	}
}

// reconcile starts to bring the ledger level with what the carrier remembers.
func (d *Daemon) reconcile(_ context.Context, request queue.Request) (any, error) {
	var asked queue.ReconcileRequest
	if err := request.Decode(&asked); err != nil {
		return nil, err
	}
	return d.tasks.start(func(ctx context.Context, tell tell) (any, error) {
		done, err := d.dialer.Reconcile(ctx, dialer.ReconcileOrder{
			Since: asked.Since, Operator: asked.Operator, DryRun: asked.DryRun,
			Progress: func(p dialer.ReconcileProgress) { tell(p.Phase, p.Done, p.Total) },
		})
		return done, explainedReconcile(err)
	})
}

func explainedReconcile(err error) error {
	switch {
	case errors.Is(err, dialer.ErrNoOperator):
		return &queue.ControlError{Code: queue.CodeInvalid, Message: err.Error(), Hint: "name yourself with --operator, as the registry does: it is kept in the records"}
	case errors.Is(err, dialer.ErrReconciling):
		return &queue.ControlError{Code: queue.CodeBusy, Message: err.Error(), Hint: "wait for its end"}
	case errors.Is(err, dialer.ErrSince):
		return &queue.ControlError{
			Code: queue.CodeRefused, Message: err.Error(),
			Hint: "leave --since out; where the carrier's copies do not reach back far enough, put a younger backup back",
		}
	default:
		return err
	}
}
