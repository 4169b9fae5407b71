// Package contact holds what is known of a phone number's holder without
// naming them: who they are to us (ID), how they are reached (Number,
// Channel), and where they are (Territory and its time zones).
//
// One number is one contact. A Number prints masked everywhere; the only way
// to its digits is Number.E164, and the only callers of that are the sealed
// directory row, the carrier request and an answer to a person's own question.
// Everything else (grants, objections, history, claims, the ledger, logs) is
// keyed by ID, which is a keyed hash and says nothing without the key.
//
// The package is a leaf: it imports nothing of this project.
package contact
