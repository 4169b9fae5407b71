package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
)

// Ensure that a mark comes back as it was kept, whoever asks, and that the last
// one counts.
func TestWitness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.mark")
	if mark, err := store.NewWitness(path).Last(); err != nil || mark != (dialer.Mark{}) {
		t.Fatalf("before any: %v, %v", mark, err)
	}
	for count := range uint64(3) {
		want := dialer.Mark{Life: [16]byte{0, 1, 2, 255}, Count: count << 40}
		if err := store.NewWitness(path).Keep(want); err != nil {
			t.Fatal(err)
		}
		if mark, err := store.NewWitness(path).Last(); err != nil || mark != want {
			t.Errorf("got %v, %v, want %v", mark, err, want)
		}
	}
}

// Ensure that what is no mark is never taken for one, whatever was cut off or
// changed.
func TestWitness_Damaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.mark")
	w := store.NewWitness(path)
	kept := dialer.Mark{Life: [16]byte{9}, Count: 42}
	if err := w.Keep(kept); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var damaged [][]byte
	for i := range whole {
		damaged = append(damaged, whole[:i])
		changed := append([]byte(nil), whole...)
		changed[i] ^= 1
		damaged = append(damaged, changed)
	}
	for _, content := range damaged {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		mark, err := w.Last()
		if err == nil && mark == kept {
			continue // the line's end, or a letter's case
		}
		if !errors.Is(err, dialer.ErrMarkDamaged) {
			t.Errorf("%q: %v, %v", content, mark, err)
		}
	}
}
