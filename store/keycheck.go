package store

import (
	"bytes"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/consent/contact"
)

// A key's check value tells the right key from a wrong one and says nothing
// else about it. Ledger and directory keep those of the two keys without which
// their rows are lost; the others may be replaced.

// checkNumber stands for nobody: no country has the code 999.
const checkNumber = "+999999999999999"

type keyCheck struct {
	name  string
	value []byte
}

func (k *Keys) checks() ([]keyCheck, error) {
	number, err := contact.ParseE164(checkNumber)
	if err != nil {
		return nil, fmt.Errorf("check keys: %w", err)
	}
	id := k.Identity.ID(number)
	return []keyCheck{
		{"identity", id[:]},
		{"seal", k.Seal.secret.derive("key check")[:contact.IDSize]},
	}, nil
}

func putKeyChecks(meta *bolt.Bucket, keys *Keys) error {
	if keys == nil {
		return nil
	}
	checks, err := keys.checks()
	if err != nil {
		return err
	}
	for _, check := range checks {
		if err := meta.Put([]byte(metaCheck+check.name), check.value); err != nil {
			return fmt.Errorf("put key check: %w", err)
		}
	}
	return nil
}

// checkKeys refuses keys that are not those which the file was made with.
func checkKeys(meta *bolt.Bucket, keys *Keys) error {
	if keys == nil {
		return nil
	}
	checks, err := keys.checks()
	if err != nil {
		return err
	}
	for _, check := range checks {
		if !bytes.Equal(meta.Get([]byte(metaCheck+check.name)), check.value) {
			return fmt.Errorf("the file was made with another %s key: restore the right %s.key from backup", check.name, check.name)
		}
	}
	return nil
}
