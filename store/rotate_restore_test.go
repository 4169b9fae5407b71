package store_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that a backup from before a rotation comes back as long as the former key is
// kept, is sealed anew by the next build, and says afterwards which key is missing.
func TestRestore_BeforeRotation(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	folder := mustBackUp(t, paths, keys)
	directories := mustOpenAll(t, paths, "before")
	if _, err := directories.RotateSeal(t.Context(), paths, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: paths, Keys: directories.Keys()}); err != nil {
		t.Fatal(err)
	}
	restored := mustOpenAll(t, paths, "restored")
	if !restored.Outdated() {
		t.Error("nobody is told that the directory is sealed with the former key")
	}
	if _, err := restored.RetireFormerSeal(paths); !errors.Is(err, store.ErrFormerInUse) {
		t.Errorf("the key in use is retired: %v", err)
	}
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: paths.Directory, Old: restored.Current(), Keys: restored.Keys()})
	counts, err := builder.Build(t.Context(), nil)
	if err := errors.Join(err, restored.Reload()); err != nil || counts.Kept != 3 || restored.Outdated() {
		t.Errorf("built anew: %+v, %v", counts, err)
	}
	mustHoldThree(t, restored, keys, "sealed anew")
	if retired, err := restored.RetireFormerSeal(paths); !retired || err != nil {
		t.Fatalf("%t, %v", retired, err)
	}
	before := contents(t, filepath.Dir(paths.Ledger))
	options := store.RestoreOptions{Folder: folder, Paths: paths, Keys: restored.Keys()}
	if _, err := store.Restore(t.Context(), options); err == nil || !strings.Contains(err.Error(), "beside it as seal-former.key") {
		t.Errorf("without the former key: %v", err)
	}
	if !maps.EqualFunc(before, contents(t, filepath.Dir(paths.Ledger)), bytes.Equal) {
		t.Error("a restore that was refused has changed something")
	}
	options.KeepDirectory = true
	if _, err := store.Restore(t.Context(), options); err != nil {
		t.Errorf("the ledger alone: %v", err)
	}
}

// Ensure that what a restore moves aside keeps its key: a rotation that was killed is
// settled before the older directory is in place.
func TestRestore_InRotation(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	folder := mustBackUp(t, paths, keys)
	killed := t.TempDir()
	if _, err := mustOpenAll(t, paths, "before").RotateSealBy(t.Context(), paths, func(point string) {
		if point == "directory in place" {
			if err := storetest.CopyFolder(filepath.Dir(paths.Directory), killed); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	there := store.PathsIn(killed)
	opened, err := store.OpenKeys(there)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := store.Restore(t.Context(), store.RestoreOptions{Folder: folder, Paths: there, Keys: opened})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.SettleKeys(there); err != nil { // as the next start does
		t.Fatal(err)
	}
	mustOpenAll(t, there, "restored")
	aside := slices.IndexFunc(restored.Aside, func(path string) bool { return strings.Contains(path, "directory.db") })
	if aside < 0 {
		t.Fatalf("aside: %v", restored.Aside)
	}
	there.Directory = restored.Aside[aside]
	mustOpenAll(t, there, "what was moved aside")
}

// Ensure that a backup of the keys holds the former seal key while there is one, and is
// refused without it.
func TestKeys_Backup_Former(t *testing.T) {
	t.Parallel()
	keys, anne := storetest.MustMakeKeys(t), mustIdentity(t)
	rotated := keys.Turned()
	path := filepath.Join(t.TempDir(), "keys.confirmed")
	var whole, before bytes.Buffer
	if err := errors.Join(rotated.Backup(&whole, anne.Recipient()), keys.Backup(&before, anne.Recipient())); err != nil {
		t.Fatal(err)
	}
	kept, err := store.OpenKeyBackup(bytes.NewReader(whole.Bytes()), anne)
	if err != nil || !kept.HasFormer() {
		t.Fatalf("the former key: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "keys")
	if err := kept.WriteTo(folder); err != nil {
		t.Fatal(err)
	}
	written, err := store.LoadOrCreateKeys(folder, true)
	if err != nil || !written.HasFormer() || written.Fingerprint() != rotated.Fingerprint() {
		t.Errorf("written: %v", err)
	}
	if _, err := written.Confirm(path, before.Bytes(), time.Now(), anne); !errors.Is(err, store.ErrOtherKeys) {
		t.Errorf("a backup from before the rotation: %v", err)
	}
	if _, err := written.Confirm(path, whole.Bytes(), time.Now(), anne); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(folder, "seal-former.key")); err != nil {
		t.Fatal(err)
	}
	without, err := store.LoadOrCreateKeys(folder, true)
	if err != nil || without.HasFormer() || without.Fingerprint() != rotated.Fingerprint() {
		t.Fatalf("without the former key: %v", err)
	}
	var current bytes.Buffer
	if err := without.Backup(&current, anne.Recipient()); err != nil {
		t.Fatal(err)
	}
	if _, err := written.Confirm(path, current.Bytes(), time.Now(), anne); !errors.Is(err, store.ErrNoFormerKey) {
		t.Errorf("a backup without the former key: %v", err)
	}
	if _, err := without.Confirm(path, whole.Bytes(), time.Now(), anne); err != nil {
		t.Errorf("a backup that has it, once it is retired: %v", err)
	}
}
