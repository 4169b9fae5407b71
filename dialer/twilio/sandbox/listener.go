package sandbox

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", address)
}

// serve serves in the background until the listener is closed.
func (server *Server) serve(listener net.Listener) {
	server.mutex.Lock()
	defer server.mutex.Unlock()
	server.serveLocked(listener)
}

// serveLocked needs the lock.
func (server *Server) serveLocked(listener net.Listener) {
	if server.closed {
		_ = listener.Close() // nobody has used it
		return
	}
	server.listener = listener
	serving := server.http
	server.serving.Go(func() {
		if err := serving.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			server.logger.Error().Err(err).Msg("SANDBOX carrier stopped serving")
		}
	})
}

// stopListening refuses new connections and cuts those that are open.
func (server *Server) stopListening() {
	server.mutex.Lock()
	listener := server.listener
	server.mutex.Unlock()
	// An error means that it is closed already.
	_ = listener.Close()
	server.connections.cut()
}

// relistenPause is the real time between two tries to listen again.
const relistenPause = 50 * time.Millisecond

// listenAgain takes the address back. Somebody else may have it by now; then the
// sandbox goes on trying. It needs the lock of the outage.
func (server *Server) listenAgain() {
	server.mutex.Lock()
	address := server.address
	server.mutex.Unlock()
	listener, err := listen(server.closing, address)
	if err == nil {
		server.serve(listener)
		return
	}
	if server.closing.Err() != nil {
		return
	}
	server.logger.Warn().Err(err).Msg("SANDBOX carrier cannot listen again yet")
	time.AfterFunc(relistenPause, server.retryListening)
}

// retryListening tries again, unless connections are to be refused once more: the
// end of that will listen.
func (server *Server) retryListening() {
	server.outage.mutex.Lock()
	defer server.outage.mutex.Unlock()
	if server.outage.kind != OutageRefusing {
		server.listenAgain()
	}
}

// connections are those that are open.
type connections struct {
	mutex sync.Mutex
	open  map[net.Conn]struct{}
}

// track is the hook of the HTTP server.
func (known *connections) track(connection net.Conn, state http.ConnState) {
	known.mutex.Lock()
	defer known.mutex.Unlock()
	switch state {
	case http.StateNew:
		known.open[connection] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(known.open, connection)
	case http.StateActive, http.StateIdle:
	}
}

// cut closes all of them.
func (known *connections) cut() {
	known.mutex.Lock()
	defer known.mutex.Unlock()
	for connection := range known.open {
		// An error means that it is closed already.
		_ = connection.Close()
	}
}
