package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// fill takes up what is free in the folder, to the last byte, with a file that
// grows whenever there is more.
func fill(t *testing.T, folder string) *os.File {
	t.Helper()
	hog, err := os.Create(filepath.Join(folder, "hog"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hog.Close() })
	eat(hog)
	return hog
}

func eat(hog *os.File) {
	for block := make([]byte, 64<<10); len(block) > 0; block = block[:len(block)/2] {
		for {
			if _, err := hog.Write(block); err != nil {
				break
			}
		}
	}
}

// Ensure that a disk that is really full takes some ten thousand objections,
// one after the other and through a restart, however greedy all others are.
func TestJournal_Append_ReallyFull(t *testing.T) {
	t.Parallel()
	folder := storetest.SmallDisk(t, 8<<20)
	path := filepath.Join(folder, "objections.journal")
	journal := mustOpenJournal(t, path)
	if err := journal.Append(entries(100)...); err != nil {
		t.Fatal(err)
	}
	hog := fill(t, folder)
	var over atomic.Bool
	var greedy sync.WaitGroup
	greedy.Go(func() {
		for !over.Load() {
			eat(hog)
		}
	})
	const most = 12_000
	for i := 100; i < most; i++ {
		if i == most/2 {
			if err := journal.Close(); err != nil {
				t.Fatal(err)
			}
			journal = mustOpenJournal(t, path)
		}
		if err := journal.Append(entry(i)); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	over.Store(true)
	greedy.Wait()
	if n := len(replay(t, journal)); n != most {
		t.Errorf("%d entries are there, want %d", n, most)
	}

	// What is too much is refused, and takes nothing from those that come after.
	if err := journal.Append(entries(80_000)...); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrJournalStopped) {
		t.Errorf("more than there is room for: %v", err)
	}
	if err := journal.Append(entry(most)); err != nil {
		t.Errorf("one more: %v", err)
	}
}
