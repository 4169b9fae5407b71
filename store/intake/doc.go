// Package intake reads lists as brokers and parties export them, and tells
// exactly where a list cannot be believed. Bytes go in; rows and refusals with
// their place come out. It knows neither the store nor what a column means:
// that is the business of whoever imports.
//
// A list is opened once with the columns that its reader knows. What the file
// is made of is found out rather than asked for, since whoever exported it
// rarely knows: compression by magic bytes, the charset from a first block,
// the delimiter from the header line, the line ending likewise. A column that
// was not declared refuses the whole file, because data that nobody declared
// must not even be looked at.
//
//	file bytes -> decompression (bounded) -> window of at most one row
//	    -> row split at delimiters -> fields decoded to UTF-8 -> Row or *RowError
//
// After a *RowError reading goes on: one bad row must not cost the good ones,
// least of all in a list of objections. That decides how a broken quote is
// treated, too. The row that opens it is refused and reading resumes on the
// next physical line, so that an unclosed quote cannot swallow the rows after
// it.
//
// Errors name the column, the line and the kind of fault ("12 digits, want
// 9"), never the content of a field: it may be a phone number, and refusals
// are mailed around. Memory is bounded whatever the file holds.
package intake
