// Package sandbox is Twilio's Messages and Calls API as a server that can misbehave. It
// stands in for the carrier in the demo, in tests and under load.
//
// It is also the independent judge of the dialer's invariants. Whatever the
// dialer believes it did, the sandbox's own log says what arrived at the
// carrier, and when. So the package imports nothing of ours, and its log is
// written before anything else is done.
//
// # One message
//
//	request_begun in the log -> checked as Twilio checks -> created in the log and flushed -> answered 201
//	    -> a life drawn from the seed and the number: queued, sending, sent, delivered | undelivered | failed
//	    -> a signed status callback for each change -> perhaps an inbound text ("STOP")
//
// A life depends on the seed and the recipient's number alone, so the same run
// plays the same story, and a restarted sandbox goes on with it. Messages can be
// listed, fetched, cancelled, redacted and deleted as with Twilio.
//
// # One call
//
//	the same, up to the answer 201
//	    -> a life drawn from the seed, the number and how many calls it has had:
//	       queued, initiated, ringing, in-progress | busy | no-answer | failed
//	    -> somebody answers: the very TwiML is parsed and played, in sandbox time
//	    -> they press digits, hang up, or are a machine with a beep: completed
//
// What is said and what is pressed stands in the log, and a 9 is an opt-out as soon as
// its request for a document is answered. A document that Twilio could not play fails the
// call. People also ring back ([Server.RingBack]).
//
// # Time
//
// The sandbox lives by its own [Clock], which starts anywhere and runs at any
// speed. Delays of a life are in sandbox time; network time-outs and injected
// faults are in real time. The rate limit counts sandbox time.
//
// # Trouble
//
// [Faults] say what goes wrong: with create requests, with lists, with status
// callbacks and with inbound texts. A script or rules ([Rule]) decide for single
// requests, recipients and messages, and the probabilities for all others. What
// is drawn depends on the seed and on which request or message it is, never on
// when: create requests and messages are known by their recipient and by how many
// there were to it before, lists by their number in this process. Faults are read from a file ([ParseFaults]), set and read back while
// the sandbox runs, and logged.
//
// An [Outage] has the carrier fail as a whole for a while: the account is
// suspended, connections are refused, or nobody answers.
//
// [StandardMix] is what figures of reliability are quoted under:
//
//	create requests     made, without a clear answer   3 %    hang, reset, error, truncate, page, no_sid: 0.5 % each
//	                    not made, and denied           2.6 %  throttle (429)
//	                    not made, and not denied       0.4 %  refuse, drop 0.15 % each; forbid 0.1 %
//	status callbacks    lost                           2 %
//	                    twice                          5 %
//	                    late                          10 %    up to a minute of sandbox time
//	                    beside a forged one            1 %    of a kind that is drawn
//	messages            callbacks in another order     5 %    all held back until the last
//	                    first callback early           2 %    answered before the create request is
//	inbound texts       never posted                  10 %    they stand in the list alone
//	                    beside a forged one            1 %
//	lists and fetching  lag                       up to 20 s  of sandbox time, drawn for each message and text
//
// # Forgeries
//
// The sandbox plays what somebody without the auth token can send to a callback's
// address: no signature, a wrong one, one of another account, and the true one
// under other words. It also plays what somebody can have Twilio sign who may send
// through the same account: a true signature at an address that the dialer never
// gave out, which is the true one with a sign changed, since Twilio does not know
// what an address means. What a forgery says is never true. A true callback that
// is sent again unchanged cannot be told from a repetition, and is the fault
// callback_twice. Each forgery is logged with its answer, and none may be 2xx.
//
// # The log
//
// One JSON line a [Record], numbered without gaps, appended by one writer.
// Lines are written by groups: at most a few milliseconds after they were made,
// and always before the answer, the callback or the list that shows what they
// say goes out. They reach the operating system, not the platter: a power cut
// can lose the tail, the death of the process loses only what nobody has seen.
// Close syncs the file. The log holds phone numbers in clear by design and is readable by its owner
// only.
//
// Of each create request it has the beginning, before anything is done with it,
// and the end, before the first byte of the answer or of what comes in its place:
// whoever has an answer finds the end in front of all that they did next. So what
// begins while an answer is being written does not count as at the same time, and
// a client that gives up is noticed a moment later ([JudgeOptions] has a slack).
// Of each inbound text it has the first list that it stood in.
//
// [ReadLog] reads it back, [Judge] draws the [Verdict] in one pass: who was
// created more often than a campaign has steps, tried after an acknowledged
// opt-out, tried for two parties, tried while another request to them had not
// ended, and which forgeries were believed. It remembers a little of every number
// and of every message without a final status, and nothing of the rest.
//
// # Where it differs from Twilio
//
//   - A reply to an alphanumeric sender is impossible in real life. The sandbox
//     plays it all the same, as if the feed of a short code's opt-outs had
//     delivered it, unless [Options.SilentAlphanumeric] is set. Its To is the
//     sender of the message answered.
//   - Any sender but Twilio's magic test numbers counts as owned.
//   - That the account is suspended is answered 403 with code 20005; Twilio's page
//     on code 20003 names suspended accounts as well, which the outage
//     "unauthorized" plays.
//   - Media, content templates, recordings, conferences and transfers are not played; a
//     recording that is to be played lasts twenty seconds.
//   - Twilio waits for its detection of machines unless told not to; here it is always
//     told beside the talk.
//   - The filters on the date sent do not show messages that are still queued,
//     as Twilio documents it.
//   - A queue never overflows; the rate limit answers 429 with code 20429.
//
// Everything that a person could take for real says SANDBOX.
package sandbox
