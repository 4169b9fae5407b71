package dialer

import (
	"context"
	"iter"
)

// Ledger is the durable record. All that changes passes through Commit, one
// move after the other; nothing else writes.
type Ledger interface {
	// Commit applies the move and returns once it is on disk. Moves of other
	// callers may share the transaction. A refusal is in the move's own
	// result, never an error: an error means that nobody knows whether the
	// move was made, and the only safe answer is to stop dialling, exit and
	// read the ledger again.
	Commit(ctx context.Context, move Move) error
	// View runs read over one consistent state of the ledger. It must be
	// short: a long one makes the file grow.
	View(read func(Tx) error) error
}

// Move is one change of the ledger: a value that carries what is asked and,
// once applied, what came of it. Apply is called once, on the committer's
// goroutine. It does no I/O but the transaction's and takes no lock.
type Move interface {
	Apply(tx Tx)
}

// Urgent marks moves that the committer takes before all others: objections.
type Urgent interface {
	Move
	Urgent()
}

// Tx is one transaction over the ledger's rows. Keys and values handed out are
// valid until the transaction ends and must not be changed; keys and values
// handed in must not be changed until then either.
type Tx interface {
	// Get returns the row's value, nil where there is none.
	Get(bucket Bucket, key []byte) []byte
	// First returns the first row from the key on, nil where there is none.
	First(bucket Bucket, from []byte) (key, value []byte)
	// Rows yields the rows from the key on, in ascending order of keys.
	Rows(bucket Bucket, from []byte) iter.Seq2[[]byte, []byte]
	// Put and Delete change a row. A failure is kept and makes the whole
	// transaction fail; it panics in a View.
	Put(bucket Bucket, key, value []byte)
	Delete(bucket Bucket, key []byte)
	// Fail makes the transaction fail with err: a row that cannot be read
	// must not be acted on.
	Fail(err error)
}

// Bucket is one of the ledger's tables.
type Bucket uint8

// The tables: what the key is made of, then what the row holds.
const (
	// BucketMeta: name; sequences and watermarks.
	BucketMeta Bucket = iota
	// BucketName: campaign's name; its number.
	BucketName
	// BucketCampaign: number; the job and all that seldom changes.
	BucketCampaign
	// BucketBalance: number; state and counters, changed with every move.
	BucketBalance
	// BucketExclusion: number, stage, reason; how many were excluded for it.
	BucketExclusion
	// BucketRejection: stream sequence; a job that was refused, and why.
	BucketRejection
	// BucketRecipient: number, zone group, masked ID; state, reason, attempt.
	BucketRecipient
	// BucketAttempt: sequence; all about one try.
	BucketAttempt
	// BucketOpen: sequence; attempts without an outcome.
	BucketOpen
	// BucketDue: instant, recipient's key; recipients that wait for it.
	BucketDue
	// BucketGrant: ID, version; one consent with its evidence.
	BucketGrant
	// BucketWording: hash; the wording of consents and messages, kept once.
	BucketWording
	// BucketObjection: ID, channel, party; when and by which way.
	BucketObjection
	// BucketReview: ID; texts that a person must read.
	BucketReview
	// BucketConfirmation: ID; when an opt-out was last confirmed to the contact.
	BucketConfirmation
	// BucketHistory: ID; recent attempts and the one in flight.
	BucketHistory
	// BucketClaim: round, ID; the party.
	BucketClaim
	// BucketCounted: party, ID; days of the campaigns that counted the contact.
	BucketCounted
	// BucketInbound: carrier's name of a text; that it was seen.
	BucketInbound
	// BucketReport: campaign's name; the released report.
	BucketReport
	// BucketAudit: sequence; the leaf's hash.
	BucketAudit
	// BucketAuditBody: sequence; what the leaf is the hash of.
	BucketAuditBody
	// BucketPack: index; the version of a pack that attempts relied on.
	BucketPack
	// BucketList: name, generation, ID; outside lists with their file dates.
	BucketList
	// BucketReservation: round, ID of the reservation; the reservation.
	BucketReservation
	// BucketErased: ID; when the contact asked for erasure.
	BucketErased
	// BucketCorrection: ID; what is true of the contact, whatever lists say.
	BucketCorrection
	// BucketForeign: ID, carrier's name of a message; one that no attempt stands
	// for, as a reconcile found it.
	BucketForeign
	// BucketCopy: instant, carrier's name of a message; a copy of the carrier's
	// that will have to be deleted and belongs to no attempt.
	BucketCopy
	// BucketOrder: kind, instant and nonce of an order that was given, or kind and
	// number of a campaign; an order that waits for a second operator.
	BucketOrder
	// BucketShare: minute, campaign, sender; what of the capacity it had: see sharelog.go.
	BucketShare
	// BucketOverride: instant, campaign; what a person or the dialer did to its
	// course, and why.
	BucketOverride
	// BucketSpent: day, party; what its messages of that day cost, or may cost.
	BucketSpent
	// BucketQuote: day, party, what was asked; the answer that was drawn for it: see quote.go.
	BucketQuote
	// BucketToken: SHA-256 of a secret; the party that reads its reports with it.
	BucketToken
	// BucketDelivery: campaign's name; how far the push of its report is.
	BucketDelivery
	bucketCount
)

var bucketNames = [...]string{
	BucketMeta: "meta", BucketName: "name", BucketCampaign: "campaign", BucketBalance: "balance", BucketExclusion: "exclusion",
	BucketRejection: "rejection", BucketRecipient: "recipient", BucketAttempt: "attempt", BucketOpen: "open",
	BucketDue: "due", BucketGrant: "grant", BucketWording: "wording", BucketObjection: "objection",
	BucketReview: "review", BucketConfirmation: "confirmation", BucketHistory: "history", BucketClaim: "claim", BucketCounted: "counted", BucketInbound: "inbound",
	BucketReport: "report", BucketAudit: "audit", BucketAuditBody: "audit_body", BucketPack: "pack",
	BucketList: "list", BucketReservation: "reservation", BucketErased: "erased",
	BucketCorrection: "correction",
	BucketForeign:    "foreign", BucketCopy: "copy", BucketOrder: "order",
	BucketShare: "share", BucketOverride: "override", BucketSpent: "spent", BucketQuote: "quote", BucketToken: "token", BucketDelivery: "delivery",
}

// String returns the table's name in the file.
func (b Bucket) String() string { return bucketNames[b] }

// Buckets yields all tables.
func Buckets() iter.Seq[Bucket] {
	return func(yield func(Bucket) bool) {
		for b := range bucketCount {
			if !yield(b) {
				return
			}
		}
	}
}
