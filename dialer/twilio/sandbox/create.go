package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// forms are buffers for the bodies of requests.
var forms = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readForm reads a request's body, and nothing beyond the limit.
func readForm(request *http.Request) (string, *refusal) {
	buffer := forms.Get().(*bytes.Buffer)
	defer forms.Put(buffer)
	buffer.Reset()
	read, err := buffer.ReadFrom(io.LimitReader(request.Body, maximumForm+1))
	if err != nil || read > maximumForm {
		return "", refusalParameter
	}
	return buffer.String(), nil
}

// create plays POST Messages.json and POST Calls.json: parse reads the one form or the
// other. That a request has begun is logged before anything is done with it, even
// where it is not authorized.
func (server *Server) create(
	writer http.ResponseWriter, request *http.Request, authorized bool, parse func(string) (createForm, error),
) {
	text, refused := readForm(request)
	form, err := parse(text)
	x := &exchange{server: server, writer: writer, request: request, begun: Record{
		Kind: KindRequestBegun, To: form.to, From: form.from, Service: form.service,
		Body: form.body, StatusCallback: form.callback, Call: form.call,
	}}
	var logged error
	x.count, logged = server.requests.next(form.to, func() error { return server.log.append(&x.begun) })
	if logged != nil {
		server.writeRefusal(writer, refusalServerError)
		return
	}
	if x.failByOutage() {
		return
	}
	switch {
	case !authorized:
		writer.Header().Set("Www-Authenticate", `Basic realm="Twilio API"`)
		refused = refusalAuthenticate
	case err != nil:
		refused = refusalParameter
	}
	fault := FaultNone
	if refused == nil {
		fault = server.faults.Load().draw(server.options.Seed, x.count, form.to)
	}
	if fault != FaultNone {
		// A log that fails shows again below, where the answer depends on it.
		_ = server.log.append(&Record{Kind: KindFault, Request: x.begun.Seq, To: form.to, Fault: fault})
	}
	if !fault.accepts() {
		x.refuseByFault(fault)
		return
	}
	var accepted order
	if refused == nil {
		accepted, refused = server.accept(&form)
	}
	if refused != nil {
		x.refuse(refused)
		return
	}
	x.place(accepted, fault)
}

// place makes the message, and answers in the way of the fault.
func (x *exchange) place(accepted order, fault Fault) {
	answer := answers.Get().(*[]byte)
	defer answers.Put(answer)
	var err error
	*answer, err = x.make((*answer)[:0], accepted)
	if err != nil {
		x.refusal(refusalServerError)
		return
	}
	x.delay()
	x.misbehave(fault, *answer)
}

// delay lets the latency of the options pass.
func (x *exchange) delay() {
	if latency := x.server.options.Latency; latency > 0 {
		x.server.wait(x.request.Context(), latency)
	}
}

// answers are buffers for documents.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// accept checks a form as Twilio does, against what the carrier knows.
func (server *Server) accept(form *createForm) (order, *refusal) {
	now := server.clock.Now()
	accepted, refused := form.check(now)
	if refused != nil {
		return order{}, refused
	}
	if accepted.call != nil {
		return accepted, nil // what goes too fast waits
	}
	if server.options.CarrierStops && server.store.isBlocked(accepted.to, accepted.from) {
		return order{}, refusalUnsubscribed
	}
	if server.limiter != nil && !server.limiter.AllowN(now, accepted.segments) {
		return order{}, refusalThrottled
	}
	return accepted, nil
}

// refuse logs and answers that no message was made.
func (x *exchange) refuse(refused *refusal) {
	err := x.server.log.append(&Record{
		Kind: KindRefused, Request: x.begun.Seq, To: x.begun.To, From: x.begun.From,
		Code: refused.code, HTTP: refused.status,
	})
	if err != nil || x.server.log.flush() != nil {
		refused = refusalServerError
	}
	x.delay()
	x.refusal(refused)
}

// refuseByFault logs that no message was made, and goes wrong.
func (x *exchange) refuseByFault(fault Fault) {
	record := Record{Kind: KindRefused, Request: x.begun.Seq, To: x.begun.To, From: x.begun.From, Fault: fault}
	if refused := refusalOf[fault]; refused != nil {
		record.Code, record.HTTP = refused.code, refused.status
	}
	if x.server.log.append(&record) != nil || x.server.log.flush() != nil {
		x.refusal(refusalServerError)
		return
	}
	x.misbehave(fault, nil)
}

// make makes a message, begins its life and appends its resource to answer. When
// it returns, the log has the message in its file. It fails only if the log does.
func (x *exchange) make(answer []byte, accepted order) ([]byte, error) {
	server := x.server
	record := Record{
		Kind: KindCreated, Request: x.begun.Seq, To: accepted.to, From: accepted.from, Service: accepted.service,
		Body: accepted.body, StatusCallback: accepted.callback, Status: statusQueued,
		Segments: accepted.segments, Validity: accepted.validity, SendAt: accepted.sendAt, Call: accepted.call,
	}
	switch {
	case accepted.call != nil:
		record.SendAt = server.leaves(server.clock.Now())
	case !accepted.sendAt.IsZero():
		record.Status = statusScheduled
	case accepted.service != "":
		record.Status = statusAccepted
	}
	server.store.mutex.Lock()
	if err := server.log.append(&record); err != nil {
		server.store.mutex.Unlock()
		return answer, err
	}
	made := newMessage(&record, x.count)
	server.store.insert(made)
	answer = made.encode(answer, server.options.AccountSID)
	server.store.mutex.Unlock()
	if err := server.log.flush(); err != nil {
		return answer, err
	}
	x.begin(made)
	return answer, nil
}
