package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hustings/hustings/queue"
)

// notices is what a supervisor has been told.
type notices struct {
	mu   sync.Mutex
	told []string
}

func (n *notices) holds(part string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.told {
		if strings.Contains(line, part) {
			return true
		}
	}
	return false
}

// listenAsSupervisor is the socket of systemd, named in the environment.
func listenAsSupervisor(t *testing.T) *notices {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "600000")
	heard, over := new(notices), make(chan struct{})
	go func() {
		defer close(over)
		buffer := make([]byte, 4096)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			heard.mu.Lock()
			heard.told = append(heard.told, string(buffer[:n]))
			heard.mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = socket.Close(); <-over })
	return heard
}

// Ensure that systemd hears that the daemon works, what it waits for, that nothing
// hangs, and that it stops; and that the log's level changes while it runs.
func TestDaemon_Supervisor(t *testing.T) { // alone: it has an environment of its own
	heard := listenAsSupervisor(t)
	h := newHouse(t)
	h.start()
	for _, part := range []string{"READY=1", "STATUS=", "WATCHDOG=1"} {
		eventually(t, "systemd hears "+part, func() bool { return heard.holds(part) })
	}
	if err := os.WriteFile(h.file(stopFileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "systemd hears why nothing is dialled", func() bool { return heard.holds("the stop file is there") })

	var answer queue.LogLevel
	setLevel := func(level string) {
		if err := h.client.Call(t.Context(), queue.VerbLogLevel, queue.LogLevel{Level: level, Operator: "op-anne"}, &answer); err != nil {
			t.Fatal(err)
		}
	}
	setLevel("debug")
	if answer.Level != "debug" || answer.Configured != "info" {
		t.Errorf("the level is %+v", answer)
	}
	h.daemon.log.Debug().Str("event", "seen").Send()
	setLevel("error")
	h.daemon.log.Info().Str("event", "unseen").Send()
	if log := h.log.tail(); !strings.Contains(log, `"event":"seen"`) || strings.Contains(log, "unseen") {
		t.Errorf("the log does not follow its level:\n%s", log)
	}
	h.stop()
	if !heard.holds("STOPPING=1") {
		t.Error("systemd has not heard that the daemon stops")
	}
}
