package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

func mustIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// Ensure that a backup brings back the very keys, to whom it was made for alone, and
// shows none of them.
func TestKeys_Backup(t *testing.T) {
	keys, anne, bruno := storetest.MustMakeKeys(t), mustIdentity(t), mustIdentity(t)
	var backup bytes.Buffer
	if err := keys.Backup(&backup, anne.Recipient(), bruno.Recipient()); err != nil {
		t.Fatal(err)
	}
	if err := keys.Backup(new(bytes.Buffer)); err == nil {
		t.Error("a backup was made for nobody")
	}
	if strings.Contains(backup.String(), "hustings") {
		t.Error("the backup is in clear")
	}
	for _, identity := range []age.Identity{anne, bruno} {
		kept, err := store.OpenKeyBackup(bytes.NewReader(backup.Bytes()), identity)
		if err != nil {
			t.Fatal(err)
		}
		if kept.Fingerprint() != keys.Fingerprint() || kept.AuditOrigin() != keys.AuditOrigin() {
			t.Error("other keys came back")
		}
		folder := filepath.Join(t.TempDir(), "keys")
		if err := kept.WriteTo(folder); err != nil {
			t.Fatal(err)
		}
		again, err := store.LoadOrCreateKeys(folder, true)
		if err != nil || again.Fingerprint() != keys.Fingerprint() {
			t.Errorf("the written keys: %v", err)
		}
		if err := kept.WriteTo(folder); err == nil {
			t.Error("keys were overwritten")
		}
	}
	if _, err := store.OpenKeyBackup(bytes.NewReader(backup.Bytes()), mustIdentity(t)); err == nil {
		t.Error("a stranger opened it")
	}
	for at := range backup.Len() {
		damaged := bytes.Clone(backup.Bytes())
		damaged[at] ^= 1
		if kept, err := store.OpenKeyBackup(bytes.NewReader(damaged), anne); err == nil && kept.Fingerprint() != keys.Fingerprint() {
			t.Fatalf("byte %d was changed, and other keys came back", at)
		}
	}
}

// Ensure that a confirmation is about the keys that it was made for, and only a backup
// of these makes one.
func TestKeys_Confirm(t *testing.T) {
	keys, others, anne := storetest.MustMakeKeys(t), storetest.MustMakeKeys(t), mustIdentity(t)
	path := filepath.Join(t.TempDir(), "keys.confirmed")
	if _, confirmed, err := keys.Confirmed(path); confirmed || err != nil {
		t.Errorf("before any backup: %t, %v", confirmed, err)
	}
	var backup bytes.Buffer
	if err := others.Backup(&backup, anne.Recipient()); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Confirm(path, backup.Bytes(), time.Now(), anne); !errors.Is(err, store.ErrOtherKeys) {
		t.Errorf("others' backup: %v", err)
	}
	backup.Reset()
	if err := keys.Backup(&backup, anne.Recipient()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again is no fault
		if _, err := keys.Confirm(path, backup.Bytes(), time.Now(), anne); err != nil {
			t.Fatal(err)
		}
	}
	if _, confirmed, err := keys.Confirmed(path); !confirmed || err != nil {
		t.Errorf("after it: %t, %v", confirmed, err)
	}
	if _, confirmed, err := others.Confirmed(path); confirmed || err != nil {
		t.Errorf("other keys: %t, %v", confirmed, err)
	}
	if err := os.WriteFile(path, []byte("yes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, confirmed, err := keys.Confirmed(path); confirmed || err == nil {
		t.Errorf("a file that says nothing: %t, %v", confirmed, err)
	}
}
