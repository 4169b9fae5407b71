package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

const roleRotate = "rotate"

// rotatedStore is a store whose keys lie on a disk of their own.
func rotatedStore(folder string) store.Paths {
	paths := store.PathsIn(filepath.Join(folder, "data"))
	paths.Keys = filepath.Join(folder, keysName)
	return paths
}

// rotate changes the seal key of a store, and promises that it is changed.
func rotate(folder string) error {
	paths := rotatedStore(folder)
	keys, err := store.OpenKeys(paths)
	if err != nil {
		return err
	}
	directories, err := store.OpenDirectories(paths.Directory, keys, nil)
	if err != nil {
		return err
	}
	if _, err := directories.RotateSeal(context.Background(), paths, nil); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(filepath.Dir(paths.Directory), acksName))
	if err != nil {
		return err
	}
	return errors.Join((&acks{file: file}).promise("rotated"), file.Close(), directories.Close())
}

// Ensure that a power cut at any instant of a rotation, whatever it leaves of what was
// not synced on the disk of the store and on that of the keys, leaves a directory that
// opens with the keys that are there; and that a rotation that was promised stays.
func TestDirectories_RotateSeal_PowerCutImages(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	paths := rotatedStore(folder)
	if err := os.Mkdir(filepath.Dir(paths.Directory), 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := store.LoadOrCreateKeys(paths.Keys, false)
	if err != nil {
		t.Fatal(err)
	}
	builder := mustBegin(t, store.DirectoryBuilderOptions{Path: paths.Directory, Keys: keys})
	for i := range workPeople {
		number := fictional(t, i)
		if err := builder.Add(&dialer.Contact{ID: keys.Identity.ID(number)}, number); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := builder.Build(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	disks := []*replayer{
		{folder: filepath.Dir(paths.Directory), disk: mustReadDisk(t, filepath.Dir(paths.Directory)), open: map[int64]*opened{}},
		{folder: paths.Keys, disk: mustReadDisk(t, paths.Keys), open: map[int64]*opened{}},
	}
	events := trace(t, roleRotate, folder)
	n, random := images(t, 1500, 40*len(events)), seed(t)
	t.Logf("%d events, %d images; again: %s=%d", len(events), n, rigSeed, random)
	draw := rand.New(rand.NewPCG(random, 0))
	cuts := make([]int, len(events)) // how many images are made after each event
	for range n {
		cuts[draw.IntN(len(events))]++
	}
	seen := map[store.Settled]int{}
	for i := range events {
		for _, disk := range disks {
			disk.step(i, &events[i])
		}
		for range cuts[i] {
			judgeRotation(t, disks, draw, seen)
		}
		if t.Failed() {
			t.Fatalf("the cut is after event %d, %s", i, events[i].name)
		}
	}
	t.Logf("figures: %d events, %d images: %v", len(events), n, seen)
	if seen[store.SettledDropped] == 0 || seen[store.SettledFinished] == 0 || seen[store.SettledNothing] == 0 {
		t.Errorf("settled: %v; the rig shows nothing", seen)
	}
}

// judgeRotation makes one image of both disks, and starts on it.
func judgeRotation(t *testing.T, disks []*replayer, random *rand.Rand, seen map[store.Settled]int) {
	t.Helper()
	folder := t.TempDir()
	paths := rotatedStore(folder)
	for i, to := range []string{filepath.Dir(paths.Directory), paths.Keys} {
		disks[i].disk.image(t, random, to)
	}
	mustOpenWork(t, paths, "not settled")
	settled, err := store.SettleKeys(paths)
	if err != nil {
		t.Error(err)
	}
	seen[settled]++
	if names := keyFilesIn(t, paths); names != keysAtRest && names != keysRotated {
		t.Errorf("settled: the keys are %s", names)
	}
	opened := mustOpenWork(t, paths, "settled")
	if slices.Contains(disks[0].acknowledged, "rotated") && (!opened.Keys().HasFormer() || opened.Outdated()) {
		t.Error("the rotation was promised, and the directory is sealed with the key before it")
	}
	_ = os.RemoveAll(folder)
}

// mustOpenWork opens keys and directory as a start does, and everybody's number.
func mustOpenWork(t *testing.T, paths store.Paths, when string) *store.Directories {
	t.Helper()
	keys, err := store.OpenKeys(paths)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	directories, err := store.OpenDirectories(paths.Directory, keys, nil)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	for i := range workPeople {
		number := fictional(t, i)
		if got, err := directories.Number(keys.Identity.ID(number)); err != nil || got != number {
			t.Fatalf("%s: another number came back, %v", when, err)
		}
	}
	if err := directories.Close(); err != nil {
		t.Error(err)
	}
	return directories
}
