// Package sample makes lists of invented people, as messy as real exports are:
// contacts in two files, the consent they gave, and their opt-outs. Demos,
// tests and load runs read them instead of real lists, which nobody may copy
// for such a purpose.
//
// Every number lies in a range that the French regulator keeps for works of
// fiction (ARCEP, decision 2018-0881), so that even a mistake dials nobody.
// That bounds a sample to MaxContacts.
//
// The same options give the same text for ever: the random numbers are drawn
// here and not by a library that may change. The files beside the source are
// those of Generate(Options{Contacts: 10_000, Seed: 1}); README.md says what
// is in them.
package sample
