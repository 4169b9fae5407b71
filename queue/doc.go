// Package queue carries words between people, other systems and the daemon
// over NATS. It is the only package that knows NATS: nobody else imports
// nats.go or the server.
//
// NATS is transport, bbolt is truth. What matters is in the ledger before a
// message is acknowledged, and a message that comes twice finds its work
// already done. So JetStream may lose, repeat or delay whatever it likes: no
// contact is dialled for it, and none is dialled twice.
//
//	dialer.v1.submit.<party>.<campaign>   jobs, until the daemon has taken them       stream SUBMIT
//	dialer.v1.rejected.<submission>       why a job was not taken, for 90 days        stream REJECTED
//	dialer.v1.answer.<party>.<campaign>   a nudge: the job was answered, look now     not kept
//	dialer.v1.event.<campaign>            what happens to a campaign, for watchers    stream EVENT
//	dialer.v1.report.<party>.<campaign>   released reports, for the broker's systems  stream REPORT
//	dialer.v1.ctl.<verb>                  questions and orders, with an answer        not kept
//	dialer.v1.optout                      sealed objections of other systems          stream OPTOUT
//
// # A job's way
//
// Client.Submit publishes a job. SUBMIT holds one job a campaign at most, and
// its sequence is the order of acceptance: first come, first served. The
// daemon's Conn.Consume hands out one job at a time, in that order, and the
// handler says what came of it:
//
//	Accepted   it is in the ledger   -> acknowledged until the server confirms
//	Rejected   it is wrong           -> the reasons are stored on REJECTED, then it leaves the queue
//	Later      nobody can tell yet   -> it comes again after a while; those behind it wait
//
// A daemon that dies in between gets the same job again, with the same
// sequence. Whoever submitted need not stay for the answer either: a job that
// has left SUBMIT was rejected if REJECTED tells why, and accepted otherwise.
// Client.Submit only looks at that; the nudge makes it look sooner.
//
// # Numbers
//
// Nothing with a phone number in clear may reach a file or a log of NATS. Lists
// and objections are sealed to the daemon's public key (Seal, ChunkSealer). They
// travel as requests, which no stream keeps, but for the objections of other
// systems, which OPTOUT keeps sealed until they are effective. Jobs, events,
// rejections and reports have no place for a number. Nothing here logs a payload.
//
// # Objections of other systems
//
// A system that hears of objections publishes each on SubjectOptOut: the JSON of
// an OptOut, sealed by SealOptOut to the key that Status tells (HPKE base mode
// with DHKEM(X25519), HKDF-SHA256 and ChaCha20Poly1305, the info being
// PurposeOptOut; the encapsulated key stands before the ciphertext). It need not
// be there for the answer, nor the daemon for the question.
package queue
