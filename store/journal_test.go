package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hustings/hustings/consent/contact"
	"github.com/hustings/hustings/store"
	"github.com/hustings/hustings/store/storetest"
)

func entry(i int) store.JournalEntry {
	return store.JournalEntry{
		ID: contact.ID{0: 1, 15: byte(i), 14: byte(i >> 8)}, Channel: contact.SMS, Party: "party-a",
		At: time.Date(2027, 4, 1, 12, 0, i, 123, time.UTC), Way: "sms", Reason: fmt.Sprintf("said STOP %d times", i),
	}
}

func entries(n int) (all []store.JournalEntry) {
	for i := range n {
		all = append(all, entry(i))
	}
	return all
}

func mustOpenJournal(t *testing.T, path string) *store.Journal {
	t.Helper()
	journal, err := store.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := journal.Close(); err != nil {
			t.Error(err)
		}
	})
	return journal
}

func replay(t *testing.T, journal *store.Journal) (all []store.JournalEntry) {
	t.Helper()
	if err := journal.Replay(func(e store.JournalEntry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// written returns a journal of n entries as bytes, and where each record ends.
func written(t *testing.T, n int) (content []byte, ends []int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "objections.journal")
	journal := mustOpenJournal(t, path)
	for i := range n + 1 {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if ends = append(ends, len(content)); i == n {
			return content, ends
		}
		if err := journal.Append(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	return nil, nil
}

// mustWrite writes a journal. Those of one folder share its reserve, which is
// what takes time.
func mustWrite(t *testing.T, dir string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, "objections.journal")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Ensure that objections come back as they were, in order, after the journal
// was opened anew.
func TestJournal_Replay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "objections.journal")
	want := entries(300)
	want = append(want, store.JournalEntry{ID: contact.ID{9}, At: time.Unix(0, 0).UTC()},
		store.JournalEntry{ID: contact.ID{8}, At: time.Unix(-5, 0).UTC(), Party: strings.Repeat("é", 512), Way: strings.Repeat("x", 1024), Reason: strings.Repeat("y", 1024)})
	journal := mustOpenJournal(t, path)
	for batch := range slices.Chunk(want, 7) {
		if err := journal.Append(batch...); err != nil {
			t.Fatal(err)
		}
	}
	if err := journal.Append(); err != nil {
		t.Errorf("nothing to append: %v", err)
	}
	for range 2 {
		if diff := cmp.Diff(want, replay(t, journal)); diff != "" {
			t.Fatal(diff)
		}
		if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
		journal = mustOpenJournal(t, path)
	}
	stop := errors.New("stop")
	if err := journal.Replay(func(store.JournalEntry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the callee's error", err)
	}
}

// Ensure that a record cut short at any byte is cut off, that all before it
// stays, and that the journal goes on from there.
func TestOpenJournal_Torn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content, ends := written(t, 3)
	for length := ends[0]; length < len(content); length++ {
		whole := 0
		for whole+1 < len(ends) && ends[whole+1] <= length {
			whole++
		}
		path := mustWrite(t, dir, content[:length])
		journal := mustOpenJournal(t, path)
		if diff := cmp.Diff(entries(whole), replay(t, journal)); diff != "" {
			t.Fatalf("cut at %d: %s", length, diff)
		}
		if err := journal.Append(entry(whole)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content[:ends[whole+1]]) {
			t.Fatalf("cut at %d, appended again: the file differs, %v", length, err)
		}
		if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Ensure that zeros at the end, which a power loss may leave, are cut off.
func TestOpenJournal_Zeros(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content, _ := written(t, 2)
	for _, zeros := range []int{1, 7, 8, 9, 100, 5000, 200_000} {
		journal := mustOpenJournal(t, mustWrite(t, dir, append(bytes.Clone(content), make([]byte, zeros)...)))
		if diff := cmp.Diff(entries(2), replay(t, journal)); diff != "" {
			t.Errorf("%d zeros: %s", zeros, diff)
		}
	}
}

// Ensure that a byte changed anywhere but in the last record refuses the whole
// journal, with the place of the record.
func TestOpenJournal_Damaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content, ends := written(t, 3)
	for i := range ends[2] {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			damaged := bytes.Clone(content)
			damaged[i] ^= flip
			record := 0
			for record+1 < len(ends) && ends[record] <= i {
				record++
			}
			offset := 0
			if record > 0 {
				offset = ends[record-1]
			}
			_, err := store.OpenJournal(mustWrite(t, dir, damaged))
			if want := fmt.Sprintf("damaged at offset %d:", offset); err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("byte %d: got %v, want %q", i, err, want)
			}
		}
	}
}

// Ensure that damage in the last record never costs any other.
func TestOpenJournal_DamagedLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content, ends := written(t, 3)
	for i := ends[2]; i < ends[3]; i++ {
		damaged := bytes.Clone(content)
		damaged[i] ^= 0x01
		journal, err := store.OpenJournal(mustWrite(t, dir, damaged))
		if err != nil {
			continue
		}
		if i >= ends[2]+4 {
			t.Errorf("byte %d: a whole record with a wrong checksum was let pass", i)
		}
		if got := replay(t, journal); len(got) != 2 {
			t.Errorf("byte %d: got %d entries, want 2", i, len(got))
		}
		if err := journal.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Ensure that a record which is whole but of no known kind is not passed over.
func TestOpenJournal_Unknown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content, ends := written(t, 1)
	// The payload grows by a byte that no field accounts for.
	record := append(bytes.Clone(content[ends[0]:]), 0)
	storeChecksum(record)
	_, err := store.OpenJournal(mustWrite(t, dir, append(bytes.Clone(content[:ends[0]]), record...)))
	if err == nil || !strings.Contains(err.Error(), "a newer program may have written it") {
		t.Errorf("got %v", err)
	}
}

// Ensure that an entry that could not be read back is refused, and no other
// with it written.
func TestJournal_Append_Refused(t *testing.T) {
	t.Parallel()
	journal := storetest.MustOpenJournal(t)
	long := entry(1)
	long.Reason = strings.Repeat("x", 1025)
	for name, bad := range map[string]store.JournalEntry{"long": long, "nobody": {}} {
		if err := journal.Append(entry(0), bad); err == nil || errors.Is(err, store.ErrJournalStopped) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got := replay(t, journal); len(got) != 0 {
		t.Errorf("got %d entries, want none", len(got))
	}
}

// Ensure that a closed journal refuses entries.
func TestJournal_Close(t *testing.T) {
	t.Parallel()
	journal := storetest.MustOpenJournal(t)
	for range 2 {
		if err := journal.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := journal.Append(entry(0)); !errors.Is(err, store.ErrJournalStopped) {
		t.Errorf("got %v", err)
	}
}
