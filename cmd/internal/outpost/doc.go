// Package outpost puts a daemon, its carrier and, where wanted, its queue up as
// processes of their own, with an operator before them, so that tests can kill
// what they like whenever they like:
//
//	test --> Operator --(NATS)--> daemon --(HTTP)--> carrier --> carrier.log
//	                                 ^---(callbacks)----'             |
//	test <--------------------- Judge, Requests, Dialled <------------'
//
// The test binary plays every part itself: it calls [Play] first of all in
// TestMain, and [Start] runs it again in another role. A process ends with the
// one that started it, whatever ends that.
//
// What is asked of a run is asked of the carrier's own log. What the daemon
// believes is looked at last, and only for whether it agrees: [MustBeSound].
package outpost
