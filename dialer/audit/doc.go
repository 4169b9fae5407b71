// Package audit makes the audit log one that cannot be rewritten unseen: a Merkle
// tree over its entries, signed statements of the tree's root that are kept outside
// the store, and proofs that an entry stands in the log, which anybody can check
// who has one such statement.
//
//	entry -> leaf (SHA-256 of a salted text) -> tree of a year -> checkpoint (signed)
//	                                                 |
//	                                                 +-> proof: the path from a leaf to the root
//
// Leaves are kept for ever; the text behind one goes when its time is over or a
// contact is erased, and the proof stays what it was. The salt in each text keeps
// whoever has only the leaf from guessing what it was the hash of.
//
// The tree is that of RFC 6962, as golang.org/x/mod/sumdb/tlog makes it, over the
// leaves; a checkpoint is a signed note (golang.org/x/mod/sumdb/note). Neither is
// secret, and neither says anything of a person.
//
// What a checkpoint proves: whoever kept one that says N entries can tell, at any
// later time, whether the first N entries of a log are the very ones of then. What
// was never covered by a checkpoint that somebody outside has kept can be rewritten
// by whoever holds the store and the signing key.
package audit
