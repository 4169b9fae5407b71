package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// DefaultListen is where the embedded server listens unless told otherwise.
const DefaultListen = "127.0.0.1:4222"

const (
	// maxPayload bounds a message in bytes: a list of many campaigns must fit
	// into one answer.
	maxPayload = 8 << 20
	// serverReady is how long the server may take to come up: it may have to
	// rebuild the index of its files after a crash.
	serverReady = 30 * time.Second
	// serverMemory is all that JetStream may keep in memory, in bytes; the
	// streams live in files.
	serverMemory = 64 << 20
	// serverStore is all that JetStream may keep on disk, in bytes: more than
	// the streams' bounds together. Left to itself the server would take three
	// quarters of what is free at its start, and on a disk that is filling up
	// refuse its own streams.
	serverStore = 1 << 30
)

// ServerOptions is what the embedded server needs to know.
type ServerOptions struct {
	// StoreDirectory is where the streams' files go.
	StoreDirectory string
	// Listen is the address as host:port; empty is DefaultListen, port 0 any
	// free port.
	Listen string
	// AllowRemote permits an address that other machines can reach. The
	// connection is not encrypted.
	AllowRemote bool
	// Name appears in NATS's own tools; empty is "dialerd".
	Name string
	// Token is the secret that clients must show, see EnsureToken. It must not
	// be empty: any user of the machine could connect otherwise.
	Token  string
	Logger zerolog.Logger
}

// Server is a NATS server inside this process. It writes every message to disk
// before it acknowledges it.
type Server struct {
	inner *server.Server
	token string
}

// StartServer starts a server and returns once it takes connections, after 30
// seconds at most.
func StartServer(options ServerOptions) (*Server, error) {
	settings, err := options.settings()
	if err != nil {
		return nil, fmt.Errorf("start the queue's server: %w", err)
	}
	inner, err := server.NewServer(settings)
	if err != nil {
		return nil, fmt.Errorf("start the queue's server: %w", err)
	}
	bridge := &serverLog{log: options.Logger, fatal: make(chan string, 1)}
	inner.SetLoggerV2(bridge, options.Logger.GetLevel() <= zerolog.DebugLevel, false, false)
	s := &Server{inner: inner, token: options.Token}

	started := make(chan struct{})
	go func() {
		defer close(started)
		inner.Start()
	}()
	timer := time.NewTimer(serverReady)
	defer timer.Stop()
	select {
	case <-started:
	case <-timer.C:
		inner.Shutdown()
		return nil, &ControlError{
			Code:    CodeUnreachable,
			Message: fmt.Sprintf("start the queue's server: not ready after %s", serverReady),
			Hint:    "look at the disk: the server reads " + options.StoreDirectory,
		}
	}
	select {
	case reason := <-bridge.fatal:
		_ = s.Shutdown(context.Background()) // without a deadline it cannot fail
		return nil, explainStart(reason, settings)
	default:
	}
	options.Logger.Info().Str(fieldEvent, eventServerStarted).Str(fieldURL, s.ClientURL()).Send()
	return s, nil
}

// ClientURL returns the address for clients, with the port that was found.
func (s *Server) ClientURL() string { return s.inner.ClientURL() }

// Shutdown stops the server and waits for its files to be closed, or for the
// context's end.
func (s *Server) Shutdown(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.inner.Shutdown()
		s.inner.WaitForShutdown()
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop the queue's server: %w", ctx.Err())
	}
}

// settings checks the options and turns them into the server's.
func (o ServerOptions) settings() (*server.Options, error) {
	if o.Token == "" {
		return nil, errors.New("a token is wanted: see EnsureToken")
	}
	if o.StoreDirectory == "" {
		return nil, errors.New("a store directory is wanted")
	}
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Name == "" {
		o.Name = "dialerd"
	}
	host, portText, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("address %q: want host:port, such as %s", o.Listen, DefaultListen)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < -1 || port > 65535 {
		return nil, fmt.Errorf("address %q: port %q is not a number from 0 to 65535", o.Listen, portText)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if !o.AllowRemote && !isLoopback(host) {
		return nil, &ControlError{
			Code:    CodeRefused,
			Message: fmt.Sprintf("address %q can be reached from other machines, and the connection is not encrypted", o.Listen),
			Hint:    "listen on 127.0.0.1, or run a NATS server with TLS of your own and name it as nats.url",
		}
	}
	return &server.Options{
		ServerName: o.Name, Host: host, Port: port, Authorization: o.Token,
		JetStream: true, StoreDir: o.StoreDirectory, JetStreamMaxMemory: serverMemory, JetStreamMaxStore: serverStore,
		// The default acknowledges up to two minutes before the data is on disk.
		SyncAlways: true,
		MaxPayload: maxPayload,
		NoSigs:     true, DisableJetStreamBanner: true,
	}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func explainStart(reason string, settings *server.Options) error {
	failure := &ControlError{Code: CodeUnreachable, Message: "start the queue's server: " + reason}
	switch {
	case strings.Contains(reason, "address already in use"):
		failure.Message = fmt.Sprintf("start the queue's server: %s is in use",
			net.JoinHostPort(settings.Host, strconv.Itoa(settings.Port)))
		failure.Hint = "does another dialerd run? stop it, or set nats.listen to another port"
	case strings.Contains(reason, "permission denied"):
		failure.Hint = "the daemon's user must be able to write " + settings.StoreDir
	}
	return failure
}
