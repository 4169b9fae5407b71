package sandbox

import (
	"sync"
	"time"
)

// waiting holds back the callbacks of shuffled messages until the last of each
// has come.
type waiting struct {
	mutex sync.Mutex
	of    map[*message][]delivery
}

// logFault logs what is about to go wrong with a message's callbacks. A log that
// fails stops the whole sandbox; here there is nobody to tell.
func (server *Server) logFault(playing *message, status string, fault Fault) {
	_ = server.log.append(&Record{Kind: KindFault, Sid: playing.sid, To: playing.person(), Status: status, Fault: fault})
}

// calm says that nothing goes wrong with callbacks and texts.
func (faults *Faults) calm() bool {
	return len(faults.Rules) == 0 && faults.CallbackLost+faults.CallbackTwice+faults.CallbackLate+faults.CallbackEarly+
		faults.CallbackShuffled+faults.CallbackForged+faults.InboundLost == 0
}

// callBack puts a status callback in line, or does with it what the faults say.
// What comes early comes at once, and once.
func (server *Server) callBack(playing *message, due delivery) {
	faults := server.faults.Load()
	switch {
	case due.told != nil || faults.calm() && !server.waiting.holds(playing):
		server.dispatcher.add(playing, due)
	case server.shuffles(faults, playing):
		server.holdBack(faults, playing, due)
	default:
		server.send(faults, playing, due)
	}
}

func (server *Server) shuffles(faults *Faults, playing *message) bool {
	stream := drawFor(server.options.Seed, playing.key+string(FaultCallbackShuffled))
	return stream.share() < faults.chanceFor(FaultCallbackShuffled, playing) || server.waiting.holds(playing)
}

// holds says whether callbacks of a message wait already. Then the others wait
// too, whatever has become of the faults meanwhile.
func (held *waiting) holds(playing *message) bool {
	held.mutex.Lock()
	defer held.mutex.Unlock()
	return len(held.of[playing]) > 0
}

// hold takes a callback, and returns all that have waited if it is the last.
func (held *waiting) hold(playing *message, due delivery, last bool) []delivery {
	held.mutex.Lock()
	defer held.mutex.Unlock()
	all := append(held.of[playing], due)
	if !last {
		held.of[playing] = all
		return nil
	}
	delete(held.of, playing)
	return all
}

// holdBack keeps a callback until the message's last one, and then sends all of
// them in an order that is drawn, and is not the true one.
func (server *Server) holdBack(faults *Faults, playing *message, due delivery) {
	plan := server.options.plan(playing)
	last := final(due.status) || due.status == plan.steps[len(plan.steps)-1].status
	held := server.waiting.hold(playing, due, last)
	stream := drawFor(server.options.Seed, playing.key+"order")
	if len(held) > 1 {
		server.logFault(playing, "", FaultCallbackShuffled)
		shuffle(held, &stream)
	}
	for _, due := range held {
		server.send(faults, playing, due)
	}
}

// shuffle puts callbacks in another order than the one they have.
func shuffle(held []delivery, stream *draws) {
	first := held[0].status
	for at := len(held) - 1; at > 0; at-- {
		with := stream.pick(at + 1)
		held[at], held[with] = held[with], held[at]
	}
	if held[0].status == first {
		held[0], held[len(held)-1] = held[len(held)-1], held[0]
	}
}

// send puts a status callback in line unless it is lost, perhaps twice, perhaps
// late, and perhaps with a forged one before or behind it.
func (server *Server) send(faults *Faults, playing *message, due delivery) {
	stream := drawFor(server.options.Seed, playing.key+due.status)
	happens := func(fault Fault) bool {
		if stream.share() >= faults.chanceFor(fault, playing) {
			return false
		}
		server.logFault(playing, due.status, fault)
		return true
	}
	if happens(FaultCallbackLost) {
		_ = server.log.append(&Record{
			Kind: KindCallback, Sid: playing.sid, To: playing.to, Status: due.status, Error: "lost by fault",
		})
		return
	}
	line := []delivery{due}
	if happens(FaultCallbackTwice) {
		line = append(line, due)
	}
	if happens(FaultCallbackLate) {
		late := server.clock.Now().Add(stream.between(time.Second, time.Minute))
		server.schedule.add(late, func() { server.dispatcher.add(playing, due) })
		line = line[1:]
	}
	if forged, behind := server.forgeries(faults, playing, due); behind {
		line = append(line, forged...)
	} else {
		line = append(forged, line...)
	}
	for _, due := range line {
		server.dispatcher.add(playing, due)
	}
}

// announce posts an inbound text, unless it is lost, perhaps with a forged one
// beside it.
func (server *Server) announce(received *message, due delivery) {
	faults := server.faults.Load()
	if faults.calm() {
		server.dispatcher.add(received, due)
		return
	}
	stream := drawFor(server.options.Seed, received.key+string(FaultInboundLost))
	if stream.share() < faults.chanceFor(FaultInboundLost, received) {
		server.logFault(received, "", FaultInboundLost)
		_ = server.log.append(&Record{
			Kind: KindInboundAnswered, Sid: received.sid, To: received.to, From: received.from, OptOut: due.optOut, Error: "lost by fault",
		})
		return
	}
	forged, _ := server.forgeries(faults, received, due)
	for _, due := range append(forged, due) {
		server.dispatcher.add(received, due)
	}
}
