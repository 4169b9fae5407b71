package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/store"
)

// faultyFile fails once, at one of the calls that change it or bring it to disk.
type faultyFile struct {
	*os.File
	// left counts the calls down to the one that fails; below 0 it has.
	left int
	with error
	// part of what is written comes to be, before the write fails.
	part float64
	// stuck makes the cut after a failed write fail, too.
	stuck  bool
	failed string
}

// fails tells whether this call is the one.
func (f *faultyFile) fails(call string) bool {
	f.left--
	if f.left == 0 {
		f.failed = call
	}
	return f.left == 0
}

func (f *faultyFile) WriteAt(p []byte, offset int64) (int, error) {
	if !f.fails("write") {
		return f.File.WriteAt(p, offset)
	}
	n, err := f.File.WriteAt(p[:int(f.part*float64(len(p)))], offset)
	return n, errors.Join(err, f.with)
}

func (f *faultyFile) Sync() error {
	if f.fails("sync") {
		return f.with
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if f.stuck && f.failed == "write" {
		return f.with
	}
	return f.File.Truncate(size)
}

// Ensure that whichever write or sync fails, in whichever way, every objection that
// was acknowledged is there after the next start, in its order and with nothing in
// between that nobody entered; that a journal which goes on takes more; and that
// one which cannot know what is on the disk takes nothing more.
func TestJournal_Append_EachFault(t *testing.T) {
	t.Parallel()
	const appends = 8
	for _, fault := range []struct {
		name  string
		with  error
		part  float64
		stuck bool
	}{
		{"EIO", syscall.EIO, 0, false},
		{"EIOHalfWritten", syscall.EIO, 0.5, false},
		{"EIOStuck", syscall.EIO, 0.7, true},
		{"ENOSPC", syscall.ENOSPC, 0, false},
		{"ENOSPCHalfWritten", syscall.ENOSPC, 0.5, false},
		{"EROFS", syscall.EROFS, 0, false},
		{"EROFSStuck", syscall.EROFS, 0.3, true},
		{"ShortWrite", io.ErrShortWrite, 0.9, false},
		{"WrittenAllTheSame", syscall.EIO, 1, false},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]int{}
			for at := 1; ; at++ {
				f := &faultyFile{left: at, with: fault.with, part: fault.part, stuck: fault.stuck}
				failAt(t, f, appends)
				if f.failed == "" {
					break // there is no such call
				}
				seen[f.failed]++
			}
			if seen["write"] != appends || seen["sync"] != appends {
				t.Errorf("failed: %v, want each of %d writes and syncs", seen, appends)
			}
		})
	}
}

// failAt appends some times, one of which meets the fault, and starts again.
func failAt(t *testing.T, f *faultyFile, appends int) {
	t.Helper()
	content, _ := written(t, 0)
	path := mustWrite(t, t.TempDir(), content)
	var err error
	if f.File, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	journal, err := store.NewJournal(f, path)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged, doubtful, stopped := map[contact.ID]bool{}, map[contact.ID]bool{}, false
	for i := range appends {
		list := entries(3 * (i + 1))[3*i:]
		err := journal.Append(list...)
		for _, e := range list {
			acknowledged[e.ID], doubtful[e.ID] = err == nil, err != nil
		}
		switch {
		case stopped && !errors.Is(err, store.ErrJournalStopped):
			t.Errorf("%s at %d: a journal that has stopped says %v", f.failed, f.left, err)
		case err == nil:
		case errors.Is(err, store.ErrJournalStopped):
			stopped = true
		case f.failed == "sync" || !errors.Is(err, f.with):
			t.Errorf("%s: the journal goes on after %v", f.failed, err)
		}
	}
	_ = journal.Close() // a journal that has stopped may say so again
	told := fmt.Sprintf("%s with %v, stopped %t", f.failed, f.with, stopped)
	var last int
	for _, e := range replay(t, mustOpenJournal(t, filepath.Clean(path))) {
		if !acknowledged[e.ID] && !doubtful[e.ID] {
			t.Fatalf("%s: an entry that nobody made", told)
		}
		delete(acknowledged, e.ID)
		if at := indexOf(t, e.ID, 3*appends); at < last {
			t.Errorf("%s: entry %d comes after entry %d", told, at, last)
		} else {
			last = at
		}
	}
	for id, promised := range acknowledged {
		if promised {
			t.Errorf("%s: the acknowledged objection of %s is lost", told, id)
		}
	}
}

func indexOf(t *testing.T, id contact.ID, most int) int {
	t.Helper()
	for i := range most {
		if entry(i).ID == id {
			return i
		}
	}
	t.Fatalf("no such entry: %s", id)
	return 0
}
