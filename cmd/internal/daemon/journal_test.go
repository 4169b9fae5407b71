package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/dialer"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

// Ensure that at every start the objections which only the journal has are
// entered in the ledger, in one go or in several, and that a journal which has
// fewer than the ledger has seen is refused: some are lost (I13).
func TestRestoreObjections(t *testing.T) {
	t.Parallel()
	ledger := storetest.MustOpenLedger(t)
	path := filepath.Join(t.TempDir(), "objections.journal")
	journal, err := store.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialer.New(dialer.Options{Ledger: ledger, Clock: stoppedClock{}, InFlight: 1})
	if err != nil {
		t.Fatal(err)
	}
	known := func() (count int) {
		err := ledger.View(func(tx dialer.Tx) error {
			return dialer.EachObjection(tx, func(dialer.Objection) { count++ })
		})
		if err != nil {
			t.Fatal(err)
		}
		return count
	}
	entries := 0
	for _, more := range []int{3, 1, restoreChunk + 7} {
		list := make([]store.JournalEntry, more)
		for i := range list {
			entries++
			list[i] = store.JournalEntry{ID: contact.ID{byte(entries >> 8), byte(entries), 1}, At: time.Unix(int64(entries), 0), Way: "sms"}
		}
		if err := journal.Append(list...); err != nil {
			t.Fatal(err)
		}
		if err := restoreObjections(t.Context(), journal, d); err != nil || known() != entries {
			t.Fatalf("after %d entries: the ledger knows %d, %v", entries, known(), err)
		}
	}

	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shorter := filepath.Join(t.TempDir(), "objections.journal")
	if err := errors.Join(journal.Close(), os.WriteFile(shorter, older[:200], 0o600)); err != nil {
		t.Fatal(err)
	}
	if journal, err = store.OpenJournal(shorter); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = journal.Close() })
	if err := restoreObjections(t.Context(), journal, d); err == nil || !strings.Contains(err.Error(), "objections are lost") {
		t.Errorf("a journal that has lost entries: %v", err)
	}
}
