package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// diskFile is a file on a disk that can be full or fail.
type diskFile struct {
	*os.File
	room    atomic.Int64 // bytes that the file may still grow to
	reserve string       // a file that takes up room while it exists
	syncs   atomic.Int64
	failing atomic.Bool
	stuck   atomic.Bool
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	room := f.room.Load()
	if info, err := os.Stat(f.reserve); err == nil {
		room -= info.Size()
	}
	if off+int64(len(p)) > room {
		n, err := f.File.WriteAt(p[:min(int64(len(p)), max(0, room-off))], off)
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.File.WriteAt(p, off)
}

func (f *diskFile) Sync() error {
	f.syncs.Add(1)
	if f.failing.Load() {
		return syscall.EIO
	}
	return f.File.Sync()
}

func (f *diskFile) Truncate(size int64) error {
	if f.stuck.Load() {
		return syscall.EIO
	}
	return f.File.Truncate(size)
}

func mustOpenDisk(t *testing.T, room int64) (*store.Journal, *diskFile) {
	t.Helper()
	content, _ := written(t, 0)
	path := mustWrite(t, t.TempDir(), content)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	disk := &diskFile{File: f, reserve: filepath.Join(filepath.Dir(path), "journal.reserve")}
	disk.room.Store(room)
	journal, err := store.NewJournal(disk, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = journal.Close() })
	return journal, disk
}

// Ensure that a full disk still takes an objection, out of the reserve; that
// without a reserve it is refused and nothing of it stays; and that the journal
// goes on once there is room.
func TestJournal_Append_DiskFull(t *testing.T) {
	t.Parallel()
	const reserve = 2 << 20
	journal, disk := mustOpenDisk(t, reserve+100) // the head and one entry fit
	var want []store.JournalEntry
	for i := range 2 {
		if err := journal.Append(entry(i)); err != nil {
			t.Fatal(err)
		}
		want = append(want, entry(i))
	}
	if _, err := os.Stat(disk.reserve); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the reserve was not used: %v", err)
	}
	disk.room.Store(200)
	if err := journal.Append(entries(10)...); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrJournalStopped) {
		t.Errorf("no room, no reserve: got %v", err)
	}
	if diff := cmp.Diff(want, replay(t, journal)); diff != "" {
		t.Error(diff)
	}
	disk.room.Store(10 << 20)
	if err := journal.Append(entry(2)); err != nil {
		t.Errorf("room again: %v", err)
	}
	if !journal.Reserve() {
		t.Error("the reserve was not set aside again")
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, entry(2)), replay(t, mustOpenJournal(t, disk.Name()))); diff != "" {
		t.Error(diff)
	}
}

// Ensure that a journal whose disk failed takes nothing more.
func TestJournal_Append_DiskFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		fail func(*diskFile)
	}{
		{"sync", func(f *diskFile) { f.failing.Store(true) }},
		{"cut", func(f *diskFile) { f.room.Store(0); f.stuck.Store(true); _ = os.Remove(f.reserve) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			journal, disk := mustOpenDisk(t, 10<<20)
			test.fail(disk)
			if err := journal.Append(entry(0)); !errors.Is(err, store.ErrJournalStopped) {
				t.Errorf("got %v", err)
			}
			disk.failing.Store(false)
			disk.stuck.Store(false)
			disk.room.Store(10 << 20)
			if err := journal.Append(entry(1)); !errors.Is(err, store.ErrJournalStopped) {
				t.Errorf("later: got %v", err)
			}
		})
	}
}

// Ensure that many callers at once lose nothing and share syncs.
func TestJournal_Append_Together(t *testing.T) {
	t.Parallel()
	journal, disk := mustOpenDisk(t, 10<<20)
	const callers, each = 50, 20
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range each {
				if err := journal.Append(entry(c*each + i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := make(map[contact.ID]int)
	for _, e := range replay(t, journal) {
		seen[e.ID]++
	}
	for i := range callers * each {
		if seen[entry(i).ID] != 1 {
			t.Errorf("entry %d is there %d times", i, seen[entry(i).ID])
		}
	}
	if syncs := disk.syncs.Load(); syncs >= callers*each {
		t.Errorf("%d syncs for %d calls: none was shared", syncs, callers*each)
	}
}

func BenchmarkJournalAppend(b *testing.B) {
	journal := storetest.MustOpenJournal(b)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		e := entry(1)
		for pb.Next() {
			if err := journal.Append(e); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
