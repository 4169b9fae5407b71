package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hustings/hustings/dialer"
)

// health is what the ops listener tells.
type health struct {
	running atomic.Bool
	// lingering: the daemon has failed, and hears objections before it exits.
	lingering atomic.Bool
}

// waiting lists what is missing before the daemon dials.
func (d *Daemon) waiting() []string {
	var missing []string
	switch {
	case d.health.lingering.Load():
		missing = append(missing, "the daemon has failed: it takes opt-outs alone, and exits within "+lingerFor.String())
	case !d.health.running.Load():
		missing = append(missing, "the daemon is starting or stopping")
	}
	if err := d.ledger.Err(); err != nil {
		missing = append(missing, "the ledger has failed")
	}
	if d.conn == nil || !d.conn.Connected() {
		missing = append(missing, "NATS is not connected")
	}
	if !d.dialer.CaughtUp() {
		missing = append(missing, "the carrier has not been asked for inbound texts yet")
	}
	for _, reason := range d.dialer.Halted() {
		missing = append(missing, d.explainHalt(reason))
	}
	return missing
}

// explainHalt says why nothing is dialled, and what to do about it.
func (d *Daemon) explainHalt(reason dialer.HaltReason) string {
	switch reason {
	case dialer.HaltStopFile:
		return "the stop file is there: " + filepath.Join(d.config.DataDirectory, stopFileName)
	case dialer.HaltDisk:
		return d.explainDisk()
	case dialer.HaltPack:
		from, to := d.dialer.Pack().Valid()
		return fmt.Sprintf("pack %s holds from %s until %s only: put a newer one into packs.directory and run dialctl policy reload",
			d.dialer.Pack().Code(), from.Format(time.DateOnly), to.Format(time.DateOnly))
	case dialer.HaltDirectory:
		return "the directory is gone, and campaigns wait for their contacts: stop, put " + d.paths.Directory +
			" back from the newest backup, and start; or import the lists anew"
	case dialer.HaltRestored:
		return "the ledger was put back from a copy and does not know what was sent since: run dialctl store reconcile"
	case dialer.HaltClock:
		return "the clock is in doubt: " + d.dialer.ClockDoubt() +
			"; compare it with another one (timedatectl): dialling goes on by itself once the carrier's agrees"
	default:
		return string(reason)
	}
}

func listen(address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", address)
}

// openOps opens the listener for health and metrics.
func (d *Daemon) openOps() error {
	if d.config.HTTP.Ops.Listen == "" {
		return nil
	}
	listener, err := listen(d.config.HTTP.Ops.Listen)
	if err != nil {
		return fmt.Errorf("listen for ops: %w (set http.ops.listen to another address, or to :0 for any free port)", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle("GET /metrics", d.metrics.handler(d))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		waiting := d.waiting()
		w.Header().Set("Content-Type", "application/json")
		if len(waiting) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(waiting) == 0, "waiting": waiting})
	})
	server := &http.Server{
		Handler: d.answering("ops", mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
	}
	go func() { _ = server.Serve(listener) }() // returns once the server is shut down
	d.onClose("ops listener", d.bounded(func(ctx context.Context) error { return server.Shutdown(ctx) }))
	return nil
}
