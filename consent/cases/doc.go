// Package cases reads conformance cases, one JSON object a line, and puts them
// to the packs: this pack, this contact, this campaign, this instant; what is
// the decision, and why?
//
// The format is strict. A field that is not known here could be a limit that
// somebody relies on, so it is an error and not ignored.
//
// Cases hold phone numbers in clear, which nothing else outside the import
// does: only numbers from ranges reserved for fiction belong in them.
package cases
