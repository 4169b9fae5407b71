package sandbox

import "time"

// earlyTime bounds, in real time, how long an answer waits for the callback that
// has to come before it.
const earlyTime = 5 * time.Second

// begin begins the life of a message that has just been made. Where its first
// callback has to come early, it returns once that is over.
func (x *exchange) begin(made *message) {
	server := x.server
	plan := server.options.plan(made)
	stream := drawFor(server.options.Seed, made.key+string(FaultCallbackEarly))
	if made.callback == "" || made.initial == statusScheduled ||
		stream.share() >= server.faults.Load().chanceFor(FaultCallbackEarly, made) {
		server.live(made, 0)
		return
	}
	server.logFault(made, "", FaultCallbackEarly)
	told := make(chan struct{})
	if server.change(made, plan.steps[0], told) {
		server.live(made, 1)
		timer := time.NewTimer(earlyTime)
		defer timer.Stop()
		select {
		case <-told:
		case <-timer.C:
		case <-x.request.Context().Done():
		case <-server.closing.Done():
		}
	}
}

// live has the step of a message's life with this number happen when its time
// comes, and after the last step perhaps a reply.
func (server *Server) live(playing *message, number int) {
	plan := server.options.plan(playing)
	if number < len(plan.steps) {
		if server.options.Instant && playing.initial != statusScheduled {
			// Under load the detour over the heap would cost more than the life.
			server.play(playing, number)
			return
		}
		at := playing.base.Add(plan.steps[number].after)
		server.schedule.add(at, func() { server.play(playing, number) })
		return
	}
	if playing.call != nil {
		if playing.status == statusInProgress {
			server.converse(playing, server.options.conductOf(playing))
		}
		return
	}
	if plan.reply == "" || server.options.SilentAlphanumeric && alphanumeric(playing.from) {
		return
	}
	// Reckoned from the plan, so that a clock that jumps takes the reply with it.
	at := playing.base.Add(plan.steps[number-1].after + plan.replyAfter)
	server.schedule.add(at, func() {
		// An error means that the log is gone, and nothing is played without it.
		_, _ = server.receive(playing.to, playing.from, plan.reply, playing.sid)
	})
}

// play makes one step, unless the message has been cancelled or deleted, and
// goes on to the next.
func (server *Server) play(playing *message, number int) {
	plan := server.options.plan(playing)
	if server.change(playing, plan.steps[number], nil) {
		server.live(playing, number+1)
	}
}

// change gives a message another status, logs it, and calls back. It does nothing
// and returns false where the message has its last status already, and where the
// log has failed. told, where it is not nil, is closed after the callback.
func (server *Server) change(playing *message, next step, told chan struct{}) bool {
	record := Record{Kind: KindStatus, Sid: playing.sid, To: playing.to, Status: next.status, Code: next.code}
	server.store.mutex.Lock()
	over := playing.deleted || final(playing.status) || server.log.append(&record) != nil
	if !over {
		playing.apply(&record)
	}
	due := delivery{
		status: next.status, code: next.code, at: record.At, told: told,
		seconds: int(playing.talked() / time.Second), answeredBy: playing.answeredBy,
	}
	server.store.mutex.Unlock()
	if over {
		return false
	}
	server.tell(playing, due)
	return true
}

// tell calls a status back, if anybody wants to know.
func (server *Server) tell(playing *message, due delivery) {
	if playing.callback != "" && (playing.call == nil || playing.call.wants(due.status)) {
		server.callBack(playing, due)
	} else if due.told != nil {
		close(due.told)
	}
}

// receive plays a text from a person to one of our senders. It returns the sid of
// the inbound message, and fails only if the log does.
func (server *Server) receive(person, sender, body, replyTo string) (string, error) {
	record := Record{
		Kind: KindInbound, To: sender, From: person, Body: body, Status: statusReceived,
		Segments: countSegments(body), ReplyTo: replyTo, OptOut: IsOptOut(body),
		Blocked: server.options.CarrierStops && isCarrierKeyword(body),
	}
	received, err := server.arrive(&record)
	if err != nil {
		return "", err
	}
	server.announce(received, delivery{
		inbound: true, body: body, blocked: record.Blocked, optOut: record.OptOut, at: record.At,
	})
	return record.Sid, nil
}

// arrive logs a text or a call from a person, and keeps it.
func (server *Server) arrive(record *Record) (*message, error) {
	server.store.mutex.Lock()
	defer server.store.mutex.Unlock()
	count, err := server.texts.next(record.From, func() error { return server.log.append(record) })
	if err != nil {
		return nil, err
	}
	arrived := newMessage(record, count)
	server.store.insert(arrived)
	if record.Blocked {
		server.store.blocked[[2]string{record.From, record.To}] = struct{}{}
	}
	return arrived, nil
}
