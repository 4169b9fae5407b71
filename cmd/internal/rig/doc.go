// Package rig holds the reliability rigs: whole processes that are killed,
// cut off and refused by their disk, and judged by what the carrier saw.
//
//	people, by text                       operators, by the control service
//	       |                                             |
//	       v                                             v
//	   carrier <===== line =====> daemon <===== line ===== NATS
//	  (process)                  (process,              (process, or
//	       |                 perhaps watched)        in the daemon's)
//	       v                        |
//	  carrier.log                   v
//	       |              ledger, journal, directory
//	       v                        |
//	     judge  <-------------------'
//	       first                  last, and only for whether it agrees
//
// The package has no code but tests. The test binary plays every process (package
// outpost); a line is a proxy that can cut, freeze and slow what it carries.
//
// # The rigs
//
//	TestKills             kill -9 at random moments, over and over, at a carrier that misbehaves
//	TestBoundaries        killed at each write, sync, send, connection, rename of a small campaign
//	TestBoundaries_Pairs  and at another one after the restart
//	TestFailpoints        dead before and after each step at a seam: each kind of move, each request
//	TestFailpoints_Drawn  at points and passings drawn at random, one after the other
//	TestFailpoints_Restored  the same where a ledger that was put back is recognised and reconciled
//	TestSpending          kill -9 at random moments while budgets run out: what the carrier charges stays below each
//	TestSpending_Day      the same where it is what a party's day may cost that runs out
//	TestWeek              the last days before a poll in five time zones: nobody is written to outside the hours
//	TestNetwork           cut, frozen and slow lines; carrier and NATS killed, NATS without its files
//	TestDisk              errors from the disk, at each write and sync
//	TestSupervisor        a failed commit ends the process with code 1, and starting it again is all
//	TestUnknown           what stays unknown where nobody kills anything
//
// Each ends the same way: the campaigns are brought to their ends, the carrier's
// own judge reads its log, a witness reads along for what that does not look at
// (windows, messages under way, STOPs that came while nobody listened, attempts
// that were tried twice), both equations of the books are asked for, the store is
// checked in full, and every attempt at the carrier and every acknowledged opt-out
// is looked up in it. After each death, before the next start, the pages are
// checked, the books must balance and the journal must have every opt-out that was
// acknowledged.
//
// # What is reached
//
// A tracer has the kernel stop the daemon at each system call that leaves something
// behind or that others can see, on whichever thread it is made (seccomp(2),
// ptrace(2)), and kills it there or gives it an error instead. A call is named by
// its kind and its number, such as "fdatasync ledger.db 17": a run without a kill
// says how many there are of each, and the long form goes through them all. Runs
// differ by a few calls, since commits are shared as they come, so that the last
// numbers of a kind are not reached every time; the table says what was. strace is
// not used: it counts the calls of each thread apart, and goroutines change threads.
//
// The rig of the seams asks what a broker's day has: consents, jobs, texts,
// opt-outs, pauses, cancelled campaigns, reports, deleted copies. The moves of
// other operators' orders (erasure and correction, suppression lists, reservations,
// confirmations, the audit log's own) it does not ask for, and so never dies at.
//
// A killed process loses nothing that it has written. What a power cut loses, torn
// writes and lost ones, is shown on images of a disk in package store.
//
// # Settings
//
// Each rig is short where nothing is set.
//
//	HUSTINGS_RIG_SEED    what random choices are drawn from; a failing run says its own
//	HUSTINGS_RIG_KILLS   kills at random moments (6), 40 at most a house
//	HUSTINGS_RIG_POINTS  system calls to be killed at (12) and to fail (6), or "all"
//	HUSTINGS_RIG_PAIRS   pairs of system calls, and points at seams drawn at random (0)
//	HUSTINGS_RIG_FAULTS  faults of the network (2), or "all"
//	HUSTINGS_RIG_PEOPLE  people in a campaign that nobody disturbs (200)
//	HUSTINGS_RIG_WEEK    the whole week before the poll, a quarter of an hour, with no leaps
//	HUSTINGS_RIG_KEEP    keeps the files of runs that passed, too
//
// A run that fails keeps its files and says where, and how to run it again.
package rig
