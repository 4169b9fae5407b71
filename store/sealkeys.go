package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
)

// The folder of the keys holds up to three seal keys, each in a file that a rename
// can make another's:
//
//	seal.key         the one in use
//	seal-next.key    the one that a rotation under way seals with
//	seal-former.key  the one before the last rotation, for older backups
//
// A rotation makes seal-next.key, puts a directory that is sealed with it in the
// place of the old one, and then gives the files their names. Killed anywhere, the
// directory's check value tells what is left to do: see SettleKeys.
const (
	identityKey = "identity"

	sealKey    = "seal"
	nextSeal   = "seal-next"
	formerSeal = "seal-former"
)

func keyPath(dir, name string) string { return filepath.Join(dir, name+".key") }

// readFormerSeal returns the key before the last rotation, nil where there is none.
func readFormerSeal(dir string) (*Secret, error) { return readSealFile(keyPath(dir, formerSeal)) }

// readSealFile returns the seal key in a file, nil where there is no file.
func readSealFile(path string) (*Secret, error) {
	secret, err := readKeyFile(path, sealKey)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // most folders have none
	}
	if err != nil {
		return nil, err
	}
	return &secret, nil
}

// FormerSealKept tells whether the folder has the seal key before the last rotation.
func FormerSealKept(paths Paths) (bool, error) { return exists(keyPath(paths.Keys, formerSeal)) }

// HasFormer tells whether the seal key before the last rotation is kept.
func (k *Keys) HasFormer() bool { return k.former != nil }

// turned returns the keys as they are after a rotation to the next seal key.
func (k *Keys) turned(next Secret) *Keys {
	turned, former := *k, k.Seal
	turned.Seal, turned.former = SealKey{next}, &former
	turned.secrets = maps.Clone(k.secrets)
	turned.secrets[sealKey], turned.secrets[formerSeal] = next, former.secret
	return &turned
}

// withoutFormer returns the keys without the seal key before the last rotation.
func (k *Keys) withoutFormer() *Keys {
	retired := *k
	retired.former, retired.secrets = nil, maps.Clone(k.secrets)
	delete(retired.secrets, formerSeal)
	return &retired
}

// check is the key's check value.
func (k SealKey) check() []byte { return k.secret.derive("key check")[:contact.IDSize] }

// OpenKeys reads the keys of a store. Where a rotation of the seal key was killed before
// its key files had their names, they are those of the directory that is in place. It
// changes nothing, so that anybody may look: see SettleKeys.
func OpenKeys(paths Paths) (*Keys, error) { return openKeys(paths, true) }

// OpenOrCreateKeys is OpenKeys, which makes the keys where there is no store yet: see
// LoadOrCreateKeys.
func OpenOrCreateKeys(paths Paths) (*Keys, error) {
	there, err := paths.Exist()
	if err != nil {
		return nil, fmt.Errorf("look for a store: %w", err)
	}
	return openKeys(paths, there)
}

func openKeys(paths Paths, storeExists bool) (*Keys, error) {
	keys, err := LoadOrCreateKeys(paths.Keys, storeExists)
	if err != nil {
		return nil, err
	}
	next, err := readSealFile(keyPath(paths.Keys, nextSeal))
	if err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	if next == nil {
		return keys, nil
	}
	// What is wrong with a directory is for whoever opens it to tell.
	if check, err := sealCheckOf(paths.Directory); err == nil && bytes.Equal(check, SealKey{*next}.check()) {
		return keys.turned(*next), nil
	}
	return keys, nil
}

// sealCheckOf returns the check value of the key that a directory file is sealed
// with, nil where there is no file.
func sealCheckOf(path string) (check []byte, err error) {
	if there, err := exists(path); err != nil || !there {
		return nil, err
	}
	db, err := openFile(path, &bolt.Options{ReadOnly: true, Timeout: time.Second, NoStatistics: true})
	if err != nil {
		return nil, fmt.Errorf("look which key the directory is sealed with: %w", err)
	}
	err = db.View(func(btx *bolt.Tx) error {
		if _, err := readTables(btx, nil); err != nil {
			return err
		}
		check = bytes.Clone(btx.Bucket(directoryMeta).Get([]byte(metaCheck + sealKey)))
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("look which key the directory is sealed with: %w", err)
	}
	return check, nil
}

// Settled says what was left of a rotation of the seal key.
type Settled int

// What SettleKeys may have done.
const (
	// SettledNothing: no rotation was under way, or nobody can tell how far it was.
	SettledNothing Settled = iota
	// SettledFinished: the new directory was in place, and now its key is seal.key.
	SettledFinished
	// SettledDropped: the directory was as before, and the new key is gone: nothing
	// was sealed with it, and the next rotation makes one that nobody has seen.
	SettledDropped
)

// SettleKeys brings a rotation of the seal key that was killed to its end: forth where
// the new directory is in place, and back where it is not. Without a directory nobody
// can tell, and all keys stay. The caller must have the store to itself.
func SettleKeys(paths Paths) (Settled, error) {
	path := keyPath(paths.Keys, nextSeal)
	// A key that had no name yet is of no use to anybody but a thief.
	if err := removeTemps(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return SettledNothing, err
	}
	next, err := readSealFile(path)
	if err != nil || next == nil {
		return SettledNothing, err
	}
	check, err := sealCheckOf(paths.Directory)
	switch {
	case err != nil || check == nil:
		return SettledNothing, err
	case bytes.Equal(check, SealKey{*next}.check()):
		return SettledFinished, turnKeyFiles(paths.Keys, func(string) {})
	default:
		return SettledDropped, dropKeyFile(path)
	}
}

// turnKeyFiles makes seal.key the former key and seal-next.key the one in use. At no
// instant is there no seal.key, and no key goes: it may be called again where it was
// cut short.
func turnKeyFiles(dir string, passed func(point string)) error {
	current, former := keyPath(dir, sealKey), keyPath(dir, formerSeal)
	err := os.Link(current, former)
	if errors.Is(err, fs.ErrExist) {
		err = sameKey(current, former)
	}
	if err != nil {
		return fmt.Errorf("keep the former seal key: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	passed("former kept")
	if err := os.Rename(keyPath(dir, nextSeal), current); err != nil {
		return fmt.Errorf("put the next seal key in place: %w", err)
	}
	return syncDir(dir)
}

// sameKey refuses to take another key for the former one.
func sameKey(current, former string) error {
	a, err := readKeyFile(current, sealKey)
	if err != nil {
		return err
	}
	b, err := readKeyFile(former, sealKey)
	if err == nil && a != b {
		err = fmt.Errorf("%s is another key, from before the last rotation but one: move it away", former)
	}
	return err
}

// dropKeyFile removes a key for good. Its bytes may stay on the medium until something
// else is written there.
func dropKeyFile(path string) error {
	if err := removeIfThere(path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
