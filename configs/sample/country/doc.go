// Package country makes lists of the size of a country: millions of invented
// people, with the consent that some gave and the objections of others, and the
// registry and campaigns to write to them. Load runs read them instead of real
// lists, which nobody may copy for such a purpose.
//
// So many numbers cannot come from the ranges that are kept for fiction, as
// those of package sample do: somebody may have any of them. They must only ever
// reach a sandbox. So each list is marked where nobody loses the mark by
// accident: the header of its numbers is "synthetic number", which package
// intake knows and any other program takes for a column that nobody declared.
// The daemon carries the mark on into its ledger and its directory, and works
// over neither with a real carrier.
//
// Everything about a person is drawn from the seed and the row that the person
// stands in, so that lists are written in parallel, in bounded memory, and the
// same options give the same bytes.
package country
