package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// exchange is a create request from its first byte to its end. Every way out of
// it logs the end first: whoever has the answer finds the end in the log before
// all that follows from it.
type exchange struct {
	server  *Server
	writer  http.ResponseWriter
	request *http.Request
	begun   Record
	count   arrival
}

// The ways in which a connection ends without an answer.
const (
	endedGone  = "the client has gone"
	endedReset = "connection reset"
	endedCut   = "connection closed without an answer"
)

// end logs how the request ends. A log that fails stops the whole sandbox; the
// answer that is under way does not depend on this record.
func (x *exchange) end(status int, how string) {
	if x.request.Context().Err() != nil {
		status, how = 0, endedGone
	}
	_ = x.server.log.append(&Record{
		Kind: KindRequestEnded, Request: x.begun.Seq, To: x.begun.To, HTTP: status, Error: how,
	})
}

// answer ends the request with a JSON document.
func (x *exchange) answer(status int, document []byte) {
	x.end(status, "")
	x.server.writeAnswer(x.writer, status, document)
}

// refusal ends the request with one of Twilio's errors.
func (x *exchange) refusal(refused *refusal) {
	x.end(refused.status, "")
	x.server.writeRefusal(x.writer, refused)
}

// page ends the request as a proxy between the dialer and the carrier would.
func (x *exchange) page(status int) {
	x.end(status, "")
	writePage(x.writer, status)
}

// truncate ends the request in the middle of the answer.
func (x *exchange) truncate(document []byte) {
	x.end(http.StatusCreated, endedCut)
	x.writer.Header()["Content-Length"] = []string{strconv.Itoa(len(document))}
	x.server.writeAnswer(x.writer, http.StatusCreated, document[:len(document)/2])
	// An error means that the client has gone, which ends the answer as well.
	_ = http.NewResponseController(x.writer).Flush()
	panic(http.ErrAbortHandler)
}

// cut ends the connection without an answer.
func (x *exchange) cut() {
	x.end(0, endedCut)
	panic(http.ErrAbortHandler)
}

// reset ends the connection so that the client sees a reset.
func (x *exchange) reset() {
	x.end(0, endedReset)
	reset(x.writer)
}

// reset closes the connection so that the client sees a reset where the
// transport can do that, and an early end where it cannot.
func reset(writer http.ResponseWriter) {
	if hijacker, able := writer.(http.Hijacker); able {
		connection, _, err := hijacker.Hijack()
		if err == nil {
			if plain, tcp := connection.(*net.TCPConn); tcp {
				// Without lingering, closing sends a reset. An error means that
				// the connection is gone already, which is what is wanted.
				_ = plain.SetLinger(0)
			}
			_ = connection.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// writePage answers as a proxy between the dialer and the carrier would.
func writePage(writer http.ResponseWriter, status int) {
	writer.Header().Set("Content-Type", "text/html")
	writer.WriteHeader(status)
	_, _ = fmt.Fprintf(writer, "<html><head><title>SANDBOX %d %s</title></head><body>proxy error</body></html>\r\n",
		status, http.StatusText(status))
}
