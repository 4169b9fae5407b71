package store

import (
	"bytes"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
)

// A key's check value tells the right key from a wrong one and says nothing
// else about it. Ledger and directory keep those of the keys without which their
// rows are lost: the identity key, and for the directory the one that its numbers
// are sealed with. The others may be replaced.

// checkNumber stands for nobody: no country has the code 999.
const checkNumber = "+999999999999999"

// identityCheck is the check value of the identity key.
func (k *Keys) identityCheck() ([]byte, error) {
	number, err := contact.ParseE164(checkNumber)
	if err != nil {
		return nil, fmt.Errorf("check keys: %w", err)
	}
	id := k.Identity.ID(number)
	return id[:], nil
}

// putIdentityCheck notes in a file's head whose IDs its rows have.
func putIdentityCheck(meta *bolt.Bucket, keys *Keys) error {
	if keys == nil {
		return nil
	}
	check, err := keys.identityCheck()
	if err != nil {
		return err
	}
	if err := meta.Put([]byte(metaCheck+identityKey), check); err != nil {
		return fmt.Errorf("put key check: %w", err)
	}
	return nil
}

// putKeyChecks notes in a directory's head which keys it was made with.
func putKeyChecks(meta *bolt.Bucket, keys *Keys) error {
	if keys == nil {
		return nil
	}
	if err := meta.Put([]byte(metaCheck+sealKey), keys.Seal.check()); err != nil {
		return fmt.Errorf("put key check: %w", err)
	}
	return putIdentityCheck(meta, keys)
}

// checkIdentity refuses keys that give other IDs than those in the file.
func checkIdentity(meta *bolt.Bucket, keys *Keys) error {
	if keys == nil {
		return nil
	}
	check, err := keys.identityCheck()
	if err != nil {
		return err
	}
	if !bytes.Equal(meta.Get([]byte(metaCheck+identityKey)), check) {
		return errors.New("the file was made with another identity key: restore the right identity.key from backup")
	}
	return nil
}

// checkKeys refuses keys that do not open a directory.
func checkKeys(meta *bolt.Bucket, keys *Keys) error {
	if keys == nil {
		return nil
	}
	if err := checkIdentity(meta, keys); err != nil {
		return err
	}
	_, err := keys.sealOf(meta)
	return err
}

// sealOf returns the key that a directory is sealed with: that in use, or the one
// before the last rotation.
func (k *Keys) sealOf(meta *bolt.Bucket) (SealKey, error) {
	check := meta.Get([]byte(metaCheck + sealKey))
	switch {
	case bytes.Equal(check, k.Seal.check()):
		return k.Seal, nil
	case k.former != nil && bytes.Equal(check, k.former.check()):
		return *k.former, nil
	case k.former != nil:
		return SealKey{}, errors.New("the file was made with another seal key than seal.key and seal-former.key: " +
			"restore the right seal.key from backup, or put that of the file's time in the place of seal-former.key")
	default:
		return SealKey{}, errors.New("the file was made with another seal key: restore the right seal.key from backup, " +
			"or, if the file is from before a rotation, put the key of then beside it as seal-former.key")
	}
}
