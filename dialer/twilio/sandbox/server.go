package sandbox

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// closeTimeout bounds how long Close waits for requests under way, in real time.
const closeTimeout = 2 * time.Second

// maximumSegments is the most that one message can have, if it is all emoji; a
// rate limit below it must still let one through.
const maximumSegments = 49

// callQueue is where calls wait that go too fast for the account.
type callQueue struct {
	mutex sync.Mutex
	free  time.Time // when the next one leaves
}

// Server is a sandbox. It is an [http.Handler] from New on; Start gives it a
// listener of its own. It is safe for concurrent use.
type Server struct {
	options       Options
	clock         *Clock
	log           *logWriter
	store         *store
	schedule      *schedule
	dispatcher    *dispatcher
	client        *http.Client // for callbacks
	limiter       *rate.Limiter
	control       *http.ServeMux
	authorization string // what a request's header has to be
	requestBase   uint64 // start of the request ids of this process
	logger        zerolog.Logger

	faults     atomic.Pointer[Faults]
	inboundURL atomic.Pointer[string]
	voiceURL   atomic.Pointer[string]
	talking    sync.WaitGroup // calls that were answered
	queue      callQueue
	requests   *arrivals    // create requests begun, over the life of the log
	texts      *arrivals    // inbound texts, likewise
	reads      atomic.Int64 // list and fetch requests
	waiting    waiting
	outage     outageState
	answers    atomic.Uint64
	inFlight   atomic.Int64

	closing context.Context // ends when Close begins
	close   context.CancelFunc

	connections connections

	mutex    sync.Mutex // guards the rest
	address  string     // listened on, also while connections are refused
	listener net.Listener
	http     *http.Server
	closed   bool
	serving  sync.WaitGroup
}

// New opens the log and takes up the lives that it tells of. The caller must call
// Close. It fails if the options are not valid, if another sandbox uses the log,
// or, wrapping [ErrLogDamaged], if the log is not whole.
func New(options Options) (*Server, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, fmt.Errorf("sandbox options: %w", err)
	}
	file, err := os.OpenFile(options.Log, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open sandbox log: %w", err)
	}
	past, err := recoverLog(file)
	if err == nil {
		err = past.resumeClock(&options)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	server := newServer(options, file, past)
	if err := server.begin(past); err != nil {
		_ = server.Close()
		return nil, err
	}
	return server, nil
}

// newServer puts the parts together.
func newServer(options Options, file *os.File, past *past) *Server {
	credentials := options.AccountSID + ":" + options.AuthToken
	server := &Server{
		options: options, clock: past.clock, store: past.store, logger: options.Logger,
		log:           newLogWriter(file, past.clock, options.Seed, past.last, options.Observe),
		schedule:      newSchedule(past.clock),
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials)),
		requestBase:   mix(options.Seed ^ uint64(time.Now().UnixNano())),
	}
	server.closing, server.close = context.WithCancel(context.Background())
	server.client = newCallbackClient(options.CallbackWorkers)
	server.dispatcher = newDispatcher(options.CallbackWorkers, server.deliver)
	server.requests, server.texts = past.requests, past.texts
	server.waiting.of = map[*message][]delivery{}
	server.connections.open = map[net.Conn]struct{}{}
	server.faults.Store(&options.Faults)
	server.inboundURL.Store(&past.inboundURL)
	server.voiceURL.Store(&past.voiceURL)
	if options.Rate > 0 {
		burst := max(int(math.Ceil(options.Rate)), maximumSegments)
		server.limiter = rate.NewLimiter(rate.Limit(options.Rate), burst)
	}
	server.control = server.controlRoutes()
	return server
}

// begin logs the clock and takes up the lives.
func (server *Server) begin(past *past) error {
	if err := server.logClock(clockStarted); err != nil {
		return err
	}
	if server.options.InboundURL != "" {
		if err := server.SetInboundURL(server.options.InboundURL); err != nil {
			return err
		}
	}
	if server.options.VoiceURL != "" {
		if err := server.SetVoiceURL(server.options.VoiceURL); err != nil {
			return err
		}
	}
	if faults := server.options.Faults; !faults.calm() || len(faults.Probability) > 0 || faults.ListLag > 0 {
		if err := server.SetFaults(faults); err != nil {
			return err
		}
	}
	if err := server.log.flush(); err != nil {
		return err
	}
	messages := len(past.store.all) // read before the lives go on, which add to it
	server.takeUp(past)
	server.logger.Info().Uint64("records", past.last).Int("messages", messages).
		Time("sandbox_time", server.clock.Now()).Msg("SANDBOX carrier opened its log")
	return nil
}

// Start listens on address and serves in the background. It fails if the address
// cannot be listened on, or if the server has been started or closed already.
func (server *Server) Start(address string) error {
	server.mutex.Lock()
	defer server.mutex.Unlock()
	if server.closed || server.address != "" {
		return errors.New("start sandbox: already started or closed")
	}
	listener, err := listen(server.closing, address)
	if err != nil {
		return fmt.Errorf("start sandbox: %w", err)
	}
	server.address = listener.Addr().String()
	server.http = &http.Server{
		Handler: server, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ConnState: server.connections.track,
	}
	server.serveLocked(listener)
	return nil
}

// URL returns the base address, such as http://127.0.0.1:4010, or nothing before
// Start.
func (server *Server) URL() string {
	server.mutex.Lock()
	defer server.mutex.Unlock()
	if server.address == "" {
		return ""
	}
	return "http://" + server.address
}

// Clock returns the sandbox's clock. Change it through [Server.AdvanceClock] and
// [Server.SetClockSpeed], so that the log knows.
func (server *Server) Clock() *Clock { return server.clock }

// Close stops serving, playing and calling back, writes the log out and syncs it.
// What was to come is taken up by the next New on the same log. It returns the
// first fault of the log, if there was any. Later calls do nothing.
func (server *Server) Close() error {
	server.mutex.Lock()
	if server.closed {
		server.mutex.Unlock()
		return nil
	}
	server.closed = true
	serving := server.http
	server.mutex.Unlock()

	server.close()
	server.endOutage(nil)
	if serving != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if serving.Shutdown(ctx) != nil {
			_ = serving.Close()
		}
		server.serving.Wait()
	}
	server.schedule.close()
	server.talking.Wait()
	server.dispatcher.close()
	server.client.CloseIdleConnections()
	if err := server.log.close(); err != nil {
		return fmt.Errorf("close sandbox: %w", err)
	}
	return nil
}

// ServeHTTP answers as Twilio's API does, and under /sandbox/ as itself.
func (server *Server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	concurrent := server.inFlight.Add(1)
	defer server.inFlight.Add(-1)
	header := writer.Header()
	header["X-Hustings-Sandbox"] = []string{"SANDBOX"}
	header["Date"] = []string{server.clock.Now().Format(http.TimeFormat)}
	if strings.HasPrefix(request.URL.Path, "/sandbox/") {
		server.serveControl(writer, request)
		return
	}
	header["Twilio-Concurrent-Requests"] = []string{strconv.FormatInt(concurrent, 10)}
	header["Twilio-Request-Id"] = []string{"RQ" + mint(server.requestBase, server.answers.Add(1))[2:]}
	server.serveAPI(writer, request)
}

// serveAPI finds the resource that a path of Twilio's API names.
func (server *Server) serveAPI(writer http.ResponseWriter, request *http.Request) {
	rest, inside := strings.CutPrefix(request.URL.Path, "/2010-04-01/Accounts/")
	account, name, _ := strings.Cut(rest, "/")
	authorized := account == server.options.AccountSID && server.authorized(request)
	if inside && request.Method == http.MethodPost && name == messagesDocument {
		server.create(writer, request, authorized, parseCreateForm)
		return
	}
	if inside && request.Method == http.MethodPost && name == callsDocument {
		server.create(writer, request, authorized, parseCallForm)
		return
	}
	if server.options.Latency > 0 {
		server.wait(request.Context(), server.options.Latency)
	}
	if server.failReadByOutage(writer, request) {
		return
	}
	folder, sid, _ := strings.Cut(name, "/")
	instance := folder == "Messages" && !strings.HasPrefix(sid, callPrefix) || folder == "Calls" && strings.HasPrefix(sid, callPrefix)
	sid, document := strings.CutSuffix(sid, ".json")
	switch {
	case !authorized:
		writer.Header().Set("Www-Authenticate", `Basic realm="Twilio API"`)
		server.writeRefusal(writer, refusalAuthenticate)
	case inside && (name == messagesDocument || name == callsDocument) && request.Method == http.MethodGet:
		server.list(writer, request, name == callsDocument)
	case inside && (name == messagesDocument || name == callsDocument):
		server.writeRefusal(writer, refusalMethod)
	case inside && instance && document:
		server.serveMessage(writer, request, sid)
	default:
		server.writeRefusal(writer, refusalNotFound)
	}
}

// The two lists, as they end in a path, and how the sid of a call begins.
const (
	messagesDocument, callsDocument = "Messages.json", "Calls.json"
	callPrefix                      = "CA"
)

// authorized compares in constant time.
func (server *Server) authorized(request *http.Request) bool {
	given := request.Header.Get("Authorization")
	return subtle.ConstantTimeCompare([]byte(given), []byte(server.authorization)) == 1
}

// writeAnswer sends a JSON document.
func (server *Server) writeAnswer(writer http.ResponseWriter, status int, answer []byte) {
	writer.Header()["Content-Type"] = []string{"application/json;charset=utf-8"}
	writer.WriteHeader(status)
	// A client that has gone does not change what has happened.
	_, _ = writer.Write(answer)
}

// writeRefusal sends one of Twilio's errors.
func (server *Server) writeRefusal(writer http.ResponseWriter, refused *refusal) {
	server.writeAnswer(writer, refused.status, refused.appendTo(nil))
}
