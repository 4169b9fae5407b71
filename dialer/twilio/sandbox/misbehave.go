package sandbox

import (
	"context"
	"net/http"
	"time"
)

// wait lets real time pass. It ends early when the client has gone or the
// sandbox closes, and then returns false.
func (server *Server) wait(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-server.closing.Done():
	}
	return false
}

// misbehave ends a create request in the way of the fault. Where the message was
// made, resource is the answer that it should have had.
func (x *exchange) misbehave(fault Fault, resource []byte) {
	faults := x.server.faults.Load()
	switch fault {
	case FaultHang:
		x.server.wait(x.request.Context(), orDefault(faults.HangTime, defaultHangTime))
		x.cut()
	case FaultReset, FaultDrop:
		x.reset()
	case FaultError:
		x.refusal(refusalServerError)
	case FaultThrottle, FaultRefuse:
		x.refusal(refusalOf[fault])
	case FaultTruncate:
		x.truncate(resource)
	case FaultPage:
		x.page(http.StatusBadGateway)
	case FaultForbid:
		x.page(refusalOf[fault].status)
	case FaultNoSid:
		x.answer(http.StatusCreated, []byte("{}"))
	case FaultSlow:
		x.server.wait(x.request.Context(), orDefault(faults.SlowTime, defaultSlowTime))
		x.answer(http.StatusCreated, resource)
	case FaultNone:
		x.answer(http.StatusCreated, resource)
	default:
		// A script may invent a word; it must not pass for a success.
		x.server.logger.Error().Str("fault", string(fault)).Msg("unknown fault asked for")
		x.cut()
	}
}

func orDefault(duration, usual time.Duration) time.Duration {
	if duration == 0 {
		return usual
	}
	return duration
}

// failRead has a list or fetch request go wrong if that is drawn. to is the
// number that is asked for, if any. It returns false where nothing goes wrong.
func (server *Server) failRead(writer http.ResponseWriter, request *http.Request, to string) bool {
	faults := server.faults.Load()
	fault := faults.drawRead(server.options.Seed, int(server.reads.Add(1)), to)
	if fault == FaultNone {
		return false
	}
	// A log that fails shows with the next create request.
	_ = server.log.append(&Record{Kind: KindFault, To: to, Fault: fault})
	switch fault {
	case FaultListThrottle:
		server.writeRefusal(writer, refusalThrottled)
	case FaultListPage:
		writePage(writer, http.StatusBadGateway)
	case FaultListHang:
		server.wait(request.Context(), orDefault(faults.HangTime, defaultHangTime))
		panic(http.ErrAbortHandler)
	default:
		server.writeRefusal(writer, refusalServerError)
	}
	return true
}
