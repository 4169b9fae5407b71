package daemon

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cabin is the place of a daemon that is configured by a file.
type cabin struct {
	t         *testing.T
	directory string
	config    string
}

// newCabin makes a store with some contacts in it, and a sound configuration.
func newCabin(t *testing.T) *cabin {
	t.Helper()
	h := newHouse(t)
	h.start()
	h.importPeople(invent(10), "FR-75", "party-a")
	h.stop()
	c := &cabin{t: t, directory: h.config.DataDirectory, config: filepath.Join(t.TempDir(), "dialerd.yaml")}
	c.configure("")
	return c
}

// configure writes the configuration, with more settings at its end.
func (c *cabin) configure(more string) {
	c.t.Helper()
	text := fmt.Sprintf("data_directory: %q\n", c.directory)
	for part, setting := range map[string]string{
		"nats:": `{embedded: {listen: "127.0.0.1:0"}}`, "http:": `{ops: {listen: "127.0.0.1:0"}, callbacks: {listen: "127.0.0.1:0"}}`,
	} {
		if !strings.HasPrefix(more, part) {
			text += part + " " + setting + "\n"
		}
	}
	if err := os.WriteFile(c.config, []byte(text+more), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// hashes are those of all files under the data directory, but for the carrier's
// own log.
func (c *cabin) hashes() map[string][sha256.Size]byte {
	c.t.Helper()
	sums := map[string][sha256.Size]byte{}
	for path, content := range contentsUnder(c.t, c.directory, filepath.Join(c.directory, "sandbox.log")) {
		sums[path] = sha256.Sum256(content)
	}
	return sums
}

// mustRefuse starts a daemon that must not start, must say why, and must leave
// every file as it was.
func (c *cabin) mustRefuse(exit int, reasons ...string) {
	c.t.Helper()
	before := c.hashes()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	var stderr syncBuffer
	if code := Main(ctx, []string{"--config", c.config, "--log-level", "error"}, &stderr, &stderr); code != exit {
		c.t.Errorf("exit code %d, want %d", code, exit)
	}
	text := stderr.all()
	for _, reason := range reasons {
		if !strings.Contains(text, reason) {
			c.t.Errorf("%q is not told:\n%s", reason, text)
		}
	}
	after := c.hashes()
	if !maps.Equal(before, after) {
		for path, sum := range after {
			if before[path] != sum {
				c.t.Errorf("%s was changed or made", path)
			}
		}
		c.t.Errorf("the data directory has changed: %d files before, %d after", len(before), len(after))
	}
}

// spoil changes something until the end of the test.
func (c *cabin) spoil(change, undo func() error) {
	c.t.Helper()
	if err := change(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := undo(); err != nil {
			c.t.Error(err)
		}
	})
}

// Ensure that a daemon that cannot be right does not start, says why and what
// to do, and changes nothing on disk.
func TestMain_Refusals(t *testing.T) {
	t.Parallel()
	shared := newCabin(t)
	identity := filepath.Join(shared.directory, "keys", "identity.key")
	right, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	wrong := []byte(string(right[:len(right)-9]) + "deadbeef\n")
	restore := func() error { return os.WriteFile(identity, right, 0o600) }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	taken := listener.Addr().String()
	for _, tt := range []struct {
		name    string
		more    string // of the configuration
		spoil   func(*cabin)
		exit    int
		reasons []string
	}{
		{
			name: "WrongKey", exit: exitFailed, reasons: []string{"identity", "restore the right", "from backup"},
			spoil: func(c *cabin) { c.spoil(func() error { return os.WriteFile(identity, wrong, 0o600) }, restore) },
		}, {
			name: "MissingKey", exit: exitFailed, reasons: []string{identity + " is missing", "restore it from backup"},
			spoil: func(c *cabin) { c.spoil(func() error { return os.Remove(identity) }, restore) },
		}, {
			name: "ReadableKey", exit: exitFailed, reasons: []string{identity + " can be read by others", "chmod 600 " + identity},
			spoil: func(c *cabin) {
				c.spoil(func() error { return os.Chmod(identity, 0o644) }, func() error { return os.Chmod(identity, 0o600) })
			},
		}, {
			name: "OpsPort", exit: exitFailed, reasons: []string{taken, "in use", "set http.ops.listen"},
			more: fmt.Sprintf(`http: {ops: {listen: %q}, callbacks: {listen: "127.0.0.1:0"}}`, taken),
		}, {
			name: "CallbacksPort", exit: exitFailed, reasons: []string{taken, "in use", "set http.callbacks.listen"},
			more: fmt.Sprintf(`http: {callbacks: {listen: %q}, ops: {listen: "127.0.0.1:0"}}`, taken),
		}, {
			name: "NATSPort", exit: exitFailed, reasons: []string{taken, "in use", "hint: does another dialerd run?"},
			more: fmt.Sprintf("nats: {embedded: {listen: %q}}", taken),
		}, {
			name: "UnknownPack", exit: exitConfig, reasons: []string{`"XY"`, "dialerd.yaml:", "FR"},
			more: "packs: {name: XY}",
		}, {
			name: "MisspeltKey", exit: exitConfig, reasons: []string{"dialerd.yaml:4:", "in_fligth", `did you mean "in_flight"?`},
			more: "pacing: {in_fligth: 10}",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &cabin{t, shared.directory, shared.config}
			c.configure(tt.more)
			if tt.spoil != nil {
				tt.spoil(c)
			}
			c.mustRefuse(tt.exit, tt.reasons...)
		})
	}
}

// Ensure that a second daemon on the same data directory does not start, names
// the process that holds it, and disturbs nothing.
func TestMain_SecondDaemon(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start()
	config := filepath.Join(t.TempDir(), "dialerd.yaml")
	c := &cabin{t, h.config.DataDirectory, config}
	c.configure("")
	var stderr syncBuffer
	owner := h.file("ledger.db.owner")
	before, err := os.ReadFile(owner)
	if err != nil {
		t.Fatal(err)
	}
	if code := Main(t.Context(), []string{"--config", config, "--log-level", "error"}, &stderr, &stderr); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if text := stderr.all(); !strings.Contains(text, fmt.Sprintf("pid %d", os.Getpid())) || !strings.Contains(text, "stop it first") {
		t.Errorf("it said:\n%s", text)
	}
	if after, err := os.ReadFile(owner); err != nil || string(after) != string(before) {
		t.Errorf("the owner's note is %q (%v), it was %q", after, err, before)
	}
	if !h.status().Ready {
		t.Error("the first daemon is not ready any more")
	}
}
