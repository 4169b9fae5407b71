// Package dialer carries contacts along one path, from a party's job to the
// outcome, and keeps the books about it.
//
//	job -> campaign -> audience -> Slot -> Permit -> Attempt -> Receipt -> outcome
//
// Read path.go first: it is the line that a recipient travels, and each file
// around it is a station. A job is checked (job.go, validate.go), accepted in
// the order of the queue (accept.go) and planned (audience.go, claims.go). The steward
// moves campaigns from state to state (steward.go, campaign.go). The dispatcher
// hands out slots: in equal shares (share.go, turns.go) of what may be sent
// (pacing.go, backlog.go, health.go), to whom there is still to reach (dispatch.go,
// feed.go), with the text and from the sender that each gets (wording.go, pool.go). The
// decision and the intent are one transaction (permit.go, over what facts.go gathers). The
// gate looks once more (gate.go), the carrier gets one try (carrier.go), and its
// answer and its callbacks settle the attempt (settle.go). What a crash leaves
// open is in doubt and is looked up, never sent again (recover.go). An objection
// goes before everything (objection.go, inbound.go). For some reasons nothing is
// dialled at all (halt.go): a clock in doubt is one of them (clockwatch.go).
//
// Beside the path lie two stations that go along it backwards, from what the
// carrier remembers. A ledger that was put back from a copy is recognised
// (life.go, account.go) and brought level again (reconcile.go, foreign.go). What
// is over is deleted at the carrier (tidy.go).
//
// Calls take the same line. What they say is worked out from the job (script.go); what
// people do in them, and who rings back, comes in from the carrier (voice.go); and what
// rings too long, or for somebody who has objected, is called back (recall.go).
//
// A campaign's text goes to the broker's own phones before anybody else gets it
// (test_campaign.go, own_number.go).
//
// What may be spent is reserved with each intent (money.go). When a campaign will
// have tried everybody is forecast from windows and shares (forecast.go, daily.go).
// Whether all were served alike is worked out from a log of shares (sharelog.go,
// fairness.go, appraisal.go).
//
// How many contacts a segment has is counted by the directory's columns (census.go,
// count.go), and how many of them a party may hope to reach by the rows that grants,
// objections and claims leave (reach.go). What the party itself may be told of that
// is drawn once a day and kept (quote.go).
//
// A plan surveys the segment (survey.go): strangers whom the rules exclude are counted
// by kinds and passed by (strangers.go), whom the ledger knows is taken out of that
// count and asked about (acquaintances.go, consenters.go), and of those who are left
// the audience is drawn at random (draw.go, audience.go). Where a plan must look at
// everybody it reads the rows that the columns select (matching.go).
//
// # What contacts have a right to
//
// file.go answers what is kept of one contact; rectify.go lies over the directory;
// erase.go leaves a keyed hash; review.go keeps texts for a person to read;
// retention.go deletes what is past its time. person.go extends objections and
// claims over a person's numbers. list.go and reservation.go bring two more things
// that a decision asks about: outside lists, and segments sold to others. Whoever
// looks into what is kept of a contact, or changes it, is on record first.
//
// # Who changes what
//
// All that lasts is in the ledger, and a change of it is a Move: a value with
// what is asked and, once applied, what came of it. Moves run one after the
// other, on one goroutine that belongs to the Ledger, and share transactions.
// "No" is a result, never an error: an error means that nobody knows what is on
// disk, and the only safe answer is to stop, exit and read it again.
//
// books.go gives rows their meaning; recipient.go, attempt.go, balance.go,
// history.go and grant.go say how each is written. Every change of a recipient
// moves its weight in the campaign's balance in the same transaction, so that
// two equations hold at every instant; CheckBooks compares all rows with each
// other.
//
// # Goroutines
//
// The dispatcher owns what it knows of feeds and rates. Workers travel the path.
// The steward alone moves campaigns by time. The gate's stripes guard memory
// only: nobody waits or does input or output while holding one. Operators'
// orders, callbacks and objections come in on goroutines of their callers.
package dialer
