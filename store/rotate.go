package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// ErrFormerKey is wrapped where a rotation would have to let go of the former seal
// key: whoever wants that retires it first.
var ErrFormerKey = errors.New("the seal key before the last rotation is still kept")

// ErrFormerInUse is returned where the former seal key is to go that the directory is
// sealed with.
var ErrFormerInUse = errors.New("the directory in use is sealed with the former seal key")

// rotation is one rotation of the seal key.
type rotation struct {
	directories *Directories
	paths       Paths
	// next are the keys once it is over, and check the check value of their seal key.
	next  *Keys
	check []byte
	// passed is told each point at which files are as nothing before has left them.
	passed func(point string)
}

// RotateSeal makes a new seal key, seals every number with it in a new directory file,
// puts that in place, and lets later calls see it; calls under way finish with the old
// one. It returns how many numbers there are. All else in the file is as it was. Nothing
// else may build the directory meanwhile, and the caller must have the store to itself.
//
// Where a number does not open, or ctx ends, nothing is changed. An error after the new
// file is in place says so; whatever happens, and wherever the process is killed, the
// keys that the directory needs are in their folder: see SettleKeys.
func (d *Directories) RotateSeal(ctx context.Context, paths Paths, progress func(sealed, total uint64)) (uint64, error) {
	return d.rotateSeal(ctx, paths, progress, func(string) {})
}

func (d *Directories) rotateSeal(ctx context.Context, paths Paths, progress func(sealed, total uint64), passed func(point string)) (uint64, error) {
	r := &rotation{directories: d, paths: paths, passed: passed}
	if err := r.prepare(); err != nil {
		return 0, fmt.Errorf("rotate the seal key: %w", err)
	}
	r.passed("next made")
	count, err := r.reseal(ctx, progress)
	if err := r.conclude(err); err != nil {
		return 0, fmt.Errorf("rotate the seal key: %w", err)
	}
	return count, nil
}

// prepare makes the next key, on disk before anything is sealed with it.
func (r *rotation) prepare() error {
	if _, err := SettleKeys(r.paths); err != nil { // an earlier rotation may have failed in this life
		return err
	}
	kept, err := FormerSealKept(r.paths)
	if err != nil {
		return err
	}
	if kept {
		return ErrFormerKey
	}
	secret, err := readSealFile(keyPath(r.paths.Keys, nextSeal))
	if err != nil {
		return err
	}
	if secret == nil {
		made, err := createKeyFile(keyPath(r.paths.Keys, nextSeal), sealKey)
		if err != nil {
			return err
		}
		secret = &made
	}
	r.next = r.directories.Keys().turned(*secret)
	r.check = r.next.Seal.check()
	return nil
}

// reseal builds the new directory file and puts it in place.
func (r *rotation) reseal(ctx context.Context, progress func(sealed, total uint64)) (uint64, error) {
	old := r.directories.Current()
	if old == nil {
		return 0, ctx.Err()
	}
	builder, err := NewDirectoryBuilder(DirectoryBuilderOptions{
		Path: r.paths.Directory, Old: old, Keys: r.next, Attributes: old.Attributes(), BuiltAt: old.BuiltAt(),
	})
	if err != nil {
		return 0, err
	}
	counts, err := builder.Build(ctx, progress)
	return counts.Total, err
}

// conclude gives the key files their names if the new directory is in place, and takes
// the new key away again if it is not. What the file says counts: a build may fail once
// it has put the file in place.
func (r *rotation) conclude(built error) error {
	placed := built == nil
	if r.directories.Current() != nil {
		check, err := sealCheckOf(r.paths.Directory)
		if err != nil {
			return errors.Join(built, err) // all keys stay, and the next start looks again
		}
		placed = bytes.Equal(check, r.check)
	}
	if !placed {
		return errors.Join(built, dropKeyFile(keyPath(r.paths.Keys, nextSeal)))
	}
	r.passed("directory in place")
	err := errors.Join(built, turnKeyFiles(r.paths.Keys, r.passed), r.directories.turn(r.next))
	if err != nil {
		return fmt.Errorf("the directory is sealed with the new key, but (restart the daemon, and run dialctl store check): %w", err)
	}
	r.passed("turned")
	return nil
}

// turn lets later calls see the file that is sealed with the keys.
func (d *Directories) turn(keys *Keys) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	if d.current.Load() == nil {
		d.keys.Store(keys)
		return nil
	}
	return d.reload(keys)
}

// RetireFormerSeal removes the former seal key for good, and tells whether there was
// one: what is sealed with it does not open again. The caller must have the store to
// itself.
func (d *Directories) RetireFormerSeal(paths Paths) (bool, error) {
	if _, err := SettleKeys(paths); err != nil {
		return false, fmt.Errorf("retire the former seal key: %w", err)
	}
	kept, err := FormerSealKept(paths)
	if err != nil || !kept {
		return false, err
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	keys := d.keys.Load()
	check, err := sealCheckOf(paths.Directory)
	switch {
	case err != nil:
	case check != nil && !bytes.Equal(check, keys.Seal.check()):
		err = ErrFormerInUse
	default:
		err = dropKeyFile(keyPath(paths.Keys, formerSeal))
	}
	if err != nil {
		return false, fmt.Errorf("retire the former seal key: %w", err)
	}
	d.keys.Store(keys.withoutFormer())
	return true, nil
}
