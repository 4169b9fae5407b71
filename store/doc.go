// Package store keeps what must outlive the process: the directory of contacts
// and the ledger, both over bbolt, and the objection journal. It owns the disk;
// what rows mean is the business of package dialer, whose interfaces it
// implements. No other package imports bbolt.
//
// A data directory holds:
//
//	ledger.db            all that changes: one bbolt file, one committer
//	ledger.db.owner      who has it open, for people to read
//	directory.db         the contacts, row by row and, to count by, column by column
//	                     and by kinds; never changed in place
//	directory.<n>.tmp/   an import at work
//	objections.journal   objections, append-only
//	ledger.mark          how far the ledger has come, a step behind it
//	journal.reserve      space set aside for objections on a full disk
//	keys/                what makes the above readable; better kept elsewhere
//
// # Order
//
// Keys first, then the ledger, whose lock keeps every other process away, then
// journal and directory. Keys are made only where no store exists, so that a
// forgotten mount does not start a second store under new keys. An objection
// is appended to the journal before the ledger commits it.
//
// # What a crash leaves
//
// Ledger: all moves whose Commit has returned, and perhaps some of the last
// transaction, of which nobody was told. Directory: the old file or the new
// one, whole; the working folder of an import that was killed is removed at the
// next start. Journal: all objections whose Append has returned; a record cut
// short at the very end is removed at the next open. A key, a new ledger or a
// new journal: whole or absent, since each gets its name after its content is
// on disk.
//
// # Backups
//
// A backup is a copy of the ledger, marked inside as one, and of the directory;
// it appears under its name once it is whole (backup.go), and comes back only if
// it is as it was (restore.go). The journal and the mark stay outside: they tell
// a ledger that was put back what came after it.
//
// # When the disk fails
//
// After a failed commit nobody knows what is on disk. The Ledger then refuses
// everything with ErrStopped, and the daemon must exit and open it anew. The
// same holds for the Journal after a failed sync. Damage is never repaired on
// the way: what cannot be read is an error that says where, and nothing is
// dialled meanwhile.
package store
