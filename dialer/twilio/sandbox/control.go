package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// maximumControl bounds the body of a control request, in bytes.
const maximumControl = 64 << 10

// AdvanceClock moves the sandbox clock forward by sandbox time and logs it. What
// has become due happens at once. It fails as [Clock.Advance] does.
func (server *Server) AdvanceClock(duration time.Duration) error {
	if err := server.clock.Advance(duration); err != nil {
		return err
	}
	return server.logClock("")
}

// SetClockSpeed changes the speed of the sandbox clock and logs it. It fails as
// [Clock.SetSpeed] does.
func (server *Server) SetClockSpeed(speed float64) error {
	if err := server.clock.SetSpeed(speed); err != nil {
		return err
	}
	return server.logClock("")
}

func (server *Server) logClock(status string) error {
	state := server.clock.State()
	return server.log.append(&Record{Kind: KindClock, Status: status, Clock: &state})
}

// SetInboundURL says where inbound texts are posted from now on; an empty address
// stops that. Callbacks under way are not touched. It fails if the address is no
// absolute HTTP URL.
func (server *Server) SetInboundURL(address string) error {
	if address != "" {
		if _, err := parseTarget(address); err != nil {
			return fmt.Errorf("inbound url: %w", err)
		}
	}
	server.inboundURL.Store(&address)
	return server.log.append(&Record{Kind: KindInboundURL, URL: address})
}

// Reply plays a text from a person's number to one of our senders, as if the
// person had sent it now. It returns the sid of the inbound message; the callback
// follows on its own. It fails if a number is missing.
func (server *Server) Reply(person, sender, body string) (string, error) {
	if !numberPattern.MatchString(person) || sender == "" {
		return "", errors.New("a reply needs the number of a person and one of our senders")
	}
	return server.receive(person, sender, body, "")
}

// Verdict reads the log back from its file and judges it. It fails if the log has
// failed or is damaged.
func (server *Server) Verdict(options JudgeOptions) (Verdict, error) {
	if err := server.log.flush(); err != nil {
		return Verdict{}, err
	}
	return JudgeLog(server.options.Log, options)
}

// serveControl answers on the sandbox's own paths, to this machine alone.
func (server *Server) serveControl(writer http.ResponseWriter, request *http.Request) {
	if !loopback(request.RemoteAddr) || !loopback(request.Host) {
		// The host is checked too, or a page in a browser could reach us by a name
		// that it points at this machine.
		writeControl(writer, http.StatusForbidden, map[string]string{"error": "SANDBOX controls answer on loopback only"})
		return
	}
	server.control.ServeHTTP(writer, request)
}

// loopback says whether an address, with or without a port, is this machine.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	parsed := net.ParseIP(host)
	return host == "localhost" || parsed != nil && parsed.IsLoopback()
}

func (server *Server) controlRoutes() *http.ServeMux {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /sandbox/clock", func(writer http.ResponseWriter, _ *http.Request) {
		server.writeClock(writer)
	})
	routes.HandleFunc("POST /sandbox/clock", server.changeClock)
	routes.HandleFunc("POST /sandbox/inbound", server.changeInbound)
	routes.HandleFunc("GET /sandbox/faults", func(writer http.ResponseWriter, _ *http.Request) {
		server.writeFaults(writer)
	})
	routes.HandleFunc("POST /sandbox/faults", server.changeFaults)
	routes.HandleFunc("GET /sandbox/outage", func(writer http.ResponseWriter, _ *http.Request) {
		server.tellOutage(writer)
	})
	routes.HandleFunc("POST /sandbox/outage", server.changeOutage)
	routes.HandleFunc("POST /sandbox/reply", server.playReply)
	routes.HandleFunc("POST /sandbox/voice", server.changeVoice)
	routes.HandleFunc("POST /sandbox/ringback", server.playRingBack)
	routes.HandleFunc("GET /sandbox/log", server.streamLog)
	routes.HandleFunc("GET /sandbox/verdict", server.tellVerdict)
	return routes
}

// readControl decodes the body of a control request strictly. Where it cannot, it
// answers and returns false.
func readControl(writer http.ResponseWriter, request *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(request.Body, maximumControl))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuseControl(writer, err)
		return false
	}
	return true
}

func refuseControl(writer http.ResponseWriter, err error) {
	answer := map[string]string{"error": err.Error()}
	if wrong, ok := errors.AsType[*FaultsFileError](err); ok && wrong.Hint != "" {
		answer["hint"] = wrong.Hint
	}
	writeControl(writer, http.StatusBadRequest, answer)
}

func writeControl(writer http.ResponseWriter, status int, value any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	_ = json.NewEncoder(writer).Encode(value) // a client that has gone needs no answer
}

func (server *Server) writeClock(writer http.ResponseWriter) {
	writeControl(writer, http.StatusOK, struct {
		Now time.Time `json:"now"`
		ClockState
	}{server.clock.Now(), server.clock.State()})
}

func (server *Server) changeClock(writer http.ResponseWriter, request *http.Request) {
	var asked struct {
		Speed   float64 `json:"speed"`
		Advance string  `json:"advance"`
	}
	if !readControl(writer, request, &asked) {
		return
	}
	err := errors.New("say speed or advance")
	if asked.Speed != 0 {
		err = server.SetClockSpeed(asked.Speed)
	}
	if asked.Advance != "" && (err == nil || asked.Speed == 0) {
		var duration time.Duration
		if duration, err = time.ParseDuration(asked.Advance); err == nil {
			err = server.AdvanceClock(duration)
		}
	}
	if err != nil {
		refuseControl(writer, err)
		return
	}
	server.writeClock(writer)
}

func (server *Server) changeInbound(writer http.ResponseWriter, request *http.Request) {
	changeURL(writer, request, server.SetInboundURL)
}

func (server *Server) changeVoice(writer http.ResponseWriter, request *http.Request) {
	changeURL(writer, request, server.SetVoiceURL)
}

// changeURL sets one of the addresses that we post to.
func changeURL(writer http.ResponseWriter, request *http.Request, set func(string) error) {
	var asked struct {
		URL string `json:"url"`
	}
	if !readControl(writer, request, &asked) {
		return
	}
	if err := set(asked.URL); err != nil {
		refuseControl(writer, err)
		return
	}
	writeControl(writer, http.StatusOK, asked)
}

func (server *Server) playReply(writer http.ResponseWriter, request *http.Request) {
	var asked struct {
		From string `json:"from"`
		To   string `json:"to"`
		Body string `json:"body"`
	}
	if !readControl(writer, request, &asked) {
		return
	}
	sid, err := server.Reply(plainNumber(asked.From), asked.To, asked.Body)
	if err != nil {
		refuseControl(writer, err)
		return
	}
	writeControl(writer, http.StatusAccepted, map[string]string{"sid": sid})
}

// streamLog sends the log as it is at the beginning of the answer.
func (server *Server) streamLog(writer http.ResponseWriter, _ *http.Request) {
	err := server.log.flush()
	var file *os.File
	if err == nil {
		file, err = os.Open(server.options.Log)
	}
	if err != nil {
		writeControl(writer, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	defer func() { _ = file.Close() }()
	writer.Header().Set("Content-Type", "application/x-ndjson")
	if facts, err := file.Stat(); err == nil {
		// A line that is being written now would end in the middle of the answer.
		_, _ = io.CopyN(writer, file, facts.Size())
	}
}

// tellVerdict answers with counts alone; the numbers stay in the log.
func (server *Server) tellVerdict(writer http.ResponseWriter, request *http.Request) {
	var options JudgeOptions
	if text := request.URL.Query().Get("grace"); text != "" {
		grace, err := time.ParseDuration(text)
		if err != nil {
			refuseControl(writer, err)
			return
		}
		options.Grace = grace
	}
	verdict, err := server.Verdict(options)
	if err != nil {
		writeControl(writer, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	writeControl(writer, http.StatusOK, struct {
		Verdict
		Findings
	}{verdict, verdict.Findings()})
}
