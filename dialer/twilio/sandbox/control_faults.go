package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// SetFaults changes what goes wrong from now on, and logs it. It fails if the
// faults are not valid.
func (server *Server) SetFaults(faults Faults) error {
	if err := faults.validate(); err != nil {
		return err
	}
	faults.Probability, faults.Rules = maps.Clone(faults.Probability), slices.Clone(faults.Rules)
	text, err := json.Marshal(faults)
	if err != nil {
		return fmt.Errorf("encode faults: %w", err)
	}
	if err := server.log.append(&Record{Kind: KindFaultsSet, Body: string(text)}); err != nil {
		return err
	}
	server.faults.Store(&faults)
	return nil
}

// Faults returns what goes wrong.
func (server *Server) Faults() Faults {
	faults := *server.faults.Load()
	faults.Probability, faults.Rules = maps.Clone(faults.Probability), slices.Clone(faults.Rules)
	return faults
}

func (server *Server) writeFaults(writer http.ResponseWriter) {
	writeControl(writer, http.StatusOK, server.Faults())
}

// changeFaults takes faults as ParseFaults reads them, in the place of those that
// are set; a script stays.
func (server *Server) changeFaults(writer http.ResponseWriter, request *http.Request) {
	text, err := io.ReadAll(io.LimitReader(request.Body, MaximumFaultsFile+1))
	var faults Faults
	if err == nil {
		faults, err = ParseFaults("faults", text)
	}
	if err == nil {
		faults.Script = server.faults.Load().Script
		err = server.SetFaults(faults)
	}
	if err != nil {
		refuseControl(writer, err)
		return
	}
	server.writeFaults(writer)
}

// outageAnswer is an outage as the control path has it.
type outageAnswer struct {
	Kind Outage `json:"kind"`
	Left string `json:"left,omitempty"` // real time
}

func (server *Server) tellOutage(writer http.ResponseWriter) {
	writeControl(writer, http.StatusOK, server.Outage().answer())
}

func (status OutageStatus) answer() outageAnswer {
	answer := outageAnswer{Kind: status.Kind}
	if status.Left > 0 {
		answer.Left = status.Left.Round(time.Millisecond).String()
	}
	return answer
}

func (server *Server) changeOutage(writer http.ResponseWriter, request *http.Request) {
	var asked struct {
		Kind Outage `json:"kind"`
		For  string `json:"for"`
	}
	if !readControl(writer, request, &asked) {
		return
	}
	var duration time.Duration
	var err error
	if asked.For != "" {
		duration, err = time.ParseDuration(asked.For)
	}
	if err == nil {
		err = server.checkOutage(asked.Kind, duration)
	}
	if err != nil {
		refuseControl(writer, err)
		return
	}
	if asked.Kind != OutageRefusing {
		if err := server.BeginOutage(asked.Kind, duration); err != nil {
			refuseControl(writer, err)
			return
		}
		server.tellOutage(writer)
		return
	}
	// The connection that this answer goes out on is cut as well, so it goes out
	// before, and whole.
	answer, _ := json.Marshal(OutageStatus{asked.Kind, duration}.answer()) // nothing in it can fail
	writer.Header().Set("Content-Type", "application/json")
	writer.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = writer.Write(answer)
	_ = http.NewResponseController(writer).Flush()
	if err := server.BeginOutage(asked.Kind, duration); err != nil {
		server.logger.Error().Err(err).Msg("SANDBOX carrier cannot begin an outage")
	}
}
