package sandbox

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// talk is a call that was answered: a document is played to whoever is there, and
// they do what they do. It has a goroutine of its own.
type talk struct {
	server *Server
	call   *message
	does   conduct
	since  time.Time // sandbox instant of the answer
	ends   time.Time // the call's time limit
}

// errHungUp ends a talk; errRedirected has another document played.
var (
	errHungUp     = errors.New("hung up")
	errRedirected = errors.New("redirected")
)

// converse plays a call from its answer to its end.
func (server *Server) converse(call *message, does conduct) {
	server.talking.Go(func() {
		now := server.clock.Now()
		t := &talk{server: server, call: call, does: does, since: now, ends: now.Add(time.Duration(call.call.Talk) * time.Second)}
		t.detect()
		err := t.run()
		if server.closing.Err() != nil {
			return // the carrier is gone, and with it the line
		}
		next := step{status: statusCompleted}
		if err != nil {
			server.logger.Error().Str("sid", call.sid).Err(err).Msg("a document could not be played")
			next = step{status: statusFailed, code: codeDocument}
		}
		server.change(call, next, nil)
	})
}

// codeDocument is Twilio's error for a document that it cannot play.
const codeDocument = 12100

// run plays the document of the call and those that come after it. A hung up call is
// a good end.
func (t *talk) run() error {
	document := t.call.call.Twiml
	if document == "" {
		fetched, err := t.ask(t.call.call.URL, nil)
		if err != nil {
			return err
		}
		document = fetched
	}
	for document != "" {
		verbs, err := parseTwiml(document)
		if err != nil {
			return fmt.Errorf("document: %w", err)
		}
		document, err = t.play(verbs)
		switch {
		case errors.Is(err, errRedirected):
			document = t.redirected()
		case errors.Is(err, errHungUp):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// redirected returns what somebody wants to have said in the place of all else.
func (t *talk) redirected() string {
	t.server.store.mutex.Lock()
	defer t.server.store.mutex.Unlock()
	document := t.call.document
	t.call.document = ""
	return document
}

// play plays the verbs of a document, and returns the one that follows it: what a
// digit brings.
func (t *talk) play(verbs []verb) (next string, err error) {
	for at := range verbs {
		switch one := &verbs[at]; one.name {
		case "Hangup":
			return "", errHungUp
		case "Gather":
			if next, err = t.gather(one); err != nil || next != "" {
				return next, err
			}
		default:
			if _, err := t.say(one, false); err != nil {
				return "", err
			}
		}
	}
	return "", nil
}

// gather plays what is within, and waits for a digit then. A digit ends it.
func (t *talk) gather(one *verb) (next string, err error) {
	digit := ""
	for at := range one.said {
		if digit, err = t.say(&one.said[at], true); err != nil || digit != "" {
			break
		}
	}
	if err == nil && digit == "" {
		digit, err = t.pause(one.seconds("timeout", 5), true)
	}
	if err != nil || digit == "" {
		return "", err
	}
	return t.ask(one.attrs["action"], []field{{"Digits", digit}})
}

// say plays one verb. Where a digit may interrupt it, it returns the one that does.
func (t *talk) say(one *verb, listens bool) (digit string, err error) {
	if err := t.server.log.append(&Record{Kind: KindSaid, Sid: t.call.sid, To: t.call.person(), Body: one.text}); err != nil {
		return "", err
	}
	return t.pause(one.takes(), listens)
}

// pause lets sandbox time pass, until somebody hangs up, presses a digit, changes the
// call, or the time limit is over.
func (t *talk) pause(takes time.Duration, listens bool) (digit string, err error) {
	until := t.server.clock.Now().Add(takes)
	ends := t.ends
	if hangsUp := t.since.Add(t.does.hangsUp); t.does.hangsUp > 0 && hangsUp.Before(ends) {
		ends = hangsUp
	}
	wake := until
	var pressed *press
	if listens && len(t.does.presses) > 0 {
		if at := t.since.Add(t.does.presses[0].after); !at.After(until) {
			pressed, wake = &t.does.presses[0], at
		}
	}
	if ends.Before(wake) {
		pressed, wake = nil, ends
	}
	if err := t.sleep(wake); err != nil {
		return "", err
	}
	switch {
	case pressed != nil:
		t.does.presses = t.does.presses[1:]
		return pressed.digit, t.server.log.append(&Record{Kind: KindDigit, Sid: t.call.sid, To: t.call.person(), Digits: pressed.digit})
	case wake.Equal(ends):
		return "", errHungUp
	default:
		return "", nil
	}
}

// sleep returns when the clock has come to an instant, or earlier with an error where
// the call is changed or over.
func (t *talk) sleep(until time.Time) error {
	woken := make(chan struct{})
	t.server.schedule.add(until, func() { close(woken) })
	select {
	case <-woken:
	case <-t.call.changed:
	case <-t.server.closing.Done():
		return errHungUp
	}
	t.server.store.mutex.Lock()
	defer t.server.store.mutex.Unlock()
	switch {
	case final(t.call.status):
		return errHungUp
	case t.call.document != "":
		return errRedirected
	}
	return nil
}

// ask posts what has happened in the call and returns the document that comes back.
func (t *talk) ask(address string, more []field) (document string, err error) {
	record := Record{Kind: KindDigitAnswered, Sid: t.call.sid, To: t.call.person()}
	if called, err := parseTarget(address); err == nil {
		record.URL = called.url
	}
	for _, one := range more {
		record.Digits = one.value
	}
	record.OptOut = record.Digits == digitObjects
	if err = t.server.log.flush(); err == nil {
		document, err = t.server.post(address, t.server.voiceFields(t.call, more), &record)
	}
	if err != nil {
		record.Error = err.Error()
	}
	if logged := t.server.log.append(&record); logged != nil {
		return "", logged
	}
	if err == nil && record.HTTP/100 != 2 {
		err = fmt.Errorf("answered %d", record.HTTP)
	}
	return document, err
}

// detect tells who has answered, once that is known.
func (t *talk) detect() {
	asked := t.call.call
	if asked.Detection == "" {
		return
	}
	verdict, after := "human", 2*time.Second
	switch {
	case t.does.machine && asked.Detection == "DetectMessageEnd":
		verdict, after = "machine_end_beep", t.does.greeting
	case t.does.machine:
		verdict, after = "machine_start", 3*time.Second
	}
	at := t.since.Add(after)
	t.server.schedule.add(at, func() {
		t.server.store.mutex.Lock()
		over := final(t.call.status)
		t.call.answeredBy = verdict
		t.server.store.mutex.Unlock()
		if !over && asked.Verdict != "" {
			t.server.dispatcher.add(t.call, delivery{verdict: verdict, at: at})
		}
	})
}

// voiceFields are the form of a request for a document, sorted by key.
func (server *Server) voiceFields(call *message, more []field) []field {
	fields := []field{
		{"AccountSid", server.options.AccountSID},
		{"ApiVersion", "2010-04-01"},
		{"CallSid", call.sid},
		{"CallStatus", statusInProgress},
		{"Called", call.to},
		{"Caller", call.from},
	}
	fields = append(fields, more...)
	fields = append(fields, field{"Direction", call.direction()}, field{"From", call.from}, field{"To", call.to})
	sortFields(fields)
	return fields
}

// callFields are the form of a status callback of a call, sorted by key.
func (server *Server) callFields(call *message, due delivery) []field {
	if due.verdict != "" {
		return []field{
			{"AccountSid", server.options.AccountSID},
			{"AnsweredBy", due.verdict},
			{"CallSid", call.sid},
			{"MachineDetectionDuration", "2000"},
		}
	}
	fields := []field{
		{"AccountSid", server.options.AccountSID},
		{"ApiVersion", "2010-04-01"},
		{"CallSid", call.sid},
		{"CallStatus", due.status},
		{"CallbackSource", "call-progress-events"},
		{"Called", call.to},
		{"Caller", call.from},
		{"Direction", call.direction()},
		{"From", call.from},
		{"SequenceNumber", strconv.Itoa(sequenceOf(due.status))},
		{"Timestamp", due.at.UTC().Format(rfc2822)},
		{"To", call.to},
	}
	if final(due.status) {
		fields = append(fields, field{"CallDuration", strconv.Itoa(due.seconds)})
	}
	if due.answeredBy != "" {
		fields = append(fields, field{"AnsweredBy", due.answeredBy})
	}
	if due.code != 0 {
		fields = append(fields, field{"ErrorCode", strconv.Itoa(due.code)})
	}
	sortFields(fields)
	return fields
}

// sequenceOf numbers the events of a call.
func sequenceOf(status string) int {
	switch status {
	case statusInitiated:
		return 0
	case statusRinging:
		return 1
	case statusInProgress:
		return 2
	}
	return 3
}
