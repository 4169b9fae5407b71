package store_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// sealedBytes is how long a sealed number is, at the end of its row.
const sealedBytes = 24

// mustOpenAll opens keys and directory of a store as a daemon does that starts, and
// fails the test unless every number opens.
func mustOpenAll(t *testing.T, paths store.Paths, when string) *store.Directories {
	t.Helper()
	keys, err := store.OpenKeys(paths)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	directories, err := store.OpenDirectories(paths.Directory, keys, nil)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	t.Cleanup(func() {
		if err := directories.Close(); err != nil {
			t.Error(err)
		}
	})
	mustHoldThree(t, directories, keys, when)
	return directories
}

// mustHoldThree fails the test unless the contacts of mustMakeStore are all there.
func mustHoldThree(t *testing.T, directory dialer.Directory, keys *store.Keys, when string) {
	t.Helper()
	for i := range 3 {
		number := fictional(t, i)
		if got, err := directory.Number(keys.Identity.ID(number)); err != nil || got != number {
			t.Errorf("%s: another number came back, %v", when, err)
		}
	}
}

// rowsIn returns the rows of a directory file's tables, by table and key.
func rowsIn(t *testing.T, path string) map[string][]byte {
	t.Helper()
	rows := map[string][]byte{}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(table []byte, bucket *bolt.Bucket) error {
			return bucket.ForEach(func(key, value []byte) error {
				rows[string(table)+"/"+string(key)] = bytes.Clone(value)
				return nil
			})
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return rows
}

// keyFilesIn returns the names of a key folder's files.
func keyFilesIn(t *testing.T, paths store.Paths) string {
	t.Helper()
	names := slices.Sorted(maps.Keys(contents(t, paths.Keys)))
	return strings.Join(names, " ")
}

const (
	keysAtRest  = "callback.key hpke.key identity.key report.key seal.key"
	keysRotated = "callback.key hpke.key identity.key report.key seal-former.key seal.key"
)

// Ensure that a rotation seals every number anew and changes nothing else, that the
// daemon under way sees it, and that no file has what was sealed with the old key.
func TestDirectories_RotateSeal(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	before := rowsIn(t, paths.Directory)
	directories := mustOpenAll(t, paths, "before")
	sealed, err := directories.RotateSeal(t.Context(), paths, nil)
	if err != nil || sealed != 3 {
		t.Fatalf("%d numbers, %v", sealed, err)
	}
	mustHoldThree(t, directories, keys, "after")
	after := rowsIn(t, paths.Directory)
	if len(after) != len(before) {
		t.Errorf("%d rows became %d", len(before), len(after))
	}
	others := 0
	for key, was := range before {
		is := after[key]
		if strings.HasPrefix(key, "contact/") {
			was, is = was[:len(was)-sealedBytes], is[:len(is)-sealedBytes]
			mustBeNowhere(t, filepath.Dir(paths.Directory), before[key][len(was):])
		}
		if !bytes.Equal(was, is) {
			others++
			if key != "meta/key_check.seal" {
				t.Errorf("row %q is another", key)
			}
		}
	}
	if others != 1 {
		t.Errorf("%d rows are others, and one check value is", others)
	}
	if names := keyFilesIn(t, paths); names != keysRotated {
		t.Errorf("the keys are %s", names)
	}
	again := mustOpenAll(t, paths, "opened again")
	if again.Keys().Seal == keys.Seal || again.Keys().Seal != directories.Keys().Seal || again.Outdated() {
		t.Error("the keys in the folder are not those in use")
	}
	if again.Keys().Fingerprint() == keys.Fingerprint() {
		t.Error("a backup from before would still be good")
	}
}

// mustBeNowhere fails the test where a file below the folder holds the bytes.
func mustBeNowhere(t *testing.T, folder string, secret []byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, secret) {
			t.Errorf("%s holds what was sealed with the old key", path)
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files were looked at, %v", files, err)
	}
}

// Ensure that the former key stays until somebody lets go of it, and then no longer.
func TestDirectories_RetireFormerSeal(t *testing.T) {
	t.Parallel()
	paths, _ := mustMakeStore(t)
	directories := mustOpenAll(t, paths, "before")
	if retired, err := directories.RetireFormerSeal(paths); retired || err != nil {
		t.Errorf("before any rotation: %t, %v", retired, err)
	}
	old, err := os.ReadFile(paths.Directory)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := directories.RotateSeal(t.Context(), paths, nil); err != nil {
		t.Fatal(err)
	}
	now, fingerprint := contents(t, paths.Keys), directories.Keys().Fingerprint()
	if _, err := directories.RotateSeal(t.Context(), paths, nil); !errors.Is(err, store.ErrFormerKey) {
		t.Errorf("again: %v", err)
	}
	if after := contents(t, paths.Keys); !maps.EqualFunc(now, after, bytes.Equal) {
		t.Error("a rotation that was refused has changed a key")
	}
	if retired, err := directories.RetireFormerSeal(paths); !retired || err != nil {
		t.Fatalf("%t, %v", retired, err)
	}
	if names := keyFilesIn(t, paths); names != keysAtRest || directories.Keys().HasFormer() {
		t.Errorf("the keys are %s", names)
	}
	if directories.Keys().Fingerprint() != fingerprint {
		t.Error("the backup of the keys in use is no longer good")
	}
	if err := os.WriteFile(paths.Directory, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := directories.Reload(); err == nil || !strings.Contains(err.Error(), "put the key of then beside it as seal-former.key") {
		t.Errorf("the directory from before: %v", err)
	}
}

// Ensure that wherever a rotation is killed the store opens with the keys that lie
// there, before and after the next start has settled them, and can be rotated again.
func TestDirectories_RotateSeal_Killed(t *testing.T) {
	t.Parallel()
	want := []struct {
		point, keys string
		settled     store.Settled
		after       string
	}{
		{"next made", "callback.key hpke.key identity.key report.key seal-next.key seal.key", store.SettledDropped, keysAtRest},
		{"building", "callback.key hpke.key identity.key report.key seal-next.key seal.key", store.SettledDropped, keysAtRest},
		{"directory in place", "callback.key hpke.key identity.key report.key seal-next.key seal.key", store.SettledFinished, keysRotated},
		{"former kept", "callback.key hpke.key identity.key report.key seal-former.key seal-next.key seal.key", store.SettledFinished, keysRotated},
		{"turned", keysRotated, store.SettledNothing, keysRotated},
	}
	paths, _ := mustMakeStore(t)
	directories := mustOpenAll(t, paths, "before")
	killed := map[string]string{}
	if _, err := directories.RotateSealBy(t.Context(), paths, func(point string) {
		killed[point] = t.TempDir()
		if err := storetest.CopyFolder(filepath.Dir(paths.Directory), killed[point]); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(killed) != len(want) {
		t.Errorf("%d points were passed, want %d", len(killed), len(want))
	}
	for _, test := range want {
		t.Run(test.point, func(t *testing.T) {
			t.Parallel()
			there := store.PathsIn(killed[test.point])
			if names := keyFilesIn(t, there); names != test.keys {
				t.Fatalf("the keys are %s", names)
			}
			fingerprint := mustOpenAll(t, there, "not settled").Keys().Fingerprint()
			settled, err := store.SettleKeys(there)
			if settled != test.settled || err != nil {
				t.Errorf("settled: %d, %v", settled, err)
			}
			if names := keyFilesIn(t, there); names != test.after {
				t.Errorf("then the keys are %s", names)
			}
			again := mustOpenAll(t, there, "settled")
			if again.Keys().Fingerprint() != fingerprint || again.Outdated() {
				t.Error("settled keys are others than those that opened the store before")
			}
			if _, err := again.RetireFormerSeal(there); err != nil {
				t.Fatal(err)
			}
			if _, err := again.RotateSeal(t.Context(), there, nil); err != nil {
				t.Errorf("rotate again: %v", err)
			}
			mustOpenAll(t, there, "rotated again")
		})
	}
}

// Ensure that a rotation that cannot be done changes nothing at all.
func TestDirectories_RotateSeal_Refused(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	spoilNumber := func(t *testing.T, paths store.Paths, keys *store.Keys) {
		mustUpdate(t, paths.Directory, func(tx *bolt.Tx) error {
			id := keys.Identity.ID(fictional(t, 1))
			row := bytes.Clone(tx.Bucket([]byte("contact")).Get(id[:]))
			row[len(row)-1] ^= 1
			return tx.Bucket([]byte("contact")).Put(id[:], row)
		})
	}
	tests := []struct {
		name   string
		ctx    context.Context
		damage func(*testing.T, store.Paths, *store.Keys)
		want   string
	}{
		{"a number that does not open", t.Context(), spoilNumber, "the row is damaged"},
		{"called off", ended, nil, "context canceled"},
		{"a former key that somebody has put there", t.Context(), func(t *testing.T, paths store.Paths, _ *store.Keys) {
			other := filepath.Join(t.TempDir(), "keys")
			if _, err := store.LoadOrCreateKeys(other, false); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(other, "seal.key"), filepath.Join(paths.Keys, "seal-former.key")); err != nil {
				t.Fatal(err)
			}
		}, store.ErrFormerKey.Error()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			paths, keys := mustMakeStore(t)
			if test.damage != nil {
				test.damage(t, paths, keys)
			}
			directories, err := store.OpenDirectories(paths.Directory, keys, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = directories.Close() }()
			folder := filepath.Dir(paths.Directory)
			before, keysBefore := contents(t, folder), contents(t, paths.Keys)
			if _, err := directories.RotateSeal(test.ctx, paths, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if !maps.EqualFunc(before, contents(t, folder), bytes.Equal) || !maps.EqualFunc(keysBefore, contents(t, paths.Keys), bytes.Equal) {
				t.Error("something was changed")
			}
			if directories.Keys() != keys {
				t.Error("other keys are in use")
			}
		})
	}
}

// Ensure that before the first import the key is changed all the same, and that what
// a kill left is taken up.
func TestDirectories_RotateSeal_NoDirectory(t *testing.T) {
	t.Parallel()
	paths, keys := mustMakeStore(t)
	if err := os.Remove(paths.Directory); err != nil {
		t.Fatal(err)
	}
	killed := t.TempDir()
	directories, err := store.OpenDirectories(paths.Directory, keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := directories.RotateSealBy(t.Context(), paths, func(point string) {
		if point == "next made" {
			if err := storetest.CopyFolder(filepath.Dir(paths.Directory), killed); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if names := keyFilesIn(t, paths); names != keysRotated || directories.Keys().Seal == keys.Seal {
		t.Errorf("the keys are %s", names)
	}
	there := store.PathsIn(killed)
	before := keyFilesIn(t, there)
	if settled, err := store.SettleKeys(there); settled != store.SettledNothing || err != nil {
		t.Errorf("without a directory: %d, %v", settled, err)
	}
	if names := keyFilesIn(t, there); names != before {
		t.Errorf("a key went that may be needed: %s", names)
	}
	directories, err = store.OpenDirectories(there.Directory, keys, nil)
	if err == nil {
		_, err = directories.RotateSeal(t.Context(), there, nil)
	}
	if names := keyFilesIn(t, there); names != keysRotated || err != nil {
		t.Errorf("taken up: the keys are %s, %v", names, err)
	}
}
