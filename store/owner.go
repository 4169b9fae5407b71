package store

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The owner note says who has the ledger open. It is for people only: the
// file's lock decides, so that a note left by a process that was killed does
// no harm.

func ownerPath(ledger string) string { return ledger + ".owner" }

// writeOwner leaves the note. A full disk may have no room for it; the ledger is
// opened all the same.
func writeOwner(ledger string) {
	note := fmt.Sprintf("another %s (pid %d, started %s)\n", filepath.Base(os.Args[0]), os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	temp := ownerPath(ledger) + tempSuffix
	err := os.WriteFile(temp, []byte(note), 0o600)
	if err == nil {
		err = os.Rename(temp, ownerPath(ledger))
	}
	if err != nil {
		_ = os.Remove(temp)
	}
}

func readOwner(ledger string) string {
	const unknown = "another process"
	f, err := os.Open(ownerPath(ledger))
	if err != nil {
		return unknown
	}
	defer func() { _ = f.Close() }() // only read
	note, err := io.ReadAll(io.LimitReader(f, 200))
	if text := strings.TrimSpace(string(note)); err == nil && text != "" {
		return text
	}
	return unknown
}
