package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Outage is a way in which the whole carrier fails for a while.
type Outage string

// The outages. The sandbox's own paths answer through all but OutageRefusing.
const (
	OutageNone         Outage = "none"
	OutageUnauthorized Outage = "unauthorized" // everything is answered 401 with Twilio's error 20003
	OutageSuspended    Outage = "suspended"    // everything is answered 403 with Twilio's error 20005
	OutageRefusing     Outage = "refusing"     // connections are cut, new ones refused; nobody is called back
	OutageFrozen       Outage = "frozen"       // connections are accepted and never answered; nobody is called back
)

// outages are those that can be asked for.
var outages = []Outage{OutageNone, OutageUnauthorized, OutageSuspended, OutageRefusing, OutageFrozen}

// maximumOutage bounds an outage, in real time.
const maximumOutage = 24 * time.Hour

// OutageStatus is the outage of an instant, and what is left of it in real time.
type OutageStatus struct {
	Kind Outage
	Left time.Duration
}

// outageState is the outage that is going on.
type outageState struct {
	mutex sync.Mutex
	kind  Outage // empty for none
	until time.Time
	ended chan struct{} // closed at its end
	timer *time.Timer
}

// current returns the outage that is going on, and what tells its end.
func (state *outageState) current() (Outage, <-chan struct{}) {
	state.mutex.Lock()
	defer state.mutex.Unlock()
	return state.kind, state.ended
}

// over returns when the carrier can call back, or when ctx ends.
func (state *outageState) over(ctx context.Context) {
	for {
		kind, ended := state.current()
		if kind != OutageRefusing && kind != OutageFrozen {
			return
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}

// Outage returns the outage that is going on.
func (server *Server) Outage() OutageStatus {
	state := &server.outage
	state.mutex.Lock()
	defer state.mutex.Unlock()
	if state.kind == "" {
		return OutageStatus{Kind: OutageNone}
	}
	return OutageStatus{Kind: state.kind, Left: max(time.Until(state.until), 0)}
}

// BeginOutage has the whole carrier fail from now on, for a real duration, in the
// place of any outage that is going on; OutageNone ends that. It fails for a kind
// that is not known, for a duration that is not positive or longer than 24 h, and
// for OutageRefusing where the sandbox has no listener of its own.
func (server *Server) BeginOutage(kind Outage, duration time.Duration) error {
	if err := server.checkOutage(kind, duration); err != nil {
		return err
	}
	state := &server.outage
	state.mutex.Lock()
	defer state.mutex.Unlock()
	server.endOutageLocked()
	if kind == OutageNone {
		return nil
	}
	if server.closing.Err() != nil {
		return errors.New("begin an outage: the sandbox is closed")
	}
	if err := server.log.append(&Record{Kind: KindOutage, Status: string(kind)}); err != nil {
		return err
	}
	ended := make(chan struct{})
	state.kind, state.until, state.ended = kind, time.Now().Add(duration), ended
	if kind == OutageRefusing {
		server.stopListening()
	}
	state.timer = time.AfterFunc(duration, func() { server.endOutage(ended) })
	return nil
}

func (server *Server) checkOutage(kind Outage, duration time.Duration) error {
	switch {
	case !slices.Contains(outages, kind):
		return fmt.Errorf("there is no outage %q: one of %s", masked(string(kind)), names(outages))
	case kind != OutageNone && (duration <= 0 || duration > maximumOutage):
		return fmt.Errorf("an outage of %v: say for how long, at most %v", duration, maximumOutage)
	case kind == OutageRefusing && server.URL() == "":
		return errors.New("a sandbox without a listener of its own cannot refuse connections")
	}
	return nil
}

// endOutage ends the outage with this channel; nil means whichever is going on.
func (server *Server) endOutage(which chan struct{}) {
	server.outage.mutex.Lock()
	defer server.outage.mutex.Unlock()
	if which == nil || which == server.outage.ended {
		server.endOutageLocked()
	}
}

// endOutageLocked needs the lock of the outage.
func (server *Server) endOutageLocked() {
	state := &server.outage
	if state.kind == "" {
		return
	}
	state.timer.Stop()
	if state.kind == OutageRefusing {
		server.listenAgain()
	}
	state.kind = ""
	// A log that fails stops the whole sandbox; here there is nobody to tell.
	_ = server.log.append(&Record{Kind: KindOutage, Status: outageOver})
	close(state.ended)
}

// failByOutage has a create request fail because the whole carrier does, and says
// whether it did.
func (x *exchange) failByOutage() bool {
	kind, ended := x.server.outage.current()
	switch kind {
	case OutageUnauthorized, OutageSuspended:
		x.refuse(refusalByOutage[kind])
	case OutageFrozen:
		x.refuseQuietly(kind)
		x.server.waitFor(x.request.Context(), ended)
		x.cut()
	case OutageRefusing:
		x.refuseQuietly(kind)
		x.reset()
	default:
		return false
	}
	return true
}

// refuseQuietly logs that no message is made, which nobody is told.
func (x *exchange) refuseQuietly(kind Outage) {
	// A log that fails shows with the next record.
	_ = x.server.log.append(&Record{
		Kind: KindRefused, Request: x.begun.Seq, To: x.begun.To, From: x.begun.From, Fault: Fault(kind),
	})
}

// failReadByOutage is failByOutage for all other requests.
func (server *Server) failReadByOutage(writer http.ResponseWriter, request *http.Request) bool {
	kind, ended := server.outage.current()
	switch kind {
	case OutageUnauthorized, OutageSuspended:
		server.writeRefusal(writer, refusalByOutage[kind])
	case OutageFrozen:
		server.waitFor(request.Context(), ended)
		panic(http.ErrAbortHandler)
	case OutageRefusing:
		reset(writer)
	default:
		return false
	}
	return true
}

var refusalByOutage = map[Outage]*refusal{
	OutageUnauthorized: refusalAuthenticate, OutageSuspended: refusalSuspended,
}

// waitFor returns when what it waits for has happened, the client has gone, or the
// sandbox closes.
func (server *Server) waitFor(ctx context.Context, happened <-chan struct{}) {
	select {
	case <-happened:
	case <-ctx.Done():
	case <-server.closing.Done():
	}
}
