package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
)

// Waiting returns how many moves wait for the committer.
func (l *Ledger) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.urgent.waiting() + l.ordinary.waiting()
}

// SkipSync makes commits fast for tests that pull no plug.
func (l *Ledger) SkipSync() { l.db.NoSync = true }

// JournalFile is what the journal needs of a file.
type JournalFile = journalFile

// NewJournal opens a journal over any file; its reserve lies beside path.
var NewJournal = newJournal

// AppendRecords returns the entries as they stand in the journal's file.
func AppendRecords(entries ...JournalEntry) (records []byte) {
	for i := range entries {
		records = appendRecord(records, &entries[i])
	}
	return records
}

// DescribeFile returns what a manifest would say of the file.
func DescribeFile(tb testing.TB, path string) BackupFile {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.New()
	_, _ = sum.Write(content) // into memory
	return *fileOf(filepath.Base(path), int64(len(content)), sum)
}

// Still waits until nothing is written any more, as after a kill.
func (b *DirectoryBuilder) Still() { _ = b.sorter.wait() }

// Turned returns the keys as a rotation of the seal key leaves them.
func (k *Keys) Turned() *Keys {
	var next Secret
	_, _ = rand.Read(next.bytes[:]) // never fails
	return k.turned(next)
}

// RotateSealBy is RotateSeal, which tells each point at which a kill finds other files
// than before.
func (d *Directories) RotateSealBy(ctx context.Context, paths Paths, passed func(point string)) (uint64, error) {
	return d.rotateSeal(ctx, paths, func(sealed, _ uint64) {
		if sealed == 0 {
			passed("building")
		}
	}, passed)
}
