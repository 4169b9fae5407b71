package sandbox

import (
	"net/http"
	"strings"
)

// serveMessage plays what can be done with one message, or one call.
func (server *Server) serveMessage(writer http.ResponseWriter, request *http.Request, sid string) {
	var act func(*message) *refusal
	switch request.Method {
	case http.MethodGet:
		if server.failRead(writer, request, "") {
			return
		}
		lags := server.lagging()
		act = func(found *message) *refusal {
			if lags(found) {
				return refusalNotFound
			}
			return nil
		}
	case http.MethodPost:
		var refused *refusal
		if act, refused = server.readUpdate(request, strings.HasPrefix(sid, callPrefix)); refused != nil {
			server.writeRefusal(writer, refused)
			return
		}
	case http.MethodDelete:
		act = server.remove
	default:
		server.writeRefusal(writer, refusalMethod)
		return
	}
	answer, refused := server.actOn(sid, act)
	switch {
	case refused == nil && server.log.flush() != nil:
		server.writeRefusal(writer, refusalServerError)
	case refused != nil:
		server.writeRefusal(writer, refused)
	case request.Method == http.MethodDelete:
		writer.WriteHeader(http.StatusNoContent)
	default:
		server.writeAnswer(writer, http.StatusOK, answer)
	}
}

// actOn does something with a message under the store's lock and returns the
// resource as it is then.
func (server *Server) actOn(sid string, act func(*message) *refusal) ([]byte, *refusal) {
	server.store.mutex.Lock()
	defer server.store.mutex.Unlock()
	found := server.store.bySid[sid]
	if found == nil {
		return nil, refusalNotFound
	}
	if refused := act(found); refused != nil {
		return nil, refused
	}
	return found.encode(nil, server.options.AccountSID), nil
}

// readUpdate reads an update and returns what it does.
func (server *Server) readUpdate(request *http.Request, call bool) (func(*message) *refusal, *refusal) {
	if call {
		change, refused := readCallChange(request)
		return func(found *message) *refusal { return server.updateCall(found, change) }, refused
	}
	change, refused := readChange(request)
	return func(found *message) *refusal { return server.update(found, change) }, refused
}

// messageChange is what an update asks for.
type messageChange struct {
	status   string
	body     string
	withBody bool
}

// readChange reads the form of an update. It refuses a body that is not empty and
// a status other than canceled, as Twilio does.
func readChange(request *http.Request) (messageChange, *refusal) {
	var change messageChange
	refused := readPairs(request, func(key, value string) {
		switch key {
		case "Status":
			change.status = value
		case "Body":
			change.body, change.withBody = value, true
		}
	})
	wrongStatus := change.status != "" && change.status != statusCanceled
	nothing := change.status == "" && !change.withBody
	if refused == nil && (wrongStatus || nothing || change.body != "") {
		refused = refusalParameter
	}
	return change, refused
}

// update cancels a scheduled message, or removes the text of one that is over. It
// needs the store's lock.
func (server *Server) update(found *message, change messageChange) *refusal {
	if change.status != "" {
		if found.status != statusScheduled {
			return refusalNotCancelable
		}
		record := Record{Kind: KindStatus, Sid: found.sid, To: found.to, Status: statusCanceled}
		if server.log.append(&record) != nil {
			return refusalServerError
		}
		found.apply(&record)
		if found.callback != "" {
			server.callBack(found, delivery{status: statusCanceled, at: record.At})
		}
	}
	if change.withBody {
		if !final(found.status) {
			return refusalIncomplete
		}
		record := Record{Kind: KindRedacted, Sid: found.sid}
		if server.log.append(&record) != nil {
			return refusalServerError
		}
		found.redact(&record)
	}
	return nil
}

// remove deletes a message that is over. It needs the store's lock.
func (server *Server) remove(found *message) *refusal {
	if !final(found.status) {
		return refusalIncomplete
	}
	if server.log.append(&Record{Kind: KindDeleted, Sid: found.sid}) != nil {
		return refusalServerError
	}
	server.store.remove(found)
	return nil
}
